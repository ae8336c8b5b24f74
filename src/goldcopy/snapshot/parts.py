"""Which parts of one value moved: elements of an array, bytes at their offsets."""

from __future__ import annotations

from typing import NamedTuple

from goldcopy.snapshot.model import Item
from goldcopy.snapshot.values import Value, array_of, to_json


class Part(NamedTuple):
    """A part of a value that is not as it was."""

    where: str
    """``[7]`` is an element, 0-based in the flat order of the array; ``12`` a byte, ``12..15`` a
    run of bytes, ``12.3`` a single bit."""
    type: str
    old: Value | None
    """None: there is no such part on this side."""
    new: Value | None


def elements(old: Item, new: Item) -> list[Part]:
    """The elements that differ between two arrays; [] if either is no array."""
    before, after = old.value, new.value
    old_type, new_type = array_of(old.type), array_of(new.type)
    if old_type is None or new_type is None:
        return []
    assert isinstance(before, tuple)
    assert isinstance(after, tuple)
    found = []
    for index in range(max(len(before), len(after))):
        one = before[index] if index < len(before) else None
        other = after[index] if index < len(after) else None
        if _text(old_type[1], one) != _text(new_type[1], other):
            found.append(Part(f"[{index}]", new_type[1], one, other))
    return found


def bytewise(old: bytes, new: bytes) -> list[Part]:
    """The runs of bytes that differ, by offset; a byte of which one bit moved is that bit."""
    size = min(len(old), len(new))
    found: list[Part] = []
    start = 0
    while start < size:
        if old[start] == new[start]:
            start += 1
            continue
        end = start
        while end < size and old[end] != new[end]:
            end += 1
        found.append(_run(old, new, start, end))
        start = end
    if len(old) != len(new):
        gone, come = old[size:] or None, new[size:] or None
        found.append(Part(_span(size, max(len(old), len(new))), "BYTES", gone, come))
    return found


def _run(old: bytes, new: bytes, start: int, end: int) -> Part:
    moved = old[start] ^ new[start]
    if end == start + 1 and moved.bit_count() == 1:
        bit = moved.bit_length() - 1
        return Part(f"{start}.{bit}", "BOOL", bool(old[start] & moved), bool(new[start] & moved))
    return Part(_span(start, end), "BYTES", old[start:end], new[start:end])


def _span(start: int, end: int) -> str:
    return str(start) if end == start + 1 else f"{start}..{end - 1}"


def _text(type_name: str, value: Value | None) -> object:
    return None if value is None else (type_name, to_json(type_name, value))
