"""Values back to built-in types: whatever can be read is written as the same bytes."""

from __future__ import annotations

import math
import struct
from typing import Any
from uuid import UUID

import asyncua.ua
import pytest
from asyncua.ua.ua_binary import variant_to_binary
from hypothesis import example, given
from hypothesis import strategies as st

from goldcopy.errors import Wrong
from goldcopy.snapshot import Value, real_from_bits
from goldcopy_opcua import builtin
from goldcopy_opcua.builtin import Body, Data, Name, NodeId, Text
from goldcopy_opcua.codec import Reader
from goldcopy_opcua.encode import variant
from goldcopy_opcua.keys import UA, Keys
from goldcopy_opcua.meant import meant, node, ticks
from goldcopy_opcua.values import IEC, stamp, tell

ua: Any = asyncua.ua

KEYS = Keys((UA, "urn:server", "http://x/plc", "http://x/a;b%c", "http://x/a", "http://x/%3B%25"))
WORDS = st.text(max_size=12) | st.text(";%=nsuvrigb0123B", max_size=12)
ELSEWHERE = ["", "http://elsewhere/", "http://elsewhere/;s=", "%3B;%25", UA, "http://x/a;b%c"]
NODES = st.builds(
    NodeId,
    st.integers(0, 5),
    st.one_of(st.integers(0, 2**32 - 1), WORDS, st.uuids(), st.binary(max_size=9)),
)
WHOLE = {
    builtin.SBYTE: (-(2**7), 2**7 - 1),
    builtin.BYTE: (0, 2**8 - 1),
    builtin.INT16: (-(2**15), 2**15 - 1),
    builtin.UINT16: (0, 2**16 - 1),
    builtin.INT32: (-(2**31), 2**31 - 1),
    builtin.UINT32: (0, 2**32 - 1),
    builtin.INT64: (-(2**63), 2**63 - 1),
    builtin.UINT64: (0, 2**64 - 1),
    builtin.STATUS_CODE: (0, 2**32 - 1),
    builtin.DATE_TIME: (-(2**63), 2**63 - 1),
}
ELEMENTS: dict[int, st.SearchStrategy[object]] = {
    **{kind: st.integers(low, high) for kind, (low, high) in WHOLE.items()},
    builtin.BOOLEAN: st.booleans(),
    builtin.FLOAT: st.integers(0, 2**32 - 1).map(real_from_bits),
    builtin.DOUBLE: st.binary(min_size=8, max_size=8).map(lambda raw: struct.unpack("<d", raw)[0]),
    builtin.STRING: WORDS,
    builtin.XML_ELEMENT: WORDS,
    builtin.BYTE_STRING: st.binary(max_size=20),
    builtin.GUID: st.uuids(),
    builtin.NODE_ID: NODES,
    builtin.QUALIFIED_NAME: st.builds(Name, st.integers(0, 5), WORDS),
    builtin.LOCALIZED_TEXT: st.builds(Text, WORDS, st.sampled_from(["", "de", "en-US"])),
    builtin.EXPANDED_NODE_ID: st.tuples(NODES, st.sampled_from(ELSEWHERE), st.sampled_from([0, 7])),
}
BEYOND_STRINGS = sorted(set(IEC) - {builtin.EXTENSION_OBJECT})


@st.composite
def contents(draw: st.DrawFn, kind: int) -> Data:
    """A scalar, an array or a matrix; null and structures have tests of their own."""
    sort = draw(st.sampled_from(["scalar", "array", "matrix"]))
    element = ELEMENTS[kind]
    if sort == "scalar":
        return Data(kind, draw(element))
    if sort == "array":
        many = draw(st.lists(element, min_size=1, max_size=5))
        return Data(kind, tuple(many), (len(many),))
    return Data(kind, tuple(draw(st.lists(element, min_size=6, max_size=6))), (2, 3))


def locales(data: Data) -> list[str]:
    many = data.value if data.shape is not None else (data.value,)
    assert isinstance(many, tuple)
    return [one.locale for one in many if isinstance(one, Text)]


