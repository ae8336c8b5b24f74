"""Values as OPC UA binary (OPC 10000-6, 5.2): what ``codec`` reads, bit for bit."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from uuid import UUID

from goldcopy.snapshot.values import real_bits

from .builtin import (
    EXTENSION_OBJECT,
    FIXED,
    FLOAT,
    VARIANT,
    Body,
    Data,
    Name,
    NodeId,
    Text,
)

_STRING_ID = struct.Struct("<BHi")


def variant(data: Data) -> bytes:
    """A Variant (5.2.2.16). Raises as ``element``."""
    kind, value, shape = data
    if kind == 0:
        return b"\x00"
    if shape is None:
        return bytes((kind,)) + element(kind, value)
    assert isinstance(value, tuple)
    body = array([element(kind, one) for one in value])
    if len(shape) == 1:
        return bytes((kind | 0x80,)) + body
    return bytes((kind | 0xC0,)) + body + _dimensions(shape)


def member(data: Data) -> bytes:
    """A member of a structure: an array of one dimension has its length in front, others theirs."""
    kind, value, shape = data
    if shape is None:
        return element(kind, value)
    assert isinstance(value, tuple)
    elements = [element(kind, one) for one in value]
    return array(elements) if len(shape) == 1 else _dimensions(shape) + b"".join(elements)


def element(kind: int, value: object) -> bytes:
    """One element of a built-in type.

    Raises ``TypeError``, ``ValueError``, ``OverflowError`` or ``struct.error`` for another value.
    """
    if kind == FLOAT and isinstance(value, float):
        return struct.pack("<I", real_bits(value))  # a C cast would quieten a NaN
    if kind in FIXED:
        return struct.pack("<" + FIXED[kind], value)
    match value:
        case None if kind != EXTENSION_OBJECT:
            return b"\xff\xff\xff\xff"
        case str():
            return string(value)
        case bytes():
            return struct.pack("<i", len(value)) + value
        case UUID():
            return value.bytes_le
        case Text(text, locale):
            return bytes((3 if locale else 2,)) + (string(locale) if locale else b"") + string(text)
        case Body(node, form, body):
            return node_id(node) + bytes((form,)) + (element(0, body) if form else b"")
        case Name(space, name):
            return struct.pack("<H", space) + string(name)
        case NodeId():
            return node_id(value)
        case (NodeId() as node, str() as uri, int() as server):
            return _expanded(node, uri, server)
        case Data() if kind == VARIANT:
            return variant(value)
    raise TypeError(f"{value!r} is no built-in type {kind}")


def _expanded(node: NodeId, uri: str, server: int) -> bytes:
    """An ExpandedNodeId (5.2.2.10)."""
    form, *rest = node_id(node)
    form |= (0x80 if uri else 0) | (0x40 if server else 0)
    tail = (string(uri) if uri else b"") + (struct.pack("<I", server) if server else b"")
    return bytes((form, *rest)) + tail


def _dimensions(shape: tuple[int, ...]) -> bytes:
    return array([struct.pack("<i", size) for size in shape])


def node_id(node: NodeId) -> bytes:
    """A NodeId in its shortest form (OPC 10000-6, 5.2.2.9)."""
    space, identifier = node
    if isinstance(identifier, int):
        if space == 0 and identifier < 256:
            return struct.pack("<BB", 0, identifier)
        if space < 256 and identifier < 65536:
            return struct.pack("<BBH", 1, space, identifier)
        return struct.pack("<BHI", 2, space, identifier)
    if isinstance(identifier, str):
        raw = identifier.encode()
        return _STRING_ID.pack(3, space, len(raw)) + raw
    if isinstance(identifier, UUID):
        return struct.pack("<BH", 4, space) + identifier.bytes_le
    return _STRING_ID.pack(5, space, len(identifier)) + identifier


def string(value: str) -> bytes:
    """A String."""
    raw = value.encode()
    return struct.pack("<i", len(raw)) + raw


def array(elements: Sequence[bytes]) -> bytes:
    """An array of encoded elements."""
    return struct.pack("<i", len(elements)) + b"".join(elements)
