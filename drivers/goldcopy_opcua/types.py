"""The data types of one server: what its structures are made of, asked of the server itself.

Learnt anew in each session and for the types that the values at hand use. A NodeId means another
type on another server, so nothing here may outlive the session or be shared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from . import builtin, status
from .builtin import EXTENSION_OBJECT, INT32, INT64, UINT32, VARIANT, Body, Name, NodeId
from .client import Client
from .codec import Reader, Undecodable
from .keys import Keys
from .services import BROWSE_NAME, DATA_TYPE_DEFINITION, HAS_ENCODING, HAS_SUBTYPE
from .structures import (
    ENUM_VALUE,
    EU_INFORMATION,
    RANGE,
    STANDARD,
    Field,
    Leaf,
    Located,
    Structure,
    leaves,
    located,
)

_NULL = NodeId(0, 0)
_STRUCTURE_DEFINITION, _ENUM_DEFINITION = NodeId(0, 122), NodeId(0, 123)
_UNION, _PLAIN = (2,), (0, 1, 2)
_ROOTS = {22: EXTENSION_OBJECT, 24: VARIANT, 26: VARIANT, 27: VARIANT, 28: VARIANT, 29: INT32}
"""Abstract types of namespace 0 and what stands for them on the wire (OPC 10000-6, 5.1.6)."""
_MOST_ROUNDS = 16
"""Levels of types within types, and of subtypes."""


class Types:
    """What has been learnt. ``texts`` has one definition for each type that was needed."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self.texts: dict[str, str] = {}
        """Segment of the type's name -> its definition, for a person and for comparison."""
        self._client = client
        self._keys = keys
        self._encodings: dict[NodeId, Structure] = dict(STANDARD)
        self._kinds: dict[NodeId, int | Structure] = {
            **{NodeId(0, n): _ROOTS.get(n, n) for n in (*range(1, 26), *_ROOTS)},
            NodeId(0, 884): STANDARD[RANGE],
            NodeId(0, 887): STANDARD[EU_INFORMATION],
            NodeId(0, 7594): STANDARD[ENUM_VALUE],
        }
        self._names: dict[NodeId, str] = {}
        self._data_types: dict[NodeId, NodeId] = {}
        self._enumerations: dict[NodeId, str] = {}

    def take_apart(self, body: Body) -> list[Leaf] | None:
        """The values in a body; None where no definition is known.

        Raises ``Undecodable`` where the definition does not fit the body.
        """
        structure = self._encodings.get(body.type)
        return None if structure is None else leaves(body, structure, self._kind)

    def locate(self, body: Body) -> list[Located] | None:
        """As ``take_apart``, each with its place in the body."""
        structure = self._encodings.get(body.type)
        return None if structure is None else located(body, structure, self._kind)

    def name(self, encoding: NodeId) -> str:
        """The type of a body: by name where the server tells it, else the id by its URI."""
        data_type = self._data_types.get(encoding)
        return self._names.get(data_type or encoding) or self._keys.text(encoding)

    def label(self, body: Body) -> str:
        """What tells of which type the bytes of a body are."""
        return self.name(body.type) + (" as XML" if body.form == 2 else "")

    def kind(self, data_type: NodeId) -> int:
        """The built-in type that carries a data type; 0 if not known."""
        kind = self._kinds.get(data_type, 0)
        return EXTENSION_OBJECT if isinstance(kind, Structure) else kind

    async def learn(self, encodings: Iterable[NodeId], data_types: Iterable[NodeId]) -> None:
        """Ask for the definitions behind ``encodings``, and for ``data_types`` of null values."""
        wanted = {one for one in encodings if one not in self._encodings}
        await self._define(set(data_types))
        missing = sorted(wanted - set(self._encodings), key=repr)
        if missing:
            await self._define(await self._owners(missing))
            for encoding in missing:
                made = self._kinds.get(self._data_types.get(encoding, _NULL))
                if isinstance(made, Structure):
                    self._encodings[encoding] = made
        self._describe()

    def _kind(self, data_type: NodeId) -> int | Structure:
        kind = self._kinds.get(data_type)
        if kind is None:
            raise Undecodable(f"no definition of {self._keys.text(data_type)}")
        return kind

    async def _owners(self, encodings: list[NodeId]) -> set[NodeId]:
        """The data types that these encodings belong to."""
        found = await self._client.browse(encodings, reference=HAS_ENCODING, forward=False)
        owners = set()
        for encoding, (_, references) in zip(encodings, found, strict=True):
            for reference in references[:1]:
                owners.add(reference.target)
                self._data_types[encoding] = reference.target
                self._names[reference.target] = self._keys.segment(reference.name)
        return owners

    async def _define(self, data_types: set[NodeId]) -> None:
        """Definitions of these types and of all that they are made of."""
        wanted = data_types - set(self._kinds)
        for _ in range(_MOST_ROUNDS):
            if not wanted:
                return
            order = sorted(wanted, key=repr)
            plain = set()
            attributes = [(one, DATA_TYPE_DEFINITION) for one in order]
            results = await self._client.read(attributes + [(one, BROWSE_NAME) for one in order])
            for one, result, named in zip(
                order, results[: len(order)], results[len(order) :], strict=True
            ):
                if isinstance(named.data.value, Name):
                    self._names[one] = self._keys.segment(named.data.value)
                body = result.data.value
                if status.bad(result.status) or not self._understood(one, body):
                    plain.add(one)
            await self._derive(plain)
            wanted = {
                field.type
                for one in order
                if isinstance(made := self._kinds.get(one), Structure)
                for field in made.fields
            } - set(self._kinds)

    def _understood(self, data_type: NodeId, body: object) -> bool:
        """Keep a definition; False if the type is no structure that we can take apart."""
        if not isinstance(body, Body) or body.body is None:
            return False
        try:
            if body.type == _ENUM_DEFINITION:
                self._enumerations[data_type] = _enumeration(Reader(body.body))
                return False
            if body.type != _STRUCTURE_DEFINITION:
                return False
            structure = _definition(Reader(body.body))
        except Undecodable:
            return False
        if structure is None:
            return False
        self._kinds[data_type] = structure
        if structure.encoding != _NULL:
            self._encodings.setdefault(structure.encoding, structure)
            self._data_types[structure.encoding] = data_type
        return True

    async def _derive(self, data_types: set[NodeId]) -> None:
        """Types that are no structures: the built-in type that they are derived from."""
        bases = {one: one for one in data_types}
        for _ in range(_MOST_ROUNDS):
            asked = sorted({base for base in bases.values() if base not in self._kinds}, key=repr)
            if not asked:
                break
            found = await self._client.browse(asked, reference=HAS_SUBTYPE, forward=False)
            above = {
                one: references[0].target
                for one, (_, references) in zip(asked, found, strict=True)
                if len(references) == 1
            }
            bases = {
                one: above.get(base, base)
                for one, base in bases.items()
                if base in above or base in self._kinds
            }
        for one, base in bases.items():
            kind = self._kinds.get(base)
            if isinstance(kind, int) and kind != EXTENSION_OBJECT:
                self._kinds[one] = kind

    def _describe(self) -> None:
        """The canonical text of every definition outside namespace 0."""
        texts = dict(self._enumerations)
        for data_type, made in self._kinds.items():
            if isinstance(made, Structure):
                texts[data_type] = self._text(made)
        own = {one: text for one, text in texts.items() if one.ns and one in self._names}
        often = Counter(self._names[one] for one in own)
        for data_type, text in own.items():
            name = self._names[data_type]
            if often[name] > 1:
                name = self._keys.twin(name, data_type)
            self.texts[name] = text

    def _text(self, structure: Structure) -> str:
        lines = ["union" if structure.union else "structure"]
        for field in structure.fields:
            kind = self._names.get(field.type) or (
                not field.type.ns and _BUILT_IN.get(field.type.id)
            )
            dimensions = "[" + "," * (field.rank - 1) + "]" if field.rank > 0 else ""
            optional = " optional" if field.optional else ""
            lines.append(
                f"{field.name}: {kind or self._keys.text(field.type)}{dimensions}{optional}"
            )
        return "\n".join(lines)


