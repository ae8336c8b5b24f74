"""Requests as bytes and responses as data: the services a session needs (OPC 10000-4)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from goldcopy.errors import Malformed

from .codec import (
    BYTE,
    INT32,
    SMALL,
    STATUS_CODE,
    UINT32,
    Data,
    Name,
    NodeId,
    Reader,
    Result,
    Undecodable,
)

BROWSE, BROWSE_NEXT, READ, WRITE, CALL = 527, 533, 631, 673, 712
REPLY = {BROWSE: 530, BROWSE_NEXT: 536, READ: 634, WRITE: 676, CALL: 715}
"""Request -> response, by the ids of their binary encodings in namespace 0."""
FAULT = 397

NODE_ID_ATTR, BROWSE_NAME, VALUE, DATA_TYPE, VALUE_RANK, USER_ACCESS_LEVEL = 1, 3, 13, 14, 15, 18
DATA_TYPE_DEFINITION = 23

HIERARCHICAL, HAS_ENCODING, HAS_SUBTYPE, HAS_PROPERTY = 33, 38, 45, 46
OBJECT, VARIABLE, METHOD, VIEW = 1, 2, 4, 128

# -- writing ---------------------------------------------------------------------------------------


_SPACE_LENGTH, _INT32 = struct.Struct("<Hi"), struct.Struct("<i")
_STRING_ID = struct.Struct("<BHi")


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


def browse_next(points: Sequence[bytes], *, release: bool = False) -> bytes:
    """Body of a BrowseNextRequest."""
    return struct.pack("<?", release) + array([struct.pack("<i", len(p)) + p for p in points])


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


# -- reading ---------------------------------------------------------------------------------------


class Reference(NamedTuple):
    """One reference found by Browse (Part 4, 7.29)."""

    type: NodeId
    target: NodeId
    uri: str
    """Namespace URI of the target where the server gives that instead of an index."""
    server: int
    name: Name
    display: str
    node_class: int
    type_definition: NodeId


class Browsed(NamedTuple):
    """What one node answered to Browse."""

    status: int
    point: bytes | None
    """A continuation point: there is more to fetch."""
    references: list[Reference]


class Header(NamedTuple):
    """The front of a response."""

    service: int
    handle: int
    status: int


def header(reader: Reader) -> Header:
    """Type and ResponseHeader (Part 4, 7.33)."""
    service = reader.node_id()
    reader.take(8)
    handle = reader.number(UINT32)
    status = reader.number(STATUS_CODE)
    reader.diagnostic()
    for _ in range(reader.count()):
        reader.byte_string()
    reader.extension()
    known = service.ns == 0 and isinstance(service.id, int)
    return Header(int(service.id) if known else -1, handle, status)


def browsed(reader: Reader, expected: int) -> list[Browsed]:
    """Results of Browse or BrowseNext. Raises ``Malformed``: a half-read list is a wrong one."""
    try:
        results = [_browsed_one(reader) for _ in range(_count(reader, expected))]
        reader.diagnostics()
        reader.finish()
    except Undecodable as error:
        raise Malformed(f"the answer to Browse cannot be decoded ({error})") from None
    return results


def _browsed_one(reader: Reader) -> Browsed:
    status = reader.number(STATUS_CODE)
    point = reader.byte_string()
    found = [_quick(reader) or _reference(reader) for _ in range(reader.count())]
    return Browsed(status, point or None, found)


def _reference(reader: Reader) -> Reference:
    kind = reader.node_id()
    reader.take(1)  # IsForward, as asked for
    target, uri, server = reader.expanded()
    name = reader.name()
    display = reader.text().text
    node_class = reader.number(INT32)
    type_definition, _, _ = reader.expanded()
    return Reference(kind, target, uri, server, name, display, node_class, type_definition)


def _quick(reader: Reader) -> Reference | None:
    """The usual reference, without a call for each field; None leaves it to ``_reference``.

    Two thirds of the time of a crawl went into these calls. Usual is: a standard reference type, a
    String id, names in UTF-8, a standard type definition, and all of it within the message.
    """
    data, pos = reader.data, reader.pos
    try:
        if data[pos] or data[pos + 3] != 3:
            return None
        kind = SMALL[data[pos + 1]]
        space, length = _SPACE_LENGTH.unpack_from(data, pos + 4)
        if length < 0:
            return None
        end = pos + 10 + length
        target = NodeId(space, data[pos + 10 : end].decode())
        space, length = _SPACE_LENGTH.unpack_from(data, end)
        if length < 0:
            return None
        pos = end + 6 + length
        raw = data[end + 6 : pos]
        name = raw.decode()
        mask = data[pos]
        pos += 1
        if mask == 3:
            pos += 4 + max(0, _INT32.unpack_from(data, pos)[0])
        elif mask != 2:
            return None
        length = _INT32.unpack_from(data, pos)[0]
        end = pos + 4 + length
        shown = data[pos + 4 : end]
        if length < 0 or data[end + 4]:
            return None
        node_class = _INT32.unpack_from(data, end)[0]
        type_definition = SMALL[data[end + 5]]
        display = name if shown == raw else shown.decode()
    except (IndexError, struct.error, UnicodeDecodeError):
        return None
    reader.pos = end + 6
    return Reference(kind, target, "", 0, Name(space, name), display, node_class, type_definition)


class ReadFailed(Exception):
    """A ReadResponse went wrong at one value: nothing in it can be trusted."""

    def __init__(self, index: int, why: str) -> None:
        super().__init__(why)
        self.index = index
        """Where decoding stopped; the fault may be earlier."""


def read_results(reader: Reader, expected: int) -> list[Result]:
    """The DataValues of a ReadResponse, all of them or ``ReadFailed``."""
    results: list[Result] = []
    try:
        for _ in range(_count(reader, expected)):
            results.append(reader.data_value())
        reader.diagnostics()
        reader.finish()
    except Undecodable as error:
        raise ReadFailed(min(len(results), expected - 1), str(error)) from None
    return results


def written(reader: Reader, expected: int) -> list[int]:
    """The status of each value of a Write, all of them or ``Malformed``."""
    try:
        results = [reader.number(STATUS_CODE) for _ in range(_count(reader, expected))]
        reader.diagnostics()
        reader.finish()
    except Undecodable as error:
        raise Malformed(f"the answer to Write cannot be decoded ({error})") from None
    return results


class Called(NamedTuple):
    """What a method answered."""

    status: int
    outputs: tuple[Data, ...]


def called(reader: Reader) -> Called:
    """The result of a Call of one method."""
    try:
        _count(reader, 1)
        status = reader.number(STATUS_CODE)
        for _ in range(reader.count()):
            reader.take(4)
        reader.diagnostics()
        outputs = tuple([reader.variant() for _ in range(reader.count())])
        reader.diagnostics()
        reader.finish()
    except Undecodable as error:
        raise Malformed(f"the answer to Call cannot be decoded ({error})") from None
    return Called(status, outputs)


def _count(reader: Reader, expected: int) -> int:
    count = reader.count()
    if count != expected:
        raise Undecodable(f"{count} results for {expected} questions")
    return count


def byte_argument(value: int) -> bytes:
    """A Variant of Byte."""
    return struct.pack("<BB", BYTE, value)


def uint32_argument(value: int) -> bytes:
    """A Variant of UInt32."""
    return struct.pack("<BI", UINT32, value)


def int32_argument(value: int) -> bytes:
    """A Variant of Int32."""
    return struct.pack("<Bi", INT32, value)
