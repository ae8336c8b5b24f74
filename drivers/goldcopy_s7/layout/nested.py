"""Tables whose structures open with STRUCT and close with END_STRUCT."""

from __future__ import annotations

from collections.abc import Sequence

from goldcopy_s7.layout import typename
from goldcopy_s7.layout.cells import Row
from goldcopy_s7.layout.declared import (
    Array,
    Bounds,
    Member,
    Struct,
    Told,
    Type,
    element,
    refuse_twins,
    segment,
)
from goldcopy_s7.layout.scanner import Scanner
from goldcopy_s7.layout.source import MAX_DEPTH


def nested(found: Sequence[Row]) -> tuple[Struct, list[Told]]:
    """The structure that the rows declare, and what they say of offsets."""
    reader = _Reader(found)
    first = found[0]
    outer = first.type.upper() == "STRUCT" and not first.name
    if outer:
        reader.next()
    body = reader.struct("", closed=outer)
    if (row := reader.next()) is not None:
        raise row.at.wrong("a row behind the last END_STRUCT", "one DB, one file")
    return body, reader.told


class _Reader:
    def __init__(self, found: Sequence[Row]) -> None:
        self._rows = iter(found)
        self._last = found[-1].at
        self._depth = 0
        self.told: list[Told] = []

    def next(self) -> Row | None:
        return next(self._rows, None)

    def struct(self, base: str, closed: bool = True) -> Struct:
        """Members up to END_STRUCT, or to the end of the table if that is what closes it."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._last.wrong(f"structures {self._depth} deep", "S7 allows 8")
        members: list[Member] = []
        while (row := self.next()) is not None and row.type.upper() != "END_STRUCT":
            members.append(self._member(row, base))
        if row is None and closed:
            raise self._last.wrong("the last structure is not closed", "END_STRUCT closes it")
        if row is not None and not closed:
            raise row.at.wrong("END_STRUCT without its STRUCT", "export the table whole")
        if row is not None and row.offset and row.offset.sign == "=":
            self.told.append(Told("size", base, base, row.offset.bits, row.at))
        if not members:
            raise self._last.wrong("a structure without members", "export the table whole")
        refuse_twins(tuple(members))
        self._depth -= 1
        return Struct(tuple(members))

    def _member(self, row: Row, base: str) -> Member:
        if not row.name:
            raise row.at.wrong("a member without a name", "export the table whole")
        name = f"{base}/{segment(row.name)}" if base else segment(row.name)
        if row.offset and row.offset.sign in ("", "+"):
            origin = base if row.offset.sign else ""
            self.told.append(Told("offset", name, origin, row.offset.bits, row.at))
        return Member(row.name, self._type(row, name), row.comment, row.at)

    def _type(self, row: Row, name: str) -> Type:
        scanner = Scanner(row.type, row.at.file, row.at.line)
        bounds: Bounds | None = None
        if scanner.skip("ARRAY"):
            bounds = typename.bounds(scanner)
            name = element(name, tuple(low for low, _ in bounds))
            if not scanner.skip("OF"):
                scanner = self._element_type(row)
        made: Struct | typename.Simple
        made = self.struct(name) if scanner.skip("STRUCT") else typename.simple(scanner)
        if (token := scanner.next()).kind != "end":
            scanner.wrong(token, "nothing more behind the type")
        return made if bounds is None else Array(bounds, made)

    def _element_type(self, array: Row) -> Scanner:
        """STEP 7 V5 gives the type of an array's elements in a row of its own, without a name."""
        row = self.next()
        if row is None or row.name:
            raise array.at.wrong("an array of nothing", "write ARRAY[1..3] OF INT")
        return Scanner(row.type, row.at.file, row.at.line)
