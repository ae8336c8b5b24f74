"""A whole value made of what is held and of items: nothing of it that nobody asked for changes."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldcopy.errors import GoldcopyError, Unsupported, Wrong
from goldcopy.snapshot import Item, Value
from goldcopy_opcua import builtin
from goldcopy_opcua.builtin import NULL, Body, Data, NodeId, Result, Text
from goldcopy_opcua.codec import Reader
from goldcopy_opcua.compose import Goal, Held, composed
from goldcopy_opcua.encode import array, member, string, variant
from goldcopy_opcua.items import Found, Items
from goldcopy_opcua.structures import Field, Structure
from goldcopy_opcua.types import Types

from .test_opcua_items import Shelf, node
from .test_opcua_meant import BEYOND_STRINGS, ELEMENTS, KEYS

OUTER, INNER, SECRET = (NodeId(2, n) for n in (10, 20, 30))
LEVEL = Result(Data(builtin.BYTE, 3), 0)


@dataclass
class Known:
    """The types of a server, as if they had been asked for."""

    structures: dict[NodeId, Structure] = field(default_factory=dict)

    def types(self) -> Types:
        types = Types(Shelf(), KEYS)  # type: ignore[arg-type]
        types._encodings |= self.structures  # noqa: SLF001
        types._kinds |= dict(self.structures)  # noqa: SLF001
        return types

    def items(self, data: Data, data_type: NodeId | None = None) -> dict[str, Item]:
        """By the way into the value."""
        maker = Items(KEYS, self.types(), {})
        made = maker.of(Found(node("x"), Result(data, 0), LEVEL, data_type))
        assert maker.gaps == []
        return {item.path.removeprefix("plc:x").removeprefix("/"): item for item in made}

    def put(self, data: Data, *goals: Goal, kind: int = 0, rank: int = -1) -> Data:
        return composed(Held(data, kind or data.kind, rank), goals, KEYS, self.types())


# -- what is held is put back --------------------------------------------------------------------

SCALARS = [kind for kind in BEYOND_STRINGS if kind != builtin.EXPANDED_NODE_ID]


@st.composite
def values(draw: st.DrawFn, number: int) -> tuple[Field, bytes, dict[NodeId, Structure]]:
    """A member: its definition, its bytes, and the structures that it is made of."""
    name = draw(st.sampled_from(["a", "b.c", "d/e", "[0]", "f~"])) + str(draw(st.integers(0, 999)))
    sorts = ["scalar", "array", "matrix", "any"] + ["structure", "structures"] * (number < 1000)
    sort = draw(st.sampled_from(sorts))
    kind = draw(st.sampled_from(SCALARS))
    one = ELEMENTS[kind]
    if sort == "scalar":
        return Field(name, NodeId(0, kind)), member(Data(kind, draw(one))), {}
    if sort == "array":
        many = tuple(draw(st.lists(one, max_size=4)))
        return Field(name, NodeId(0, kind), 1), member(Data(kind, many, (len(many),))), {}
    if sort == "matrix":
        many = tuple(draw(st.lists(one, min_size=4, max_size=4)))
        return Field(name, NodeId(0, kind), 2), member(Data(kind, many, (2, 2))), {}
    if sort == "any":
        return Field(name, NodeId(0, builtin.VARIANT)), variant(Data(kind, draw(one))), {}
    made, raw, known = draw(bodies(number))
    known |= {NodeId(2, number): made}
    if sort == "structure":
        return Field(name, NodeId(2, number)), raw, known
    times = draw(st.integers(0, 3))
    return Field(name, NodeId(2, number), 1), array([raw] * times), known


@st.composite
def bodies(draw: st.DrawFn, number: int) -> tuple[Structure, bytes, dict[NodeId, Structure]]:
    """A structure, plain or with optional members, its bytes, and what it is made of.

    Each has a number of its own, ten times that of the structure around it and more.
    """
    drawn = [draw(values(10 * number + n)) for n in range(draw(st.integers(1, 4)))]
    drawn = [
        (made._replace(name=f"{made.name}{n}"), raw, all_)
        for n, (made, raw, all_) in enumerate(drawn)
    ]
    known = {key: made for *_, all_ in drawn for key, made in all_.items()}
    optional = draw(st.lists(st.booleans(), min_size=len(drawn), max_size=len(drawn)))
    there = draw(st.lists(st.booleans(), min_size=len(drawn), max_size=len(drawn)))
    mask, bit, raw, fields = 0, 0, b"", []
    for (made, content, _), may, is_there in zip(drawn, optional, there, strict=True):
        fields.append(made._replace(optional=may))
        if may:
            mask |= is_there << bit
            bit += 1
        if is_there or not may:
            raw += content
    if any(optional):
        raw = struct.pack("<I", mask) + raw
    return Structure(NodeId(2, number), tuple(fields)), raw, known


@given(st.data())
def test_what_is_held_is_put_back_without_changing_a_byte(data: st.DataObject) -> None:
    """Each item alone, and all of them, however deep they are in the structure."""
    made, raw, known = data.draw(bodies(10))
    shelf = Known(known | {OUTER: made})
    times = data.draw(st.sampled_from([None, 1, 2]))
    body = Body(OUTER, 1, raw)
    held = (
        Data(builtin.EXTENSION_OBJECT, body)
        if times is None
        else Data(builtin.EXTENSION_OBJECT, (body,) * times, (times,))
    )
    sent = variant(held)
    goals = [Goal(item, way) for way, item in shelf.items(held).items()]
    goals += [
        Goal(goal.item, "#" + goal.item.address.partition("#")[2])
        for goal in goals
        if "#" in goal.item.address
    ]
    for goal in goals:
        assert variant(shelf.put(held, goal)) == sent, goal
    assert variant(shelf.put(held, *goals)) == sent


@pytest.mark.parametrize("kind", SCALARS)
@given(data=st.data())
def test_one_member_becomes_what_another_value_has_there(kind: int, data: st.DataObject) -> None:
    """Two values of one type: with the member of the other one, all else stays."""
    made, before, known = data.draw(bodies(10))
    whole = Structure(OUTER, (*made.fields, Field("it", NodeId(0, kind))))
    old, new = (member(Data(kind, data.draw(ELEMENTS[kind]))) for _ in range(2))
    shelf = Known(known | {OUTER: whole})
    start = Data(builtin.EXTENSION_OBJECT, Body(OUTER, 1, before + old))
    wanted = Data(builtin.EXTENSION_OBJECT, Body(OUTER, 1, before + new))
    goal = Goal(shelf.items(wanted)["it"], "it")
    assert variant(shelf.put(start, goal)) == variant(wanted)


# -- structures that nobody takes apart ------------------------------------------------------------


def opaque(*raw: bytes | None, form: int = 1, kind: NodeId = SECRET) -> Data:
    found = tuple(
        Body(kind, form, one) if one is not None else Body(NodeId(0, 0), 0, None) for one in raw
    )
    return Data(builtin.EXTENSION_OBJECT, found, (len(found),))


@pytest.mark.parametrize("form", [1, 2])
def test_bytes_of_a_structure_keep_their_type_and_form(form: int) -> None:
    held = opaque(b"one", b"two", form=form)
    (item,) = Known().items(held).values()
    assert item.label == "type nsu=http://x/plc;i=30" + (" as XML" if form == 2 else "")
    other = _with(item, "ARRAY[3] OF BYTES", (b"one", b"", b"three"))
    found = Known().put(held, Goal(other, ""))
    assert found == opaque(b"one", b"", b"three", form=form)


def test_a_null_among_structures_stays_null() -> None:
    held = opaque(b"one", None)
    (item,) = Known().items(held).values()
    assert item.value == (b"one", b"")
    assert Known().put(held, Goal(item, "")) == held
    assert Known().put(held, Goal(_with(item, item.type, (b"", b"")), "")) == opaque(b"", None)


def test_structures_of_several_types_are_written_each_by_itself() -> None:
    held = Data(builtin.EXTENSION_OBJECT, (Body(SECRET, 1, b"one"), Body(INNER, 1, b"two")), (2,))
    items = Known().items(held)
    assert list(items) == ["0", "1"]
    found = Known().put(held, Goal(_with(items["1"], "BYTES", b"longer than two"), "1"))
    assert found.value == (Body(SECRET, 1, b"one"), Body(INNER, 1, b"longer than two"))


def test_of_which_type_bytes_are_is_never_guessed() -> None:
    (item,) = Known().items(Data(builtin.EXTENSION_OBJECT, Body(SECRET, 1, b"one"))).values()
    other = Data(builtin.EXTENSION_OBJECT, Body(INNER, 1, b"one"))
    _amiss(other, item, Wrong, "not of the type nsu=http://x/plc;i=20 that is there now")
    nothing = Data(builtin.EXTENSION_OBJECT, Body(NodeId(0, 0), 0, None))
    _amiss(nothing, item, Wrong, "it holds nothing now")
    _amiss(NULL, item, Wrong, "it holds nothing now", kind=builtin.EXTENSION_OBJECT)


# -- null, abstract types, texts -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "kind", "rank", "type_", "wanted"),
    [
        (Data(builtin.STRING, "x"), builtin.STRING, -1, "STRING", Data(builtin.STRING, None)),
        (Data(builtin.BYTE_STRING, b"x"), builtin.BYTE_STRING, -1, "BYTES", Data(15, None)),
        (Data(builtin.DOUBLE, 1.5), builtin.DOUBLE, -1, "LREAL", NULL),
        (NULL, builtin.DOUBLE, -1, "LREAL", NULL),
        (NULL, builtin.DOUBLE, 1, "LREAL", Data(builtin.DOUBLE, (), (0,))),
        (Data(builtin.DOUBLE, (1.5,), (1,)), builtin.DOUBLE, -2, "LREAL", Data(11, (), (0,))),
        (Data(builtin.LOCALIZED_TEXT, Text("a", "de")), 21, -1, "STRING", NULL),
    ],
)
def test_null_and_empty(held: Data, kind: int, rank: int, type_: str, wanted: Data) -> None:
    item = _item(f"ARRAY[0] OF {type_}", ())
    found = Known().put(held, Goal(item, ""), kind=kind, rank=rank)
    assert found == wanted
    assert Reader(variant(found)).variant() == wanted


@pytest.mark.parametrize(
    ("kind", "type_", "value", "wanted"),
    [
        (builtin.DOUBLE, "LREAL", 1.5, Data(builtin.DOUBLE, 1.5)),
        (builtin.GUID, "ARRAY[1] OF STRING", ("x",), None),
        (builtin.STRING, "ARRAY[1] OF STRING", ("x",), Data(builtin.STRING, ("x",), (1,))),
        (builtin.VARIANT, "INT", 5, Data(builtin.INT16, 5)),
        (builtin.VARIANT, "UDINT", 5, Data(builtin.UINT32, 5)),
        (builtin.VARIANT, "BYTES", b"x", Data(builtin.BYTE_STRING, b"x")),
        (builtin.INT16, "DINT", 5, None),
        (0, "INT", 5, None),
    ],
)
def test_where_null_is_held_the_data_type_tells_what_to_write(
    kind: int, type_: str, value: Value, wanted: Data | None
) -> None:
    if wanted is None:
        _amiss(NULL, _item(type_, value), Wrong, "nothing was written", kind=kind)
    else:
        assert Known().put(NULL, Goal(_item(type_, value), ""), kind=kind) == wanted


def test_a_string_that_is_no_utf_8_goes_back_as_it_was() -> None:
    held = Data(builtin.STRING, b"\xffabc")
    (item,) = Known().items(held).values()
    assert (item.type, item.label) == ("BYTES", "not UTF-8")
    assert Known().put(Data(builtin.STRING, "fine"), Goal(item, "")) == held
    many = Data(builtin.STRING, (b"\xff", b"a"), (2,))
    (both,) = Known().items(many).values()
    assert variant(Known().put(many, Goal(both, ""))) == variant(many)


def test_languages_are_those_of_the_item_or_not_guessed() -> None:
    texts = Data(
        builtin.LOCALIZED_TEXT, (Text("Tür", "de"), Text("door", "en"), Text("", "")), (3,)
    )
    (item,) = Known().items(texts).values()
    assert item.label == "locale de, en"
    other = _with(item, item.type, ("Tor", "gate", "x"))
    assert Known().put(texts, Goal(other, "")).value == (
        Text("Tor", "de"), Text("gate", "en"), Text("x", ""),
    )  # fmt: skip
    longer = _with(item, "ARRAY[4] OF STRING", ("a", "b", "c", "d"))
    _amiss(texts, longer, Wrong, "which in which is not known")
    german = texts._replace(value=(Text("Tür", "de"), Text("Tor", "de"), Text("", "de")))
    _amiss(german, other, Wrong, "which in which is not known")


def test_one_of_several_types_in_an_array_cannot_be_written_alone() -> None:
    held = Data(builtin.VARIANT, (Data(builtin.INT16, 1), Data(builtin.STRING, "x")), (2,))
    items = Known().items(held)
    _amiss(held, items["1"], Unsupported, "array of mixed types", way="1")


def test_a_union_s_other_member_is_not_there() -> None:
    fields = (Field("a", NodeId(0, builtin.INT32)), Field("b", NodeId(0, builtin.STRING)))
    shelf = Known({OUTER: Structure(OUTER, fields, union=True)})
    held = Data(builtin.EXTENSION_OBJECT, Body(OUTER, 1, struct.pack("<Ii", 1, 5)))
    other = Data(builtin.EXTENSION_OBJECT, Body(OUTER, 1, struct.pack("<I", 2) + string("x")))
    assert shelf.put(held, Goal(_item("DINT", 6), "a")).value == Body(
        OUTER, 1, struct.pack("<Ii", 1, 6)
    )
    with pytest.raises(Wrong, match="has no such member now"):
        shelf.put(held, Goal(shelf.items(other)["b"], "b"))


def _item(type_: str, value: Value, label: str = "") -> Item:
    return Item("plc:x", "parameter", type_, value, "setting", "read-write", label=label)


def _with(item: Item, type_: str, value: Value) -> Item:
    return _item(type_, value, item.label)


def _amiss(
    held: Data, item: Item, error: type[GoldcopyError], words: str, *, kind: int = 0, way: str = ""
) -> None:
    with pytest.raises(error, match=words) as caught:
        composed(Held(held, kind or held.kind, -1), [Goal(item, way)], KEYS, Known().types())
    assert str(caught.value).startswith("plc:x")
