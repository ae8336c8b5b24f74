"""A controller after a reset to the values that it left the factory with."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from .codec import Body, Data, Kind, Scalar, Text
from .model import Model
from .structures import leaves, replace
from .variable import WRITE, Variable


def wipe(model: Model) -> None:
    """Everything that can be written is zero or empty; an array keeps its length."""
    for variable in model.variables.values():
        if variable.access & WRITE and variable.data.value is not None:
            variable.put(_wiped(variable), variable.status)


def _wiped(variable: Variable) -> Data:
    kind, _, shape = variable.data
    many: list[Scalar] = []
    for one in variable.data.scalars:
        structure = variable.structure
        if structure is None or not isinstance(one, Body):
            empty = Body(one.encoding, bytes(len(one.body))) if isinstance(one, Body) else None
            many.append(empty or zero(kind, one))
            continue
        held = structure.unpack(one.body)
        for leaf in list(leaves(structure, held)):
            value = leaf.value
            if isinstance(value, list):
                replace(held, leaf.path, [zero(leaf.kind, cast(Scalar, one)) for one in value])
            elif value is not None:
                replace(held, leaf.path, zero(leaf.kind, value))
        many.append(structure.value(held))
    return Data(kind, tuple(many) if shape is not None else many[0], shape)


def zero(kind: Kind, before: Scalar) -> Scalar:
    """What a value is after a reset; a text keeps its locale."""
    match kind:
        case Kind.Boolean:
            return False
        case Kind.Float | Kind.Double:
            return 0.0
        case Kind.String | Kind.XmlElement:
            return ""
        case Kind.ByteString:
            return b""
        case Kind.LocalizedText:
            return Text("", before.locale if isinstance(before, Text) else None)
        case Kind.Guid:
            return UUID(int=0)
        case Kind.NodeId | Kind.ExpandedNodeId | Kind.QualifiedName:
            return before
    return 0
