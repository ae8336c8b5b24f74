"""What a file declares: data blocks and types, as written, before any offset is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import Literal, NamedTuple

from goldcopy.errors import Wrong
from goldcopy_s7.layout.codec import Codec

Bounds = tuple[tuple[int, int], ...]
"""Lowest and highest index of each dimension."""


class Place(NamedTuple):
    """Where something stands."""

    file: str
    line: int

    def wrong(self, what: str, right: str) -> Wrong:
        """The error to raise: what is wrong here, and what would be right."""
        return Wrong(f"{self.file}:{self.line}: {what}; {right}")


@dataclass(frozen=True, slots=True)
class Elementary:
    """A type without parts."""

    codec: Codec


@dataclass(frozen=True, slots=True)
class Named:
    """A type declared elsewhere: ``"Recipe"``, ``UDT 10``."""

    key: str
    """As ``key_of`` makes it."""
    at: Place = field(compare=False)


@dataclass(frozen=True, slots=True)
class Struct:
    """Members in their order; never empty."""

    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Array:
    """Elements, row by row: the last index runs fastest."""

    bounds: Bounds
    element: Elementary | Named | Struct

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of elements in each dimension."""
        return tuple(high - low + 1 for low, high in self.bounds)

    @property
    def count(self) -> int:
        """The number of all elements."""
        return prod(self.shape)


Type = Elementary | Named | Struct | Array


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a structure."""

    name: str
    type: Type
    label: str = field(default="", compare=False)
    at: Place = field(default=Place("", 0), compare=False)


class Told(NamedTuple):
    """What a table says of a member: where it is, or how big."""

    what: Literal["offset", "size"]
    name: str
    """Its path in the DB."""
    base: str
    """Path of the structure that the offset counts from; "" for the DB itself."""
    bits: int
    at: Place


@dataclass(frozen=True, slots=True)
class Block:
    """A data block or a type."""

    kind: Literal["DATA_BLOCK", "TYPE"]
    key: str
    """As ``key_of`` makes it."""
    title: str
    """Its name as written."""
    body: Struct | Named
    at: Place = field(compare=False)
    told: tuple[Told, ...] = field(default=(), compare=False)


def key_of(name: str) -> str:
    """By what names are compared: S7 does not tell ``Mixer`` and ``MIXER`` apart."""
    return name.casefold()


def segment(name: str) -> str:
    """A member's name in a path; ``~`` stands for itself and ``/``, as in JSON Pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def element(name: str, index: tuple[int, ...]) -> str:
    """The path of one element of an array: ``recipe[3]``, ``grid[1,4]``."""
    return f"{name}[{','.join(map(str, index))}]"


def within(index: tuple[int, ...], bounds: Bounds) -> bool:
    """Whether an array with these bounds has this element."""
    return len(index) == len(bounds) and all(
        low <= i <= high for i, (low, high) in zip(index, bounds, strict=True)
    )


def refuse_twins(members: tuple[Member, ...]) -> None:
    """Raise ``Wrong`` for two members of one name."""
    seen: dict[str, Member] = {}
    for member in members:
        twin = seen.setdefault(key_of(member.name), member)
        if twin is not member:
            raise member.at.wrong(
                f"{member.name} is declared twice, first in line {twin.at.line}",
                "names in a structure differ",
            )