@pytest.mark.parametrize("kind", BEYOND_STRINGS)
@given(data=st.data())
def test_any_value_that_is_read_is_written_as_the_same_bytes(
    kind: int, data: st.DataObject
) -> None:
    sent = variant(data.draw(contents(kind)))
    read = Reader(sent).variant()
    told = tell(read, KEYS)
    back = variant(meant(told.type, told.value, kind, KEYS, locales(read)))
    if kind != builtin.EXPANDED_NODE_ID:
        assert back == sent
    again = tell(Reader(back).variant(), KEYS)  # an id may be given by index or by URI
    assert (again.type, repr(again.value)) == (told.type, repr(told.value))


@given(st.integers(0, 2**32 - 1))
@example(0x7F800001)
@example(0xFFC0DEAD)
def test_a_float_keeps_all_its_bits(bits: int) -> None:
    sent = b"\x0a" + bits.to_bytes(4, "little")
    told = tell(Reader(sent).variant(), KEYS)
    assert variant(meant(told.type, told.value, builtin.FLOAT, KEYS)) == sent


@given(st.integers(-(2**63), 2**63 - 1))
@example(0)
@example(2650467743999999999)
@example(2650467744000000000)
def test_a_time_keeps_all_its_digits(moment: int) -> None:
    assert ticks(stamp(moment)) == moment


@pytest.mark.parametrize(
    ("data", "theirs"),
    [
        (Data(builtin.INT64, -5), ua.Variant(-5, ua.VariantType.Int64)),
        (Data(builtin.STRING, "ö"), ua.Variant("ö", ua.VariantType.String)),
        (Data(builtin.STRING, None), ua.Variant(None, ua.VariantType.String)),
        (Data(builtin.GUID, UUID(int=7)), ua.Variant(UUID(int=7), ua.VariantType.Guid)),
        (Data(builtin.BYTE_STRING, b"\0a"), ua.Variant(b"\0a", ua.VariantType.ByteString)),
        (
            Data(builtin.LOCALIZED_TEXT, Text("Tür", "de")),
            ua.Variant(ua.LocalizedText("Tür", "de")),
        ),
        (Data(builtin.LOCALIZED_TEXT, Text("Tür", "")), ua.Variant(ua.LocalizedText("Tür"))),
        (Data(builtin.QUALIFIED_NAME, Name(2, "x")), ua.Variant(ua.QualifiedName("x", 2))),
        (Data(builtin.NODE_ID, NodeId(2, "x")), ua.Variant(ua.NodeId("x", 2))),
        (Data(builtin.NODE_ID, NodeId(0, 300)), ua.Variant(ua.NodeId(300, 0))),
        (Data(builtin.NODE_ID, NodeId(2, b"\1")), ua.Variant(ua.NodeId(b"\1", 2))),
        (Data(builtin.DOUBLE, (1.5, 2.5), (2,)), ua.Variant([1.5, 2.5], ua.VariantType.Double)),
        (
            Data(builtin.INT16, (1, 2, 3, 4, 5, 6), (2, 3)),
            ua.Variant([[1, 2, 3], [4, 5, 6]], ua.VariantType.Int16),
        ),
        (
            Data(builtin.EXTENSION_OBJECT, Body(NodeId(2, 7), 1, b"abc")),
            ua.Variant(ua.ExtensionObject(ua.NodeId(7, 2), b"abc")),
        ),
    ],
)
def test_bytes_are_those_that_asyncua_makes(data: Data, theirs: Any) -> None:  # noqa: ANN401
    assert variant(data) == variant_to_binary(theirs)


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (builtin.EXPANDED_NODE_ID, (NodeId(0, ";"), "e;%", 7), "svr=7;nsu=e%3B%25;s=;"),
        (builtin.EXPANDED_NODE_ID, (NodeId(0, ""), "http://e/", 0), "nsu=http://e/;s="),
        (builtin.EXPANDED_NODE_ID, (NodeId(0, 85), UA, 0), f"nsu={UA};i=85"),
        (builtin.NODE_ID, NodeId(3, ";i=1"), "nsu=http://x/a%3Bb%25c;s=;i=1"),
        (builtin.QUALIFIED_NAME, Name(3, "v"), "nsu=http://x/a%3Bb%25c;v"),
        (builtin.QUALIFIED_NAME, Name(4, "b%c;v"), "nsu=http://x/a;b%c;v"),
        (builtin.QUALIFIED_NAME, Name(0, "nsu=x;v"), f"nsu={UA};nsu=x;v"),
    ],
)
def test_a_uri_is_escaped_and_what_is_behind_it_is_not(kind: int, value: object, text: str) -> None:
    """So the first ``;`` behind it ends it (OPC 10000-6, 5.1.12)."""
    told = tell(Reader(variant(Data(kind, value))).variant(), KEYS)
    assert told.value == text
    assert meant("STRING", text, kind, KEYS).value == value


