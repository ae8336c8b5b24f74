"""Where everything is: the offsets of a standard (not optimized) data block.

The rules of STEP 7, as a compiler applies them:

- A BOOL takes the next bit. BYTE, CHAR, SINT and USINT take the next byte, all else the next even
  one: arrays, structures, strings and whatever is wider than a byte.
- Behind an array and behind a structure the next member begins at an even byte, and the size of a
  structure is even. Behind a STRING of odd size it does not: a BYTE may follow in the odd byte.
- Elements of a byte lie close, wider ones begin at even bytes (``STRING[5]`` has 7, and takes 8).
  BOOLs lie close too, but each row of the last dimension begins with a byte of its own:
  ``ARRAY[1..2,1..3] OF BOOL`` has bytes 0 and 1. No row is brought to an even byte.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import NamedTuple

from goldcopy_s7.layout.declared import (
    Array,
    Block,
    Elementary,
    Member,
    Named,
    Struct,
    Type,
    element,
    segment,
)
from goldcopy_s7.layout.source import MAX_DEPTH

MAX_SIZE = 65536
"""Bytes of the largest standard DB."""
MAX_LEAVES = 100_000
"""A DB of nothing but single BOOLs could have five times as many; none that people made has."""


class Grid(NamedTuple):
    """How the elements of an array lie, in bits."""

    total: int
    """The number of elements."""
    row: int
    """Those of a row."""
    stride: int
    pitch: int
    """From row to row."""

    def at(self, n: int) -> int:
        """Where element ``n`` begins, counted from the array's start."""
        row, column = divmod(n, self.row)
        return row * self.pitch + column * self.stride

    @property
    def bits(self) -> int:
        """All of it, what pads the last element included."""
        return self.at(self.total - 1) + self.stride


class Size(NamedTuple):
    """How big a type is."""

    bits: int
    leaves: int
    depth: int = 0
    """Structures within it, one in the other."""


class Spot(NamedTuple):
    """One member, or one element, at its place in the DB."""

    name: str
    start: int
    """In bits from the start of the DB."""
    type: Type
    label: str


def even(bits: int) -> int:
    """The next even byte, unless this is one."""
    return (bits + 15) // 16 * 16


class Shaper:
    """Sizes and places of one DB, each structure measured once."""

    def __init__(self, types: Mapping[str, Block]) -> None:
        self._types = types
        self._sizes: dict[int, Size] = {}
        self._starts: dict[int, list[int]] = {}
        self._open: list[str] = []
        self._depth = 0

    def struct_of(self, type_: Struct | Named) -> Struct:
        """The structure that a name stands for. Raises ``Wrong`` if no file declares it."""
        if isinstance(type_, Struct):
            return type_
        block = self._types.get(type_.key)
        if block is None:
            raise type_.at.wrong(
                f"no type {type_.key} is declared in any file given", _remedy(type_.key)
            )
        return self.struct_of(block.body)

    def size(self, type_: Type) -> Size:
        """The size of a type. Raises ``Wrong`` for one that cannot be."""
        if isinstance(type_, Elementary):
            return Size(type_.codec.bits, 1)
        if isinstance(type_, Array):
            inner = self.size(type_.element)
            leaves = 1 if isinstance(type_.element, Elementary) else inner.leaves * type_.count
            return Size(self.grid(type_).bits, leaves, inner.depth)
        if not isinstance(type_, Named):
            return self._struct_size(type_)
        if type_.key in self._open:
            raise type_.at.wrong(
                f"the type {type_.key} holds itself ({' > '.join([*self._open, type_.key])})",
                "a type holds other types only",
            )
        self._open.append(type_.key)
        size = self._struct_size(self.struct_of(type_))
        self._open.pop()
        return size

    def grid(self, array: Array) -> Grid:
        """How the elements of an array lie."""
        bits, count, row = self.size(array.element).bits, array.count, array.shape[-1]
        if bits == 1 and len(array.shape) > 1:
            return Grid(count, row, 1, (row + 7) // 8 * 8)
        stride = bits if bits <= 8 else even(bits)
        return Grid(count, count, stride, count * stride)

    def spots(self, struct: Struct, name: str = "", start: int = 0) -> Iterator[Spot]:
        """All members with all of theirs, in order; a structure comes before its members."""
        self._struct_size(struct)
        for member, offset in zip(struct.members, self._starts[id(struct)], strict=True):
            path = f"{name}/{segment(member.name)}" if name else segment(member.name)
            yield from self._spots(Spot(path, start + offset, member.type, member.label))

    def _spots(self, spot: Spot) -> Iterator[Spot]:
        yield spot
        type_ = spot.type
        if isinstance(type_, Struct | Named):
            yield from self.spots(self.struct_of(type_), spot.name, spot.start)
        elif isinstance(type_, Array) and not isinstance(type_.element, Elementary):
            grid = self.grid(type_)
            for n, index in enumerate(product(*(range(lo, hi + 1) for lo, hi in type_.bounds))):
                path = element(spot.name, index)
                yield from self._spots(Spot(path, spot.start + grid.at(n), type_.element, ""))

    def _struct_size(self, struct: Struct) -> Size:
        size = self._sizes.get(id(struct)) or self._measured(struct)
        if self._depth + size.depth > MAX_DEPTH:
            raise struct.members[0].at.wrong(f"structures {MAX_DEPTH + 1} deep", "S7 allows 8")
        return size

    def _measured(self, struct: Struct) -> Size:
        if self._depth >= MAX_DEPTH:
            raise struct.members[0].at.wrong(f"structures {MAX_DEPTH + 1} deep", "S7 allows 8")
        self._depth += 1
        starts: list[int] = []
        end = leaves = depth = 0
        for member in struct.members:
            size = self.size(member.type)
            start = _aligned(end, member.type, size)
            end = start + size.bits
            if not isinstance(member.type, Elementary):
                end = even(end)
            leaves += size.leaves
            depth = max(depth, size.depth)
            _refuse_huge(member, end, leaves)
            starts.append(start)
        self._depth -= 1
        self._starts[id(struct)] = starts
        made = Size(even(end), leaves, depth + 1)
        self._sizes[id(struct)] = made
        return made


def _aligned(end: int, type_: Type, size: Size) -> int:
    if isinstance(type_, Elementary) and size.bits <= 8:
        return end if size.bits == 1 else (end + 7) // 8 * 8
    return even(end)


def _refuse_huge(member: Member, end: int, leaves: int) -> None:
    if end > 8 * MAX_SIZE:
        raise member.at.wrong(
            f"{member.name} would end at byte {end // 8}", f"a standard DB has {MAX_SIZE} at most"
        )
    if leaves > MAX_LEAVES:
        raise member.at.wrong(
            f"with {member.name} the DB has {leaves} members",
            f"more than {MAX_LEAVES} are not taken: read this DB without a layout",
        )


def _remedy(key: str) -> str:
    if key.startswith(("fb ", "sfb ")):
        return "it is an instance DB of a function block: export it as a table (CSV)"
    return "give the file with its TYPE as well"
