"""Responses as data: what the services of a session answer (OPC 10000-4)."""

from __future__ import annotations

import struct
from typing import NamedTuple

from goldcopy.errors import Malformed

from .builtin import INT32, SMALL, STATUS_CODE, UINT32, Data, Name, NodeId, Result
from .codec import Reader, Undecodable

_SPACE_LENGTH, _INT32 = struct.Struct("<Hi"), struct.Struct("<i")


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
