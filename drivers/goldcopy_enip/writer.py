"""Putting a tag or a parameter back: one item, by name, acknowledged, never repeated."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence

from goldcopy.errors import Refused, Unsupported, Wrong
from goldcopy.snapshot import Item, Value
from goldcopy.snapshot.values import array_of, real_bits
from goldcopy_enip import guard
from goldcopy_enip.device import DeviceSession
from goldcopy_enip.epath import element, logical, symbol
from goldcopy_enip.logix import LogixSession
from goldcopy_enip.status import PARTIAL, words
from goldcopy_enip.types import ATOMS, BOOL, DWORD, SINT, Atom

_WRITE, _WRITE_PART, _SET_SINGLE = 0x4D, 0x53, 0x10
_ONE = b"\1\0"
_STRUCTURE = b"\xa0\x02"
_NAME = re.compile(r"(?:Program:[^.\[/]+)|[^.\[\]/]+")
_INDICES = re.compile(r"\[(\d+(?:,\d+)*)\]")
_PROGRAMMING = ("PROG", "REMOTE PROG")


class LogixWriter(LogixSession):
    """A session that may write tags."""

    def groups(self, items: Sequence[Item]) -> Sequence[Sequence[Item]]:
        """Each item by itself."""
        return [[item] for item in items]

    async def write(self, group: Sequence[Item]) -> None:
        """Write the items of one group, each acknowledged before the next is sent."""
        for item in group:
            await self._write(item)

    async def _write(self, item: Item) -> None:
        """Write one tag, member, string or array; what is long goes in parts, not in one go.

        Raises ``Refused`` for what may not be written, and in any mode but programming unless
        ``options.write_in_run`` is set; ``Wrong`` for a value that is not of the tag's type.
        """
        _check(item)
        mode = (await self.identify()).mode
        if mode not in _PROGRAMMING and not self._options.write_in_run:
            raise Refused(
                f"the controller is in {mode or 'an unknown mode'}: turn it to PROG, or set "
                "options.write_in_run; nothing was written"
            )
        path = epath(item.address)
        kind, content, count = await self._content(path, item)
        room = self._link.size - 2 - len(path) - len(kind) - 6
        if len(content) <= room:
            data = kind + count.to_bytes(2, "little") + content
            (await self._link.ask(_WRITE, path, data)).good()
            return
        room -= room % 8
        for at in range(0, len(content), room):
            data = kind + struct.pack("<HI", count, at) + content[at : at + room]
            (await self._link.ask(_WRITE_PART, path, data)).good()

    async def _content(self, path: bytes, item: Item) -> tuple[bytes, bytes, int]:
        """Type, bytes and count; the type as the controller tells it now."""
        reply = await self._link.ask(guard.READ, path, _ONE)
        found = reply.data if reply.status == PARTIAL else reply.good()
        if found[:2] == _STRUCTURE and item.type == "STRING" and isinstance(item.value, str):
            if reply.status:
                raise Wrong(f"{item.path} does not fit in a packet; give options.size more")
            text = await self._text(path, item.path, item.value)
            content = len(text).to_bytes(4, "little") + text.ljust(len(found) - 8, b"\0")
            return found[:4], content, 1
        atom = ATOMS.get(found[0]) if len(found) > 1 and not found[1] else None
        array = array_of(item.type)
        wanted = array[1] if array else item.type
        if array and atom is DWORD and wanted == "BOOL" and isinstance(item.value, tuple):
            return found[:2], _bits(item.value), array[0] // 32
        if atom is None or atom.name != wanted:
            raise Wrong(f"{item.path} is {item.type}, and the controller's tag is of another type")
        values = item.value if isinstance(item.value, tuple) else (item.value,)
        return found[:2], b"".join(encoded(atom, one) for one in values), len(values)

    async def _text(self, path: bytes, name: str, value: str) -> bytes:
        """The characters, once DATA is known to have as many: the structure may be padded."""
        text = value.encode("latin-1", "replace")
        if text.decode("latin-1") != value:
            raise Wrong(f"{name} holds characters of Latin-1 only")
        count = max(1, len(text)).to_bytes(2, "little")
        reply = await self._link.ask(guard.READ, path + symbol("DATA"), count)
        if reply.status not in (0, PARTIAL) or reply.data[:2] != bytes((SINT.code, 0)):
            raise Wrong(f"{name} has no room for {len(text)} characters: {words(reply.status)}")
        return text


class DeviceWriter(DeviceSession):
    """A session that may write parameters."""

    def groups(self, items: Sequence[Item]) -> Sequence[Sequence[Item]]:
        """Each item by itself."""
        return [[item] for item in items]

    async def write(self, group: Sequence[Item]) -> None:
        """Write the items of one group, each acknowledged before the next is sent."""
        for item in group:
            await self._write(item)

    async def _write(self, item: Item) -> None:
        """Write the value of one parameter object.

        Raises ``Refused`` for what may not be written, ``Unsupported`` for anything else.
        """
        _check(item)
        number = item.path.removeprefix("parameter/")
        if not number.isdecimal():
            raise Unsupported(f"{item.path}: of a device, only parameter objects are written")
        kind = (
            await self._link.ask(guard.GET_SINGLE, logical(guard.PARAMETER, int(number), 5))
        ).good()
        atom = ATOMS.get(kind[0]) if len(kind) == 1 else None
        if atom is None or atom.name != item.type:
            raise Wrong(
                f"{item.path} is {item.type}, and the device's parameter is of another type"
            )
        path = logical(guard.PARAMETER, int(number), 1)
        (await self._link.ask(_SET_SINGLE, path, encoded(atom, item.value))).good()


def _check(item: Item) -> None:
    if item.access != "read-write" or item.role != "setting":
        raise Refused(
            f"{item.path} is not to be written: it is an alias, an input or output, a live value, "
            "or its External Access is not Read/Write"
        )


def epath(address: str) -> bytes:
    """``Program:Main.Recipe[2,1].Time`` as a path. Raises ``Wrong`` for no address."""
    path, at = b"", 0
    while at < len(address):
        name = _NAME.match(address, at)
        if name is None:
            raise Wrong(f"{address!r} is no address of a tag")
        path, at = path + symbol(name[0]), name.end()
        indices = _INDICES.match(address, at)
        if indices:
            path += b"".join(element(int(one)) for one in indices[1].split(","))
            at = indices.end()
        if at < len(address) and address[at] != ".":
            raise Wrong(f"{address!r} is no address of a tag")
        at += 1
    if not path:
        raise Wrong("an item without address cannot be written")
    return path


def encoded(atom: Atom, value: Value) -> bytes:
    """A value as the wire has it. Raises ``Wrong`` if it is none of this type."""
    try:
        if atom is BOOL:
            return bytes((bool(value),))
        if atom.format == "f" and isinstance(value, float):
            return struct.pack("<I", real_bits(value))
        return struct.pack("<" + atom.format, value)
    except (struct.error, OverflowError) as error:
        raise Wrong(f"{value!r} is no {atom.name}: {error}") from None


def _bits(values: Sequence[Value]) -> bytes:
    whole = sum(bool(bit) << at for at, bit in enumerate(values))
    return whole.to_bytes(len(values) // 8, "little")
