"""What the previous snapshot of a drive spares: descriptions of parameters, the data sheet.

The DPI checksum (class 0x93, attribute 3) is one over the values of parameters in non-volatile
memory, and says nothing of the values in force: those are always read. What it stands for here is
that the drive is as it was when its parameters were described: names, units, ranges, defaults.
"""

from __future__ import annotations

import re

import msgspec

from goldcopy.snapshot import Identity, Item, Snapshot
from goldcopy_enip import dpi, guard, parameters
from goldcopy_enip.attributes import Attribute, singles
from goldcopy_enip.carried import blobs_of, content_of
from goldcopy_enip.eds import is_sheet
from goldcopy_enip.link import Link
from goldcopy_enip.messages import Reply
from goldcopy_enip.types import ATOMS, decode

_PARAMETER = re.compile(r"(parameter|dpi)/(\d+)")
_BESIDE = re.compile(r"parameter/\d+/\w+")
_ATOMS = {atom.name: atom for atom in ATOMS.values()}


def same_device(one: Identity, other: Identity) -> bool:
    """Whether it is the same hardware with the same firmware."""
    return (one.vendor, one.product, one.serial, one.firmware) == (
        other.vendor, other.product, other.serial, other.firmware,
    )  # fmt: skip


class Described:
    """The parameters of a previous snapshot."""

    def __init__(self, previous: Snapshot) -> None:
        self._gaps = any(gap.path.startswith(("parameter", "dpi")) for gap in previous.gaps)
        self._checksum = previous.by_path.get("dpi/checksum")
        self._items = {
            Attribute(guard.DPI, int(found[2]), dpi.LIVE)
            if found[1] == "dpi"
            else Attribute(guard.PARAMETER, int(found[2]), 1): item
            for item in previous.items
            if (found := _PARAMETER.fullmatch(item.path))
        }
        self.beside = [item for item in previous.items if _BESIDE.fullmatch(item.path)]
        """Defaults, scaling, choices."""

    async def values(self, link: Link) -> tuple[list[Item], int] | None:
        """All parameters with the values that they have now, and the assembly of the configuration.

        None unless nothing says that the drive is another than it was: the checksum, how many
        parameters there are, and the value of every setting.
        """
        if self._checksum is None or self._gaps:
            return None
        told = await self._unchanged(link)
        if told is None:
            return None
        replies = await singles(link, list(self._items), 8)
        found: list[Item] = []
        for item, reply in zip(self._items.values(), replies, strict=True):
            atom = _ATOMS[item.type]
            if reply.status or len(reply.data) != atom.size:
                return None
            value = decode(atom, (), reply.data)
            if item.role == "setting" and value != item.value:
                return None
            found.append(msgspec.structs.replace(item, value=value))
        return [*found, self._checksum], told

    async def _unchanged(self, link: Link) -> int | None:
        """The assembly of the configuration (0 for none), if the drive is as it was."""
        checksum, count, last, told = await singles(link, [
            Attribute(guard.DPI, 0, dpi.CHECKSUM), Attribute(guard.DPI, 0, dpi.COUNT),
            Attribute(guard.PARAMETER, 0, parameters.MAX_INSTANCE),
            Attribute(guard.PARAMETER, 0, parameters.CONFIGURATION),
        ], 8)  # fmt: skip
        drive = sum(one.number == guard.DPI for one in self._items)
        plain = [one.instance for one in self._items if one.number == guard.PARAMETER]
        before = (self._checksum and self._checksum.value, drive, max(plain, default=0))
        now = tuple(_number(one) for one in (checksum, count, last))
        return _number(told) if now == before and not checksum.status else None


async def sheet(link: Link, previous: Snapshot) -> tuple[Item, dict[str, bytes]] | None:
    """The data sheet of a previous snapshot, if the device's has its size and its checksum."""
    item = previous.by_path.get("file/eds")
    content = content_of(item, previous) if item is not None else None
    if item is None or content is None or not await is_sheet(link, content):
        return None
    return item, blobs_of(item, content)


def _number(reply: Reply) -> int:
    """0 where the device has no such thing."""
    return 0 if reply.status else int.from_bytes(reply.data[:2], "little")
