"""DPI parameters (class 0x93) of drives: one read tells all of a parameter, and the next one."""

from __future__ import annotations

import struct

from goldcopy.errors import Refused
from goldcopy.snapshot import Gap, Item, Value, real_from_bits
from goldcopy_enip.attributes import Attribute, Cursor, refusal, singles, there
from goldcopy_enip.link import Link

CLASS = 0x93
_COUNT, _CHECKSUM, _FIRST, _FULL = 0, 3, 5, 7
_REAL = 6
_TYPES = {
    0: ("BYTE", "BYTE"), 1: ("WORD", "WORD"), 2: ("USINT", "SINT"), 3: ("UINT", "INT"),
    4: ("UDINT", "DINT"), _REAL: ("REAL", "REAL"),
}  # fmt: skip
_SIZES = {"BYTE": 1, "WORD": 2, "USINT": 1, "SINT": 1, "UINT": 2, "INT": 2, "UDINT": 4, "DINT": 4}
_SIGNED, _WRITABLE = 1 << 3, 1 << 8


async def read(link: Link, twins: bool) -> tuple[list[Item], list[Gap]]:
    """Every parameter of the drive itself, along the chain that they make.

    ``twins``: the same parameters are there as Parameter objects, and are settings there.
    """
    wanted = [Attribute(CLASS, 0, one) for one in (_COUNT, _CHECKSUM, _FIRST)]
    about = await singles(link, wanted, 8)
    if any(reply.status for reply in (about[0], about[2])):
        known = [one for one in (about[0], about[2]) if one.status and there(one)]
        return [], [Gap("dpi", f"what there is is not told: {refusal(known[0])}")] if known else []
    count, checksum, at = (int.from_bytes(one.data[:2], "little") for one in about)
    items: list[Item] = []
    gaps: list[Gap] = []
    if not about[1].status:
        items.append(Item("dpi/checksum", "parameter", "UINT", checksum, role="diagnostic"))
    seen: set[int] = set()
    while at and at not in seen and len(seen) < count:
        seen.add(at)
        (reply,) = await singles(link, [Attribute(CLASS, at, _FULL)])
        if reply.status:
            gaps.append(Gap("dpi", f"the chain ends at {at}: {refusal(reply)}"))
            return items, gaps
        cursor = Cursor(reply.data)
        try:
            number, at = at, _parameter(at, cursor, items, twins)
        except Refused as why:
            gaps.append(Gap("dpi", f"the chain ends at {at}: {why}"))
            return items, gaps
        if items and items[-1].path != f"dpi/{number}":
            gaps.append(Gap(f"dpi/{number}", "its type is none that this driver knows"))
    if len(seen) != count or at:
        gaps.append(Gap("dpi", f"{count} parameters are announced, and the chain has another end"))
    return items, gaps


def _parameter(number: int, cursor: Cursor, items: list[Item], twins: bool) -> int:
    """Add one, if its type is known; gives the number of the next."""
    descriptor = cursor.number(4)
    containers = [cursor.take(4) for _ in range(4)]
    after, _ = cursor.number(2), cursor.number(2)
    unit = cursor.take(4).decode("latin-1").strip()
    cursor.take(8 + 4)  # scaling, links
    name = cursor.take(16).decode("latin-1").strip()
    kinds = _TYPES.get(descriptor & 7)
    if kinds is None:
        return after
    kind = kinds[bool(descriptor & _SIGNED)]
    value, low, high = (_value(kind, one) for one in containers[:3])
    writable = descriptor & _WRITABLE and not twins
    items.append(
        Item(
            f"dpi/{number}", "parameter", kind, value, "setting" if writable else "process",
            "read-write" if writable else "read", unit, name,
            _limit(low), _limit(high), f"dpi/{number}",
        )
    )  # fmt: skip
    return after


def _value(kind: str, container: bytes) -> Value:
    if kind == "REAL":
        return real_from_bits(struct.unpack("<I", container)[0])
    signed = kind in ("SINT", "INT", "DINT")
    return int.from_bytes(container[: _SIZES[kind]], "little", signed=signed)


def _limit(value: Value) -> int | float | None:
    return value if isinstance(value, int | float) else None
