"""Templates (class 0x6C): how the members of a structure lie (1756-PM020, "Tag Data Types")."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

import msgspec

from goldcopy.errors import Refused
from goldcopy_enip.types import ATOMS, BOOL, SINT, Atom, type_name

STRUCTURE, _DIMENSIONS, _NUMBER = 0x8000, 0x6000, 0x0FFF
UNREAD = 23
"""Bytes that the definition's size counts and that are not served."""
MOST_BYTES = 1 << 20
_MEMBER = struct.Struct("<HHI")  # array length or bit, type, offset
_OWN = ("ZZZZZZZZZZ", "__")
"""How the controller begins the names of members that it made itself."""


class Member(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One member as the template has it."""

    name: str
    word: int
    """Type word: bit 15 a structure and then its template, else a type code."""
    info: int
    """Elements of an array, or which bit a BOOL is."""
    offset: int

    @property
    def is_structure(self) -> bool:
        """Whether it has a template of its own."""
        return self.word & STRUCTURE != 0

    @property
    def number(self) -> int:
        """Of its template."""
        return self.word & _NUMBER

    @property
    def atom(self) -> Atom | None:
        """Its elementary type, if it is a known one."""
        return None if self.is_structure else ATOMS.get(self.word & 0xFF)

    @property
    def dims(self) -> tuple[int, ...]:
        """The length of an array; () is no array."""
        return (self.info,) if self.word & _DIMENSIONS and self.atom is not BOOL else ()


class Template(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One structure."""

    name: str
    handle: int
    """A checksum of the layout, which reads of such a structure bear."""
    size: int
    """Bytes of a value."""
    members: tuple[Member, ...]

    @property
    def capacity(self) -> int:
        """Characters of a string type, which is LEN and DATA; 0 for any other."""
        if len(self.members) != 2:
            return 0
        length, text = self.members
        is_text = text.atom is SINT and text.offset == 4 and text.dims
        if (length.name, text.name) != ("LEN", "DATA") or length.word != 0xC4 or not is_text:
            return 0
        return text.info

    def shown(self) -> Iterator[Member]:
        """The members that somebody declared: not the hosts whose bits are members themselves."""
        bits = {one.offset + one.info // 8 for one in self.members if one.atom is BOOL}
        for one in self.members:
            atom = one.atom
            hosts = atom is not None and atom is not BOOL and not one.dims
            if one.name.startswith(_OWN):
                continue
            if hosts and atom and not bits.isdisjoint(range(one.offset, one.offset + atom.size)):
                continue
            yield one


Templates = Mapping[int, Template]


def parse(told: tuple[int, int, int, int], data: bytes) -> Template:
    """A template from its attributes (words, size, members, handle) and its definition.

    Raises ``Refused`` if they do not fit one another.
    """
    _, size, count, handle = told
    names = data[_MEMBER.size * count :].split(b"\0")
    if len(data) < _MEMBER.size * count or len(names) <= count:
        raise Refused(
            f"its template lies: {count} members are announced, and its {len(data)} bytes hold less"
        )
    title = names[0].decode("latin-1").split(";")[0]
    if not title:
        raise Refused("its template has no name")
    members: list[Member] = []
    for at in range(count):
        info, word, offset = _MEMBER.unpack_from(data, _MEMBER.size * at)
        name = names[1 + at].decode("latin-1")
        if not name or offset >= max(size, 1):
            raise Refused(f"its template lies: a member {name!r} at {offset} of {size} bytes")
        members.append(Member(name, word, info, offset))
    if len({one.name.lower() for one in members}) != count:
        raise Refused("its template lies: two members have one name")
    return Template(title, handle, size, tuple(members))


def text(template: Template, templates: Templates) -> str:
    """The definition for people, and for comparing: a line for each member."""
    lines = [f"handle {template.handle:04x}, {template.size} bytes"]
    for one in template.members:
        if one.is_structure:
            inner = templates.get(one.number)
            kind = inner.name if inner else "a structure that could not be read"
            kind = f"ARRAY[{one.info}] OF {kind}" if one.dims else kind
        else:
            atom = one.atom
            kind = type_name(atom, one.dims) if atom else f"type {one.word & 0xFF:#04x}"
        bit = f".{one.info}" if one.atom is BOOL else ""
        lines.append(f"{one.name} : {kind} @ {one.offset}{bit}")
    return "\n".join(lines) + "\n"
