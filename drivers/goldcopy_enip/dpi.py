"""DPI parameters (class 0x93) of drives: one read tells all of a parameter, and the next one.

Numbers of attributes and of bits: 750COM-UM001, appendix on EtherNet/IP objects.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from goldcopy.errors import Refused
from goldcopy.snapshot import Gap, Item, Value, real_from_bits
from goldcopy_enip.attributes import Attribute, Cursor, refusal, singles, there
from goldcopy_enip.guard import DPI
from goldcopy_enip.link import Link
from goldcopy_enip.messages import PACK_HEAD, Reply

COUNT, CHECKSUM, _FIRST = 0, 3, 5
_FULL, DESCRIPTOR, STORED, LIVE = 7, 8, 9, 10
"""All at once; the bits; the value in non-volatile memory; the value in force."""
_WHOLE = 80
"""Bytes of all at once, and a few more."""
_REAL, _EXTENDED = 6, 7
_TYPES = {
    0: ("BYTE", "BYTE"), 1: ("WORD", "WORD"), 2: ("USINT", "SINT"), 3: ("UINT", "INT"),
    4: ("UDINT", "DINT"), _REAL: ("REAL", "REAL"),
}  # fmt: skip
_SIZES = {"BYTE": 1, "WORD": 2, "USINT": 1, "SINT": 1, "UINT": 2, "INT": 2, "UDINT": 4, "DINT": 4,
          "DWORD": 4}  # fmt: skip
_SIGNED, _NOT_RECALLABLE, _WRITABLE = 1 << 3, 1 << 6, 1 << 8
_BITS_OF_32 = 1
"""Of the extended type, bits 16 to 18: a UDINT that is an array of BOOL."""


class Found(NamedTuple):
    """What there is."""

    items: list[Item]
    gaps: list[Gap]
    commands: frozenset[int]
    """Parameters that can be written and are not kept: to write one is to do something."""


async def read(link: Link, twins: bool) -> Found:
    """Every parameter of the drive itself, along the chain that they make.

    ``twins``: the same parameters are there as Parameter objects, and are settings there.
    """
    wanted = [Attribute(DPI, 0, one) for one in (COUNT, CHECKSUM, _FIRST)]
    about = await singles(link, wanted, 8)
    if any(reply.status for reply in (about[0], about[2])):
        known = [one for one in (about[0], about[2]) if one.status and there(one)]
        gaps = [Gap("dpi", f"what there is is not told: {refusal(known[0])}")] if known else []
        return Found([], gaps, frozenset())
    count, checksum, at = (int.from_bytes(one.data[:2], "little") for one in about)
    found = Found([], [], frozenset())
    if not about[1].status:
        found.items.append(Item("dpi/checksum", "parameter", "UINT", checksum, role="diagnostic"))
    ahead: dict[int, Reply] = {}
    seen: set[int] = set()
    commands: set[int] = set()
    while at and at not in seen and len(seen) < count:
        seen.add(at)
        if at not in ahead:
            ahead = await _several(link, at, count - len(seen) + 1)
        reply = ahead[at]
        try:
            if reply.status:
                raise Refused(refusal(reply))
            number, at = at, _parameter(at, Cursor(reply.data), found, twins)
        except Refused as why:
            found.gaps.append(Gap("dpi", f"the chain ends at {at}: {why}"))
            return found._replace(commands=frozenset(commands))
        if is_command(int.from_bytes(reply.data[:4], "little")):
            commands.add(number)
    if len(seen) != count or at:
        what = f"{count} parameters are announced, and the chain has another end"
        found.gaps.append(Gap("dpi", what))
    return found._replace(commands=frozenset(commands))


async def _several(link: Link, first: int, most: int) -> dict[int, Reply]:
    """A parameter and those of the next numbers, as many as a packet holds: most are there."""
    count = min(most, (link.size - PACK_HEAD) // (_WHOLE + 6)) if link.multiple else 1
    numbers = range(first, first + max(1, count))
    replies = await singles(link, [Attribute(DPI, one, _FULL) for one in numbers], _WHOLE)
    return dict(zip(numbers, replies, strict=True))


def _parameter(number: int, cursor: Cursor, found: Found, twins: bool) -> int:
    """Add one, or a gap if its type is not known; gives the number of the next."""
    descriptor = cursor.number(4)
    containers = [cursor.take(4) for _ in range(4)]
    after, _ = cursor.number(2), cursor.number(2)
    unit = cursor.take(4).decode("latin-1").strip()
    cursor.take(8 + 4)  # scaling, links
    name = cursor.take(16).decode("latin-1").strip()
    kind, path = type_of(descriptor), f"dpi/{number}"
    if kind is None:
        found.gaps.append(Gap(path, "its type is none that this driver knows"))
        return after
    value, low, high = (_value(kind, one) for one in containers[:3])
    setting = is_setting(descriptor) and not twins
    found.items.append(
        Item(
            path, "parameter", kind, value, "setting" if setting else "process",
            "read-write" if setting else "read", unit, name, _limit(low), _limit(high), path,
        )
    )  # fmt: skip
    return after


def type_of(descriptor: int) -> str | None:
    """The IEC type; None for one that is not known."""
    if descriptor & 7 == _EXTENDED:
        return "DWORD" if descriptor >> 16 & 7 == _BITS_OF_32 else None
    kinds = _TYPES.get(descriptor & 7)
    return kinds[bool(descriptor & _SIGNED)] if kinds else None


def is_setting(descriptor: int) -> bool:
    """Whether it can be written, and is kept without power."""
    return descriptor & (_WRITABLE | _NOT_RECALLABLE) == _WRITABLE


def is_command(descriptor: int) -> bool:
    """Whether writing it does something: it can be written, and is not kept."""
    return descriptor & (_WRITABLE | _NOT_RECALLABLE) == _WRITABLE | _NOT_RECALLABLE


def _value(kind: str, container: bytes) -> Value:
    if kind == "REAL":
        return real_from_bits(struct.unpack("<I", container)[0])
    signed = kind in ("SINT", "INT", "DINT")
    return int.from_bytes(container[: _SIZES[kind]], "little", signed=signed)


def _limit(value: Value) -> int | float | None:
    return value if isinstance(value, int | float) else None
