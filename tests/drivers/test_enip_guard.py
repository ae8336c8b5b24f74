"""The read list: by service and class, through every wrapping. And what a path addresses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.drivers.enip_plant import target_of

from goldcopy.driver import Meter
from goldcopy.errors import Malformed, WouldWrite, Wrong
from goldcopy_enip import frames
from goldcopy_enip.epath import class_of, elements, logical, route, symbol
from goldcopy_enip.guard import only_reads, only_restores
from goldcopy_enip.link import opened
from goldcopy_enip.messages import packed, request
from goldcopy_enip.opening import Connection, routed
from goldcopy_enip.options import Options
from goldcopy_sim.enip import DriveSimulator

TAG = symbol("Program:Main") + symbol("Recipe") + b"\x28\x02" + symbol("Time")
INSTANCE = logical(0x6B, 300)

READS = [
    *(request(service, logical(number, 1)) for service in (1, 3, 0x0E) for number in (1, 0x93)),
    *(request(service, path) for service in (0x4C, 0x52) for path in (TAG, INSTANCE)),
    request(0x55, symbol("Program:Main") + INSTANCE),
    request(0x4C, logical(0x6C, 0x105)),
    request(0x4B, logical(0x0F, 30), b"\1"),
    request(0x4B, logical(0x37, 0xC8), b"\xff"),
    request(0x4F, logical(0x37, 0xC8), b"\0"),
    Connection(7, 8, 9, 4000).open(b""),
    Connection(7, 8, 9, 500).open(route("backplane/0")),
    Connection(7, 8, 9, 500).close(b""),
]
WRITES = [
    *(request(service, path, b"\0") for service in (0x4D, 0x4E, 0x53) for path in (TAG, INSTANCE)),
    *(request(service, logical(1, 1)) for service in (2, 4, 5, 6, 7, 8, 9, 0x10, 0x15, 0x16)),
    request(0x05, logical(0x0F, 0)),
    request(0x10, logical(0x93, 0, 2), b"\3"),
    request(0x4B, logical(0x67, 1), b"\7"),
    request(0x4C, logical(0x37, 0xC8)),
    request(0x4E, logical(0x93, 0)),
    request(0x4C, logical(0x93, 0)),
    request(0x4D, logical(0x93, 0)),
    request(0x4B, logical(0x06, 1)),
    request(0x52, logical(0x93, 1)),
]


RESTORES = [
    *(request(service, path, b"\0") for service in (0x4D, 0x4E, 0x53) for path in (TAG, INSTANCE)),
    request(0x10, logical(0x0F, 41, 1), b"\7\0"),
    request(0x10, logical(0x93, 300, 9), b"\7\0"),
    request(0x10, logical(0x04, 6, 3), bytes(24)),
]
NEVER = [
    *(request(service, logical(number, one)) for service in (2, 4, 5, 6, 7, 8, 9, 0x15, 0x16)
      for number in (1, 4, 0x0F, 0x93) for one in (0, 1)),
    *(request(0x10, logical(0x93, 0, one), b"\1") for one in (1, 2, 9)),
    request(0x10, logical(0x93, 41, 10), b"\7\0"),
    request(0x10, logical(0x0F, 0, 1), b"\7"),
    request(0x10, logical(0x8B, 1, 6), bytes(8)),
    request(0x10, logical(0x8E, 1, 0x1C), bytes(8)),
    request(0x10, logical(0xF5, 1, 5), bytes(22)),
    request(0x4E, logical(0x93, 0)),
    request(0x05, TAG),
    b"", b"\x4d", b"\x4d\x09",
]  # fmt: skip


@pytest.mark.parametrize("message", RESTORES, ids=lambda message: message.hex())
def test_a_restore_sends_values_and_a_pull_does_not(message: bytes) -> None:
    assert only_restores(message)
    assert only_restores(packed([message, READS[0]]))
    assert not only_reads(message)


@pytest.mark.parametrize("message", NEVER, ids=lambda message: message.hex())
def test_what_not_even_a_restore_sends(message: bytes) -> None:
    """Reset, defaults, storing and loading, the clock, the audit mask, the address."""
    assert not only_restores(message)
    assert not only_restores(packed([RESTORES[0], message]))


async def test_a_restore_that_would_do_more_sends_nothing() -> None:
    async with DriveSimulator.demo("conveyor") as simulator:
        options = Options(profile="cip")
        target = target_of(simulator, options)
        async with opened(target, options, Meter(), writing=True) as link:
            with pytest.raises(WouldWrite):
                await link.ask(0x05, logical(1, 1))
        assert not any(service.writes for service in simulator.log)


@pytest.mark.parametrize("message", READS, ids=lambda message: message.hex())
def test_what_reads_passes_alone_packed_and_routed(message: bytes) -> None:
    assert only_reads(message)
    assert only_reads(packed([message, message]))
    assert only_reads(routed(message, route("bp/2")))


@pytest.mark.parametrize("message", WRITES, ids=lambda message: message.hex())
def test_what_writes_does_not_pass_however_it_is_wrapped(message: bytes) -> None:
    good = READS[0]
    assert not only_reads(message)
    assert not only_reads(packed([good, message]))
    assert not only_reads(packed([packed([message])]))
    assert not only_reads(routed(message, route("bp/2")))
    framer = frames.EnipFramer()
    assert not framer.only_reads(frames.connected(1, 2, 3, message))
    assert not framer.only_reads(frames.unconnected(1, 2, message))


def test_services_that_overlap_in_a_packet_do_not_pass() -> None:
    write = request(0x4D, TAG, b"\0")
    body = b"\2\0" + b"\6\0" + b"\4\0" + request(0x4C, TAG) + write
    assert not only_reads(request(0x0A, logical(2, 1), body))


@pytest.mark.parametrize(
    ("path", "number"),
    [
        (TAG, 0x6B),
        (INSTANCE + b"\x29\0\x07\x01", 0x6B),
        (logical(0x93, 41, 10), 0x93),
        (logical(0x6B, 1) + logical(0x67, 1), None),
        (TAG + logical(0x93, 1), None),
        (logical(0x93, 1) + TAG, None),
        (b"\x20", 0),
        (b"", None),
        (b"\x91\x09Short", None),
    ],
)
def test_the_class_that_a_path_addresses(path: bytes, number: int | None) -> None:
    found = class_of(path)
    assert found == number or (number == 0 and not found)


@given(st.binary(max_size=80))
def test_no_bytes_break_the_guard(octets: bytes) -> None:
    assert only_reads(octets) in (True, False)
    assert only_restores(octets) in (True, False)


@given(st.binary(min_size=24, max_size=120))
def test_no_bytes_break_the_framer(octets: bytes) -> None:
    framer = frames.EnipFramer()
    hash(framer.key(octets))
    try:
        assert framer.length(memoryview(octets)) >= 24
        frames.message(octets)
    except Malformed:
        pass


def test_routes() -> None:
    assert route("") == b""
    assert route("backplane/0") == b"\x01\x00"
    assert route("bp/2/enet/6.7.8.9/backplane/0") == b"\x01\x02\x12\x076.7.8.9\0\x01\x00"
    for wrong in ("backplane", "bus/1", "backplane/256", "15/1", "enet/ä"):
        with pytest.raises(Wrong):
            route(wrong)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=3), st.data())
def test_a_flat_index_is_row_by_row(dims: list[int], data: st.DataObject) -> None:
    indices = [data.draw(st.integers(0, size - 1)) for size in dims]
    flat = 0
    for index, size in zip(indices, dims, strict=True):
        flat = flat * size + index
    assert elements(flat, dims) == b"".join(bytes((0x28, index)) for index in indices)


def test_a_reply_matches_its_request_and_no_other() -> None:
    framer = frames.EnipFramer()
    framer.theirs, framer.ours = b"\1\0\0\0", b"\2\0\0\0"
    asked = framer.key(frames.connected(9, 1, 5, b"\x4c\0"))
    assert framer.key(frames.connected(9, 2, 5, b"\xcc\0\0\0")) == asked
    for session, connection, sequence in ((8, 2, 5), (9, 1, 5), (9, 3, 5), (9, 2, 6)):
        assert framer.key(frames.connected(session, connection, sequence, b"\xcc\0\0\0")) != asked
