"""Structures are taken apart by their definition, to the last byte or not at all."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldcopy_opcua import builtin
from goldcopy_opcua.builtin import Body, Data, NodeId
from goldcopy_opcua.codec import Undecodable
from goldcopy_opcua.encode import string
from goldcopy_opcua.structures import STANDARD, Field, Leaf, Structure, leaves

ENCODING, POINT, TREE, EMPTY = (NodeId(3, n) for n in (1, 2, 3, 4))
BYTE, INT32, DOUBLE, TEXT, FLOAT, ANY = (
    NodeId(0, n)
    for n in (
        builtin.BYTE,
        builtin.INT32,
        builtin.DOUBLE,
        builtin.STRING,
        builtin.FLOAT,
        builtin.VARIANT,
    )
)


def made(*fields: Field, union: bool = False) -> Structure:
    return Structure(ENCODING, fields, union)


KINDS: dict[NodeId, int | Structure] = {
    **{NodeId(0, n): n for n in range(1, 26)},
    POINT: made(Field("x", DOUBLE), Field("y", DOUBLE)),
    TREE: made(Field("left", TREE), Field("right", TREE)),
    EMPTY: made(),
}


def apart(structure: Structure, body: bytes) -> list[Leaf]:
    def kind(data_type: NodeId) -> int | Structure:
        if data_type not in KINDS:
            raise Undecodable("not known")
        return KINDS[data_type]

    return leaves(Body(ENCODING, 1, body), structure, kind)


def test_members_within_members_and_arrays_of_them() -> None:
    structure = made(
        Field("name", TEXT), Field("start", POINT), Field("way", POINT, 1), Field("w", FLOAT, 1)
    )
    points = struct.pack("<2d", 1, 2) + struct.pack("<i4d", 2, 3, 4, 5, 6)
    body = string("Öl") + points + struct.pack("<i2f", 2, 0.5, -0.0)
    found = [(leaf.steps, leaf.data.value) for leaf in apart(structure, body)]
    assert found == [
        (("name",), "Öl"),
        (("start", "x"), 1.0),
        (("start", "y"), 2.0),
        (("way", 0, "x"), 3.0),
        (("way", 0, "y"), 4.0),
        (("way", 1, "x"), 5.0),
        (("way", 1, "y"), 6.0),
        (("w",), (0.5, -0.0)),
    ]


def test_an_empty_array_of_structures_is_a_leaf_of_its_own() -> None:
    found = apart(made(Field("way", POINT, 1)), struct.pack("<i", 0))
    assert found == [Leaf(("way",), Data(builtin.EXTENSION_OBJECT, (), (0,)))]


def test_optional_members_are_there_by_mask() -> None:
    structure = made(
        Field("a", BYTE), Field("b", BYTE, optional=True), Field("c", BYTE, optional=True)
    )
    body = struct.pack("<IBB", 0b10, 1, 3)
    assert [leaf.steps for leaf in apart(structure, body)] == [("a",), ("c",)]
    with pytest.raises(Undecodable, match="mask"):
        apart(structure, struct.pack("<IBB", 0b110, 1, 3))


def test_a_union_holds_one_member_or_none() -> None:
    structure = made(Field("a", BYTE), Field("b", DOUBLE), union=True)
    assert apart(structure, struct.pack("<I", 0)) == []
    [leaf] = apart(structure, struct.pack("<Id", 2, 2.5))
    assert leaf == Leaf(("b",), Data(builtin.DOUBLE, 2.5))
    with pytest.raises(Undecodable, match="union"):
        apart(structure, struct.pack("<IB", 3, 1))


def test_a_matrix_has_its_dimensions_first() -> None:
    structure = made(Field("m", INT32, 2))
    body = struct.pack("<iii6i", 2, 2, 3, *range(6))
    [leaf] = apart(structure, body)
    assert leaf.data == Data(builtin.INT32, tuple(range(6)), (2, 3))
    with pytest.raises(Undecodable):
        apart(structure, struct.pack("<iii", 2, 2**30, 2**30))


def test_a_member_of_any_type_brings_its_own() -> None:
    [leaf] = apart(made(Field("v", ANY)), b"\x0b" + struct.pack("<d", 2.5))
    assert leaf.data == Data(builtin.VARIANT, Data(builtin.DOUBLE, 2.5))


WHOLE = made(Field("a", INT32), Field("t", TEXT), Field("p", POINT, 1))
BODY = struct.pack("<i", 5) + string("abc") + struct.pack("<i4d", 2, 1, 2, 3, 4)


def test_a_body_that_is_cut_or_goes_on_is_not_taken_apart() -> None:
    assert len(apart(WHOLE, BODY)) == 6
    for end in range(len(BODY)):
        with pytest.raises(Undecodable):
            apart(WHOLE, BODY[:end])
    with pytest.raises(Undecodable, match="too many"):
        apart(WHOLE, BODY + b"\x00")


@given(st.binary(max_size=60))
def test_garbage_is_taken_apart_whole_or_not_at_all(raw: bytes) -> None:
    try:
        found = apart(WHOLE, raw)
    except Undecodable:
        return
    assert len(found) >= 3


def test_a_type_that_holds_itself_does_not_hang() -> None:
    structure = KINDS[TREE]
    assert isinstance(structure, Structure)
    with pytest.raises(Undecodable, match="nested"):
        apart(structure, bytes(100))


def test_structures_of_nothing_cannot_be_counted_without_end() -> None:
    with pytest.raises(Undecodable):
        apart(made(Field("e", EMPTY, 1)), struct.pack("<i", 2**31 - 1))


def test_an_unknown_member_or_rank_stops_it() -> None:
    with pytest.raises(Undecodable, match="not known"):
        apart(made(Field("a", NodeId(9, 9))), bytes(4))
    with pytest.raises(Undecodable, match="rank"):
        apart(made(Field("a", INT32, -2)), bytes(4))


@pytest.mark.parametrize(("form", "body"), [(0, None), (2, b"<x/>"), (1, None)])
def test_only_binary_bodies_are_taken_apart(form: int, body: bytes | None) -> None:
    with pytest.raises(Undecodable):
        leaves(Body(ENCODING, form, body), WHOLE, lambda node: KINDS[node])


def test_the_standards_own_range() -> None:
    body = Body(NodeId(0, 886), 1, struct.pack("<2d", -5, 5))
    found = leaves(body, STANDARD[body.type], lambda node: KINDS[node])
    assert [(leaf.steps, leaf.data.value) for leaf in found] == [(("Low",), -5.0), (("High",), 5.0)]
