"""Structures of a controller's own (OPC 10000-3, 8.48; encoded as OPC 10000-6, 5.2.6).

Bodies are packed and unpacked by the definition that the DataType node publishes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from asyncua import ua
from asyncua.common.utils import ServiceError

from .codec import Body, Kind, Reader, Scalar, array, encode, number
from .ids import ObjectIds, StatusCodes, standard

Member = Scalar | list["Member"] | dict[str, "Member"]
"""A member of an unpacked structure: a scalar, an array, a structure within."""


class Field(NamedTuple):
    """One member of a structure."""

    name: str
    type: Kind | Structure
    array: bool = False
    optional: bool = False
    data_type: ua.NodeId | None = None
    """The DataType where it is not the built-in one, such as an enumeration."""


@dataclass(frozen=True, eq=False)
class Structure:
    """A structure type: its fields in the order of the wire."""

    name: str
    data_type: ua.NodeId
    encoding: ua.NodeId
    fields: tuple[Field, ...]
    published: bool = True
    """Whether the DataType node has a readable DataTypeDefinition."""

    def pack(self, members: Mapping[str, Member]) -> bytes:
        """The body; optional fields that are absent from ``members`` are left out."""
        optional = [field.name for field in self.fields if field.optional]
        mask = sum((name in members) << bit for bit, name in enumerate(optional))
        parts = [number(Kind.UInt32, mask)] if optional else []
        parts += [
            _pack(field, members[field.name])
            for field in self.fields
            if not field.optional or field.name in members
        ]
        return b"".join(parts)

    def value(self, members: Mapping[str, Member]) -> Body:
        """The ExtensionObject that holds ``members``."""
        return Body(self.encoding, self.pack(members))

    def unpack(self, body: bytes) -> dict[str, Member]:
        """The members of a body.

        Raises:
            ServiceError, NotEnoughData: the body is not of this type.
        """
        reader = Reader(body)
        members = self._read(reader)
        if reader:
            raise ServiceError(StatusCodes.BadDecodingError)
        return members

    def definition(self) -> ua.StructureDefinition:
        """What the DataTypeDefinition attribute says."""
        optional = any(field.optional for field in self.fields)
        return ua.StructureDefinition(
            DefaultEncodingId=self.encoding,
            BaseDataType=standard(ObjectIds.Structure),
            StructureType=ua.StructureType.StructureWithOptionalFields
            if optional
            else ua.StructureType.Structure,
            Fields=[
                ua.StructureField(
                    Name=ua.String(field.name),
                    DataType=_data_type(field),
                    ValueRank=ua.Int32(1 if field.array else -1),
                    IsOptional=field.optional,
                )
                for field in self.fields
            ],
        )

    def _read(self, reader: Reader) -> dict[str, Member]:
        optional = [field.name for field in self.fields if field.optional]
        mask = reader.unpack(Kind.UInt32) if optional else 0
        absent = {name for bit, name in enumerate(optional) if not mask >> bit & 1}
        return {
            field.name: _unpack(field, reader) for field in self.fields if field.name not in absent
        }


class Leaf(NamedTuple):
    """A member that is no structure: its path from the top, its built-in type, its value."""

    path: str
    kind: Kind
    value: Scalar | list[Member]


def leaves(structure: Structure, members: Mapping[str, Member]) -> Iterator[Leaf]:
    """Every leaf, in the order of the wire: ``Zones[1].Setpoint``."""
    for field in structure.fields:
        if field.name not in members:
            continue
        member = members[field.name]
        if isinstance(field.type, Structure):
            for suffix, each in _each(member):
                for leaf in leaves(field.type, each):
                    yield leaf._replace(path=f"{field.name}{suffix}.{leaf.path}")
        else:
            assert not isinstance(member, dict)
            yield Leaf(field.name, field.type, member)


def replace(members: dict[str, Member], path: str, value: Member) -> None:
    """Set the leaf at ``path``."""
    *way, last = re.findall(r"[^.\[\]]+", path)
    place: Member = members
    for step in way:
        place = place[int(step)] if isinstance(place, list) else place[step]  # type: ignore[index]
    assert isinstance(place, dict)
    place[last] = value


def _each(member: Member) -> Iterator[tuple[str, dict[str, Member]]]:
    many = isinstance(member, list)
    for index, each in enumerate(member if isinstance(member, list) else [member]):
        assert isinstance(each, dict)
        yield f"[{index}]" if many else "", each


def _data_type(field: Field) -> ua.NodeId:
    if field.data_type is not None:
        return field.data_type
    return field.type.data_type if isinstance(field.type, Structure) else standard(field.type)


def _pack(field: Field, member: Member) -> bytes:
    if isinstance(member, list):
        return array(_pack_one(field.type, each) for each in member)
    return _pack_one(field.type, member)


def _pack_one(kind: Kind | Structure, member: Member) -> bytes:
    if isinstance(kind, Structure):
        assert isinstance(member, dict)
        return kind.pack(member)
    assert not isinstance(member, dict | list)
    return encode(kind, member)


def _unpack(field: Field, reader: Reader) -> Member:
    def one() -> Member:
        if isinstance(field.type, Structure):
            return field.type._read(reader)  # noqa: SLF001 - a structure within
        return reader.element(field.type)

    return [one() for _ in range(reader.unpack(Kind.Int32))] if field.array else one()
