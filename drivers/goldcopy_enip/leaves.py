"""A structure as its leaves: where each lies, what it is called, how it is decoded."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from goldcopy.errors import Refused
from goldcopy.snapshot import Value
from goldcopy_enip.templates import Member, Template, Templates
from goldcopy_enip.types import BOOL, Atom, decode, type_name

_MOST, _DEEPEST = 200_000, 16


class Leaf(NamedTuple):
    """One value in a structure."""

    path: str
    """Behind the structure's own: ``/Steps/2/Time``."""
    address: str
    """Likewise: ``.Steps[2].Time``."""
    type: str
    offset: int
    atom: Atom | None
    """None for a string."""
    dims: tuple[int, ...] = ()
    bit: int = 0
    capacity: int = 0
    """Characters of a string."""

    def value(self, data: bytes, base: int) -> Value:
        """Its value in a structure that begins at ``base``. Raises ``Refused`` for no value."""
        at = base + self.offset
        if self.atom is None:
            return string(data, at, self.capacity)
        if self.atom is BOOL and not self.dims:
            return data[at] >> self.bit & 1 != 0
        return decode(self.atom, self.dims, data, at)


def string(data: bytes, at: int, capacity: int) -> str:
    """LEN and DATA as text. Raises ``Refused`` if LEN is none."""
    length = int.from_bytes(data[at : at + 4], "little", signed=True)
    if not 0 <= length <= capacity:
        raise Refused(f"its LEN is {length}, and it has room for {capacity} characters")
    return data[at + 4 : at + 4 + length].decode("latin-1")


class Layouts:
    """The leaves of each template, worked out once."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates
        self._known: dict[int, tuple[Leaf, ...]] = {}

    def of(self, number: int) -> tuple[Leaf, ...]:
        """All leaves. Raises ``Refused`` where the template, or one within, makes no sense."""
        if number not in self._known:
            self._known[number] = tuple(self._leaves(number, _DEEPEST))
        return self._known[number]

    def _leaves(self, number: int, depth: int) -> Iterator[Leaf]:
        template = self._templates.get(number)
        if template is None:
            raise Refused(f"the template {number:#x} could not be read")
        if not depth:
            raise Refused(f"the template {template.name} contains itself")
        if template.capacity:
            if 4 + template.capacity > template.size:
                raise Refused(f"the template {template.name} lies about its size")
            yield Leaf("", "", "STRING", 0, None, capacity=template.capacity)
            return
        count = 0
        for member in template.shown():
            for leaf in self._member(template, member, depth):
                count += 1
                if count > _MOST:
                    raise Refused(f"the template {template.name} has more than {_MOST} leaves")
                yield leaf

    def _member(self, template: Template, member: Member, depth: int) -> Iterator[Leaf]:
        path, address = f"/{member.name}", f".{member.name}"
        atom, count = member.atom, math.prod(member.dims)
        if atom is not None:
            bit, offset = 0, member.offset
            if atom is BOOL:
                bit, offset = member.info % 8, offset + member.info // 8
            _check(template, member, offset + atom.size * count)
            kind = type_name(atom, member.dims)
            yield Leaf(path, address, kind, offset, atom, member.dims, bit)
            return
        if not member.is_structure:
            raise Refused(f"its member {member.name} is of the type {member.word & 0xFF:#04x}, "
                          "which this driver does not know")  # fmt: skip
        inner = self._templates.get(member.number)
        if inner is None:
            raise Refused(f"the template {member.number:#x} could not be read")
        _check(template, member, member.offset + inner.size * count)
        within = list(self._leaves(member.number, depth - 1))
        for at in range(count):
            step = (f"{path}/{at}", f"{address}[{at}]") if member.dims else (path, address)
            base = member.offset + at * inner.size
            for leaf in within:
                yield leaf._replace(
                    path=step[0] + leaf.path,
                    address=step[1] + leaf.address,
                    offset=base + leaf.offset,
                )


def _check(template: Template, member: Member, end: int) -> None:
    if end > template.size:
        raise Refused(
            f"the template {template.name} lies: {member.name} ends at {end} of {template.size} "
            "bytes"
        )
