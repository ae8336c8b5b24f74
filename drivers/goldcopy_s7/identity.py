"""Who the CPU says it is: four status lists, each with its own switch and its own gap."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from struct import Struct

import msgspec

from goldcopy.errors import Refused
from goldcopy.snapshot import Gap, Identity, Item
from goldcopy_s7 import szl
from goldcopy_s7.link import Link
from goldcopy_s7.options import Szl

_MODULE = Struct(">H20sHHH")  # index, order code, type, release, release
_THIS_MODULE, _FIRMWARE = 1, 7  # indices of SZL 0011
_SYSTEM, _MODULE_NAME, _PLANT, _COPYRIGHT, _SERIAL, _TYPE, _CARD, _MAKER, _PLACE = (
    1, 2, 3, 4, 5, 7, 8, 9, 11,
)  # fmt: skip
"""Indices of SZL 001C."""
_TEXTS = {
    _MODULE_NAME: "module-name",
    _PLANT: "plant",
    _COPYRIGHT: "copyright",
    _CARD: "memory-card",
    _PLACE: "location",
}
_SIEMENS = 0x002A  # manufacturer id of IEC 61158, as PROFIBUS International assigns it
F_CPU = re.compile(r"6ES7 \d{3}-\dF")
_MODES = (
    "", "STOP", "STOP", "STOP", "STOP", "STARTUP", "STARTUP", "STARTUP", "RUN", "RUN", "HOLD",
    "LINK-UP", "UPDATE", "DEFECTIVE", "SELF-TEST", "NO POWER",
)  # fmt: skip
"""By the low half of SZL 0424's mode byte; the upper half is the mode before."""
_LEVELS = {
    1: "1 (none)",
    2: "2 (no writing without password)",
    3: "3 (no reading or writing without password)",
}
_SELECTOR = {1: "RUN", 2: "RUN-P", 3: "STOP", 4: "MRES"}


class Found:
    """What the status lists gave."""

    def __init__(self) -> None:
        self.identity = Identity()
        self.items: list[Item] = []
        self.gaps: list[Gap] = []

    def _tell(self, **fields: str) -> None:
        self.identity = msgspec.structs.replace(self.identity, **fields)

    def _item(self, name: str, text: str) -> None:
        if text:
            self.items.append(Item(f"identity/{name}", "parameter", "STRING", text))

    async def read(self, link: Link, wanted: Szl) -> None:
        """Ask for what is wanted; the order code first, since it tells what may be asked next."""
        if wanted.order:
            await self._try("0011", self._order, link)
        if wanted.names is None and (why := self._unsafe()):
            self._gap("001C", f"{why}; set szl.names: true if it is known to be safe, or false")
        elif wanted.names is not False:
            await self._try("001C", self._names, link)
        if wanted.mode:
            await self._try("0424", self._mode, link)
        if wanted.protection:
            await self._try("0232", self._protection, link)

    def _unsafe(self) -> str:
        """Why not to ask for names unless told to: doing so has stopped F-CPUs."""
        if not self.identity.order_code:
            return "not asked, since without an order code it may be an F-CPU"
        return "not asked of an F-CPU" if F_CPU.match(self.identity.order_code) else ""

    async def _try(self, name: str, step: Callable[[Link], Awaitable[None]], link: Link) -> None:
        try:
            await step(link)
        except Refused as refusal:
            self._gap(name, str(refusal))

    def _gap(self, name: str, why: str) -> None:
        self.gaps.append(Gap(f"szl/{name}", why))

    async def _order(self, link: Link) -> None:
        rows = szl.by_index(await szl.read(link, 0x0011))
        if any(len(row) != _MODULE.size for row in rows.values()):
            raise Refused("status list 0011 has records of an unknown size")
        if _THIS_MODULE in rows:
            self._tell(order_code=_text(_MODULE.unpack(rows[_THIS_MODULE])[1]))
        if _FIRMWARE in rows:
            *_, high, low = _MODULE.unpack(rows[_FIRMWARE])
            if high >> 8 == ord("V"):
                self._tell(firmware=f"V{high & 0xFF}.{low >> 8}.{low & 0xFF}")

    async def _names(self, link: Link) -> None:
        rows = szl.by_index(await szl.read(link, 0x001C))
        texts = {index: _text(row[2:]) for index, row in rows.items()}
        self._tell(
            name=texts.get(_SYSTEM, ""),
            serial=texts.get(_SERIAL, ""),
            product=texts.get(_TYPE, ""),
        )
        if rows.get(_MAKER, b"")[2:4] == _SIEMENS.to_bytes(2, "big"):
            self._tell(vendor="Siemens")
        for index, name in _TEXTS.items():
            self._item(name, texts.get(index, ""))

    async def _mode(self, link: Link) -> None:
        rows = await szl.read(link, 0x0424)
        if not rows or len(rows[0]) < 4:
            raise Refused("status list 0424 has no record of the known size")
        self._tell(mode=_MODES[rows[0][3] & 0x0F])

    async def _protection(self, link: Link) -> None:
        rows = szl.by_index(await szl.read(link, 0x0232, 4))
        row = rows.get(4, b"")
        if len(row) < 10:
            raise Refused("status list 0232 has no record 4 of the known size")
        level, selector = (int.from_bytes(row[at : at + 2], "big") for at in (6, 8))
        self._tell(protection=_LEVELS.get(level, str(level)))
        self._item("mode-selector", _SELECTOR.get(selector, ""))


def _text(octets: bytes) -> str:
    return octets.rstrip(b"\0 ").decode("latin-1")
