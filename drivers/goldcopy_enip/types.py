"""Elementary types of CIP (volume 1, C-6.1) under their IEC names, and how values are decoded."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import NamedTuple

from goldcopy.snapshot import Value, real_from_bits


class Atom(NamedTuple):
    """One elementary type."""

    name: str
    code: int
    format: str
    """In the letters of ``struct``."""
    size: int


_ALL = (
    ("BOOL", 0xC1, "B"), ("SINT", 0xC2, "b"), ("INT", 0xC3, "h"), ("DINT", 0xC4, "i"),
    ("LINT", 0xC5, "q"), ("USINT", 0xC6, "B"), ("UINT", 0xC7, "H"), ("UDINT", 0xC8, "I"),
    ("ULINT", 0xC9, "Q"), ("REAL", 0xCA, "f"), ("LREAL", 0xCB, "d"), ("BYTE", 0xD1, "B"),
    ("WORD", 0xD2, "H"), ("DWORD", 0xD3, "I"), ("LWORD", 0xD4, "Q"),
)  # fmt: skip
ATOMS = {code: Atom(name, code, form, struct.calcsize(form)) for name, code, form in _ALL}
BOOL, SINT, DWORD = ATOMS[0xC1], ATOMS[0xC2], ATOMS[0xD3]


def type_name(atom: Atom, dims: Sequence[int]) -> str:
    """The IEC type; an array of DWORD is how Logix holds an array of BOOL."""
    if not dims:
        return atom.name
    if atom is DWORD:
        return f"ARRAY[{32 * math.prod(dims)}] OF BOOL"
    return f"ARRAY[{','.join(map(str, dims))}] OF {atom.name}"


def decode(atom: Atom, dims: Sequence[int], data: bytes, at: int = 0) -> Value:
    """The value at an offset, which must hold it."""
    if not dims:
        if atom is BOOL:
            return data[at] != 0
        found = struct.unpack_from("<" + atom.format, data, at)
        return _exact(atom, found, data, at)[0]
    count = math.prod(dims)
    found = struct.unpack_from(f"<{count}{atom.format}", data, at)
    if atom is DWORD:
        return tuple([word >> bit & 1 != 0 for word in found for bit in range(32)])
    if atom is BOOL:
        return tuple([byte != 0 for byte in found])
    return _exact(atom, found, data, at)


def _exact(atom: Atom, found: tuple[Value, ...], data: bytes, at: int) -> tuple[Value, ...]:
    """REALs with the bits that they have: ``struct`` makes a signalling NaN a quiet one."""
    if atom.format != "f" or all(one == one for one in found):
        return found
    return tuple(
        real_from_bits(int.from_bytes(data[at + 4 * n : at + 4 * n + 4], "little"))
        for n in range(len(found))
    )
