"""A structure's body, taken apart by the definition that this server gives for it.

The definitions belong to one session (see ``types``). A body that is not consumed to its last byte
is not taken apart at all: a wrong member is worse than an opaque value.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import NamedTuple

from .builtin import (
    DOUBLE,
    EXTENSION_OBJECT,
    INT32,
    INT64,
    LOCALIZED_TEXT,
    STRING,
    UINT32,
    Body,
    Data,
    NodeId,
)
from .codec import Reader, Undecodable

_DEEPEST = 32


class Field(NamedTuple):
    """One member (OPC 10000-3, 8.49)."""

    name: str
    type: NodeId
    rank: int = -1
    optional: bool = False


class Structure(NamedTuple):
    """A structure or union type (OPC 10000-3, 8.48; encoded as OPC 10000-6, 5.2.6 to 5.2.8)."""

    encoding: NodeId
    fields: tuple[Field, ...]
    union: bool = False


class Leaf(NamedTuple):
    """One value within a structure."""

    steps: tuple[str | int, ...]
    """Member names and, in arrays of structures, 0-based indexes."""
    data: Data


class Located(NamedTuple):
    """A leaf, and the bytes of the body that hold it, with the length of an array."""

    leaf: Leaf
    start: int
    end: int


Kinds = Callable[[NodeId], int | Structure]
"""What a data type is on the wire; raises ``Undecodable`` for one that is not known."""


def leaves(body: Body, structure: Structure, kinds: Kinds) -> list[Leaf]:
    """Every value in a body. Raises ``Undecodable`` unless all of it is understood."""
    return [one.leaf for one in located(body, structure, kinds)]


def located(body: Body, structure: Structure, kinds: Kinds) -> list[Located]:
    """As ``leaves``, each with its place."""
    if body.form != 1 or body.body is None:
        raise Undecodable("not a binary body")
    reader = Reader(body.body)
    found: list[Located] = []
    _structure(reader, structure, kinds, (), found)
    reader.finish()
    return found


def _structure(
    reader: Reader,
    structure: Structure,
    kinds: Kinds,
    steps: tuple[str | int, ...],
    found: list[Located],
) -> None:
    if len(steps) > _DEEPEST:
        raise Undecodable("nested too deeply")
    for field in _present(reader, structure):
        _field(reader, field, kinds, (*steps, field.name), found)


def _present(reader: Reader, structure: Structure) -> tuple[Field, ...]:
    """The fields that this body holds: all, the optional ones by mask, or one of a union."""
    fields = structure.fields
    if structure.union:
        chosen = reader.number(UINT32)
        if chosen > len(fields):
            raise Undecodable(f"member {chosen} of a union of {len(fields)}")
        return fields[chosen - 1 : chosen] if chosen else ()
    optional = [field for field in fields if field.optional]
    if not optional:
        return fields
    mask = reader.number(UINT32)
    if mask >> len(optional):
        raise Undecodable("a mask names more optional members than there are")
    absent = {field.name for bit, field in enumerate(optional) if not mask >> bit & 1}
    return tuple(field for field in fields if field.name not in absent)


def _field(
    reader: Reader, field: Field, kinds: Kinds, steps: tuple[str | int, ...], found: list[Located]
) -> None:
    kind, start = kinds(field.type), reader.pos
    shape: tuple[int, ...] | None = None
    if field.rank == 1:
        shape = (max(0, reader.count()),)
    elif field.rank > 1:  # dimensions first, then the elements (OPC 10000-6, 5.2.5)
        dimensions = reader.elements(INT32, max(0, reader.count()))
        shape = tuple(n for n in dimensions if isinstance(n, int))
        if any(n < 0 for n in shape) or prod(shape) > len(reader.data) - reader.pos:
            raise Undecodable(f"dimensions {shape} go beyond the body")
    elif field.rank != -1:
        raise Undecodable(f"a member of value rank {field.rank}")
    if isinstance(kind, int):
        if shape is None:
            data = Data(kind, reader.element(kind))
        else:
            data = Data(kind, reader.elements(kind, prod(shape)), shape)
        found.append(Located(Leaf(steps, data), start, reader.pos))
    elif shape is None:
        _structure(reader, kind, kinds, steps, found)
    elif shape in ((0,), ()):
        nothing = Leaf(steps, Data(EXTENSION_OBJECT, (), (0,)))
        found.append(Located(nothing, start, reader.pos))
    else:
        for index in range(prod(shape)):
            _structure(reader, kind, kinds, (*steps, index), found)


def _standard(*fields: tuple[str, int], encoding: int) -> Structure:
    made = tuple(Field(name, NodeId(0, kind)) for name, kind in fields)
    return Structure(NodeId(0, encoding), made)


RANGE, EU_INFORMATION, ENUM_VALUE = NodeId(0, 886), NodeId(0, 889), NodeId(0, 8251)

STANDARD = {
    RANGE: _standard(("Low", DOUBLE), ("High", DOUBLE), encoding=886),
    EU_INFORMATION: _standard(
        ("NamespaceUri", STRING),
        ("UnitId", INT32),
        ("DisplayName", LOCALIZED_TEXT),
        ("Description", LOCALIZED_TEXT),
        encoding=889,
    ),
    ENUM_VALUE: _standard(
        ("Value", INT64),
        ("DisplayName", LOCALIZED_TEXT),
        ("Description", LOCALIZED_TEXT),
        encoding=8251,
    ),
}
"""By encoding: structures of properties, which small servers use without describing them
(OPC 10000-8, 5.6.2 and 5.6.4.3; OPC 10000-3, 8.40)."""
