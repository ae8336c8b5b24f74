"""Values as text for reports: short, exact, and never markup."""

from __future__ import annotations

from itertools import takewhile
from typing import Final

from goldcopy.drift.model import Finding
from goldcopy.snapshot import Blob, Item, Value
from goldcopy.snapshot.parts import Part, bytewise, elements
from goldcopy.snapshot.values import array_of, float_text

LONGEST: Final = 200
"""Characters of a value in a report; what is longer is in the JSON."""
_ELEMENTS: Final = 16
_PARTS: Final = 8
"""Elements, or runs of bytes, that are told of one value."""
_FIELDS: Final = ("label", "low", "high", "access", "address")


def sides(finding: Finding) -> tuple[str, str]:
    """The gold copy's side and today's. They differ in what is shown, as the two items do."""
    old, new = finding.old, finding.new
    if old is None or new is None:
        return value_of(old), value_of(new)
    one, other = _values(old, new)
    return f"{one}{_about(old, finding)}", f"{other}{_about(new, finding)}"


def value_of(item: Item | None) -> str:
    """The value of an item, with its unit."""
    if item is None:
        return ""
    return _with_unit(_cut(_text(item.type, item.value)), item)


def _values(old: Item, new: Item) -> tuple[str, str]:
    """Both values; where they are long, of each only what is not in the other."""
    parts = _parts(old, new) if old.type == new.type else []
    if parts:
        return _told(parts, old=True), _told(parts, old=False)
    one, other = _text(old.type, old.value), _text(new.type, new.value)
    start = 0
    if max(len(one), len(other)) > LONGEST and one != other:
        alike = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
        start = max(0, sum(1 for _ in alike) - 20)
    return _with_unit(_cut(one, start), old), _with_unit(_cut(other, start), new)


def _parts(old: Item, new: Item) -> list[Part]:
    if isinstance(old.value, bytes) and isinstance(new.value, bytes):
        return bytewise(old.value, new.value)
    return elements(old, new)


def _told(parts: list[Part], *, old: bool) -> str:
    shown = []
    for part in parts[:_PARTS]:
        value = part.old if old else part.new
        where = part.where if part.where.startswith("[") else f"byte {part.where}:"
        shown.append(f"{where} {'(none)' if value is None else _cut(_text(part.type, value))}")
    more = len(parts) - _PARTS
    return ", ".join(shown) + (f", and {more} more places" if more > 0 else "")


def _about(item: Item, finding: Finding) -> str:
    """What else of an item differs than its value."""
    said = []
    if finding.sort == "retyped":
        said.append(f"{item.kind} {item.type}")
    if finding.sort == "masked":
        said.append(item.role)
    said += [
        f"{name} {_cut(str(getattr(item, name))) or '(none)'}"
        for name in _FIELDS
        if name in finding.moved
    ]
    return f" ({', '.join(said)})" if said else ""


def _with_unit(text: str, item: Item) -> str:
    return f"{text} {item.unit}".rstrip()


def _cut(text: str, start: int = 0) -> str:
    """At most ``LONGEST`` characters from ``start`` on."""
    shown = text[start : start + LONGEST]
    if len(shown) == len(text):
        return text
    before, after = "… " * bool(start), " …" * (start + LONGEST < len(text))
    return f"{before}{shown}{after} ({len(text)} characters)"


def _text(type_name: str, value: Value) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return float_text(value, type_name == "REAL")
        case tuple():
            array = array_of(type_name)
            shown = [_text(array[1] if array else "", one) for one in value[:_ELEMENTS]]
            more = f", … {len(value)} in all" if len(value) > _ELEMENTS else ""
            return f"[{', '.join(shown)}{more}]"
        case Blob():
            return f"{value.size} bytes, SHA-256 {value.sha256[:12]}…"
        case bytes():
            return value[:32].hex(" ") + (f" … {len(value)} bytes" if len(value) > 32 else "")
        case str():
            return value if value == " ".join(value.split()) else repr(value)
        case _:
            return str(value)
