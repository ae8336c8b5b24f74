"""The elementary types of S7: their size, and their values from and to big-endian bytes."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from goldcopy.errors import Wrong
from goldcopy.snapshot import Value, real_bits, real_from_bits
from goldcopy_s7.layout import clock

MAX_STRING = 254
MAX_WSTRING = 16382


@dataclass(frozen=True, slots=True)
class Codec:
    """One elementary type. Two are equal if they are the same type of S7."""

    name: str
    """As S7 writes it: ``STRING[20]``."""
    type: str = field(compare=False)
    """The type of its item, where the bytes are a value of it."""
    bits: int
    """1 for BOOL, else whole bytes."""
    read: Callable[[bytes], Value | None] = field(compare=False)
    """The value of the bytes; None if they are none, and then they are kept as BYTES."""
    write: Callable[[Value], bytes | None] = field(compare=False)
    """The bytes of a value; None if it cannot be held. A string leaves what lies behind it."""
    unit: str = field(default="", compare=False)

    @property
    def size(self) -> int:
        """In bytes; that of a BOOL is 1, of which it takes a bit."""
        return (self.bits + 7) // 8


def _integer(name: str, size: int, signed: bool, unit: str = "") -> Codec:
    def read(raw: bytes) -> int:
        return int.from_bytes(raw, "big", signed=signed)

    def write(value: Value) -> bytes | None:
        assert isinstance(value, int)
        try:
            return value.to_bytes(size, "big", signed=signed)
        except OverflowError:  # the model's TIME is wider
            return None

    return Codec(name, name, 8 * size, read, write, unit)


def _text(
    name: str,
    type_: str,
    size: int,
    read: Callable[[bytes], str | None],
    write: Callable[[str], bytes | None],
) -> Codec:
    def exact(value: Value) -> bytes | None:
        """None unless the bytes read back as this very text."""
        assert isinstance(value, str)
        raw = write(value)
        return raw if raw is not None and read(raw) == value else None

    return Codec(name, type_, 8 * size, read, exact)


def _plain(name: str, size: int) -> Codec:
    """Bytes that hold no value of their own, such as an ANY pointer."""

    def write(value: Value) -> bytes:
        assert isinstance(value, bytes)
        return value

    return Codec(name, "BYTES", 8 * size, lambda raw: raw, write)


def _bool_write(value: Value) -> bytes:
    return b"\1" if value else b"\0"


def _real_write(value: Value) -> bytes:
    assert isinstance(value, float)
    return real_bits(value).to_bytes(4, "big")


def _lreal_read(raw: bytes) -> float:
    return float(struct.unpack(">d", raw)[0])


def _lreal_write(value: Value) -> bytes:
    return struct.pack(">d", value)


def _s5time_write(value: Value) -> bytes | None:
    assert isinstance(value, int)
    return clock.s5time_write(value)


def _encoded(text: str, encoding: str, most: int, least: int = 0) -> bytes | None:
    """None if it is not of that many bytes, or has a character that the encoding has not."""
    try:
        raw = text.encode(encoding)
    except UnicodeEncodeError:
        return None
    return raw if least <= len(raw) <= most else None


def _wide(raw: bytes) -> str | None:
    try:
        return raw.decode("utf-16-be")
    except UnicodeDecodeError:
        return None


@lru_cache(maxsize=256)
def string(length: int) -> Codec:
    """STRING[length]: maximum and actual length in a byte each, then characters.

    The characters are read as ISO 8859-1, which has one for every byte; the CPU does not say which
    code page they were typed in. A maximum that is not the declared one is no STRING[length]: the
    bytes were never set up, or are another variable's.
    """

    def read(raw: bytes) -> str | None:
        if raw[0] != length or raw[1] > length:
            return None
        return raw[2 : 2 + raw[1]].decode("latin-1")

    def write(text: str) -> bytes | None:
        raw = _encoded(text, "latin-1", length)
        return None if raw is None else bytes((length, len(raw))) + raw

    return _text(f"STRING[{length}]", "STRING", length + 2, read, write)


@lru_cache(maxsize=256)
def wstring(length: int) -> Codec:
    """WSTRING[length]: lengths in a word each, counted in code units, then UTF-16."""

    def read(raw: bytes) -> str | None:
        most, actual = struct.unpack_from(">HH", raw)
        if most != length or actual > length:
            return None
        return _wide(raw[4 : 4 + 2 * actual])

    def write(text: str) -> bytes | None:
        raw = _encoded(text, "utf-16-be", 2 * length)
        return None if raw is None else struct.pack(">HH", length, len(raw) // 2) + raw

    return _text(f"WSTRING[{length}]", "WSTRING", 2 * length + 4, read, write)


BOOL = Codec("BOOL", "BOOL", 1, lambda raw: raw != b"\0", _bool_write)

_ALL = (
    BOOL,
    *(_integer(name, 1 << n, False) for n, name in enumerate(("BYTE", "WORD", "DWORD", "LWORD"))),
    *(_integer(name, 1 << n, True) for n, name in enumerate(("SINT", "INT", "DINT", "LINT"))),
    *(_integer(name, 1 << n, False) for n, name in enumerate(("USINT", "UINT", "UDINT", "ULINT"))),
    Codec("REAL", "REAL", 32, lambda raw: real_from_bits(int.from_bytes(raw, "big")), _real_write),
    Codec("LREAL", "LREAL", 64, _lreal_read, _lreal_write),
    _text(
        "CHAR",
        "CHAR",
        1,
        lambda raw: raw.decode("latin-1"),
        lambda text: _encoded(text, "latin-1", 1, 1),
    ),
    _text("WCHAR", "WCHAR", 2, _wide, lambda text: _encoded(text, "utf-16-be", 2, 2)),
    Codec("S5TIME", "TIME", 16, clock.s5time_read, _s5time_write, "ms"),
    _integer("TIME", 4, True, "ms"),
    _integer("LTIME", 8, True, "ns"),
    _text("DATE", "DATE", 2, clock.date_read, clock.date_write),
    _text("TIME_OF_DAY", "TIME_OF_DAY", 4, clock.tod_read, clock.tod_write),
    _text("LTIME_OF_DAY", "LTIME_OF_DAY", 8, clock.ltod_read, clock.ltod_write),
    _text("DATE_AND_TIME", "DATE_AND_TIME", 8, clock.dt_read, clock.dt_write),
    _text("LDATE_AND_TIME", "LDATE_AND_TIME", 8, clock.ldt_read, clock.ldt_write),
    _text("DTL", "DATE_AND_TIME", 12, clock.dtl_read, clock.dtl_write),
    _plain("POINTER", 6),
    _plain("ANY", 10),
)
_WORDS = ("COUNTER", "TIMER", "BLOCK_FB", "BLOCK_FC", "BLOCK_DB", "BLOCK_SDB")
_SHORT = {
    "TOD": "TIME_OF_DAY",
    "LTOD": "LTIME_OF_DAY",
    "DT": "DATE_AND_TIME",
    "LDT": "LDATE_AND_TIME",
}

_BY_NAME: dict[str, Codec] = {codec.name: codec for codec in _ALL}
_WORD = _BY_NAME["WORD"]
_BY_NAME.update((name, Codec(name, "WORD", 16, _WORD.read, _WORD.write)) for name in _WORDS)
_BY_NAME.update((short, _BY_NAME[name]) for short, name in _SHORT.items())
ELEMENTARY: Mapping[str, Codec] = _BY_NAME
"""Every elementary type by its names, in capitals; strings have a length and so a function."""


def sized(name: str, length: int | None) -> Codec:
    """STRING or WSTRING of a length, 254 by default. Raises ``Wrong`` for an impossible one."""
    make, most = (string, MAX_STRING) if name == "STRING" else (wstring, MAX_WSTRING)
    if length is None:
        length = MAX_STRING
    if not 1 <= length <= most:
        raise Wrong(f"{name}[{length}] cannot be; its length is from 1 to {most}")
    return make(length)
