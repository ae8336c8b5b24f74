"""A press with a value of every kind that is hard to put back to the bit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast
from uuid import UUID

from asyncua import ua
from asyncua.ua.uaprotocol_hand import DataTypeAttributes
from tests.drivers.opcua_press import TYPES, press, structure, variables

from goldcopy_sim.opcua.codec import Body, Data, Kind, Name, Reader, Scalar, Text
from goldcopy_sim.opcua.ids import ObjectIds, StatusCodes, standard
from goldcopy_sim.opcua.model import Model
from goldcopy_sim.opcua.place import Place
from goldcopy_sim.opcua.structures import Field, Member, Structure, leaves, replace


def bits(kind: Kind, pattern: int) -> float:
    """A Float or Double by its bits, a signalling NaN unharmed."""
    size = 4 if kind == Kind.Float else 8
    return cast(float, Reader(pattern.to_bytes(size, "little")).element(kind))


SCALARS: Mapping[Kind, Sequence[Scalar]] = {
    Kind.Boolean: (True, False),
    Kind.SByte: (-(2**7), 2**7 - 1),
    Kind.Byte: (0, 2**8 - 1),
    Kind.Int16: (-(2**15), 2**15 - 1),
    Kind.UInt16: (0, 2**16 - 1),
    Kind.Int32: (-(2**31), 2**31 - 1),
    Kind.UInt32: (0, 2**32 - 1),
    Kind.Int64: (-(2**63), 2**63 - 1),
    Kind.UInt64: (0, 2**64 - 1),
    Kind.Float: [
        bits(Kind.Float, pattern)
        for pattern in (
            0x7FC00000,  # a quiet NaN
            0x7F800001,  # a signalling one
            0xFFBFFFFF,  # a negative one that signals
            0x7FDEADBE,  # with a message
            0x80000000,  # -0.0
            0x00000001,  # the smallest there is
            0x7F7FFFFF,
            0xFF800000,
        )
    ],
    Kind.Double: [
        bits(Kind.Double, pattern)
        for pattern in (
            0x7FF8000000000000,
            0x7FF0000000000001,
            0xFFF7FFFFFFFFFFFF,
            0x7FF80000DEADBEEF,
            0x8000000000000000,
            0x0000000000000001,
            0x7FEFFFFFFFFFFFFF,
            0xFFF0000000000000,
        )
    ],
    Kind.String: ("", "Türe zu 🔥", "a\x00b", "e\u0301", " "),
    Kind.DateTime: (0, -1, 1, 2**63 - 1, -(2**63), 2_650_467_743_999_999_999),
    Kind.Guid: (UUID(int=0), UUID(int=2**128 - 1)),
    Kind.ByteString: (b"", bytes(range(256))),
    Kind.XmlElement: ("<layout columns='2'/>",),
    Kind.NodeId: (ua.NodeId("Gaißau; s=1", 3), ua.NodeId(ua.UInt32(2**32 - 1), 3)),  # type: ignore[arg-type]
    Kind.ExpandedNodeId: (
        ua.ExpandedNodeId(ua.Int32(ObjectIds.BaseObjectType)),
        ua.ExpandedNodeId("Gaißau", 3),  # type: ignore[arg-type]
    ),
    Kind.StatusCode: (StatusCodes.BadSensorFailure, 0),
    Kind.QualifiedName: (Name(3, "Übersicht"), Name(0, "Plain")),
    Kind.LocalizedText: (Text("Tür prüfen", "de"), Text("check", None), Text("", "en")),
}
"""Of each type the values at its edges."""
CONTENT: Mapping[Kind, Scalar] = {
    Kind.String: "spoilt",
    Kind.ByteString: b"spoilt",
    Kind.XmlElement: "<spoilt/>",
    Kind.Guid: UUID(int=1),
    Kind.NodeId: ua.NodeId("spoilt", 3),  # type: ignore[arg-type]
    Kind.ExpandedNodeId: ua.ExpandedNodeId("spoilt", 3),  # type: ignore[arg-type]
}


def spoilt(kind: Kind, value: Scalar) -> Scalar:
    """Another value of this type."""
    match value:
        case None:
            return None
        case Text():
            return value._replace(text="spoilt")
        case Name():
            return value._replace(name="spoilt")
        case bool():
            return not value
        case float():
            return 77.0
        case int() if kind == Kind.DateTime:
            return 12_345_678_901_234_567
        case int():
            return value ^ 1
    return CONTENT[kind]


def all_spoilt(data: Data, made: Structure | None) -> Data:
    """Other values in every element and in every member; of nulls and of nothing, none."""
    kind, _, shape = data
    many = [
        _body_spoilt(cast(Body, one), made) if made else spoilt(kind, one) for one in data.scalars
    ]
    return Data(kind, many[0] if shape is None else tuple(many), shape)


def _body_spoilt(body: Body, made: Structure) -> Body:
    members = made.unpack(body.body)
    for leaf in [*leaves(made, members)]:
        if isinstance(leaf.value, list):
            each = cast("list[Scalar]", leaf.value)
            replace(members, leaf.path, [spoilt(leaf.kind, one) for one in each])
        else:
            replace(members, leaf.path, spoilt(leaf.kind, leaf.value))
    return made.value(members)


def catalogue() -> Place:
    """Every kind as a scalar, an array, a matrix and a cube; structures in every position."""
    place = press()
    for kind, values in SCALARS.items():
        for n, value in enumerate(values):
            place.put(f"{kind.name}{n}", kind, value, writable=True)
        null = (None,) if kind in (Kind.String, Kind.ByteString, Kind.XmlElement) else ()
        place.put(f"{kind.name}Array", kind, (*values, *null, *values), writable=True)
        place.put(f"{kind.name}Matrix", kind, (*values, *values), (2, len(values)), writable=True)
    cube = tuple(SCALARS[Kind.Double])
    place.put("Cube", Kind.Double, cube, (2, 2, 2), writable=True)
    mode = enumeration(place.model)
    place.put("Mode", Kind.Int32, 2, writable=True, data_type=mode)
    place.put("Modes", Kind.Int32, (2, 0, 1), writable=True, data_type=mode)
    made = recipe(place.model, mode)
    bodies = [made.value(members(n)) for n in range(6)]
    how = {"writable": True, "structure": made}
    place.put("Recipe", Kind.ExtensionObject, bodies[0], **how)  # type: ignore[arg-type]
    place.put("Recipes", Kind.ExtensionObject, (*bodies[1:3],), **how)  # type: ignore[arg-type]
    shelf = (*bodies[2:6],)
    place.put("Shelf", Kind.ExtensionObject, shelf, (2, 2), **how)  # type: ignore[arg-type]
    image = structure(place.model, 90, "Image", Field("Word", Kind.UInt64), published=False)
    secret = image.value({"Word": 2**64 - 2})
    place.put("Image", Kind.ExtensionObject, secret, writable=True, structure=image)
    return place


def enumeration(model: Model) -> ua.NodeId:
    fields = [ua.EnumField(Value=ua.Int64(n), Name=ua.String(name)) for n, name in enumerate("ABC")]
    attributes = DataTypeAttributes(IsAbstract=False)
    attributes.DataTypeDefinition = ua.EnumDefinition(Fields=fields)  # type: ignore[assignment]
    where = model.id(TYPES, 10), model.name(TYPES, "Mode")
    parent = standard(ObjectIds.Enumeration)
    return model.node(parent, *where, attributes, reference=ObjectIds.HasSubtype)


def recipe(model: Model, mode: ua.NodeId) -> Structure:
    """A structure within a structure within an array within a structure."""
    limits = structure(model, 20, "Limits", Field("Low", Kind.Double), Field("High", Kind.Double))
    zone = structure(
        model,
        30,
        "Zone",
        Field("Enabled", Kind.Boolean),
        Field("Setpoint", Kind.Float),
        Field("Alarm", limits),
        Field("Name", Kind.LocalizedText),
    )
    return structure(
        model,
        40,
        "Recipe",
        Field("Number", Kind.UInt16),
        Field("Title", Kind.String),
        Field("Remark", Kind.String, optional=True),
        Field("Mode", Kind.Int32, data_type=mode),
        Field("Released", Kind.DateTime),
        Field("Id", Kind.Guid),
        Field("Key", Kind.ByteString),
        Field("Serial", Kind.UInt64),
        Field("Offset", Kind.Int64),
        Field("Total", limits),
        Field("Zones", zone, array=True),
        Field("Ramp", Kind.Float, array=True),
        Field("Names", Kind.String, array=True),
        Field("Nothing", Kind.String),
        Field("Holidays", Kind.DateTime, array=True),
    )


def members(n: int) -> dict[str, Member]:
    """Those of recipe ``n``; one is null, one is an array of nothing."""

    def one(kind: Kind, at: int = n) -> Scalar:
        return SCALARS[kind][at % len(SCALARS[kind])]

    def limits(at: int) -> dict[str, Member]:
        return {"Low": one(Kind.Double, at), "High": one(Kind.Double, at + 1)}

    zones: list[Member] = [
        {
            "Enabled": one(Kind.Boolean, n + z),
            "Setpoint": one(Kind.Float, n + z),
            "Alarm": limits(n + z),
            "Name": one(Kind.LocalizedText, n + z),
        }
        for z in range(2)
    ]
    made: dict[str, Member] = {
        "Number": n,
        "Title": one(Kind.String),
        "Mode": n % 3,
        "Released": one(Kind.DateTime),
        "Id": one(Kind.Guid),
        "Key": one(Kind.ByteString),
        "Serial": one(Kind.UInt64),
        "Offset": one(Kind.Int64),
        "Total": limits(n + 1),
        "Zones": zones,
        "Ramp": [*SCALARS[Kind.Float]],
        "Names": [None, *SCALARS[Kind.String], None],
        "Nothing": None,
        "Holidays": [],
    }
    return made | ({"Remark": "Öl"} if n % 2 else {})


def held(model: Model) -> dict[str, bytes]:
    """Every variable as the wire has it."""
    return {name: variable.variant for name, variable in variables(model).items()}
