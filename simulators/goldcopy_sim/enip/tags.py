"""The tag database: symbols with their memory, by name and by number, in scopes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from . import cip
from .cip import ELEMENT, SYMBOL, Refusal, Segment
from .types import ATOMIC, NONE, READ_ONLY, READ_WRITE, Structure, Type, bool_words

PROGRAM, ROUTINE, TASK, MAP, CONNECTION = 0x1068, 0x106D, 0x1070, 0x1069, 0x107E
"""Type words of the symbols that are no tags."""


@dataclass(frozen=True)
class Tag:
    """A tag as declared."""

    name: str
    type: str | Structure = "DINT"
    dims: tuple[int, ...] = ()
    """Elements in up to three dimensions; of BOOL a multiple of 32."""
    value: object = None
    """To start with: a number, a text, a sequence for an array, a mapping for a structure."""
    access: int = READ_WRITE
    alias: str = ""
    """The address it stands for; its type is then that of the target."""
    constant: bool = False
    system: bool = False
    """Made by the controller for itself."""


@dataclass(frozen=True)
class Program:
    """A program: its tags, and its routines by name."""

    name: str
    tags: Sequence[Tag] = ()
    routines: Sequence[str] = ("MainRoutine",)


class Place(NamedTuple):
    """Where a value lies."""

    memory: bytearray
    offset: int
    type: Type
    dims: tuple[int, ...] = ()
    elements: int = 1
    """From here to the end of the array."""
    bit: int | None = None
    access: int = READ_WRITE
    constant: bool = False


@dataclass
class Symbol:
    """A row of the symbol table."""

    name: str
    place: Place | None = None
    """Nothing for what is no tag."""
    word: int = 0
    """The type word of what is no tag."""
    alias: bool = False
    system: bool = False
    number: int = 0


@dataclass
class Scope:
    """The symbols of the controller, or of one program."""

    by_name: dict[str, Symbol] = field(default_factory=dict)
    by_number: dict[int, Symbol] = field(default_factory=dict)

    def add(self, symbol: Symbol) -> None:
        """Take a symbol in."""
        if symbol.name.lower() in self.by_name:
            raise ValueError(f"there are two symbols {symbol.name}")
        self.by_name[symbol.name.lower()] = symbol

    def number(self, salt: int) -> None:
        """Give the symbols numbers, in the order they came in and with holes, as edits leave."""
        at = 0
        self.by_number.clear()
        for row, symbol in enumerate(self.by_name.values()):
            at += 1 + ((row * 7 + salt * 3) % 11 == 0)
            symbol.number = at
            self.by_number[at] = symbol


class Database:
    """All scopes, and the way from a path to a place."""

    def __init__(self) -> None:
        self.controller = Scope()
        self.programs: dict[str, Scope] = {}
        self.titles: dict[str, str] = {}
        """Names of programs as written, by their names in lower case."""

    def scope(self, path: tuple[Segment, ...]) -> tuple[Scope, tuple[Segment, ...]]:
        """The scope that a path starts in, and the rest of it.

        Raises:
            Refusal: There is no such program.
        """
        first = path[0] if path else None
        if first and first.kind == SYMBOL and str(first.value).lower().startswith("program:"):
            name = str(first.value)[len("program:") :].lower()
            if name not in self.programs:
                raise Refusal(cip.BAD_PATH_SEGMENT, 0)
            return self.programs[name], path[1:]
        return self.controller, path

    def find(self, path: tuple[Segment, ...], *, numbered: bool = True) -> Place:
        """Follow a path to a value.

        Raises:
            Refusal: It leads nowhere.
        """
        scope, rest = self.scope(path)
        if not rest:
            raise Refusal(cip.BAD_PATH_SEGMENT, 0)
        if rest[0].kind == SYMBOL:
            symbol = scope.by_name.get(str(rest[0].value).lower())
            rest = rest[1:]
        elif numbered and len(rest) > 1 and rest[1].kind == cip.INSTANCE:
            symbol = scope.by_number.get(int(rest[1].value))
            rest = rest[2:]
            if symbol is None:
                raise Refusal(cip.PATH_UNKNOWN, 0)
        else:
            raise Refusal(cip.PATH_UNKNOWN, 0)
        if symbol is None or symbol.place is None:
            raise Refusal(cip.BAD_PATH_SEGMENT, 0)
        return follow(symbol.place, rest)

    def tags(self) -> Iterator[tuple[str, Place]]:
        """Every tag that is not the controller's own, by its whole name."""
        for prefix, scope in (("", self.controller), *self._program_scopes()):
            for symbol in scope.by_name.values():
                if symbol.place is not None and not symbol.system:
                    yield prefix + symbol.name, symbol.place

    def _program_scopes(self) -> Iterator[tuple[str, Scope]]:
        for name, scope in self.programs.items():
            yield f"Program:{self.titles[name]}.", scope


