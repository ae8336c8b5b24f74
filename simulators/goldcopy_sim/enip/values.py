"""Values of tags as Python has them: leaf by leaf, out of the memory and into it."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from goldcopy_sim.service import Value

from .tags import Place, element, member
from .types import Atomic, Structure


def leaves(address: str, place: Place) -> Iterator[tuple[str, Place]]:
    """Every leaf below a place: atomic values, arrays of them, and strings."""
    kind = place.type
    if isinstance(kind, Atomic):
        yield address, place
    elif place.dims:
        for indices in itertools.product(*map(range, place.dims)):
            inner = element(place, indices)
            yield from leaves(f"{address}[{','.join(map(str, indices))}]", inner)
    elif kind.is_string:
        yield address, place
    else:
        for slot in kind.visible:
            yield from leaves(f"{address}.{slot.name}", member(place, slot.name))


def load(place: Place) -> tuple[str, Value]:
    """IEC type and value of a leaf."""
    kind = place.type
    if isinstance(kind, Structure):
        length = int.from_bytes(place.memory[place.offset : place.offset + 4], "little")
        start = place.offset + 4
        return "STRING", bytes(place.memory[start : start + length]).decode("latin-1")
    if kind.name == "BOOL":
        bit = place.bit or 0
        return "BOOL", bool(place.memory[place.offset] >> bit & 1)
    count = place.elements if place.dims else 1
    found = struct.unpack_from(f"<{count}{kind.format}", place.memory, place.offset)
    if kind.name == "DWORD":
        bits = tuple(bool(word >> bit & 1) for word in found for bit in range(32))
        return (f"ARRAY[{len(bits)}] OF BOOL", bits) if place.dims else ("DWORD", found[0])
    if not place.dims:
        return kind.name, found[0]
    return f"ARRAY[{','.join(map(str, place.dims))}] OF {kind.name}", found


def store(place: Place, value: object) -> None:
    """Put a value into its place: a leaf, a whole array or a whole structure.

    Raises:
        ValueError: It does not fit there.
    """
    kind = place.type
    if isinstance(kind, Atomic) and kind.name == "DWORD" and place.dims:
        _store_bits(place, cast(Sequence[bool], value))
    elif place.dims:
        flat = list(_flatten(value))
        if len(flat) != place.elements:
            raise ValueError(f"an array of {place.elements} elements takes no {len(flat)}")
        for indices, one in zip(itertools.product(*map(range, place.dims)), flat, strict=True):
            store(element(place, indices), one)
    elif isinstance(kind, Structure):
        _store_structure(place, kind, value)
    elif kind.name == "BOOL":
        bit = place.bit or 0
        place.memory[place.offset] &= ~(1 << bit) & 0xFF
        place.memory[place.offset] |= bool(value) << bit
    else:
        try:
            struct.pack_into("<" + kind.format, place.memory, place.offset, value)
        except struct.error as error:
            raise ValueError(f"{kind.name} takes no {value!r}: {error}") from None


def _store_structure(place: Place, kind: Structure, value: object) -> None:
    if isinstance(value, str):
        octets = value.encode("latin-1")
        capacity = kind.by_name["data"].length
        if len(octets) > capacity:
            raise ValueError(f"{kind.name} has room for {capacity} characters, not {len(octets)}")
        start = place.offset
        content = struct.pack("<i", len(octets)) + octets.ljust(capacity, b"\0")
        place.memory[start : start + len(content)] = content
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            store(member(place, name), inner)
    else:
        raise ValueError(f"{kind.name} takes a mapping, not {value!r}")


def _store_bits(place: Place, bits: Sequence[bool]) -> None:
    if len(bits) != 32 * place.elements:
        raise ValueError(f"an array of {32 * place.elements} BOOL takes no {len(bits)}")
    whole = sum(bool(bit) << at for at, bit in enumerate(bits))
    size = 4 * place.elements
    place.memory[place.offset : place.offset + size] = whole.to_bytes(size, "little")


def _flatten(value: object) -> Iterator[object]:
    if isinstance(value, Sequence) and not isinstance(value, str):
        for inner in value:
            yield from _flatten(inner)
    else:
        yield value
