"""Values of a register map back to words, as the inventory describes them.

A backup has a named register's value and not its words. What a word order or a scale does to them
is worked out here from its description alone.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import NamedTuple

from goldcopy_sim.service import Value

_FORMATS = {
    "": "H", "WORD": "H", "UINT": "H", "INT": "h", "UDINT": "I", "DWORD": "I", "DINT": "i",
    "ULINT": "Q", "LWORD": "Q", "LINT": "q", "REAL": "f", "LREAL": "d", "FLOAT16": "e",
}  # fmt: skip
_BY_WIDTH = {
    "UINT16": "UINT", "INT16": "INT", "UINT32": "UDINT", "INT32": "DINT", "UINT64": "ULINT",
    "INT64": "LINT", "FLOAT32": "REAL", "FLOAT64": "LREAL", "FLOAT16-IEEE": "FLOAT16",
    "FLOAT32-IEEE": "REAL", "FLOAT64-IEEE": "LREAL",
}  # fmt: skip
_HALVES = {"INT8H": (8, True), "UINT8H": (8, False), "INT8L": (0, True), "UINT8L": (0, False)}
"""Type of half a register -> how far up it is, and whether it has a sign."""


class Word(NamedTuple):
    """What one register gets."""

    value: int
    own: int = 0xFFFF
    """The bits that are given; the others stay as they are."""


def words(described: Mapping[str, object], order: str, value: Value) -> list[Word]:
    """The words of one named value.

    Args:
        described: type, order, scale, offset, bit, mask, length, as in the inventory.
        order: the byte order where it tells none.
        value: as the backup has it.

    Raises:
        ValueError: it is no value of that description.
    """
    name = str(described.get("type") or "").upper()
    name = _BY_WIDTH.get(name, name)
    order = str(described.get("order") or order)
    if name in ("STRING", "BYTES", "BITS"):
        return [Word(word) for word in _arranged(_content(name, described, value), order, False)]
    if name in _HALVES:
        shift, _ = _HALVES[name]
        raw = struct.pack(">H", (int(_number(described, value)) & 0xFF) << shift)
        own = struct.pack(">H", 0xFF << shift)
    elif name in _FORMATS:
        raw, own = _packed(name, described, value)
    else:
        raise ValueError(f"the type {name} is not known here")
    pairs = zip(_arranged(raw, order, True), _arranged(own, order, True), strict=True)
    return [Word(word, mask) for word, mask in pairs]


def _packed(name: str, described: Mapping[str, object], value: Value) -> tuple[bytes, bytes]:
    code = _FORMATS[name]
    size = struct.calcsize(">" + code)
    bit, mask = described.get("bit"), described.get("mask")
    if isinstance(bit, int):
        return (bool(value) << bit).to_bytes(size, "big"), (1 << bit).to_bytes(size, "big")
    number = _number(described, value)
    if isinstance(mask, int):
        moved = round(number) * (mask & -mask)
        return moved.to_bytes(size, "big"), mask.to_bytes(size, "big")
    whole = b"\xff" * size
    if code in "fde":
        return _float(code, float(number)), whole
    try:
        return struct.pack(">" + code, round(number)), whole
    except (struct.error, OverflowError) as error:
        raise ValueError(f"{name} cannot hold {number}: {error}") from None


def _number(described: Mapping[str, object], value: Value) -> int | float:
    """Before it is scaled; scale and offset are meant as they are written in decimal."""
    if not isinstance(value, int | float):
        raise ValueError(f"{value!r} is no number")
    scale, offset = (described.get(key, default) for key, default in (("scale", 1), ("offset", 0)))
    if (scale, offset) == (1, 0) or value != value:
        return value
    unscaled = (Fraction(repr(value)) - Fraction(repr(offset))) / Fraction(repr(scale))
    kind = str(described.get("type") or "").upper()
    return float(unscaled) if "FLOAT" in kind or "REAL" in kind else round(unscaled)


def _float(code: str, value: float) -> bytes:
    """The bits, also of a NaN that says something."""
    if value == value or code == "d":
        return struct.pack(">" + code, value)
    (wide,) = struct.unpack(">Q", struct.pack(">d", value))
    if code == "f":
        return int(wide >> 32 & 0x80000000 | 0x7F800000 | wide >> 29 & 0x7FFFFF).to_bytes(4, "big")
    return int(wide >> 48 & 0x8000 | 0x7C00 | wide >> 42 & 0x03FF).to_bytes(2, "big")


def _content(name: str, described: Mapping[str, object], value: Value) -> bytes:
    length = described.get("length")
    if not isinstance(length, int):
        raise ValueError("its length is not told")
    if name == "BITS":
        if not isinstance(value, tuple):
            raise ValueError(f"{value!r} are no bits")
        held = [*value, *[False] * (-len(value) % 16)]
        rows = (held[at : at + 16] for at in range(0, len(held), 16))
        row = (sum(bool(bit) << n for n, bit in enumerate(bits)) for bits in rows)
        return b"".join(word.to_bytes(2, "big") for word in row)
    data = value.encode() if isinstance(value, str) else value
    if not isinstance(data, bytes) or len(data) > length:
        raise ValueError(f"{value!r} does not fit into {length} bytes")
    return data.ljust(length + length % 2, b"\0")


def _arranged(raw: bytes, order: str, number: bool) -> Iterator[int]:
    """The words as the registers have them: CDAB has words swapped, BADC bytes, DCBA both."""
    found = [raw[at : at + 2] for at in range(0, len(raw), 2)]
    if number and order in ("CDAB", "DCBA"):
        found.reverse()
    endian = "little" if order in ("BADC", "DCBA") else "big"
    return (int.from_bytes(word, endian) for word in found)  # type: ignore[arg-type]
