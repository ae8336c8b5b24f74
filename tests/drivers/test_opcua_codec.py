"""The codec against the standard's examples, against asyncua's encoder, and against garbage."""

from __future__ import annotations

import math
import struct
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncua.ua
import pytest
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import (
    nodeid_to_binary,
    struct_from_binary,
    struct_to_binary,
    variant_to_binary,
)
from hypothesis import example, given
from hypothesis import strategies as st

from goldcopy.snapshot import real_bits
from goldcopy_opcua import answers, builtin, encode, services
from goldcopy_opcua.builtin import Body, Data, Name, NodeId, Text
from goldcopy_opcua.codec import Reader, Undecodable
from goldcopy_opcua.keys import Keys
from goldcopy_opcua.values import stamp, tell

ua: Any = asyncua.ua  # its constructors ask for its own subclasses of int and str


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        # OPC 10000-6, 5.2.2.9
        ("00 72", NodeId(0, 114)),
        ("01 05 01 04", NodeId(5, 1025)),
        ("03 01 00 06 00 00 00 48 6F 74 E6 B0 B4", NodeId(1, "Hot水")),
        ("02 02 00 70 11 01 00", NodeId(2, 70_000)),
        (
            "04 03 00 91 2B 96 72 75 FA E6 4A 8D 28 B4 04 DC 7D AF 63",
            NodeId(3, UUID("72962B91-FA75-4AE6-8D28-B404DC7DAF63")),
        ),
        ("05 01 00 02 00 00 00 00 FF", NodeId(1, b"\x00\xff")),
    ],
)
def test_node_ids_of_the_standard(raw: str, expected: NodeId) -> None:
    reader = Reader(bytes.fromhex(raw))
    assert reader.node_id() == expected
    reader.finish()
    assert encode.node_id(expected) == bytes.fromhex(raw)


@pytest.mark.parametrize(
    ("kind", "raw", "expected"),
    [
        (builtin.INT32, "00 CA 9A 3B", 1_000_000_000),  # OPC 10000-6, 5.2.2.2
        (builtin.FLOAT, "00 00 D0 C0", -6.5),  # 5.2.2.3
        (builtin.STRING, "06 00 00 00 E6 B0 B4 42 6F 79", "水Boy"),  # 5.2.2.4
        (
            builtin.GUID,  # 5.2.2.6
            "91 2B 96 72 75 FA E6 4A 8D 28 B4 04 DC 7D AF 63",
            UUID("72962B91-FA75-4AE6-8D28-B404DC7DAF63"),
        ),
    ],
)
def test_values_of_the_standard(kind: int, raw: str, expected: object) -> None:
    reader = Reader(bytes.fromhex(raw))
    assert reader.element(kind) == expected
    reader.finish()


node_ids = st.one_of(
    st.builds(NodeId, st.integers(0, 65_535), st.integers(0, 2**32 - 1)),
    st.builds(NodeId, st.integers(0, 65_535), st.text(max_size=20)),
    st.builds(NodeId, st.integers(0, 65_535), st.uuids()),
    st.builds(NodeId, st.integers(0, 65_535), st.binary(max_size=20)),
)


@given(node_ids)
def test_node_ids_are_what_asyncua_writes_and_reads(node: NodeId) -> None:
    theirs = ua.NodeId(node.id, ua.Int16(node.ns))
    assert Reader(nodeid_to_binary(theirs)).node_id() == node
    assert Reader(encode.node_id(node)).node_id() == node


numbers = {
    ua.VariantType.Boolean: st.booleans(),
    ua.VariantType.SByte: st.integers(-128, 127),
    ua.VariantType.Byte: st.integers(0, 255),
    ua.VariantType.Int16: st.integers(-(2**15), 2**15 - 1),
    ua.VariantType.UInt16: st.integers(0, 2**16 - 1),
    ua.VariantType.Int32: st.integers(-(2**31), 2**31 - 1),
    ua.VariantType.UInt32: st.integers(0, 2**32 - 1),
    ua.VariantType.Int64: st.integers(-(2**63), 2**63 - 1),
    ua.VariantType.UInt64: st.integers(0, 2**64 - 1),
    ua.VariantType.Float: st.floats(width=32, allow_nan=False),
    ua.VariantType.Double: st.floats(allow_nan=False),
    ua.VariantType.String: st.text(),
    ua.VariantType.ByteString: st.binary(),
    ua.VariantType.Guid: st.uuids(),
}


@given(st.data(), st.sampled_from(sorted(numbers)), st.booleans())
def test_variants_are_what_asyncua_wrote(data: st.DataObject, kind: int, array: bool) -> None:
    one = numbers[kind]
    value = data.draw(st.lists(one) if array else one)
    reader = Reader(variant_to_binary(ua.Variant(value, kind, is_array=array)))
    found = reader.variant()
    reader.finish()
    assert found.kind == kind
    assert found.shape == ((len(value),) if array else None)  # type: ignore[arg-type]
    assert (list(found.value) if array else found.value) == value  # type: ignore[call-overload]


