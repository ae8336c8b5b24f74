"""Parameter objects (class 0x0F; CIP volume 1, 5A-14): value, name, unit, range, scaling."""

from __future__ import annotations

from collections.abc import Sequence

from goldcopy.errors import Refused
from goldcopy.snapshot import Gap, Item
from goldcopy_enip.attributes import (
    Attribute,
    Cursor,
    checked,
    refusal,
    singles,
    there,
    wholes,
)
from goldcopy_enip.epath import logical
from goldcopy_enip.guard import ENUM_STRING, PARAMETER
from goldcopy_enip.link import Link
from goldcopy_enip.messages import Reply, request
from goldcopy_enip.types import ATOMS, Atom, decode

MAX_INSTANCE, _CLASS_DESCRIPTOR, CONFIGURATION = 2, 8, 9
DESCRIPTOR, TYPE = 4, 5
_FULL = 0x02
SHOWN_ONLY = 0x10 | 0x20
"""Bits of the descriptor: read-only, and a monitor parameter."""
_ENUMERATED = 0x02
_BITS = {"BYTE": 8, "WORD": 16, "DWORD": 32}
_TEXT = 20
_MOST = 20_000
_PLAIN = [1, 1, 1, 0]
_LONGEST = 200


async def read(link: Link) -> tuple[list[Item], list[Gap], int]:
    """Items, gaps, and the assembly that holds the configuration (0 for none)."""
    numbers = (MAX_INSTANCE, _CLASS_DESCRIPTOR, CONFIGURATION)
    about = await singles(link, [Attribute(PARAMETER, 0, one) for one in numbers], 8)
    if about[0].status:
        gap = Gap("parameter", f"how many there are is not told: {refusal(about[0])}")
        return [], [gap] if there(about[0]) else [], 0
    last, descriptor, assembly = (int.from_bytes(one.data[:2], "little") for one in about)
    if last > _MOST:
        return [], [Gap("parameter", f"{last} parameters: no device has as many")], assembly
    types = await singles(link, [Attribute(PARAMETER, n, TYPE) for n in range(1, last + 1)], 8)
    known = {n: reply for n, reply in enumerate(types, 1) if there(reply)}
    items: list[Item] = []
    gaps: list[Gap] = []
    wanted = [number for number, reply in known.items() if not reply.status]
    gaps += [Gap(f"parameter/{n}", refusal(one)) for n, one in known.items() if one.status]
    replies = await wholes(link, PARAMETER, wanted, _LONGEST)
    chosen: list[Item] = []
    for number, reply in zip(wanted, replies, strict=True):
        try:
            if reply.status:
                raise Refused(refusal(reply))
            flags, found = _items(
                number, known[number].data, reply.data, full=bool(descriptor & _FULL)
            )
        except Refused as why:
            gaps.append(Gap(f"parameter/{number}", str(why)))
            continue
        items += found
        chosen += found[:1] if flags & _ENUMERATED else []
    return [*items, *await _choices(link, chosen)], gaps, assembly


async def _choices(link: Link, items: Sequence[Item]) -> list[Item]:
    """The texts of values, or of bits; "" for one that has none."""
    numbers = {item.path: _texts(item) for item in items}
    asked = [
        request(ENUM_STRING, logical(PARAMETER, int(path.removeprefix("parameter/"))), bytes((n,)))
        for path, several in numbers.items()
        for n in several
    ]
    replies = iter(checked(await link.ask_each(asked, lambda _: _TEXT)))
    found: list[Item] = []
    for path, several in numbers.items():
        texts = tuple([_text(next(replies)) for _ in several])
        if any(texts):
            kind = f"ARRAY[{len(texts)}] OF STRING"
            label = f"texts of {several[0]} to {several[-1]}"
            found.append(
                Item(f"{path}/choices", "parameter", kind, texts, "diagnostic", label=label)
            )
    return found


def _texts(item: Item) -> range:
    """Which texts there may be: one for each bit, or for each value from the lowest on."""
    if item.type in _BITS:
        return range(_BITS[item.type])
    low, high = item.low, item.high
    if not isinstance(low, int) or not isinstance(high, int) or not 0 <= low <= high:
        return range(0)
    return range(low, min(high, 0xFF) + 1)


def _text(reply: Reply) -> str:
    if reply.status:
        return ""
    try:
        return Cursor(reply.data).text()
    except Refused:
        return ""


def _items(number: int, kind: bytes, data: bytes, *, full: bool) -> tuple[int, list[Item]]:
    """Attributes 1 to 6, or 1 to 21; the descriptor apart.

    Raises ``Refused`` if they are not exactly these.
    """
    atom = ATOMS.get(kind[0]) if len(kind) == 1 else None
    if atom is None:
        raise Refused(f"its type {kind.hex()} is none that this driver knows")
    cursor = Cursor(data)
    path = f"parameter/{number}"
    value = decode(atom, (), cursor.take(atom.size))
    cursor.take(cursor.number(1))  # the path that it links to
    descriptor = cursor.number(2)
    if cursor.number(1) != kind[0] or cursor.number(1) != atom.size:
        raise Refused("it tells another type than a moment ago")
    name = unit = ""
    low = high = None
    beside: list[Item] = []
    if full:
        name, unit, _ = cursor.text(), cursor.text(), cursor.text()
        low, high = _limit(atom, cursor), _limit(atom, cursor)
        default = decode(atom, (), cursor.take(atom.size))
        scaling = [cursor.number(2), cursor.number(2), cursor.number(2)]
        scaling.append(cursor.number(2, signed=True))
        cursor.take(8)  # links to parameters that scale it
        decimals = cursor.number(1)
        beside.append(Item(f"{path}/default", "parameter", atom.name, default, "diagnostic"))
        if scaling != _PLAIN or decimals:
            shown = (*scaling, decimals)
            beside.append(
                Item(f"{path}/scaling", "parameter", "ARRAY[5] OF DINT", shown, "diagnostic",
                     label="(value + [3]) * [0] * [2] / [1], [4] decimals")
            )  # fmt: skip
    if cursor.rest:
        raise Refused(f"{len(cursor.rest)} bytes are left behind its attributes")
    shown_only = descriptor & SHOWN_ONLY
    item = Item(
        path, "parameter", atom.name, value, "process" if shown_only else "setting",
        "read" if shown_only else "read-write", unit.strip(), name.strip(), low, high, path,
    )  # fmt: skip
    return descriptor, [item, *beside]


def _limit(atom: Atom, cursor: Cursor) -> int | float | None:
    found = decode(atom, (), cursor.take(atom.size))
    return found if isinstance(found, int | float) and not isinstance(found, bool) else None
