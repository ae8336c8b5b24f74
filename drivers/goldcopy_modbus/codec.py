"""Registers to values and back: types, byte order, scale."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any, Literal, NamedTuple

from goldcopy.snapshot import Value, real_from_bits
from goldcopy.snapshot.values import real_bits

Order = Literal["ABCD", "DCBA", "BADC", "CDAB"]
"""Where the bytes of a value go, A being the highest: CDAB has its words swapped, BADC the bytes
in each word, DCBA both. 64 bits likewise; texts, bytes and bits keep their words in order."""


class Sort(NamedTuple):
    """One way to read registers."""

    type: str
    """The IEC 61131-3 name; ``BITS`` for an array of BOOL."""
    size: int = 0
    """Bytes of a number; 0 for what has a ``length``."""
    number: Callable[[bytes], int | float] | None = None
    """From bytes in the order ABCD; None for what has a ``length``."""
    raw: Callable[[Any], bytes] = bytes
    """Back to bytes in the order ABCD, of a number. Raises ``TypeError``, ``ValueError``,
    ``struct.error`` or ``OverflowError`` for what is none, and may round."""
    own: bytes = b""
    """The bits that are its own, where it is only a part of its registers."""

    @property
    def unsigned(self) -> bool:
        """Whether a bit or a mask can be taken of it."""
        return self.type in ("UINT", "WORD", "UDINT", "DWORD", "ULINT", "LWORD")


def _signed(raw: bytes) -> int:
    return int.from_bytes(raw, "big", signed=True)


def _unsigned(raw: bytes) -> int:
    return int.from_bytes(raw, "big")


def _half(raw: bytes) -> float:
    """IEEE 754 binary16. A NaN goes by its bits, since a conversion would quieten it."""
    bits = _unsigned(raw)
    if bits & 0x7C00 == 0x7C00 and bits & 0x03FF:
        return real_from_bits((bits & 0x8000) << 16 | 0x7F800000 | (bits & 0x03FF) << 13)
    return float(struct.unpack(">e", raw)[0])


def _single(raw: bytes) -> float:
    return real_from_bits(_unsigned(raw))


def _double(raw: bytes) -> float:
    return float(struct.unpack(">d", raw)[0])


def _integer(size: int, *, signed: bool) -> Callable[[int], bytes]:
    return lambda value: value.to_bytes(size, "big", signed=signed)


def _half_raw(value: float) -> bytes:
    if value == value:
        return struct.pack(">e", value)
    bits = real_bits(value)
    return (bits >> 16 & 0x8000 | 0x7C00 | bits >> 13 & 0x03FF).to_bytes(2, "big")


def _single_raw(value: float) -> bytes:
    return real_bits(value).to_bytes(4, "big")


def _double_raw(value: float) -> bytes:
    return struct.pack(">d", value)


def _high(*, signed: bool) -> Callable[[int], bytes]:
    return lambda value: value.to_bytes(1, "big", signed=signed) + b"\0"


def _low(*, signed: bool) -> Callable[[int], bytes]:
    return lambda value: b"\0" + value.to_bytes(1, "big", signed=signed)


def _whole(type_: str, size: int, *, signed: bool = False) -> Sort:
    return Sort(type_, size, _signed if signed else _unsigned, _integer(size, signed=signed))


SORTS: Mapping[str, Sort] = {
    "INT": _whole("INT", 2, signed=True),
    "UINT": _whole("UINT", 2),
    "WORD": _whole("WORD", 2),
    "DINT": _whole("DINT", 4, signed=True),
    "UDINT": _whole("UDINT", 4),
    "DWORD": _whole("DWORD", 4),
    "LINT": _whole("LINT", 8, signed=True),
    "ULINT": _whole("ULINT", 8),
    "LWORD": _whole("LWORD", 8),
    "REAL": Sort("REAL", 4, _single, _single_raw),
    "LREAL": Sort("LREAL", 8, _double, _double_raw),
    "FLOAT16": Sort("REAL", 2, _half, _half_raw),
    "INT8H": Sort("SINT", 2, lambda raw: _signed(raw[:1]), _high(signed=True), b"\xff\0"),
    "INT8L": Sort("SINT", 2, lambda raw: _signed(raw[1:]), _low(signed=True), b"\0\xff"),
    "UINT8H": Sort("USINT", 2, lambda raw: raw[0], _high(signed=False), b"\xff\0"),
    "UINT8L": Sort("USINT", 2, lambda raw: raw[1], _low(signed=False), b"\0\xff"),
    "STRING": Sort("STRING"),
    "BYTES": Sort("BYTES"),
    "BITS": Sort("BITS"),
}

_SPELLINGS: Mapping[str, str] = {
    "INT16": "INT",
    "UINT16": "UINT",
    "INT32": "DINT",
    "UINT32": "UDINT",
    "INT64": "LINT",
    "UINT64": "ULINT",
    "FLOAT32": "REAL",
    "FLOAT64": "LREAL",
    "FLOAT16-IEEE": "FLOAT16",
    "FLOAT32-IEEE": "REAL",
    "FLOAT64-IEEE": "LREAL",
}

NAMES = sorted([*SORTS, *_SPELLINGS])
"""All that ``type`` may be, in any case."""


def sort_of(name: str) -> Sort | None:
    """The sort with this name, however it is spelt; None if there is none."""
    upper = name.upper()
    return SORTS.get(_SPELLINGS.get(upper, upper))


def arranged(raw: bytes, order: Order, sort: Sort) -> bytes:
    """Bytes as the registers have them, in the order ABCD; and the other way round."""
    if order in ("BADC", "DCBA"):
        swapped = bytearray(raw)
        swapped[::2], swapped[1::2] = raw[1::2], raw[::2]
        raw = bytes(swapped)
    if order in ("CDAB", "DCBA") and sort.number:
        raw = b"".join(raw[n : n + 2] for n in range(len(raw) - 2, -2, -2))
    return raw


def sequence(type_: str, raw: bytes, length: int) -> tuple[str, Value]:
    """A STRING up to its first NUL, BYTES, or BITS (bit 0 of a register first), with the IEC type.

    A STRING that is no text is kept as BYTES, as it is.
    """
    if type_ == "BITS":
        words = struct.unpack(f">{len(raw) // 2}H", raw)
        bits = tuple(bool(word >> n & 1) for word in words for n in range(16))
        return f"ARRAY[{length}] OF BOOL", bits[:length]
    raw = raw[:length]
    if type_ == "STRING":
        try:
            return "STRING", raw.partition(b"\0")[0].decode()
        except UnicodeDecodeError:
            pass
    return "BYTES", raw


def scaled(value: int | float, scale: float, offset: float) -> float:
    """``value * scale + offset``, rounded once: 215 by 0.1 is 21.5.

    Scale and offset are meant as they are written in decimal. Raises ``OverflowError`` if an LREAL
    cannot hold the result.
    """
    if isinstance(value, float) and value - value != 0:  # NaN and the infinities have no fraction
        return value * scale + offset
    return float(Fraction(value) * Fraction(repr(scale)) + Fraction(repr(offset)))


def unscaled(value: float, scale: float, offset: float) -> Iterator[Fraction | float]:
    """What may have been scaled to this value, the likeliest first; ``scaled`` tells which has.

    The value is meant as it is written in decimal, too: 21.5 by 0.1 is 215. Only where a REAL has
    more digits than that, its bits decide.
    """
    if value - value != 0:
        yield value if value != value else (value - offset) / scale
        return
    for exact in (Fraction(repr(value)), Fraction(value)):
        yield (exact - Fraction(repr(offset))) / Fraction(repr(scale))
