"""Values as the wire has them, and the addresses of items as paths."""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

from goldcopy.errors import Wrong
from goldcopy.snapshot import Item, Value
from goldcopy.snapshot.values import real_bits
from goldcopy_enip.epath import element, symbol
from goldcopy_enip.types import BOOL, Atom

_NAME = re.compile(r"(?:Program:[^.\[/]+)|[^.\[\]/]+")
_INDICES = re.compile(r"\[(\d+(?:,\d+)*)\]")
_BIT = re.compile(r"(.+)(?:\.(\d+)|\[(\d+)\])")


class Place(NamedTuple):
    """Where the value of an item is."""

    path: bytes
    bit: int = -1
    """Of an integer; -1 for the whole of it."""
    at: int = -1
    """Of an array of BOOL, which a controller holds as words of 32; -1 for the whole of it."""


def place(item: Item) -> Place:
    """Raises ``Wrong`` if its address is none of a tag."""
    found = _BIT.fullmatch(item.address) if item.type == "BOOL" else None
    if found is None:
        return Place(epath(item.address))
    base, bit, index = found.groups()
    return Place(epath(base), int(bit or -1), int(index or -1))


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
