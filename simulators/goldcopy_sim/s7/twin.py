"""A CPU out of a backup of it: blocks, data, memory, and what it says of itself."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Mapping
from typing import Final, cast

from goldcopy_sim.service import Recorded, Value

from . import leaf
from .block import HEADER, Block, Key, Kind
from .cpu import AREAS, Cpu, Identity, Options

_BLOCK: Final = re.compile(r"block/(OB|FB|FC|DB|SDB)(\d+)")
_DATA: Final = re.compile(r"db/(\d+)(?:/(\d+))?")
_TEXTS: Final = {
    "module": "module-name", "plant": "plant", "copyright": "copyright",
    "memory_card": "memory-card", "location": "location",
}  # fmt: skip
_NOT_CLASSIC: Final = re.compile(r"6ES7 [25]")
"""S7-1200 and S7-1500: variables alone."""


class Loaded:
    """What is made of a backup, before there is a CPU."""

    def __init__(self, items: Iterable[Recorded], identity: Mapping[str, str]) -> None:
        self.items = {item.path: item for item in items}
        self.lacks: dict[str, str] = {}
        self._who = identity
        self.leaves = {
            item.address: (int(found[1]), item.type)
            for item in self.items.values()
            if (found := leaf.ADDRESS.fullmatch(item.address))
        }
        """Members of data blocks: address -> number of the block, type."""

    def options(self, given: Mapping[str, object]) -> Options:
        """Who it is, how it runs, and where it is asked for."""
        who = self._who
        if not who["protection"].startswith(("1", "0")) and who["protection"]:
            self.lacks["protection"] = f"it asks for no password; level {who['protection']} did"
        selector = self.items.get("identity/mode-selector")
        if selector is not None and selector.value != "RUN":
            self.lacks[selector.path] = "its selector is at RUN, as always here"
        return Options(
            identity=self._identity(),
            running=who["mode"] == "RUN",
            classic=_NOT_CLASSIC.match(who["order_code"]) is None,
            rack=cast(int, given.get("rack", 0)),
            slot=cast(int, given.get("slot", 2)),
        )

    def memory(self) -> dict[str, bytes]:
        """Flags, inputs, outputs, timers and counters, as far as the backup has them."""
        held: dict[str, bytes] = {}
        for name, (_, size) in AREAS.items():
            item = self.items.get(name)
            if item is not None:
                held[name] = _octets(item.value).ljust(size, b"\0")
        return held

    def fill(self, cpu: Cpu) -> None:
        """Bring in the program and its data."""
        whole = {path: item for path, item in self.items.items() if _DATA.fullmatch(path)}
        for path, item in self.items.items():
            if (found := _BLOCK.fullmatch(path)) and isinstance(item.value, bytes):
                self._block(cpu, Key(Kind[found[1]], int(found[2])), item)
            elif path in ("blocks/SFC", "blocks/SFB") and isinstance(item.value, tuple):
                for number in item.value:
                    kind = Kind[path[-3:]]
                    block = Block(kind, int(number), b"\x65\x00", flags=9)  # type: ignore[arg-type]
                    cpu.insert(Key(kind, block.number), block.pack())
        for item in whole.values():
            self._data(cpu, item)
        for path, item in self.items.items():
            if path.startswith("db/") and path not in whole:
                self._leaf(cpu, item, {*whole})

    def _block(self, cpu: Cpu, key: Key, item: Recorded) -> None:
        image = item.value
        assert isinstance(image, bytes)
        if key.kind is Kind.DB and len(image) >= HEADER:  # without its body: its data are db/N
            (size,) = struct.unpack_from(">H", image, HEADER - 2)
            image = image[:HEADER] + bytes(size) + image[HEADER:]
        try:
            Block.parse(image)
        except ValueError as error:
            self.lacks[item.path] = str(error)
            return
        cpu.insert(key, image)

    def _data(self, cpu: Cpu, item: Recorded) -> None:
        found = _DATA.fullmatch(item.path)
        assert found is not None
        number, start, octets = int(found[1]), int(found[2] or 0), _octets(item.value)
        if number not in cpu.data:
            cpu.insert(Key(Kind.DB, number), Block(Kind.DB, number, bytes(start) + octets).pack())
        memory = cpu.data[number]
        if start + len(octets) > len(memory):
            self.lacks[item.path] = "it is longer than its block"
            return
        memory[start : start + len(octets)] = octets

    def _leaf(self, cpu: Cpu, item: Recorded, whole: set[str]) -> None:
        number = item.path.split("/")[1]
        if f"db/{number}" in whole:
            return  # its bytes are there already
        try:
            leaf.put(cpu.data[int(number)], item.address, item.type, item.value)
        except (KeyError, ValueError, struct.error) as error:
            self.lacks[item.path] = str(error) if isinstance(error, ValueError) else "no such block"

    def _identity(self) -> Identity:
        who, default = self._who, Identity()
        firmware = re.fullmatch(r"V(\d+)\.(\d+)\.(\d+)", who["firmware"])
        texts = {
            field: str(self.items[path].value) if (path := f"identity/{name}") in self.items else ""
            for field, name in _TEXTS.items()
        }
        return Identity(
            order_code=who["order_code"],
            firmware=tuple(map(int, firmware.groups())) if firmware else default.firmware,  # type: ignore[arg-type]
            system=who["name"],
            serial=who["serial"],
            module_type=who["product"],
            module=texts["module"],
            plant=texts["plant"],
            copyright=texts["copyright"],
            memory_card=texts["memory_card"],
            location=texts["location"],
        )


def _octets(value: Value) -> bytes:
    if isinstance(value, tuple):
        return b"".join(int(word).to_bytes(2, "big") for word in value)  # type: ignore[arg-type]
    return value if isinstance(value, bytes) else b""