def _definition(reader: Reader) -> Structure | None:
    """A StructureDefinition (OPC 10000-3, 8.48); None for sorts that we do not take apart."""
    encoding = reader.node_id()
    reader.node_id()
    sort = reader.number(INT32)
    fields = []
    for _ in range(reader.count()):
        name = reader.label()
        reader.text()
        data_type = reader.node_id()
        rank = reader.number(INT32)
        reader.elements(UINT32, max(0, reader.count()))
        reader.number(UINT32)
        fields.append(Field(name, data_type, rank, bool(reader.byte()) and sort == 1))
    reader.finish()
    return Structure(encoding, tuple(fields), sort in _UNION) if sort in _PLAIN else None


def _enumeration(reader: Reader) -> str:
    """An EnumDefinition (OPC 10000-3, 8.50) as text."""
    lines = ["enumeration"]
    for _ in range(reader.count()):
        value = reader.number(INT64)
        reader.text()
        reader.text()
        lines.append(f"{value} {reader.label()}")
    reader.finish()
    return "\n".join(lines)


_BUILT_IN: dict[object, str] = {
    builtin.BOOLEAN: "Boolean",
    builtin.SBYTE: "SByte",
    builtin.BYTE: "Byte",
    builtin.INT16: "Int16",
    builtin.UINT16: "UInt16",
    builtin.INT32: "Int32",
    builtin.UINT32: "UInt32",
    builtin.INT64: "Int64",
    builtin.UINT64: "UInt64",
    builtin.FLOAT: "Float",
    builtin.DOUBLE: "Double",
    builtin.STRING: "String",
    builtin.DATE_TIME: "DateTime",
    builtin.GUID: "Guid",
    builtin.BYTE_STRING: "ByteString",
    builtin.NODE_ID: "NodeId",
    builtin.STATUS_CODE: "StatusCode",
    builtin.QUALIFIED_NAME: "QualifiedName",
    builtin.LOCALIZED_TEXT: "LocalizedText",
    builtin.EXTENSION_OBJECT: "Structure",
    builtin.VARIANT: "BaseDataType",
}
