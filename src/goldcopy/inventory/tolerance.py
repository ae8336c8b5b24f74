"""How far a number may be from another one, in engineering units or in percent."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Final, NamedTuple, Self

from goldcopy.errors import Wrong
from goldcopy.snapshot.values import Value, array_of, float_text, to_json

_TEXT: Final = re.compile(r"([0-9]{1,20}(?:\.[0-9]{1,20})?)(%?)", re.ASCII)
# Bit strings (BYTE, WORD ...) are no numbers: one bit of them is a whole setting.
_NUMBERS: Final = frozenset(
    ("SINT", "INT", "DINT", "LINT", "USINT", "UINT", "UDINT", "ULINT", "TIME", "LTIME")
)
_REALS: Final = frozenset(("REAL", "LREAL"))


class Tolerance(NamedTuple):
    """A dead-band around a value, its edge included."""

    amount: Decimal
    """In the item's own unit, or in percent of the value that it is held against."""
    percent: bool

    @classmethod
    def of(cls, text: str) -> Self:
        """From ``0.5`` or ``2%``. Raises ``Wrong`` for anything else, nothing and 0 included."""
        found = _TEXT.fullmatch(text)
        if found is None or not (amount := Decimal(found[1])):
            raise Wrong(
                f"{text!r} is no tolerance; write 0.5 for units, or 2% for percent, above 0"
            )
        return cls(amount, bool(found[2]))

    def covers(self, type_name: str, old: Value, new: Value) -> bool:
        """Whether ``new`` is near enough to ``old``: numbers, and arrays of them, of one type.

        A NaN or an infinity is near to nothing.
        """
        if isinstance(old, tuple) and isinstance(new, tuple):
            array = array_of(type_name)
            if array is None or len(old) != len(new):
                return False
            pairs = zip(old, new, strict=True)
            return all(
                _alike(array[1], one, other) or self._near(array[1], one, other)
                for one, other in pairs
            )
        return self._near(type_name, old, new)

    def _near(self, type_name: str, old: Value, new: Value) -> bool:
        one, other = _decimal(type_name, old), _decimal(type_name, new)
        if one is None or other is None:
            return False
        allowed = abs(one) * self.amount / 100 if self.percent else self.amount
        return abs(one - other) <= allowed


def _alike(type_name: str, one: Value, other: Value) -> bool:
    """Whether two elements have one form: a NaN is like itself."""
    if type(one) is type(other) and one == other and one != 0:
        return True
    return to_json(type_name, one) == to_json(type_name, other)


def _decimal(type_name: str, value: Value) -> Decimal | None:
    """The number as a person reads it: 20.3 in 32 bits is 20.3, not 20.29999924."""
    if isinstance(value, float) and type_name in _REALS:
        return Decimal(float_text(value, type_name == "REAL")) if math.isfinite(value) else None
    if type(value) is int and type_name in _NUMBERS:
        return Decimal(value)
    return None
