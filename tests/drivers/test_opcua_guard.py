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
from goldcopy_opcua import services
from goldcopy_opcua.codec import NodeId
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


READING, WRITING = services.byte_argument(1), services.byte_argument(2)
HANDLE, SIZE = services.uint32_argument(7), services.int32_argument(1000)


@pytest.mark.parametrize(
    ("node", "method", "arguments", "allowed"),
    [
        (FILE, OPEN, [READING], True),
        (FILE, READ, [HANDLE, SIZE], True),
        (FILE, CLOSE, [HANDLE], True),
        (FILE, OPEN, [WRITING], False),
        (FILE, OPEN, [services.byte_argument(3)], False),
        (FILE, OPEN, [services.byte_argument(6)], False),
        (FILE, OPEN, [], False),
        (FILE, OPEN, [READING, READING], False),
        (FILE, OPEN, [services.uint32_argument(1)], False),
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
    assert allows(guard, message(services.CALL, services.array([good, good])))
    assert not allows(guard, message(services.CALL, services.array([good, bad])))
    assert not allows(guard, message(services.CALL, services.array([good]) + b"more"))


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
