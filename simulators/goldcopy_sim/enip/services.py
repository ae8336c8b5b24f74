"""Names of services for the log, and which of them would change something."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from .cip import ATTRIBUTE, INSTANCE, LOGICAL_CLASS, SYMBOL, Refusal, parse_path

_OBJECTS: Final[Mapping[int, str]] = {
    0x01: "Identity", 0x02: "Message Router", 0x04: "Assembly", 0x06: "Connection Manager",
    0x0F: "Parameter", 0x37: "File", 0x48: "QoS", 0x64: "Program Name", 0x67: "PCCC",
    0x6B: "Symbol", 0x6C: "Template", 0x8B: "Wall Clock", 0x8E: "Audit", 0x93: "DPI Parameter",
    0xAC: "Tag Database", 0xF5: "TCP/IP", 0xF6: "Ethernet Link",
}  # fmt: skip
_COMMON: Final[Mapping[int, str]] = {
    0x01: "Get Attributes All", 0x02: "Set Attributes All", 0x03: "Get Attribute List",
    0x04: "Set Attribute List", 0x05: "Reset", 0x06: "Start", 0x07: "Stop", 0x08: "Create",
    0x09: "Delete", 0x0A: "Multiple Service Packet", 0x0D: "Apply Attributes",
    0x0E: "Get Attribute Single", 0x10: "Set Attribute Single", 0x15: "Restore", 0x16: "Save",
    0x55: "Get Instance Attribute List",
}  # fmt: skip
_TAG: Final[Mapping[int, str]] = {
    0x4C: "Read Tag", 0x4D: "Write Tag", 0x4E: "Read Modify Write Tag",
    0x52: "Read Tag Fragmented", 0x53: "Write Tag Fragmented",
}  # fmt: skip
_SPECIFIC: Final[Mapping[tuple[int, int], str]] = {
    (0x06, 0x4E): "Forward Close", (0x06, 0x52): "Unconnected Send", (0x06, 0x54): "Forward Open",
    (0x06, 0x5B): "Large Forward Open", (0x6C, 0x4C): "Read Template", (0x67, 0x4B): "Execute PCCC",
    (0x0F, 0x4B): "Get Enum String", (0x93, 0x4D): "Get Attributes Scattered",
    (0x93, 0x4E): "Set Attributes Scattered", (0x37, 0x4B): "Initiate Upload",
    (0x37, 0x4F): "Upload Transfer",
}  # fmt: skip
_READING: Final = frozenset({
    "Get Attributes All", "Get Attribute List", "Get Attribute Single", "Read Tag",
    "Read Tag Fragmented", "Get Instance Attribute List", "Forward Close", "Unconnected Send",
    "Forward Open", "Large Forward Open", "Read Template", "Get Enum String",
    "Get Attributes Scattered", "Initiate Upload", "Upload Transfer", "Multiple Service Packet",
})  # fmt: skip
"""A service that is not known is taken for one that writes."""


@lru_cache(maxsize=1 << 16)
def described(service: int, path: bytes) -> tuple[str, bool, str]:
    """Name, whether it writes, and what it was addressed to."""
    try:
        segments = parse_path(path)
    except Refusal:
        return f"service {service:#04x}", True, path.hex()
    number, parts = 0, ""
    for kind, value in segments:
        if kind == LOGICAL_CLASS:
            number = int(value)
            parts += f" {_OBJECTS.get(number, f'class {number:#04x}')}"
        elif kind == SYMBOL:
            parts += f".{value}"
        else:
            parts += {INSTANCE: f" {value}", ATTRIBUTE: f" attribute {value}"}.get(
                kind, f"[{value}]"
            )
    tags = _TAG if not number or number == 0x6B else {}
    name = (
        _SPECIFIC.get((number, service))
        or tags.get(service)
        or _COMMON.get(service, f"service {service:#04x}")
    )
    return name, name not in _READING, parts.lstrip(" .")
