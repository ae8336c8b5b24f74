"""What a single value of the inventory means: text, switch, whole number, duration.

YAML readers differ over ``no``, ``010``, ``22:30`` and ``1_000``. None of them is guessed here:
where text is wanted they are the text that was written, anywhere else they are a mistake.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Final

from goldcopy.errors import Wrong
from goldcopy.inventory.document import Listing, Node, Scalar, Table

Plain = bool | int | float | str | list["Plain"] | dict["Plain", "Plain"] | None

_WHOLE: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_DIGITS: Final = 40
"""Longer ones are no number that any controller holds, and Python limits what it reads."""
_HEX: Final = re.compile(r"0x[0-9a-fA-F]{1,40}")
_REAL: Final = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOTHING: Final = ("", "~", "null", "Null", "NULL")
_SWITCH: Final = {
    spelt: value
    for word, value in (("true", True), ("false", False))
    for spelt in (word, word.title(), word.upper())
}
_DURATION: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def plain(node: Node) -> Plain:
    """A part of the tree as Python data, for the driver's own options.

    Only what all readers of YAML agree on becomes a number or a switch; the rest stays text.
    """
    if isinstance(node, Listing):
        return [plain(part) for part in node.parts]
    if isinstance(node, Table):
        return {_resolved(node.keys[key]): plain(part) for key, part in node.parts.items()}
    return _resolved(node)


def _resolved(scalar: Scalar) -> bool | int | float | str | None:
    text = scalar.text
    if scalar.quoted:
        return text
    if text in _NOTHING:
        return None
    if text in _SWITCH:
        return _SWITCH[text]
    if _WHOLE.fullmatch(text) and len(text) <= _DIGITS:
        return int(text)
    if _HEX.fullmatch(text):
        return int(text, 16)
    if _REAL.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text


def doubt(scalar: Scalar) -> str:
    """Why readers disagree on an unquoted number, and what to write; "" if it is no such thing.

    Never shows the value: it may stand where a secret was put by mistake.
    """
    if scalar.quoted:
        return ""
    if re.fullmatch(r"[-+]?(0[0-9_]+|0o[0-7_]+)", scalar.text):
        return "a leading zero means octal to some readers; write it without"
    if re.fullmatch(r"[-+]?[0-9]+(:[0-9]+)+(\.[0-9]*)?", scalar.text):
        return "some readers take colons for base 60; write one number"
    if re.fullmatch(r"[-+]?(0x|0b)?[0-9a-fA-F]*_[0-9a-fA-F_.]+", scalar.text):
        return "no underscores in numbers"
    return ""


def text(node: Node) -> str:
    """Any single value, as it was written."""
    scalar = _scalar(node, "text")
    if (not scalar.quoted and scalar.text in _NOTHING) or not scalar.text.strip():
        raise Wrong("has no value; fill it in, or drop the line")
    return scalar.text


def switch(node: Node) -> bool:
    """``true`` or ``false``."""
    scalar = _scalar(node, "true or false")
    if scalar.quoted or scalar.text not in _SWITCH:
        raise Wrong(
            f"{_shown(scalar)} is neither true nor false; write one of these, without quotes"
        )
    return _SWITCH[scalar.text]


def whole(low: int, high: int) -> Callable[[Node], int]:
    """A whole number within these limits, both allowed."""

    def read(node: Node) -> int:
        scalar = _scalar(node, "a whole number")
        value = _resolved(scalar)
        if type(value) is not int:
            right = doubt(scalar) or f"write one from {low} to {high}, without quotes"
            raise Wrong(f"{_shown(scalar)} is not a whole number; {right}")
        if not low <= value <= high:
            raise Wrong(f"{value} is out of range; {low} to {high} is possible")
        return value

    return read


def real(low: float, high: float) -> Callable[[Node], float]:
    """A number within these limits, both allowed."""

    def read(node: Node) -> float:
        scalar = _scalar(node, "a number")
        value = _resolved(scalar)
        if type(value) is not int and type(value) is not float:
            right = doubt(scalar) or f"write one from {low:g} to {high:g}, without quotes"
            raise Wrong(f"{_shown(scalar)} is not a number; {right}")
        if not low <= value <= high:
            raise Wrong(f"{value:g} is out of range; {low:g} to {high:g} is possible")
        return float(value)

    return read


def duration(low: str, high: str) -> Callable[[Node], float]:
    """A time with its unit, within these limits, in seconds."""

    def read(node: Node) -> float:
        scalar = _scalar(node, "a time")
        seconds = seconds_of(scalar.text)
        if seconds is None:
            bare = not scalar.quoted and isinstance(_resolved(scalar), int | float)
            right = (
                f"write {scalar.text}s for seconds" if bare else "write it like 250ms, 5s, 10m, 2h"
            )
            raise Wrong(f"{_shown(scalar)} is not a time with a unit; {right}")
        if not _known(low) <= seconds <= _known(high):
            raise Wrong(f"{scalar.text} is out of range; {low} to {high} is possible")
        return seconds

    return read


def seconds_of(text: str) -> float | None:
    """The seconds of ``250ms``, ``5s``, ``1.5m`` or ``2h``; None if it is no such time."""
    match = _DURATION.fullmatch(text)
    return float(match[1]) * _UNITS[match[2]] if match else None


def _known(text: str) -> float:
    seconds = seconds_of(text)
    assert seconds is not None, text
    return seconds


def _scalar(node: Node, wanted: str) -> Scalar:
    if isinstance(node, Scalar):
        return node
    raise Wrong(f"needs {wanted}, not a {'list' if isinstance(node, Listing) else 'mapping'}")


def _shown(scalar: Scalar) -> str:
    if not scalar.text:
        return "nothing"
    shown = scalar.text if len(scalar.text) <= 40 else scalar.text[:39] + "…"
    return f'"{shown}"' if scalar.quoted else shown
