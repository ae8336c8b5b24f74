"""The tag database: which tags there are, where, and of what type."""

from __future__ import annotations

import math
import re
import struct

import msgspec

from goldcopy.errors import Malformed
from goldcopy.snapshot import Access, Role
from goldcopy_enip.epath import SYMBOL_CLASS, logical, symbol
from goldcopy_enip.templates import STRUCTURE, Template

_SYSTEM = 0x1000
_BASE_TAG = 1 << 26
"""Bit of the software control attribute that an alias does not have."""
READ_WRITE, READ_ONLY, NONE = 0, 2, 3
"""External Access (attribute 10)."""
ATTRIBUTES = (1, 2, 6, 8, 10)
"""Of a symbol: name, type word, software control, dimensions, External Access."""
_TAIL = struct.Struct("<HIIIIB")
_MODULE = re.compile(r":([CIOS])\d*$")
MOST_ELEMENTS = 0x200000
"""Of an array: Logix has at most two million."""


class Symbol(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One row of the symbol table."""

    program: str
    """"" for a tag of the controller."""
    name: str
    instance: int
    """Good only while the tag-database version is what it was."""
    word: int
    dims: tuple[int, ...]
    access: int
    alias: bool

    @property
    def path(self) -> str:
        """Where its items are."""
        return f"program/{self.program}/{self.name}" if self.program else f"tag/{self.name}"

    @property
    def address(self) -> str:
        """As Logix writes it."""
        return f"Program:{self.program}.{self.name}" if self.program else self.name

    def epath(self, by_instance: bool) -> bytes:
        """As a request has it."""
        scope = symbol(f"Program:{self.program}") if self.program else b""
        if by_instance:
            return scope + logical(SYMBOL_CLASS, self.instance)
        return scope + symbol(self.name)

    @property
    def template(self) -> int:
        """The number of its template; 0 for an elementary type."""
        return self.word & 0xFFF if self.word & STRUCTURE else 0

    @property
    def count(self) -> int:
        """Elements; 1 for no array."""
        return math.prod(self.dims)

    @property
    def role(self) -> Role:
        """Inputs, outputs and states of modules are process values; their :C is a setting."""
        module = _MODULE.search(self.name) if ":" in self.name else None
        return "process" if module and module[1] != "C" else "setting"

    @property
    def writable(self) -> Access:
        """Whether a restore may write it: never an alias, nor what a module gives and takes."""
        free = self.access == READ_WRITE and not self.alias and self.role == "setting"
        return "read-write" if free else "read"


class Database(msgspec.Struct, frozen=True, array_like=True):
    """All of it, as one pull finds it and the next may take it over."""

    version: tuple[int, ...]
    """What class 0xAC tells; () where it does not."""
    programs: tuple[str, ...]
    tasks: tuple[str, ...]
    routines: dict[str, tuple[str, ...]]
    """By program."""
    symbols: tuple[Symbol, ...]
    templates: dict[int, Template]


class Row(msgspec.Struct, frozen=True):
    """A symbol as it is listed, tag or not."""

    instance: int
    name: str
    word: int
    control: int
    dims: tuple[int, ...]
    access: int

    @property
    def system(self) -> bool:
        """Whether the controller made it for itself."""
        return self.word & _SYSTEM != 0 or self.name.startswith("__")

    def tag(self, program: str) -> Symbol:
        """As a tag."""
        alias = not self.control & _BASE_TAG
        return Symbol(
            program, self.name, self.instance, self.word, self.dims, self.access & 3, alias
        )


def rows(data: bytes, start: int) -> list[Row]:
    """The rows of a page. Raises ``Malformed`` if it is none, or goes back before ``start``."""
    found: list[Row] = []
    at = 0
    while at < len(data):
        length = int.from_bytes(data[at + 4 : at + 6], "little")
        tail = at + 6 + length
        if tail + _TAIL.size > len(data) or not length:
            raise Malformed("the tag list ends in the middle of a tag")
        instance = int.from_bytes(data[at : at + 4], "little")
        if instance < start:
            raise Malformed(f"the tag list goes round: {instance} comes after {start - 1}")
        name = data[at + 6 : tail].decode("latin-1")
        word, control, *dims, access = _TAIL.unpack_from(data, tail)
        rank = word >> 13 & 3
        sized = tuple(dims[:rank])
        if not _sensible(sized):
            raise Malformed(f"the tag list gives {name!r} the dimensions {sized}")
        found.append(Row(instance, name, word, control, sized, access))
        start, at = instance + 1, tail + _TAIL.size
    return found


def _sensible(dims: tuple[int, ...]) -> bool:
    return all(dims) and math.prod(dims) <= MOST_ELEMENTS
