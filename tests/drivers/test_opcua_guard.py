"""Promise 1: whatever is asked for, only what reads leaves a reading session."""

from __future__ import annotations

import struct
from typing import Any

import asyncua.ua
import pytest
from asyncua.client.ua_client import UASocketProtocol
from asyncua.crypto.security_policies import SecurityPolicyNone
from asyncua.ua.ua_binary import struct_to_binary
from hypothesis import given
from hypothesis import strategies as st

from goldcopy.driver import Meter
from goldcopy.errors import WouldWrite
from goldcopy_opcua import encode, services
from goldcopy_opcua.builtin import BYTE, INT32, UINT32, Data, NodeId
from goldcopy_opcua.encode import variant
from goldcopy_opcua.guard import ReadGuard
from goldcopy_opcua.transport import Wire

ua: Any = asyncua.ua

READS = {
    "FindServers", "GetEndpoints", "OpenSecureChannel", "CloseSecureChannel", "CreateSession",
    "ActivateSession", "CloseSession", "Browse", "BrowseNext", "TranslateBrowsePathsToNodeIds",
    "Read",
}  # fmt: skip
REQUESTS = sorted(
    name.removesuffix("Request")
    for name in dir(ua)
    if name.endswith("Request") and hasattr(ua.ObjectIds, f"{name}_Encoding_DefaultBinary")
)
FILE = NodeId(2, "Files.Recipe")
OPEN, READ, CLOSE, WRITE = (
    NodeId(2, f"Files.Recipe.{name}") for name in ["Open", "Read", "Close", "Write"]
)
METHODS = {"Open": OPEN, "Read": READ, "Close": CLOSE, "Write": WRITE}


def message(service: int, body: bytes) -> bytes:
    """A whole request, as the wire makes it."""
    head = struct.pack("<BBH", 1, 0, service) + b"\x00\x00" + bytes(16) + b"\xff" * 4 + bytes(4)
    return head + b"\x00\x00\x00" + body


def allows(guard: ReadGuard, raw: bytes) -> bool:
    try:
        guard.check(raw)
    except WouldWrite:
        return False
    return True


@pytest.fixture
def guard() -> ReadGuard:
    made = ReadGuard()
    made.allow_file(FILE, METHODS)
    return made


@pytest.mark.parametrize("name", REQUESTS)
def test_every_service_of_the_standard(guard: ReadGuard, name: str) -> None:
    request = getattr(ua, f"{name}Request")()
    assert allows(guard, struct_to_binary(request)) == (name in READS)


def test_the_standard_has_more_services_than_we_use() -> None:
    assert len(REQUESTS) > 30
    assert set(REQUESTS) > READS


@given(st.binary(max_size=60))
def test_nothing_that_cannot_be_understood_leaves(raw: bytes) -> None:
    if raw[:2] != b"\x01\x00":
        assert not allows(ReadGuard(), raw)


READING, WRITING = variant(Data(BYTE, 1)), variant(Data(BYTE, 2))
HANDLE, SIZE = variant(Data(UINT32, 7)), variant(Data(INT32, 1000))


@pytest.mark.parametrize(
    ("node", "method", "arguments", "allowed"),
    [
        (FILE, OPEN, [READING], True),
        (FILE, READ, [HANDLE, SIZE], True),
        (FILE, CLOSE, [HANDLE], True),
        (FILE, OPEN, [WRITING], False),
        (FILE, OPEN, [variant(Data(BYTE, 3))], False),
        (FILE, OPEN, [variant(Data(BYTE, 6))], False),
        (FILE, OPEN, [], False),
        (FILE, OPEN, [READING, READING], False),
        (FILE, OPEN, [variant(Data(UINT32, 1))], False),
        (FILE, WRITE, [HANDLE, SIZE], False),
        (NodeId(2, "Files.Other"), OPEN, [READING], False),
        (NodeId(2, "Machine"), NodeId(2, "Machine.Stop"), [], False),
    ],
)
def test_calls_only_read_the_files_that_were_found(
    guard: ReadGuard, node: NodeId, method: NodeId, arguments: list[bytes], allowed: bool
) -> None:
    raw = message(services.CALL, services.call(node, method, arguments))
    assert allows(guard, raw) == allowed


