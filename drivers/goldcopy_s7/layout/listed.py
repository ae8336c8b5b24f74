"""Tables in which every row has its whole name: ``Motor.Speed``, ``Axis[2].Pos``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import prod

from goldcopy_s7.layout import typename
from goldcopy_s7.layout.cells import Row
from goldcopy_s7.layout.declared import (
    Array,
    Bounds,
    Elementary,
    Member,
    Place,
    Struct,
    Told,
    Type,
    element,
    key_of,
    segment,
    within,
)
from goldcopy_s7.layout.scanner import Scanner
from goldcopy_s7.layout.source import MAX_DEPTH

Index = tuple[int, ...]
_ONE = r'(?:"[^"]+"|[^."\[\]]+)'
_AT = r"\[ *-?[0-9]{1,10} *(?:, *-?[0-9]{1,10} *)*\]"
_NAME = re.compile(rf"{_ONE}(?:{_AT})*(?:\.{_ONE}(?:{_AT})*)*")
_PART = re.compile(rf"(?P<name>{_ONE})|(?P<index>{_AT})")


@dataclass(slots=True)
class _Node:
    """What the rows say of one name: its own row, its members, its elements."""

    name: str
    at: Place
    row: Row | None = None
    members: dict[str, _Node] = field(default_factory=dict)
    elements: dict[Index, _Node] = field(default_factory=dict)


def listed(found: Sequence[Row]) -> tuple[Struct, list[Told]]:
    """The structure that the rows declare, and what they say of offsets."""
    root = _Node("", found[0].at)
    told: list[Told] = []
    for row in found:
        path, node = _place(root, row)
        if node.row is not None:
            raise row.at.wrong(
                f"{row.name} is there twice, first in line {node.row.at.line}",
                "every row has its whole name, as Motor.Speed",
            )
        node.row = row
        if row.offset:
            if row.offset.sign:
                raise row.at.wrong(
                    f"an offset with {row.offset.sign}, but no END_STRUCT", "export it all"
                )
            told.append(Told("offset", path, "", row.offset.bits, row.at))
    return Struct(_members(root)), told


def _place(root: _Node, row: Row) -> tuple[str, _Node]:
    """The node that a row's name leads to, and its path."""
    node, path, depth = root, "", 0
    for part in _parts(row):
        depth += 1
        if isinstance(part, str):
            path = f"{path}/{segment(part)}" if path else segment(part)
            node = node.members.setdefault(key_of(part), _Node(part, row.at))
        else:
            path = element(path, part)
            node = node.elements.setdefault(part, _Node("", row.at))
    if depth > 2 * MAX_DEPTH:
        raise row.at.wrong(f"structures {depth} deep", "S7 allows 8")
    return path, node


def _parts(row: Row) -> Iterable[str | Index]:
    """``Axis[2].Pos`` is Axis, (2,), Pos."""
    parts: list[str | Index] = []
    if _NAME.fullmatch(row.name):
        for match in _PART.finditer(row.name):
            if match["name"]:
                parts.append(match["name"].strip('"').strip())
            else:
                parts.append(tuple(map(int, match["index"][1:-1].split(","))))
    if not parts or not all(parts):
        raise row.at.wrong(
            f"the name {row.name!a} cannot be read", 'write Motor.Speed, Axis[2].Pos, "odd.name"'
        )
    return parts


def _members(node: _Node) -> tuple[Member, ...]:
    return tuple(
        Member(one.name, _type(one), one.row.comment if one.row else "", one.at)
        for one in node.members.values()
    )


def _type(node: _Node) -> Type:
    """The type of a node by its row, or by what is below it."""
    bounds, simple, struct = _told_type(node.row) if node.row else (None, None, False)
    if node.elements and node.members:
        raise node.at.wrong(f"{node.name} has both members and elements", "it is one of both")
    if node.elements or bounds:
        return _array(node, bounds, simple)
    if isinstance(simple, Elementary):
        if node.members and simple.codec.name != "DTL":
            raise node.at.wrong(f"{simple.codec.name} has no members", "correct the data type")
        return simple
    if node.members:
        return Struct(_members(node))
    if simple is None:
        raise node.at.wrong(
            "a structure without members" if struct else "no data type",
            "every row has its whole name, as Motor.Speed, and its data type",
        )
    return simple


def _told_type(row: Row) -> tuple[Bounds | None, typename.Simple | None, bool]:
    """Bounds if it is an array, its type if that has a name, whether it is a STRUCT."""
    if not row.type:
        return None, None, False
    scanner = Scanner(row.type, row.at.file, row.at.line)
    bounds = None
    if scanner.skip("ARRAY"):
        bounds = typename.bounds(scanner)
        scanner.expect("OF", "the indexes")
    struct = scanner.skip("STRUCT")
    simple = None if struct else typename.simple(scanner)
    if (token := scanner.next()).kind != "end":
        scanner.wrong(token, "nothing more behind the type")
    return bounds, simple, struct


def _array(node: _Node, bounds: Bounds | None, simple: typename.Simple | None) -> Array:
    kinds = [_type(one) for one in node.elements.values()]
    if bounds is None:
        bounds = _box(node)
    made: Type | None = kinds[0] if kinds else simple
    if isinstance(simple, Elementary):
        made = simple
    if made is None or isinstance(made, Array):
        raise node.at.wrong(f"{node.name} is an array of nothing", "write Array[1..3] of Int")
    for (index, one), kind in zip(node.elements.items(), kinds, strict=True):
        if not within(index, bounds):
            raise one.at.wrong(f"{node.name} has no such element", "correct its bounds")
        if kind != made:
            raise one.at.wrong(
                f"{node.name} has elements of two types", "the elements of an array are alike"
            )
    return Array(bounds, made)


def _box(node: _Node) -> Bounds:
    """The indexes of an array without a row of its own: none may be missing."""
    indexes = list(node.elements)
    if len({len(index) for index in indexes}) == 1:
        bounds = tuple((min(axis), max(axis)) for axis in zip(*indexes, strict=True))
        if prod(high - low + 1 for low, high in bounds) == len(indexes):
            return bounds
    raise node.at.wrong(
        f"{node.name} lacks some of its elements", "export them all, or the array's own row"
    )
