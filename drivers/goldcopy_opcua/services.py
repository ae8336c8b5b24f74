"""Requests as bytes: the services a session needs (OPC 10000-4)."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from .builtin import NodeId
from .encode import array, node_id

BROWSE, BROWSE_NEXT, READ, WRITE, CALL = 527, 533, 631, 673, 712
REPLY = {BROWSE: 530, BROWSE_NEXT: 536, READ: 634, WRITE: 676, CALL: 715}
"""Request -> response, by the ids of their binary encodings in namespace 0."""

BROWSE_NAME, VALUE, DATA_TYPE, VALUE_RANK, USER_ACCESS_LEVEL = 3, 13, 14, 15, 18
DATA_TYPE_DEFINITION = 23

HIERARCHICAL, HAS_ENCODING, HAS_SUBTYPE, HAS_PROPERTY = 33, 38, 45, 46
OBJECT, VARIABLE, METHOD = 1, 2, 4

_NULL_ID = b"\x00\x00"
_NULL_STRING = b"\xff\xff\xff\xff"


def browse(
    nodes: Sequence[NodeId],
    *,
    reference: int = HIERARCHICAL,
    forward: bool = True,
    classes: int = 0,
) -> bytes:
    """Body of a BrowseRequest: all fields of the references of ``nodes`` (Part 4, 5.9.2)."""
    tail = struct.pack("<i", 0 if forward else 1) + node_id(NodeId(0, reference))
    tail += struct.pack("<?II", True, classes, 63)
    view = _NULL_ID + struct.pack("<qI", 0, 0)
    no_limit = struct.pack("<I", 0)
    return view + no_limit + array([node_id(node) + tail for node in nodes])


def browse_next(points: Sequence[bytes]) -> bytes:
    """Body of a BrowseNextRequest that goes on, and releases nothing."""
    return b"\x00" + array([struct.pack("<i", len(p)) + p for p in points])


def read(wanted: Sequence[tuple[NodeId, int]]) -> bytes:
    """Body of a ReadRequest: fresh values (MaxAge 0) without time stamps (Part 4, 5.11.2)."""
    tails: dict[int, bytes] = {}
    parts = []
    for node, attribute in wanted:
        tail = tails.get(attribute)
        if tail is None:  # no index range, no data encoding
            tail = struct.pack("<I", attribute) + _NULL_STRING + b"\x00\x00" + _NULL_STRING
            tails[attribute] = tail
        parts.append(node_id(node) + tail)
    return struct.pack("<dI", 0.0, 3) + array(parts)


def write(values: Sequence[tuple[NodeId, bytes]]) -> bytes:
    """Body of a WriteRequest of values, encoded Variants (Part 4, 5.11.4).

    Without status and time stamps: many controllers refuse a write that has any.
    """
    head = struct.pack("<I", VALUE) + _NULL_STRING + b"\x01"
    return array([node_id(node) + head + value for node, value in values])


def call(node: NodeId, method: NodeId, arguments: Sequence[bytes]) -> bytes:
    """Body of a CallRequest of one method; arguments are encoded Variants."""
    return array([node_id(node) + node_id(method) + array(arguments)])