def test_a_node_means_the_same_on_a_server_with_another_order_of_namespaces() -> None:
    """Its index is another, its URI is not; a URI that is not there is no node."""
    there = Keys((UA, "http://x/plc", "urn:server"))
    text = KEYS.text(NodeId(2, "Speed"))
    assert node(text, there) == NodeId(1, "Speed")
    assert meant("STRING", text, builtin.NODE_ID, there).value == NodeId(1, "Speed")
    assert meant("STRING", "nsu=http://x/plc;v", builtin.QUALIFIED_NAME, there).value == (1, "v")
    for kind in (builtin.NODE_ID, builtin.QUALIFIED_NAME):
        with pytest.raises(Wrong, match="no namespace"):
            meant("STRING", "nsu=http://x/gone;s=Speed", kind, there)


@pytest.mark.parametrize(
    ("type_", "value", "kind"),
    [
        ("INT", 2**15, builtin.INT16),
        ("INT", True, builtin.INT16),
        ("INT", 1.0, builtin.INT16),
        ("DINT", 5, builtin.INT16),
        ("BOOL", 1, builtin.BOOLEAN),
        ("REAL", 0.1, builtin.FLOAT),
        ("REAL", 1e39, builtin.FLOAT),
        ("STRING", "no time", builtin.DATE_TIME),
        ("DATE_AND_TIME", "2024-02-30T00:00:00.0000000Z", builtin.DATE_TIME),
        ("DATE_AND_TIME", "2024-02-20T00:00:00Z", builtin.DATE_TIME),
        ("DATE_AND_TIME", f"{2**63} ticks", builtin.DATE_TIME),
        ("STRING", "72962B91-FA75-4AE6-8D28-B404DC7DAF63", builtin.GUID),
        ("STRING", "no guid", builtin.GUID),
        ("STRING", "i=x", builtin.NODE_ID),
        ("STRING", "i=4294967296", builtin.NODE_ID),
        ("STRING", "b=?", builtin.NODE_ID),
        ("STRING", KEYS.text(NodeId(9, "x")), builtin.NODE_ID),
        ("STRING", KEYS.text(NodeId(9, "x")), builtin.EXPANDED_NODE_ID),
        ("STRING", "nsu=;s=x", builtin.EXPANDED_NODE_ID),
        ("STRING", "nsu=http://elsewhere/;", builtin.EXPANDED_NODE_ID),
        ("BYTES", "text", builtin.BYTE_STRING),
        ("STRING", 5, builtin.LOCALIZED_TEXT),
        ("BYTES", b"text", builtin.STRING),  # it would be read as a STRING
        ("ARRAY[2] OF INT", (1, 2, 3), builtin.INT16),
        ("ARRAY[2,2] OF INT", (1, 2, 3), builtin.INT16),
        ("ARRAY[2] OF INT", 5, builtin.INT16),
        ("LREAL", math.nan, builtin.FLOAT),
        ("STRING", "\ud800", builtin.STRING),
    ],
)
def test_what_would_not_be_read_back_is_refused(type_: str, value: Value, kind: int) -> None:
    with pytest.raises(Wrong):
        meant(type_, value, kind, KEYS)
