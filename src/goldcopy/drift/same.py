"""Whether two values that came by two drivers are one: a REAL and an LREAL, a WORD and an INT."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Final

from goldcopy.inventory import Tolerance
from goldcopy.snapshot import Value, real_bits
from goldcopy.snapshot.values import array_of, float_text, to_json

_BITS: Final = {"BYTE": 8, "WORD": 16, "DWORD": 32, "LWORD": 64}
_WIDTHS: Final = _BITS | {
    "SINT": 8, "INT": 16, "DINT": 32, "LINT": 64, "USINT": 8, "UINT": 16, "UDINT": 32, "ULINT": 64,
}  # fmt: skip


def alike(
    one_type: str, one: Value, other_type: str, other: Value, tolerance: Tolerance | None = None
) -> bool:
    """Whether both mean the same; a tolerance holds for numbers."""
    if isinstance(one, tuple) and isinstance(other, tuple):
        mine, theirs = array_of(one_type), array_of(other_type)
        if mine is None or theirs is None or len(one) != len(other):
            return False
        pairs = zip(one, other, strict=True)
        return all(alike(mine[1], a, theirs[1], b, tolerance) for a, b in pairs)
    if one_type == other_type and to_json(one_type, one) == to_json(other_type, other):
        return True
    if _is_number(one) and _is_number(other):
        return _numbers(one_type, one, other_type, other, tolerance)  # type: ignore[arg-type]
    return type(one) is type(other) and not _is_number(one) and one == other


def _is_number(value: Value) -> bool:
    return type(value) is int or type(value) is float


def _numbers(
    one_type: str,
    one: int | float,
    other_type: str,
    other: int | float,
    tolerance: Tolerance | None,
) -> bool:
    if not (math.isfinite(one) and math.isfinite(other)):
        return one_type != other_type and (one == other or (one != one and other != other))
    if {one_type, other_type} == {"REAL", "LREAL"} and _fits_single(one, other):
        return True
    mine, theirs = _WIDTHS.get(one_type), _WIDTHS.get(other_type)
    if mine is not None and mine == theirs and (one_type in _BITS or other_type in _BITS):
        return (int(one) - int(other)) % (1 << mine) == 0
    a, b = _decimal(one_type, one), _decimal(other_type, other)
    return a == b or (tolerance is not None and tolerance.covers("LREAL", float(one), float(other)))


def _fits_single(one: float, other: float) -> bool:
    """Whether both round to one REAL: some servers hand out a REAL as the LREAL nearest to it."""
    try:
        return real_bits(float(one)) == real_bits(float(other))
    except OverflowError:
        return False


def _decimal(type_name: str, value: int | float) -> Decimal:
    if isinstance(value, float):
        return Decimal(float_text(value, type_name == "REAL"))
    return Decimal(value)
