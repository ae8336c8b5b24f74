"""What one controller holds: its nodes, its variables, its files.

The nodes are described once, when the controller is made, and entered into a server's address
space each time it starts. The variables' values live here and nowhere else.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, TypedDict, Unpack, cast
from uuid import UUID

from asyncua import ua
from asyncua.server.internal_server import InternalServer
from asyncua.ua.uaprotocol_hand import DataTypeAttributes

from ..service import Value
from . import text
from .codec import Data, Kind
from .files import METHODS, File
from .ids import UA, AttributeIds, ObjectIds, StatusCodes, standard
from .structures import Structure
from .variable import READ, Variable

Ids = ObjectIds


class Build(NamedTuple):
    """What BuildInfo says of the server (OPC 10000-5, 12.4)."""

    product_uri: str
    manufacturer: str
    product: str
    software: str
    number: str
    date: datetime


class Traits(TypedDict, total=False):
    """What a variable may be, besides a readable one of a built-in type."""

    data_type: ua.NodeId | None
    structure: Structure | None
    type_definition: int
    access: int
    secret: bool
    status: int
    display: str


class Live(NamedTuple):
    """A process value that moves by itself, between two bounds."""

    variable: Variable
    low: float
    high: float


class Model:
    """The nodes of one controller.

    ``uris`` is its namespace table: the standard's own, the application's, then any others.
    """

    def __init__(self, uris: Sequence[str], build: Build) -> None:
        assert uris[0] == UA
        self.uris = tuple(uris)
        self.build = build
        self.started = text.now()
        self.live: list[Live] = []
        self._random = random.Random(uris[1])
        self.variables: dict[ua.NodeId, Variable] = {}
        self.files: dict[ua.NodeId, File] = {}
        self.fragile: Variable | None = None
        """The variable that the fault ``undecodable-value`` strikes."""
        self._nodes: list[ua.AddNodesItem] = []
        self._links: list[ua.AddReferencesItem] = []
        self._dropped: list[ua.NodeId] = []

    def id(self, uri: str, identifier: int | str | bytes | UUID) -> ua.NodeId:
        """A NodeId in the namespace ``uri``."""
        return ua.NodeId(identifier, self.uris.index(uri))  # type: ignore[arg-type]

    def name(self, uri: str, name: str) -> ua.QualifiedName:
        """A BrowseName in the namespace ``uri``."""
        return ua.QualifiedName(name, self.uris.index(uri))

    def node(
        self,
        parent: ua.NodeId,
        node: ua.NodeId,
        name: ua.QualifiedName,
        attributes: ua.NodeAttributes,
        *,
        reference: int = Ids.HasComponent,
        type_definition: ua.NodeId | None = None,
        display: str = "",
    ) -> ua.NodeId:
        """Describe a node below ``parent``; returns its id."""
        attributes.DisplayName = ua.LocalizedText(display or name.Name)
        kind = type(attributes).__name__.removesuffix("Attributes")
        self._nodes.append(
            ua.AddNodesItem(
                ParentNodeId=cast(ua.ExpandedNodeId, parent),
                ReferenceTypeId=standard(reference),
                RequestedNewNodeId=cast(ua.ExpandedNodeId, node),
                BrowseName=name,
                NodeClass=ua.NodeClass[kind],
                NodeAttributes=attributes,
                TypeDefinition=cast(ua.ExpandedNodeId, type_definition or ua.NodeId()),
            )
        )
        return node

    def object(
        self,
        parent: ua.NodeId,
        node: ua.NodeId,
        name: ua.QualifiedName,
        type_definition: ua.NodeId | int = Ids.BaseObjectType,
        reference: int = Ids.HasComponent,
    ) -> ua.NodeId:
        """Describe an object."""
        kind = standard(type_definition) if isinstance(type_definition, int) else type_definition
        attributes = ua.ObjectAttributes()
        return self.node(parent, node, name, attributes, reference=reference, type_definition=kind)

    def variable(
        self,
        parent: ua.NodeId,
        node: ua.NodeId,
        name: ua.QualifiedName,
        data: Data,
        **traits: Unpack[Traits],
    ) -> Variable:
        """Describe a variable and give it its value; a null still says of which kind."""
        structure = traits.get("structure")
        role = traits.get("type_definition", Ids.BaseDataVariableType)
        made = Variable(
            node,
            data,
            data.kind,
            structure,
            traits.get("access", READ),
            traits.get("secret", False),
            traits.get("status", StatusCodes.Good),
            self.started,
        )
        data_type = structure.data_type if structure else standard(data.kind)
        attributes = ua.VariableAttributes(
            Value=ua.Variant(),
            DataType=traits.get("data_type") or data_type,
            ValueRank=ua.Int32(made.rank),
            ArrayDimensions=[ua.UInt32(n) for n in data.shape] if data.shape else None,  # type: ignore[arg-type]
            AccessLevel=ua.Byte(made.access),
        )
        reference = Ids.HasProperty if role == Ids.PropertyType else Ids.HasComponent
        self.node(
            parent,
            node,
            name,
            attributes,
            reference=reference,
            type_definition=standard(role),
            display=traits.get("display", ""),
        )
        self.variables[node] = made
        return made

    def structure(self, parent: ua.NodeId, name: ua.QualifiedName, made: Structure) -> Structure:
        """Describe a structure type: its DataType, its binary encoding."""
        attributes = DataTypeAttributes(IsAbstract=False)
        if made.published:
            attributes.DataTypeDefinition = made.definition()  # type: ignore[assignment]
        else:
            self._dropped.append(made.data_type)
        self.node(parent, made.data_type, name, attributes, reference=Ids.HasSubtype)
        self.object(
            made.data_type,
            made.encoding,
            ua.QualifiedName("Default Binary"),
            Ids.DataTypeEncodingType,
            Ids.HasEncoding,
        )
        return made

    def file(
        self, parent: ua.NodeId, node: ua.NodeId, name: ua.QualifiedName, content: bytes
    ) -> File:
        """Describe a file. Its methods are those of FileType itself."""
        self.object(parent, node, name, Ids.FileType)

        def member(label: str, data: Data) -> Variable:
            member_id = ua.NodeId(
                ua.String(f"{cast(str, node.Identifier)}.{label}"), node.NamespaceIndex
            )
            qualified = ua.QualifiedName(label)
            return self.variable(node, member_id, qualified, data, type_definition=Ids.PropertyType)

        size = member("Size", Data(Kind.UInt64, len(content)))
        member("Writable", Data(Kind.Boolean, False))
        member("UserWritable", Data(Kind.Boolean, False))
        made = File(content, size, member("OpenCount", Data(Kind.UInt16, 0)))
        for method in METHODS:
            self._link(node, Ids.HasComponent, standard(method), forward=True)
        self.files[node] = made
        return made

    def link(self, source: ua.NodeId, reference: int, target: ua.NodeId) -> None:
        """Describe one more reference, both ways; it may close a loop."""
        self._link(source, reference, target, forward=True)
        self._link(target, reference, source, forward=False)

    def _link(self, source: ua.NodeId, kind: int, target: ua.NodeId, *, forward: bool) -> None:
        self._links.append(
            ua.AddReferencesItem(
                SourceNodeId=source,
                ReferenceTypeId=standard(kind),
                IsForward=forward,
                TargetNodeId=cast(ua.ExpandedNodeId, target),
            )
        )

    def enter(self, server: InternalServer) -> None:
        """Enter every node and reference into the address space of a server."""
        nodes = [dataclasses.replace(item) for item in self._nodes]
        for item, added in zip(nodes, server.node_mgt_service.add_nodes(nodes), strict=True):
            if not added.StatusCode.is_good():
                raise ValueError(f"{item.RequestedNewNodeId}: {added.StatusCode.name}")
        for status in server.node_mgt_service.add_references(self._links):
            status.check()
        for node in self._dropped:
            del server.aspace[node].attributes[AttributeIds.DataTypeDefinition]

    def values(self) -> Iterator[tuple[str, tuple[str, Value]]]:
        """Address -> IEC type and value; the members of a structure follow a ``#``."""
        for node, variable in self.variables.items():
            for suffix, told in variable.told(self.uris):
                yield text.address(node, self.uris) + suffix, told
        for node, file in self.files.items():
            yield text.address(node, self.uris), ("BYTES", file.content)

    def hidden(self) -> Iterator[tuple[str, str]]:
        """Address -> status code, of every variable whose value nobody can read."""
        for node, variable in self.variables.items():
            refusal = variable.refusal("engineer")
            if refusal:
                yield text.address(node, self.uris), ua.StatusCode(ua.UInt32(refusal)).name

    def tick(self) -> None:
        """Let every process value take one step, a hundredth of its span at most."""
        for variable, low, high in self.live:
            step = (high - low) / 100 * self._random.uniform(-1, 1)
            now = min(max(cast(float, variable.data.value) + step, low), high)
            variable.put(Data(variable.kind, now), variable.status)

    def change(self, address: str, value: Value) -> None:
        """Set what :meth:`values` lists under ``address``.

        Raises:
            KeyError: the controller holds no such variable or file.
        """
        base, _, path = address.partition("#")
        node = text.node(base, self.uris)
        if node in self.files:
            self.files[node].put(cast(bytes, value))
        elif path:
            self.variables[node].change_member(path, value, self.uris)
        else:
            self.variables[node].change(value, self.uris)
