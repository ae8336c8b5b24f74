"""Paths and addresses: readable, reversible, and without anything that a restart may change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldcopy_opcua.builtin import Name, NodeId
from goldcopy_opcua.keys import RESERVED, Keys, escape

UA = "http://opcfoundation.org/UA/"
DI = "http://opcfoundation.org/UA/DI/"
SIEMENS = "http://www.siemens.com/simatic-s7-opcua"
KEYS = Keys((UA, "urn:host:plc", DI, SIEMENS))


@pytest.mark.parametrize(
    ("name", "segment"),
    [
        (Name(0, "DeviceSet"), "DeviceSet"),
        (Name(2, "DeviceSet"), "DI:DeviceSet"),
        (Name(3, '"DB"."tag"'), 'simatic-s7-opcua:"DB"."tag"'),
        (Name(1, "::Program:var"), "plc:::Program:var"),
        (Name(0, "DI:DeviceSet"), ":DI:DeviceSet"),
        (Name(0, "types"), ":types"),
        (Name(2, "types"), "DI:types"),
        (Name(2, "a/b~c{d"), "DI:a~1b~0c~3d"),
        (Name(2, ""), "DI:~2"),
        (Name(9, "lost"), "unknown:lost"),
    ],
)
def test_segments(name: Name, segment: str) -> None:
    assert KEYS.segment(name) == segment


names = st.text(max_size=6) | st.text("/~{}:012", max_size=6) | st.sampled_from(sorted(RESERVED))


@given(st.builds(Name, st.integers(0, 3), names), st.builds(Name, st.integers(0, 3), names))
def test_a_segment_names_one_node_and_no_other(one: Name, other: Name) -> None:
    assert (KEYS.segment(one) == KEYS.segment(other)) == (one == other)
    assert not set(KEYS.segment(one)) & set("/{")
    assert KEYS.segment(one) not in RESERVED


@given(names, names)
def test_escaping_loses_nothing(one: str, other: str) -> None:
    assert (escape(one) == escape(other)) == (one == other)


def test_the_order_of_the_namespaces_does_not_show() -> None:
    turned = Keys((UA, SIEMENS, DI, "urn:host:plc"))
    for space, other in ((1, 3), (2, 2), (3, 1)):
        assert KEYS.segment(Name(space, "x")) == turned.segment(Name(other, "x"))
        assert KEYS.address(NodeId(space, "x")) == turned.address(NodeId(other, "x"))


def test_two_namespaces_with_one_last_part_are_told_apart_whatever_their_order() -> None:
    one, other = "http://a.com/plc/", "http://b.com/plc"
    keys, turned = Keys((UA, one, other)), Keys((UA, other, one))
    assert keys.alias(1) != keys.alias(2)
    assert keys.alias(1) == turned.alias(2)
    assert keys.alias(1).startswith("plc-")


def test_the_servers_own_namespace_gives_way() -> None:
    own, other = "urn:plant:line1:oven", "http://example.com/oven"
    keys = Keys((UA, own, other), own)
    assert keys.alias(2) == "oven"
    assert keys.alias(1).startswith("oven-")
    assert Keys((UA, own), own).alias(1) == "oven"


@pytest.mark.parametrize("uri", ["", "///", "urn::", "http://a/b c;d"])
def test_every_uri_has_an_alias_that_fits_into_a_segment(uri: str) -> None:
    alias = Keys((UA, uri)).alias(1)
    assert alias
    assert not set(alias) & set("/:{~; ")


def test_addresses() -> None:
    assert KEYS.address(NodeId(0, 2255)) == "i=2255"
    assert KEYS.address(NodeId(3, '"DB".x')) == f'nsu={SIEMENS};s="DB".x'
    assert KEYS.address(NodeId(3, b"\x00\xff")) == f"nsu={SIEMENS};b=AP8="
    assert Keys((UA, "a;b%")).address(NodeId(1, "x")) == "nsu=a%3Bb%25;s=x"


def test_a_numeric_id_is_an_address_only_where_it_is_promised_to_stay() -> None:
    keys = Keys((UA, "urn:x"))
    assert keys.address(NodeId(1, 17)) == ""
    keys.static.add(1)
    assert keys.address(NodeId(1, 17)) == "nsu=urn:x;i=17"
