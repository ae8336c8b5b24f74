"""Values back to registers: only if they read back to the bit."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from math import ceil, floor
from typing import NamedTuple

from goldcopy.errors import Wrong
from goldcopy.snapshot import Value
from goldcopy_modbus.codec import Order, Sort, arranged, scaled, unscaled
from goldcopy_modbus.items import decoded
from goldcopy_modbus.register import Register

_REALS = ("REAL", "LREAL")
_NOT_OF_THIS_TYPE = (TypeError, ValueError, AttributeError, OverflowError, struct.error)


class Words(NamedTuple):
    """What the registers of one value must hold."""

    values: Sequence[int]
    own: Sequence[int]
    """For each register the bits that are the value's own; 0xFFFF, or 1 for a coil, for all."""


def encoded(register: Register, order: Order, type_: str, value: Value) -> Words:
    """What a named register must hold to be read as this; ``order`` is the device's default.

    Raises ``Wrong`` where it cannot be read so, or where that leaves open what it must hold.
    """
    for words in _candidates(register, order, value):
        if _reads_as(register, order, words, type_, value):
            return words
    raise Wrong(
        f"{register.name}: no content of its registers is read as this {type_}; nothing was "
        "written. Has its entry in the inventory changed since?"
    )


def _candidates(register: Register, order: Order, value: Value) -> Iterator[Words]:
    sort = register.sort
    if sort is None:
        if isinstance(value, bool):
            yield Words((int(value),), (1,))
        return
    own = _own(register, sort)
    try:
        for raw in _raws(register, sort, value):
            yield Words(*(_words(part, order, register, sort) for part in (raw, own)))
    except _NOT_OF_THIS_TYPE:
        return


def _words(raw: bytes, order: Order, register: Register, sort: Sort) -> tuple[int, ...]:
    raw = arranged(raw, register.order or order, sort)
    return struct.unpack(f">{len(raw) // 2}H", raw)


def _reads_as(register: Register, order: Order, words: Words, type_: str, value: Value) -> bool:
    stray = any(word & ~own for word, own in zip(*words, strict=True))
    try:
        found_type, found = decoded(register, words.values, order)
    except OverflowError:
        return False
    return found_type == type_ and _same(found, value) and not stray


def _same(one: Value, other: Value) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return struct.pack("<d", one) == struct.pack("<d", other)
    return type(one) is type(other) and one == other


def _own(register: Register, sort: Sort) -> bytes:
    """The bits of its registers, in the order ABCD, that are its own."""
    if sort.number is None:
        ones = b"\xff" * (register.bits // 8)
        if register.bits % 8:
            ones += (0xFF >> 8 - register.bits % 8).to_bytes(1, "big")
        return _filled(ones, register, sort)
    if register.bit is not None:
        return (1 << register.bit).to_bytes(sort.size, "big")
    if register.mask is not None:
        return register.mask.to_bytes(sort.size, "big")
    return sort.own or b"\xff" * sort.size


def _filled(data: bytes, register: Register, sort: Sort) -> bytes:
    """To whole registers; the bits of BITS begin with the low byte of each."""
    size = 2 * register.span.size
    if len(data) > size:
        raise ValueError(f"{len(data)} bytes, and its registers hold {size}")
    data = data.ljust(size, b"\0")
    return _swapped(data) if sort.type == "BITS" else data


def _swapped(data: bytes) -> bytes:
    return struct.pack(f">{len(data) // 2}H", *struct.unpack(f"<{len(data) // 2}H", data))


def _raws(register: Register, sort: Sort, value: Value) -> Iterator[bytes]:
    """What its bytes may be, in the order ABCD."""
    if sort.number is None:
        yield _filled(_content(value), register, sort)
    elif register.bit is not None:
        yield (int(value is True) << register.bit).to_bytes(sort.size, "big")
    else:
        for number in _numbers(register, sort, value):
            yield _raw(register, sort, number)
            if _is_scaled(register) and sort.type in _REALS:
                yield from _beside(_raw(register, sort, number))


def _raw(register: Register, sort: Sort, number: int | float) -> bytes:
    step = _step(register)
    return sort.raw(number if step == 1 else number * step)  # a NaN times 1 is another NaN


def _step(register: Register) -> int:
    return register.mask & -register.mask if register.mask else 1


def _beside(raw: bytes) -> Iterator[bytes]:
    """The floats next to it.

    Below a power of two the LREALs are twice as close. There the float that is nearest to the
    quotient may be read as another LREAL, and the one on its other side as the value.
    """
    bits = int.from_bytes(raw, "big")
    for near in (bits + 1, bits - 1):
        yield (near & (1 << 8 * len(raw)) - 1).to_bytes(len(raw), "big")


def _content(value: Value) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, tuple):
        bits = sum(bool(bit) << n for n, bit in enumerate(value))
        return bits.to_bytes((len(value) + 7) // 8, "little")
    if isinstance(value, bytes):
        return value
    raise Wrong("its content is not at hand; nothing was written")


def _numbers(register: Register, sort: Sort, value: Value) -> Iterator[int | float]:
    """What it may be before it is scaled. Raises ``Wrong`` where several integers are."""
    if not isinstance(value, int | float):
        raise TypeError(f"a {type(value).__name__} is no number")
    if not _is_scaled(register):
        yield value
    elif sort.type in _REALS:
        yield from map(float, unscaled(float(value), register.scale, register.offset))
    else:
        yield from _whole(register, sort, value)


def _is_scaled(register: Register) -> bool:
    return register.scale != 1 or register.offset != 0


def _whole(register: Register, sort: Sort, value: int | float) -> list[int]:
    """The integer that is read as this value, if there is one.

    Those that are read alike lie around the exact quotient without a hole between them. So one of
    them is next to it, or at the end of the range, and if there are several, another is next to it.
    """
    *_, exact = unscaled(float(value), register.scale, register.offset)
    scope = _scope(register, sort)
    low, high = (min(max(n, scope[0]), scope[-1]) for n in (floor(exact), ceil(exact)))
    around = (n for n in range(low - 1, high + 2) if n in scope)
    alike = [n for n in around if _is_read_as(register, n, value)]
    if len(alike) > 1:
        raise Wrong(
            f"{register.name}: several contents of its registers are read as this value, "
            "and which it was is not known; nothing was written. Drop its scale"
        )
    return alike


def _scope(register: Register, sort: Sort) -> range:
    """The integers that its registers can hold."""
    if register.mask:
        return range(register.mask // _step(register) + 1)
    ones = b"\xff" * sort.size
    bits = 8 * (sort.own or ones).count(0xFF)
    least = -(1 << bits - 1) if sort.number is not None and sort.number(ones) < 0 else 0
    return range(least, least + (1 << bits))


def _is_read_as(register: Register, number: int, value: int | float) -> bool:
    try:
        return scaled(number, register.scale, register.offset) == value
    except OverflowError:
        return False