def test_one_bad_call_among_good_ones_is_enough(guard: ReadGuard) -> None:
    good = services.call(FILE, OPEN, [READING])[4:]
    bad = services.call(FILE, WRITE, [HANDLE])[4:]
    assert allows(guard, message(services.CALL, encode.array([good, good])))
    assert not allows(guard, message(services.CALL, encode.array([good, bad])))
    assert not allows(guard, message(services.CALL, encode.array([good]) + b"more"))


# -- a session of a restore ------------------------------------------------------------------------

VALUE = variant(Data(BYTE, 7))
"""A Variant."""
PLAIN = [(FILE, VALUE), (NodeId(0, "of the controller"), VALUE), (NodeId(3, 7), VALUE)]


def writes(body: bytes) -> bytes:
    return message(services.WRITE, body)


@pytest.mark.parametrize("name", REQUESTS)
def test_a_writing_session_may_not_do_anything_else(name: str) -> None:
    """An empty Write is not among it either."""
    request = getattr(ua, f"{name}Request")()
    assert allows(ReadGuard(writing=True), struct_to_binary(request)) == (name in READS)


def test_only_a_writing_session_writes_values() -> None:
    assert allows(ReadGuard(writing=True), writes(services.write(PLAIN)))
    assert not allows(ReadGuard(), writes(services.write(PLAIN)))


def test_a_writing_session_calls_nothing_but_reading_files() -> None:
    guard = ReadGuard(writing=True)
    stop = message(services.CALL, services.call(NodeId(2, "Machine"), NodeId(2, "Stop"), []))
    opening = message(services.CALL, services.call(FILE, OPEN, [READING]))
    assert not allows(guard, stop)
    assert not allows(guard, opening)
    guard.allow_file(FILE, METHODS)
    assert allows(guard, opening)
    assert not allows(guard, stop)


@pytest.mark.parametrize(
    "changed",
    [
        {"NodeId": ua.NodeId(12637, 0)},  # ServerConfiguration
        {"AttributeId": ua.AttributeIds.DisplayName},
        {"AttributeId": ua.AttributeIds.AccessLevel},
        {"IndexRange": "1:2"},
        {"SourceTimestamp": ua.DateTime(2026, 1, 1)},
        {"ServerTimestamp": ua.DateTime(2026, 1, 1)},
        {"StatusCode_": ua.StatusCode(ua.StatusCodes.Bad)},
        {},
    ],
)
def test_only_whole_values_without_stamps_are_written(changed: dict[str, Any]) -> None:
    """As asyncua would send them; one such among good ones is enough."""
    request = ua.WriteRequest()
    for number in range(2):
        one = ua.WriteValue()
        one.NodeId, one.AttributeId = ua.NodeId("Speed", 2), ua.AttributeIds.Value
        stamps = {name: value for name, value in changed.items() if "stamp" in name}
        code = changed.get("StatusCode_")
        one.Value = ua.DataValue(ua.Variant(1.5), StatusCode=code, **(stamps if number else {}))
        for name in ("NodeId", "AttributeId", "IndexRange"):
            if number and name in changed:
                setattr(one, name, changed[name])
        request.Parameters.NodesToWrite.append(one)
    assert allows(ReadGuard(writing=True), struct_to_binary(request)) == (not changed)


@given(st.data())
def test_a_write_that_is_cut_or_longer_does_not_leave(data: st.DataObject) -> None:
    whole = writes(services.write(PLAIN))
    end = data.draw(st.integers(0, len(whole) - 1))
    assert not allows(ReadGuard(writing=True), whole[:end])
    assert not allows(ReadGuard(writing=True), whole + b"more")


@pytest.mark.parametrize("name", ["Write", "AddNodes", "DeleteNodes", "HistoryUpdate", "Call"])
async def test_nothing_goes_round_the_guard(name: str) -> None:
    """Through asyncua's own door: no byte reaches the transport, no request is counted."""

    class Transport:
        written = b""

        def write(self, data: bytes) -> None:
            self.written += data

    meter = Meter()
    wire = Wire(SecurityPolicyNone(), ReadGuard(), meter, 1.0)  # type: ignore[no-untyped-call]
    transport = Transport()
    wire.connection_made(transport)  # type: ignore[arg-type]
    request = getattr(ua, f"{name}Request")()
    if name == "Call":
        stop = ua.CallMethodRequest(ua.NodeId("Machine", 2), ua.NodeId("Stop", 2))
        request.Parameters.MethodsToCall = [stop]
    with pytest.raises(WouldWrite):
        await UASocketProtocol.send_request(wire, request)
    assert transport.written == b""
    assert meter.requests == 0
    assert meter.bytes_out == 0
