"""Values as text for reports: short, exact, and never markup."""

from __future__ import annotations

from goldcopy.drift.model import Finding
from goldcopy.snapshot import Blob, Item, Value
from goldcopy.snapshot.values import array_of, float_text

LONGEST = 200
"""Characters of a value in a report; what is longer is in the JSON."""
_ELEMENTS = 16


def value_of(item: Item | None) -> str:
    """The value of an item, with its unit."""
    if item is None:
        return ""
    text = _text(item.type, item.value)
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]} … ({len(text)} characters)"
    return f"{text} {item.unit}".rstrip()


def sides(finding: Finding) -> tuple[str, str]:
    """The gold copy's side and today's, alike only where something else than the value moved."""
    return value_of(finding.old), value_of(finding.new)


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
        case _:
            return str(value)