def test_a_matrix_keeps_its_dimensions() -> None:
    raw = variant_to_binary(ua.Variant([[1, 2, 3], [4, 5, 6]], ua.VariantType.Int16))
    assert Reader(raw).variant() == Data(builtin.INT16, (1, 2, 3, 4, 5, 6), (2, 3))


@pytest.mark.parametrize("dimensions", [(2, 2), (-2, -3), (7,)])
def test_dimensions_that_do_not_fit_are_refused(dimensions: tuple[int, ...]) -> None:
    raw = b"\xc4" + struct.pack("<i6h", 6, *range(6))
    raw += struct.pack(f"<i{len(dimensions)}i", len(dimensions), *dimensions)
    with pytest.raises(Undecodable):
        Reader(raw).variant()


@given(st.integers(0, 2**32 - 1) | st.integers(0x7F800001, 0x7FBFFFFF), st.booleans())
@example(0x7FA00001, False)  # signalling NaNs, which a conversion to double quietens
@example(0xFFA00001, True)
def test_every_bit_of_a_real_survives(bits: int, array: bool) -> None:
    raw = struct.pack("<I", bits)
    value = b"\x8a" + struct.pack("<i", 1) + raw if array else b"\x0a" + raw
    told = tell(Reader(b"\x01" + value).data_value().data, Keys(()))
    found = told.value[0] if isinstance(told.value, tuple) else told.value
    assert isinstance(found, float)
    assert real_bits(found) == bits


@given(st.integers(0, 2**64 - 1))
def test_every_bit_of_an_lreal_survives(bits: int) -> None:
    raw = b"\x01\x0b" + struct.pack("<Q", bits)
    found = tell(Reader(raw).data_value().data, Keys(())).value
    assert struct.pack("<d", found) == struct.pack("<Q", bits)


@given(st.binary(max_size=60))
def test_garbage_is_undecodable_or_a_value_but_nothing_else(raw: bytes) -> None:
    for read in (Reader.data_value, Reader.extension, Reader.expanded, Reader.diagnostic):
        reader = Reader(raw)
        try:
            read(reader)
        except Undecodable:
            continue
        assert reader.pos <= len(raw)


WHOLE = ua.DataValue(
    ua.Variant(
        [
            ua.ExtensionObject(ua.NodeId(7, ua.Int16(3)), b"body"),
            ua.ExtensionObject(ua.NodeId(7, ua.Int16(3)), b""),
        ],
        ua.VariantType.ExtensionObject,
    ),
    ua.StatusCode(ua.UInt32(ua.StatusCodes.UncertainLastUsableValue)),
    datetime(2026, 1, 1),
    datetime(2026, 1, 1),
)


def test_a_structure_stays_what_the_wire_says() -> None:
    result = Reader(struct_to_binary(WHOLE)).data_value()
    assert result.status == 0x40900000
    one = Body(NodeId(3, 7), 1, b"body")
    assert result.data == Data(builtin.EXTENSION_OBJECT, (one, one._replace(body=b"")), (2,))


def test_a_value_cut_anywhere_is_undecodable() -> None:
    raw = struct_to_binary(WHOLE)
    for end in range(len(raw)):
        with pytest.raises(Undecodable):
            Reader(raw[:end]).data_value()


def test_nesting_has_an_end() -> None:
    with pytest.raises(Undecodable, match="nested"):
        Reader(b"\x18" * 100_000).variant()
    with pytest.raises(Undecodable, match="nested"):
        Reader(b"\x40" * 100_000).diagnostic()


def test_an_array_cannot_promise_more_than_the_message_holds() -> None:
    with pytest.raises(Undecodable):
        Reader(b"\x8c" + struct.pack("<i", 2**31 - 1)).variant()


# -- references --------------------------------------------------------------------------------


def _reference(**given_: object) -> object:
    usual: dict[str, object] = {
        "ReferenceTypeId": ua.NodeId(47),
        "IsForward": True,
        "NodeId": ua.ExpandedNodeId("Speed", ua.Int16(2)),
        "BrowseName": ua.QualifiedName("Speed", 2),
        "DisplayName": ua.LocalizedText("Speed", "en"),
        "NodeClass": ua.NodeClass.Variable,
        "TypeDefinition": ua.ExpandedNodeId(63),
    }
    return ua.ReferenceDescription(**(usual | given_))


