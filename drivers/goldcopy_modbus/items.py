"""A named register's item, of what its area holds."""

from __future__ import annotations

from collections.abc import Sequence

from goldcopy.snapshot import Gap, Item, Value
from goldcopy_modbus.codec import Order, arranged, scaled, sequence
from goldcopy_modbus.content import Content
from goldcopy_modbus.register import Register


def named(register: Register, content: Content, order: Order) -> Item | Gap:
    """The item of a named register; ``order`` is the device's default."""
    span = register.span
    words = content.words(span)
    if len(words) < span.size:
        return Gap(register.name, content.why(span))
    try:
        type_, value = decoded(register, words, order)
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


def decoded(register: Register, words: Sequence[int], order: Order) -> tuple[str, Value]:
    """Type and value, of all its registers; ``order`` is the device's default.

    Raises ``OverflowError`` if scaling takes it out of the range of an LREAL.
    """
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