def follow(place: Place, steps: tuple[Segment, ...]) -> Place:
    """Go on from a tag to an element or a member.

    Raises:
        Refusal: No such member, or an index that is out of range.
    """
    at = 0
    while at < len(steps):
        if steps[at].kind == ELEMENT:
            indices = []
            while at < len(steps) and steps[at].kind == ELEMENT:
                indices.append(int(steps[at].value))
                at += 1
            place = element(place, indices)
        elif steps[at].kind == SYMBOL:
            place = member(place, str(steps[at].value))
            at += 1
        else:
            raise Refusal(cip.BAD_PATH_SEGMENT, 0)
    return place


def element(place: Place, indices: Sequence[int]) -> Place:
    """One element of an array, with those behind it."""
    if len(indices) != len(place.dims):
        raise Refusal(cip.BAD_PATH_SEGMENT, 0)
    linear = 0
    for index, size in zip(indices, place.dims, strict=True):
        if index >= size:
            raise Refusal(cip.GENERAL, cip.BEYOND_END)
        linear = linear * size + index
    offset = place.offset + linear * place.type.size
    return place._replace(offset=offset, dims=(), elements=place.elements - linear)


def member(place: Place, name: str) -> Place:
    """One member of a structure."""
    if not isinstance(place.type, Structure) or place.dims:
        raise Refusal(cip.BAD_PATH_SEGMENT, 0)
    slot = place.type.by_name.get(name.lower())
    if slot is None or slot.hidden:
        raise Refusal(cip.BAD_PATH_SEGMENT, 0)
    return place._replace(
        offset=place.offset + slot.offset,
        type=slot.type,
        dims=(slot.length,) if slot.length else (),
        elements=max(slot.length, 1),
        bit=slot.bit,
        access=stricter(place.access, slot.access),
    )


def stricter(one: int, other: int) -> int:
    """Of two External Access settings the one that allows less."""
    return next((level for level in (NONE, READ_ONLY) if level in (one, other)), READ_WRITE)


def reserve(tag: Tag) -> Place:
    """Memory for a tag."""
    kind: Type = ATOMIC[tag.type] if isinstance(tag.type, str) else tag.type
    dims = tag.dims
    if len(dims) > 3:
        raise ValueError(f"{tag.name}: Logix has three dimensions, not {len(dims)}")
    if tag.type == "BOOL" and dims:
        kind, dims = ATOMIC["DWORD"], (bool_words(dims[0]),)
    count = math.prod(dims)
    memory = bytearray(count * kind.size)
    return Place(memory, 0, kind, dims, count, access=tag.access, constant=tag.constant)


def structures(tags: Iterable[Tag]) -> Iterator[Structure]:
    """Every structure that tags use, inner ones first."""

    def inside(kind: object) -> Iterator[Structure]:
        if isinstance(kind, Structure):
            for slot in kind.slots:
                yield from inside(slot.type)
            yield kind

    for tag in tags:
        yield from inside(tag.type)


_INDEX: Final = "["


def parse_address(address: str) -> tuple[Segment, ...]:
    """``Program:Main.Recipe.Steps[2,1].Time`` as a path."""
    parts = address.split(".")
    found: list[Segment] = []
    for part in parts:
        name, _, indices = part.partition(_INDEX)
        found.append(Segment(SYMBOL, name))
        if indices:
            found += [Segment(ELEMENT, int(index)) for index in indices.rstrip("]").split(",")]
    return tuple(found)
