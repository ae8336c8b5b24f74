"""The closed universe of values, and how each is written in canonical JSON.

An open universe is what breaks loading and saving, so there are only: bool, int, float, str, bytes,
``Blob`` (big bytes, held by hash) and flat tuples of them. The type's name decides how the JSON is
read back; docs/format.md has the table.
"""

from __future__ import annotations

import base64
import hashlib
import math
import re
import struct
from functools import lru_cache

import msgspec

from goldcopy.errors import Wrong

INLINE_BYTES = 256
"""Bytes longer than this are held by hash and stored once."""

SAFE_INTEGER = 2**53 - 1
"""Beyond it JSON readers (jq among them) lose digits, so larger integers are written as text."""


class Blob(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Big content by its hash; the bytes are kept beside the snapshot, once."""

    sha256: str
    size: int
    """Length in bytes."""

    @classmethod
    def of(cls, content: bytes) -> Blob:
        """The reference to this content."""
        return cls(hashlib.sha256(content).hexdigest(), len(content))


Value = bool | int | float | str | bytes | Blob | tuple["Value", ...]
Json = bool | int | str | dict[str, object] | list[object]

_INTEGERS = {
    "SINT": range(-(2**7), 2**7),
    "INT": range(-(2**15), 2**15),
    "DINT": range(-(2**31), 2**31),
    "LINT": range(-(2**63), 2**63),
    "USINT": range(2**8),
    "UINT": range(2**16),
    "UDINT": range(2**32),
    "ULINT": range(2**64),
    "BYTE": range(2**8),
    "WORD": range(2**16),
    "DWORD": range(2**32),
    "LWORD": range(2**64),
    # IEC 61131-3 leaves the width of TIME to the controller.
    "TIME": range(-(2**63), 2**63),
    "LTIME": range(-(2**63), 2**63),
}
_REALS = frozenset(("REAL", "LREAL"))
_ARRAY = re.compile(r"ARRAY\[(\d+(?:,\d+)*)\] OF (.+)", re.ASCII | re.DOTALL)
_SHA256 = re.compile(r"[0-9a-f]{64}")


@lru_cache(maxsize=4096)
def plain(text: str) -> str:
    """Text without characters that nobody sees, or that turn round what stands beside them."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def array_of(type_name: str) -> tuple[int, str] | None:
    """Element count and element type of ``ARRAY[2,3] OF T`` (6, "T"); None for a scalar."""
    match = _ARRAY.fullmatch(type_name)
    if match is None:
        return None
    return math.prod(int(n) for n in match[1].split(",")), match[2]


def real_bits(value: float) -> int:
    """The 32 bits of a REAL. Made from the 64 bits, since a C cast would quieten a NaN."""
    if value == value:
        return int(struct.unpack("<I", struct.pack("<f", value))[0])
    wide = int(struct.unpack("<Q", struct.pack("<d", value))[0])
    return (wide >> 32 & 0x80000000) | 0x7F800000 | (wide >> 29 & 0x7FFFFF)


def real_from_bits(bits: int) -> float:
    """The REAL with these 32 bits, a signalling NaN unharmed."""
    if bits & 0x7F800000 == 0x7F800000 and bits & 0x7FFFFF:
        wide = (bits & 0x80000000) << 32 | 0x7FF << 52 | (bits & 0x7FFFFF) << 29
        return float(struct.unpack("<d", struct.pack("<Q", wide))[0])
    return float(struct.unpack("<f", struct.pack("<I", bits))[0])


def float_text(value: float, single: bool) -> str:
    """The fewest significant digits that read back to the same bits; NaN by its bits.

    C's ``%.{n}g`` for the first fitting n of 6..9 (REAL) or 15..17 (LREAL).
    """
    if value != value:
        if single:
            return f"nan:{real_bits(value):08x}"
        return f"nan:{struct.unpack('<Q', struct.pack('<d', value))[0]:016x}"
    if not single:
        for digits in (15, 16):
            text = f"{value:.{digits}g}"
            if float(text) == value:
                return text
        return f"{value:.17g}"
    wanted = struct.pack("<f", value)
    for digits in (6, 7, 8):
        text = f"{value:.{digits}g}"
        if _fits_single(text, wanted):
            return text
    return f"{value:.9g}"


def _fits_single(text: str, wanted: bytes) -> bool:
    try:
        return struct.pack("<f", float(text)) == wanted
    except OverflowError:  # rounding up the largest REAL leaves its range
        return False


def float_from_text(text: str, single: bool) -> float:
    """Read what ``float_text`` wrote. Raises ``ValueError`` and its like for other text."""
    if text.startswith("nan:"):
        bits = int(text[4:], 16)
        if single:
            return real_from_bits(bits)
        return float(struct.unpack("<d", struct.pack("<Q", bits))[0])
    value = float(text)
    if value != value:
        raise ValueError("a NaN is written by its bits")
    if single and math.isfinite(value):
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    return value


def check(type_name: str, value: Value) -> None:
    """Raise ``Wrong`` unless the value is one that this type can hold."""
    array = array_of(type_name)
    if array is not None:
        count, element = array
        if type(value) is not tuple or len(value) != count:
            raise Wrong(f"{type_name} needs a flat tuple of {count} elements")
        for one in value:
            check(element, one)
        return
    kind = type(value)
    if type_name in _INTEGERS:
        fits = kind is int
        if fits and value not in _INTEGERS[type_name]:
            raise Wrong(f"{value!r} is out of the range of {type_name}")
    elif type_name in _REALS:
        fits = kind is float
        if fits and type_name == "REAL":
            _check_single(value)  # type: ignore[arg-type]
    elif type_name == "BOOL":
        fits = kind is bool
    elif type_name == "BYTES":
        fits = kind is bytes or kind is Blob
        if fits:
            _check_bytes(value)  # type: ignore[arg-type]
    else:
        fits = kind is str
        if fits:
            check_text(value, f"text of {type_name}")  # type: ignore[arg-type]
    if not fits:
        raise Wrong(f"a value of type {type_name} cannot be a {kind.__name__}")


def check_text(text: str, what: str) -> None:
    """Raise ``Wrong`` for a lone surrogate: UTF-8 has no bytes for it."""
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Wrong(f"{what} is not valid Unicode; keep it as BYTES") from None


def _check_single(value: float) -> None:
    try:
        exact = _same_bits(real_from_bits(real_bits(value)), value)
    except OverflowError:
        exact = False
    if not exact:
        raise Wrong("a REAL holds 32 bits; this value needs 64: use LREAL")


def _check_bytes(value: bytes | Blob) -> None:
    """One content has one form: short bytes inline, long ones by hash."""
    if isinstance(value, bytes):
        if len(value) > INLINE_BYTES:
            raise Wrong(f"more than {INLINE_BYTES} bytes are held as a Blob")
    elif value.size <= INLINE_BYTES or not _SHA256.fullmatch(value.sha256):
        raise Wrong(f"a Blob has a SHA-256 and more than {INLINE_BYTES} bytes")


def _same_bits(one: float, other: float) -> bool:
    return struct.pack("<d", one) == struct.pack("<d", other)


def to_json(type_name: str, value: Value) -> Json:
    """The canonical JSON of a value."""
    kind = type(value)
    if kind is bool or kind is str:
        return value  # type: ignore[return-value]
    if kind is int:
        number: int = value  # type: ignore[assignment]
        return number if -SAFE_INTEGER <= number <= SAFE_INTEGER else str(number)
    if kind is float:
        return float_text(value, type_name == "REAL")  # type: ignore[arg-type]
    if kind is tuple:
        element = array_of(type_name)
        assert element is not None, type_name
        return [to_json(element[1], one) for one in value]  # type: ignore[union-attr]
    if kind is bytes:
        return base64.b64encode(value).decode()  # type: ignore[arg-type]
    return {"sha256": value.sha256, "size": value.size}  # type: ignore[union-attr]


def from_json(type_name: str, data: object) -> Value:
    """Read a value back. Raises ``Wrong`` for JSON that this type cannot have."""
    array = array_of(type_name)
    if array is not None:
        if type(data) is not list:
            raise Wrong(f"{type_name} is not a JSON array")
        return tuple([from_json(array[1], one) for one in data])
    kind = type(data)
    try:
        if type_name in _REALS:
            if kind is str:
                return float_from_text(data, type_name == "REAL")  # type: ignore[arg-type]
        elif type_name in _INTEGERS:
            if kind is int or kind is str:
                return int(data)  # type: ignore[call-overload, no-any-return]
        elif type_name == "BOOL":
            if kind is bool:
                return data  # type: ignore[return-value]
        elif type_name == "BYTES":
            if kind is str:
                return base64.b64decode(data, validate=True)  # type: ignore[arg-type]
            if kind is dict:
                return msgspec.convert(data, Blob)
        elif kind is str:
            return data  # type: ignore[return-value]
    except (ValueError, OverflowError, struct.error) as error:
        raise Wrong(f"{type_name} cannot be {data!r}: {error}") from None
    raise Wrong(f"{type_name} cannot be {data!r}")
