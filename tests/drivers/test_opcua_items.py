"""From what was read to items: structures, what they are made of, and what cannot be kept."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any, cast

import asyncua.ua
import pytest
from asyncua.ua.ua_binary import struct_to_binary

from goldcopy.snapshot import Identity as Nobody
from goldcopy.snapshot import Item, Snapshot
from goldcopy_opcua import builtin
from goldcopy_opcua.answers import Reference
from goldcopy_opcua.builtin import Body, Data, Name, NodeId, Result, Text
from goldcopy_opcua.client import Client, Wanted
from goldcopy_opcua.crawl import Node
from goldcopy_opcua.encode import string
from goldcopy_opcua.files import files_among
from goldcopy_opcua.items import Found, Items
from goldcopy_opcua.keys import UA, Keys
from goldcopy_opcua.services import BROWSE_NAME, HAS_ENCODING, HAS_SUBTYPE, METHOD, VARIABLE
from goldcopy_opcua.structures import EU_INFORMATION, RANGE
from goldcopy_opcua.types import Types

ua: Any = asyncua.ua

KEYS = Keys((UA, "urn:server", "http://x/plc"))
BAD = Result(Data(0, None), 0x80350000)  # BadAttributeIdInvalid
LEVEL = Result(Data(builtin.BYTE, 3), 0)
RECIPE, RECIPE_BINARY, MODE, SECONDS = (NodeId(2, n) for n in (10, 11, 12, 13))


@dataclass
class Shelf:
    """The type nodes of a server; stands where the client is."""

    definitions: dict[NodeId, Body] = field(default_factory=dict)
    names: dict[NodeId, str] = field(default_factory=dict)
    encodings: dict[NodeId, NodeId] = field(default_factory=dict)
    supertypes: dict[NodeId, NodeId] = field(default_factory=dict)
    asked: int = 0

    async def read(self, wanted: list[Wanted]) -> list[Result]:
        self.asked += 1
        return [self._one(node, attribute) for node, attribute in wanted]

    def _one(self, node: NodeId, attribute: int) -> Result:
        if attribute == BROWSE_NAME:
            name = self.names.get(node)
            return Result(Data(builtin.QUALIFIED_NAME, Name(2, name)), 0) if name else BAD
        body = self.definitions.get(node)
        return Result(Data(builtin.EXTENSION_OBJECT, body), 0) if body else BAD

    async def browse(
        self, nodes: list[NodeId], *, reference: int, forward: bool
    ) -> list[tuple[int, list[Reference]]]:
        assert not forward
        self.asked += 1
        table = {HAS_ENCODING: self.encodings, HAS_SUBTYPE: self.supertypes}[reference]
        return [(0, [self._to(table[node])] if node in table else []) for node in nodes]

    def _to(self, node: NodeId) -> Reference:
        name = Name(2, self.names.get(node, ""))
        return Reference(NodeId(0, 38), node, "", 0, name, "", 64, NodeId(0, 0))


def defined(
    *fields: tuple[str, NodeId, int], sort: int = 0, encoding: NodeId = RECIPE_BINARY
) -> Body:
    """A StructureDefinition, encoded by asyncua."""
    made = ua.StructureDefinition(
        DefaultEncodingId=_theirs(encoding),
        StructureType=ua.StructureType(sort),
        Fields=[
            ua.StructureField(Name=name, DataType=_theirs(kind), ValueRank=rank)
            for name, kind, rank in fields
        ],
    )
    return Body(NodeId(0, 122), 1, struct_to_binary(made))


def _theirs(node: NodeId) -> object:
    return ua.NodeId(node.id, node.ns)


def basic(kind: int) -> NodeId:
    return NodeId(0, kind)


def node(name: str, *children: Node, kind: int = VARIABLE, **given: Any) -> Node:  # noqa: ANN401
    made = Node(NodeId(2, given.pop("id", name)), f"plc:{name}", 1, Name(2, name), kind, name)
    for key, value in given.items():
        setattr(made, key, value)
    made.children = list(children)
    return made


def standard(name: str) -> Node:
    """A property of namespace 0."""
    made = node(name, property=True)
    made.name = Name(0, name)
    return made


async def items(
    shelf: Shelf,
    variable: Node,
    result: Result,
    *more: tuple[Node, Result],
    data_type: NodeId | None = None,
) -> tuple[dict[str, Item], Items, Types]:
    types = Types(cast(Client, shelf), KEYS)
    bodies = [one for one in _flat(result.data.value) if isinstance(one, Body) and one.form]
    await types.learn({body.type for body in bodies}, {data_type} if data_type else set())
    values = {variable.id: result} | {one.id: value for one, value in more}
    made = Items(KEYS, types, values)
    found = made.of(Found(variable, result, LEVEL, data_type))
    Snapshot.of("x", "opcua", Nobody(), found, made.gaps)  # every value fits its type
    return {item.path: item for item in found}, made, types


def _flat(value: object) -> list[object]:
    if isinstance(value, Body):
        return [value]
    if isinstance(value, tuple):
        return [one for each in value for one in _flat(each)]
    return []


def recipe(number: int, speed: float) -> Body:
    return Body(RECIPE_BINARY, 1, struct.pack("<Hf", number, speed))


FIELDS = ("Number", basic(builtin.UINT16), -1), ("Speed", basic(builtin.FLOAT), -1)
SHELF = Shelf({RECIPE: defined(*FIELDS)}, {RECIPE: "Recipe"}, {RECIPE_BINARY: RECIPE})


def structure(*bodies: Body, array: bool = False) -> Result:
    if array:
        return Result(Data(builtin.EXTENSION_OBJECT, bodies, (len(bodies),)), 0)
    return Result(Data(builtin.EXTENSION_OBJECT, bodies[0]), 0)


async def test_members_that_the_server_also_shows_are_not_kept_twice() -> None:
    """Siemens shows a structure as a value and as variables below it."""
    member = node("Speed")
    found, _, _ = await items(SHELF, node("R", member), structure(recipe(7, 1.5)))
    assert set(found) == {"plc:R/Number"}
    element = node("[1]")
    bodies = [recipe(n, 0.5) for n in range(3)]
    found, _, _ = await items(SHELF, node("R", element), structure(*bodies, array=True))
    assert set(found) == {f"plc:R/{n}/{name}" for n in (0, 2) for name in ("Number", "Speed")}
    noted = node("Speed", property=True)
    found, _, _ = await items(SHELF, node("R", noted), structure(recipe(7, 1.5)))
    assert set(found) == {"plc:R/Number", "plc:R/Speed"}


async def test_the_declared_type_is_enough_where_encodings_cannot_be_browsed() -> None:
    shelf = Shelf({RECIPE: defined(*FIELDS)}, {RECIPE: "Recipe"})
    found, _, types = await items(shelf, node("R"), structure(recipe(7, 1.5)), data_type=RECIPE)
    assert found["plc:R/Speed"].value == 1.5
    assert types.texts == {"plc:Recipe": "structure\nNumber: UInt16\nSpeed: Float"}


async def test_a_definition_without_an_encoding_is_found_by_it() -> None:
    shelf = Shelf(
        {RECIPE: defined(*FIELDS, encoding=NodeId(0, 0))},
        {RECIPE: "Recipe"},
        {RECIPE_BINARY: RECIPE},
    )
    found, _, _ = await items(shelf, node("R"), structure(recipe(7, 1.5)))
    assert found["plc:R/Number"].value == 7


@pytest.mark.parametrize("sort", [3, 4])
async def test_subtyped_members_are_not_guessed(sort: int) -> None:
    shelf = Shelf(
        {RECIPE: defined(*FIELDS, sort=sort)}, {RECIPE: "Recipe"}, {RECIPE_BINARY: RECIPE}
    )
    found, made, _ = await items(shelf, node("R"), structure(recipe(7, 1.5)))
    assert found["plc:R"].value == recipe(7, 1.5).body
    assert found["plc:R"].label == "type plc:Recipe"
    assert made.gaps == []


async def test_enumerations_and_named_numbers_are_what_they_are_derived_from() -> None:
    modes = ua.EnumDefinition(Fields=[ua.EnumField(Name="Off", Value=0)])
    shelf = Shelf(
        {
            RECIPE: defined(("Mode", MODE, -1), ("Time", SECONDS, -1)),
            MODE: Body(NodeId(0, 123), 1, struct_to_binary(modes)),
        },
        {RECIPE: "Recipe", MODE: "Mode", SECONDS: "Seconds"},
        {RECIPE_BINARY: RECIPE},
        {MODE: basic(builtin.UINT16), SECONDS: NodeId(2, 14), NodeId(2, 14): NodeId(0, 290),
         NodeId(0, 290): basic(builtin.DOUBLE)},
    )  # fmt: skip
    body = Body(RECIPE_BINARY, 1, struct.pack("<Hd", 3, 2.5))
    found, _, types = await items(shelf, node("R"), structure(body))
    assert (found["plc:R/Mode"].type, found["plc:R/Mode"].value) == ("UINT", 3)
    assert (found["plc:R/Time"].type, found["plc:R/Time"].value) == ("LREAL", 2.5)
    assert types.texts["plc:Recipe"] == "structure\nMode: plc:Mode\nTime: plc:Seconds"
    assert types.texts["plc:Mode"] == "enumeration\n0 Off"


async def test_a_member_of_an_unknown_type_keeps_the_whole_as_bytes_and_says_so() -> None:
    shelf = Shelf(
        {RECIPE: defined(("What", NodeId(2, 99), -1))}, {RECIPE: "Recipe"}, {RECIPE_BINARY: RECIPE}
    )
    found, made, _ = await items(shelf, node("R"), structure(recipe(7, 1.5)))
    assert found["plc:R"].type == "BYTES"
    assert [gap.path for gap in made.gaps] == ["plc:R"]
    assert "kept as bytes" in made.gaps[0].reason


@pytest.mark.parametrize("cut", [b"", b"\x01", b"\x07\x00\x00\x00\xc0\x3f\x00"])
async def test_a_body_that_does_not_fit_is_bytes_and_a_gap(cut: bytes) -> None:
    found, made, _ = await items(SHELF, node("R"), structure(Body(RECIPE_BINARY, 1, cut)))
    assert (found["plc:R"].type, found["plc:R"].value) == ("BYTES", cut)
    assert [gap.path for gap in made.gaps] == ["plc:R"]


async def test_an_array_with_one_that_does_not_fit_stays_whole() -> None:
    bodies = recipe(1, 0.5), Body(RECIPE_BINARY, 1, b"\x00")
    found, made, _ = await items(SHELF, node("R"), structure(*bodies, array=True))
    assert found["plc:R"].type == "ARRAY[2] OF BYTES"
    assert found["plc:R"].value == (bodies[0].body, b"\x00")
    assert len(made.gaps) == 1


async def test_structures_of_several_types_in_one_array() -> None:
    other = Body(NodeId(2, 77), 1, b"abc")
    found, made, _ = await items(SHELF, node("R"), structure(recipe(1, 0.5), other, array=True))
    assert {path: item.value for path, item in found.items()} == {
        "plc:R/0": recipe(1, 0.5).body,
        "plc:R/1": b"abc",
    }
    assert found["plc:R/1"].label == "type nsu=http://x/plc;i=77"
    assert found["plc:R/1"].address == "nsu=http://x/plc;s=R#[1]"
    assert made.gaps == []


async def test_xml_and_null_structures() -> None:
    xml = Body(RECIPE_BINARY, 2, b"<R/>")
    found, _, _ = await items(Shelf(), node("R"), structure(xml))
    assert (found["plc:R"].value, found["plc:R"].label) == (
        b"<R/>",
        "type nsu=http://x/plc;i=11 as XML",
    )
    null = Body(NodeId(0, 0), 0, None)
    found, _, _ = await items(Shelf(), node("R"), structure(null))
    assert (found["plc:R"].type, found["plc:R"].value, found["plc:R"].label) == (
        "ARRAY[0] OF BYTES",
        (),
        "",
    )
    found, _, _ = await items(Shelf(), node("R"), structure(array=True))
    assert found["plc:R"].type == "ARRAY[0] OF BYTES"


async def test_an_array_of_anything() -> None:
    many = Data(
        builtin.VARIANT, (Data(builtin.INT16, 5), Data(builtin.STRING, "x"), Data(0, None)), (3,)
    )
    found, _, _ = await items(Shelf(), node("V"), Result(many, 0))
    assert {path: (item.type, item.value) for path, item in found.items()} == {
        "plc:V/0": ("INT", 5),
        "plc:V/1": ("STRING", "x"),
        "plc:V/2": ("ARRAY[0] OF BYTES", ()),
    }


@pytest.mark.parametrize("kind", [builtin.DATA_VALUE, builtin.DIAGNOSTIC_INFO])
async def test_what_no_item_can_hold_is_a_gap(kind: int) -> None:
    found, made, _ = await items(Shelf(), node("V"), Result(Data(kind, None), 0))
    assert found == {}
    assert "cannot be kept" in made.gaps[0].reason


@pytest.mark.parametrize(
    ("data_type", "expected"),
    [
        (basic(builtin.DOUBLE), "ARRAY[0] OF LREAL"),
        (basic(builtin.LOCALIZED_TEXT), "ARRAY[0] OF STRING"),
        (NodeId(0, 29), "ARRAY[0] OF DINT"),
        (RECIPE, "ARRAY[0] OF BYTES"),
        (NodeId(2, 99), "ARRAY[0] OF BYTES"),
        (None, "ARRAY[0] OF BYTES"),
    ],
)
async def test_null_is_an_array_of_nothing(data_type: NodeId | None, expected: str) -> None:
    null = Result(Data(0, None), 0)
    found, _, _ = await items(SHELF, node("N"), null, data_type=data_type)
    assert (found["plc:N"].type, found["plc:N"].value) == (expected, ())


async def test_unit_and_limits_come_from_properties() -> None:
    span, unit = standard("EURange"), standard("EngineeringUnits")
    low_high = Result(Data(builtin.EXTENSION_OBJECT, Body(RANGE, 1, struct.pack("<2d", -5, 5))), 0)
    text = b"\x02" + string("bar")
    eu = Body(EU_INFORMATION, 1, string("u") + struct.pack("<i", 4342098) + text + b"\x00")
    units = Result(Data(builtin.EXTENSION_OBJECT, eu), 0)
    value = Result(Data(builtin.DOUBLE, 1.5), 0)
    variable = node("V", span, unit)
    found, _, _ = await items(Shelf(), variable, value, (span, low_high), (unit, units))
    item = found["plc:V"]
    assert (item.unit, item.low, item.high) == ("bar", -5.0, 5.0)
    found, _, _ = await items(Shelf(), variable, value, (span, BAD), (unit, BAD))
    assert (found["plc:V"].unit, found["plc:V"].low) == ("", None)


async def test_access_that_cannot_be_read_is_said() -> None:
    made = Items(KEYS, Types(cast(Client, Shelf()), KEYS), {})
    [item] = made.of(Found(node("V"), Result(Data(builtin.DOUBLE, 1.5), 0), BAD, None))
    assert item.access == "read"
    assert "may be written is not known" in made.gaps[0].reason


async def test_labels() -> None:
    shown = node("V", display="Drehzahl")
    uncertain = Result(Data(builtin.LOCALIZED_TEXT, Text("x", "de")), 0x40900000)
    found, _, _ = await items(Shelf(), shown, uncertain)
    assert found["plc:V"].label == "Drehzahl; UncertainLastUsableValue; locale de"


def test_trust_lists_are_no_files() -> None:
    """Their contents are an administrator's."""
    methods = [node(name, kind=METHOD) for name in ("Open", "Read", "Close")]
    for method in methods:
        method.name = Name(0, method.name.name)
    masks = node("OpenWithMasks", kind=METHOD)
    masks.name = Name(0, "OpenWithMasks")
    size = standard("Size")
    file = node("F", *methods, size, kind=1)
    by_type = node("T", *methods, size, kind=1, type_definition=NodeId(0, 12522))
    by_method = node("M", *methods, masks, size, kind=1)
    without_size = node("N", *methods, kind=1)
    found = files_among([file, by_type, by_method, without_size, size])
    assert [one.node.path for one in found] == ["plc:F"]
