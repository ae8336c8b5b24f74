"""What was read, as items and gaps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from goldcopy.snapshot import Gap, Item, Value
from goldcopy_modbus.area import Area
from goldcopy_modbus.codec import Order, arranged, scaled, sequence
from goldcopy_modbus.reader import Content, Hole
from goldcopy_modbus.register import Register
from goldcopy_modbus.spans import Span, common, union


def raw(area: Area, wanted: Iterable[Span], content: Content) -> list[Item | Gap]:
    """Each address of ``wanted`` that was read is an item; a run of others is one gap."""
    runs = union(wanted)
    values = content.values
    name, kind, type_, role, access = area.name, area.kind, area.type, area.role, area.access
    items: list[Item | Gap] = [
        Item(path, kind, type_, value, role, access, "", "", None, None, path)
        for run in runs
        for address in range(*run)
        if (value := values.get(address)) is not None
        for path in [f"{name}/{address}"]
    ]
    if runs and content.absent:
        return [Gap(name, content.absent)]
    gaps = [
        Gap(f"{name}/{part}", hole.why)
        for hole in _merged(content.holes)
        for part in common(runs, hole.span)
    ]
    return [*items, *gaps]


def _merged(holes: Iterable[Hole]) -> Iterator[Hole]:
    """Neighbours with one reason are one hole."""
    for why in sorted({hole.why for hole in holes}):
        yield from (Hole(span, why) for span in union(h.span for h in holes if h.why == why))


def named(register: Register, content: Content, order: Order) -> Item | Gap:
    """The item of a named register; ``order`` is the device's default."""
    words = [content.values.get(address) for address in range(*register.span)]
    if None in words:
        return Gap(register.name, content.absent or _why(register.span, content.holes))
    try:
        type_, value = _decoded(register, [word for word in words if word is not None], order)
    except OverflowError:
        return Gap(register.name, "its scale takes the value out of the range of an LREAL")
    writes = register.writes
    return Item(
        register.name,
        "parameter",
        type_,
        value,
        register.role or ("setting" if register.place.table in ("holding", "coil") else "process"),
        "read-write" if writes else "read",
        register.unit,
        register.label,
        register.min,
        register.max,
        f"{register.place.table}/{register.place.address}",
    )


def _why(span: Span, holes: Iterable[Hole]) -> str:
    return next(hole.why for hole in holes if common([hole.span], span))


def _decoded(register: Register, words: Sequence[int], order: Order) -> tuple[str, Value]:
    sort = register.sort
    if sort is None:
        return "BOOL", bool(words[0])
    raw = b"".join(word.to_bytes(2, "big") for word in words)
    raw = arranged(raw, register.order or order, sort)
    if sort.number is None:
        return sequence(sort.type, raw, register.length or 0)
    return _refined(register, sort.type, sort.number(raw))


def _refined(register: Register, type_: str, value: int | float) -> tuple[str, Value]:
    """One bit of it, some bits, or scaled."""
    if register.bit is not None:
        return "BOOL", bool(int(value) >> register.bit & 1)
    if register.mask is not None:
        value = (int(value) & register.mask) // (register.mask & -register.mask)
    if register.scale == 1 and register.offset == 0:
        return type_, value
    return "LREAL", scaled(value, register.scale, register.offset)