@pytest.mark.parametrize(
    "given_",
    [
        {},
        {"DisplayName": ua.LocalizedText("Drehzahl")},
        {"DisplayName": ua.LocalizedText()},
        {"BrowseName": ua.QualifiedName("", 2)},
        {"NodeId": ua.ExpandedNodeId(70_000, ua.Int16(2))},
        {"NodeId": ua.ExpandedNodeId("", ua.Int16(2))},
        {"ReferenceTypeId": ua.NodeId(4001, ua.Int16(3))},
        {"TypeDefinition": ua.ExpandedNodeId(2365)},
        {"TypeDefinition": ua.ExpandedNodeId(5, ua.Int16(4))},
    ],
)
def test_the_quick_way_reads_what_the_thorough_one_reads(given_: dict[str, object]) -> None:
    raw = struct_to_binary(_reference(**given_))
    thorough = Reader(raw + b"rest")
    expected = answers._reference(thorough)  # noqa: SLF001 - the two ways must agree
    quick = Reader(raw + b"rest")
    found = answers._quick(quick)  # noqa: SLF001
    assert found in (None, expected)
    assert quick.pos == (thorough.pos if found else 0)
    for end in range(len(raw)):
        cut = Reader(raw[:end])
        assert answers._quick(cut) is None  # noqa: SLF001
        assert cut.pos == 0


@given(st.binary(max_size=80))
def test_the_quick_way_says_nothing_of_its_own(noise: bytes) -> None:
    raw = b"\x00\x2f\x01\x03" + noise
    quick = Reader(raw)
    found = answers._quick(quick)  # noqa: SLF001
    if found is None:
        assert quick.pos == 0
        return
    thorough = Reader(raw)
    assert answers._reference(thorough) == found  # noqa: SLF001
    assert thorough.pos == quick.pos


# -- requests, as asyncua's own decoder understands them ----------------------------------------


def test_requests_say_what_is_meant() -> None:
    nodes = [NodeId(2, "Speed"), NodeId(0, 85)]
    asked = struct_from_binary(ua.BrowseParameters, Buffer(services.browse(nodes)))
    assert [each.NodeId for each in asked.NodesToBrowse] == [
        ua.NodeId("Speed", ua.Int16(2)),
        ua.NodeId(85),
    ]
    first = asked.NodesToBrowse[0]
    assert first.BrowseDirection == ua.BrowseDirection.Forward
    assert first.ReferenceTypeId == ua.NodeId(33)
    assert first.IncludeSubtypes
    assert first.ResultMask == 63
    assert asked.RequestedMaxReferencesPerNode == 0

    wanted = [(node, attribute) for node in nodes for attribute in (13, 18)]
    read = struct_from_binary(ua.ReadParameters, Buffer(services.read(wanted)))
    assert [(each.NodeId.Identifier, int(each.AttributeId)) for each in read.NodesToRead] == [
        (node.id, attribute) for node, attribute in wanted
    ]
    assert read.MaxAge == 0
    assert read.TimestampsToReturn == ua.TimestampsToReturn.Neither

    more = struct_from_binary(ua.BrowseNextParameters, Buffer(services.browse_next([b"p", b""])))
    assert more.ContinuationPoints == [b"p", b""]
    assert not more.ReleaseContinuationPoints


def test_text_that_is_no_utf8_is_kept_as_bytes() -> None:
    keys = Keys(())
    raw = b"\x0c" + struct.pack("<i", 3) + b"\xe4\xf6\xfc"
    told = tell(Reader(raw).variant(), keys)
    assert (told.type, told.value, told.note) == ("BYTES", b"\xe4\xf6\xfc", "not UTF-8")
    two = b"\x8c" + struct.pack("<ii", 2, 1) + b"\xe4" + struct.pack("<i", 2) + "ä".encode()
    told = tell(Reader(two).variant(), keys)
    assert (told.type, told.value) == ("ARRAY[2] OF BYTES", (b"\xe4", "ä".encode()))


@pytest.mark.parametrize(
    ("ticks", "text"),
    [
        (0, "1601-01-01T00:00:00.0000000Z"),
        (1, "1601-01-01T00:00:00.0000001Z"),
        (-1, "1600-12-31T23:59:59.9999999Z"),
        (132_223_104_000_000_000, "2020-01-01T00:00:00.0000000Z"),
        (2**63 - 1, "9223372036854775807 ticks"),
    ],
)
def test_a_date_keeps_every_digit(ticks: int, text: str) -> None:
    assert stamp(ticks) == text


def test_what_a_value_alone_does_not_say_is_noted() -> None:
    keys = Keys(("http://opcfoundation.org/UA/", "urn:x", "http://a;b/%"))
    text = tell(Data(builtin.LOCALIZED_TEXT, Text("Tür", "de")), keys)
    assert (text.value, text.note) == ("Tür", "locale de")
    name = tell(Data(builtin.QUALIFIED_NAME, Name(1, "View")), keys)
    assert name.value == "nsu=urn:x;View"
    node = tell(Data(builtin.NODE_ID, NodeId(2, "s")), keys)
    assert node.value == "nsu=http://a%3Bb/%25;s=s"
    assert tell(Data(builtin.DOUBLE, math.inf), keys).value == math.inf
