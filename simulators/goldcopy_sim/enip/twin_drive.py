"""A drive, or another device that is no controller, out of a backup of it."""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast

from goldcopy_sim.service import Recorded

from .cip import Attributes
from .dpi import CODES
from .drive import DriveSimulator
from .network import Instances
from .parameter import Parameter
from .recorded import identity
from .types import ATOMS

_PARAMETER: Final = re.compile(r"(parameter|dpi)/(\d+)")
_ASSEMBLY: Final = re.compile(r"assembly/(\d+)")
_NUMBERS: Final = {
    "tcp-ip/control": (0xF5, 3, "<I"), "tcp-ip/ttl": (0xF5, 8, "<B"),
    "tcp-ip/inactivity": (0xF5, 13, "<H"), "ethernet/speed": (0xF6, 1, "<I"),
    "ethernet/flags": (0xF6, 2, "<I"), "qos/tagging": (0x48, 1, "<B"),
    "qos/urgent": (0x48, 4, "<B"), "qos/scheduled": (0x48, 5, "<B"), "qos/high": (0x48, 6, "<B"),
    "qos/low": (0x48, 7, "<B"), "qos/explicit": (0x48, 8, "<B"),
}  # fmt: skip
"""Class, attribute and how the number is packed; all of them are of instance 1."""
_ADDRESSES: Final = ("address", "mask", "gateway", "name-server", "name-server-2")
_BITS: Final = ("BYTE", "WORD", "DWORD")
"""Of these the texts are those of bits."""
_TWO: Final = "its parameter object is told otherwise, and the twin has one description for both"


class LoadedDrive:
    """What is made of a backup, before there is a device."""

    def __init__(
        self,
        items: Iterable[Recorded],
        who: Mapping[str, str],
        options: Mapping[str, object],
    ) -> None:
        """``options`` say which assemblies were asked for.

        Raises:
            ValueError: It was no CIP device.
        """
        self.items = {item.path: item for item in items}
        self.lacks: dict[str, str] = {}
        self._identity = identity(self.items, who)
        self._asked = {*_several(options, "assemblies"), *_several(options, "configuration")}
        self._found: dict[str, dict[int, Recorded]] = {"parameter": {}, "dpi": {}}
        for path, item in self.items.items():
            if found := _PARAMETER.fullmatch(path):
                self._found[found[1]][int(found[2])] = item

    def made(self, port: int) -> DriveSimulator:
        """The device."""
        assemblies = {
            int(found[1]): item
            for path, item in self.items.items()
            if (found := _ASSEMBLY.fullmatch(path)) and isinstance(item.value, bytes)
        }
        told = self._told(assemblies)
        plain = self._found["parameter"].values()
        sheet = self.items.get("file/eds")
        made = DriveSimulator(
            port=port,
            identity=self._identity,
            parameters=list(self._parameters()),
            assemblies={number: bytes(one.value) for number, one in assemblies.items()},  # type: ignore[arg-type]
            writable={number for number, one in assemblies.items() if one.access == "read-write"},
            configuration=told,
            eds=sheet.value if sheet and isinstance(sheet.value, bytes) else b"",
            full=any(f"{one.path}/default" in self.items for one in plain),
            dpi=bool(self._found["dpi"]) or "dpi/checksum" in self.items,
        )
        if not plain and not told:
            del made.objects[0x0F]
        for number in (0x48, 0xF5, 0xF6):
            del made.objects[number]
        for number, values in self._network().items():
            made.objects[number] = Instances({1: Attributes(values)}).serve
        checksum = self.items.get("dpi/checksum")
        if checksum is not None and isinstance(checksum.value, int):
            made.dpi.formula = checksum.value ^ made.dpi.checksum()
        return made

    def _told(self, assemblies: Mapping[int, Recorded]) -> int:
        """The assembly that the device itself has named: nobody has asked for it."""
        unasked = [number for number in assemblies if number not in self._asked]
        settings = [
            number
            for number, one in assemblies.items()
            if (one.role, one.access) == ("setting", "read")
        ]
        return next(iter((*unasked, *settings)), 0)

    # -- parameters ------------------------------------------------------------------------------

    def _parameters(self) -> Iterator[Parameter]:
        plain, drive = self._found["parameter"], self._found["dpi"]
        for number in sorted(plain.keys() | drive.keys()):
            one, other = plain.get(number), drive.get(number)
            if one and other and not _alike(one, other):
                self.lacks[other.path] = _TWO
                other = None
            if item := one or other:
                made = self._parameter(number, item, other or item)
                made.plain = one is not None
                made.dpi = other is not None
                yield made

    def _parameter(self, number: int, item: Recorded, other: Recorded) -> Parameter:
        """One that is described by ``item``, and as far as that says nothing by ``other``."""
        default = self.items.get(f"{item.path}/default")
        scaling: Any = self._value(item, "scaling", (1, 1, 1, 0, 0))
        texts: Any = self._value(item, "choices", ())
        low = other.low if item.low is None else item.low
        first = 0 if item.type in _BITS or not isinstance(low, int) else low
        writable = item.access == "read-write"
        value: Any = item.value
        return Parameter(
            number,
            item.label or other.label,
            item.type,
            value,
            low,
            other.high if item.high is None else item.high,
            default.value if default else 0,  # type: ignore[arg-type]
            item.unit or other.unit,
            scale=scaling[:4],
            decimals=scaling[4],
            choices=(*[""] * first, *texts) if texts else (),
            read_only=not writable,
            recallable=writable,
        )

    def _value(self, item: Recorded, name: str, default: object) -> object:
        found = self.items.get(f"{item.path}/{name}")
        return found.value if found else default

    # -- network ---------------------------------------------------------------------------------

    def _network(self) -> dict[int, dict[int, bytes]]:
        """Attributes of the network's objects, by class."""
        found: dict[int, dict[int, bytes]] = {}
        for path, (number, attribute, form) in _NUMBERS.items():
            if path in self.items:
                octets = struct.pack(form, self.items[path].value)
                found.setdefault(number, {})[attribute] = octets
        if "tcp-ip/address" in self.items:
            numbers = (socket.inet_aton(self._text(f"tcp-ip/{one}"))[::-1] for one in _ADDRESSES)
            octets = b"".join(numbers) + _padded(self._text("tcp-ip/domain"))
            found.setdefault(0xF5, {})[5] = octets
        if "tcp-ip/host-name" in self.items:
            found.setdefault(0xF5, {})[6] = _padded(self._text("tcp-ip/host-name"))
        if "ethernet/mac" in self.items:
            octets = bytes.fromhex(self._text("ethernet/mac").replace(":", ""))
            found.setdefault(0xF6, {})[3] = octets
        return found

    def _text(self, path: str) -> str:
        item = self.items.get(path)
        return item.value if item and isinstance(item.value, str) else ""


def _alike(plain: Recorded, drive: Recorded) -> bool:
    """Whether one parameter can be told by both objects as it was."""
    if plain.type not in ATOMS or plain.type not in CODES or plain.type != drive.type:
        return False
    if plain.low is None:
        return not plain.label and not plain.unit
    about = plain.label[:16].strip(), plain.unit[:4].strip(), plain.low, plain.high
    return about == (drive.label, drive.unit, drive.low, drive.high)


def _padded(text: str) -> bytes:
    """Characters behind their count; an even number of bytes."""
    octets = text.encode("latin-1")
    return struct.pack("<H", len(octets)) + octets + bytes(len(octets) % 2)


def _several(options: Mapping[str, object], name: str) -> Iterable[int]:
    return cast("Iterable[int]", options.get(name) or ())
