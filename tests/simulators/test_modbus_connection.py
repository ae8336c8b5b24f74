"""One connection of the Modbus simulator, byte for byte: framing, and every fault."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldcopy_sim.modbus import Bits, ModbusSimulator, Registers, Unit
from goldcopy_sim.modbus.connection import Connection

READ = "03 0000 0002"
GOOD = "03 04 1234 5678"


def adu(transaction: int, pdu: str = READ, unit: int = 1) -> bytes:
    raw = bytes.fromhex(pdu)
    return struct.pack(">HHHB", transaction, 0, len(raw) + 1, unit) + raw


def simulator(fault: str | None = None) -> ModbusSimulator:
    unit = Unit(
        holding=Registers({0: 0x1234, 1: 0x5678}),
        coils=Bits({n: n % 3 == 0 for n in range(20)}),
        files={1: Registers({n: n + 1 for n in range(10)})},
    )
    return ModbusSimulator({1: unit}, fault=fault)


class Client(asyncio.Transport):
    """The other end of a connection that has no socket."""

    def __init__(self, simulator: ModbusSimulator) -> None:
        super().__init__()
        self.got = b""
        self.hung_up = False
        self.connection = Connection(simulator, simulator.connections, [])
        self.connection.connection_made(self)

    def send(self, *frames: bytes) -> bytes:
        """What the simulator answers at once."""
        before = len(self.got)
        self.connection.data_received(b"".join(frames))
        return self.got[before:]

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.got += data

    def close(self) -> None:
        self.hung_up = True

    def is_closing(self) -> bool:
        return self.hung_up


@given(st.lists(st.integers(1, 40), max_size=12))
def test_how_the_stream_is_cut_up_makes_no_difference(sizes: list[int]) -> None:
    async def served(chunks: Iterable[bytes]) -> bytes:
        client = Client(simulator())
        for chunk in chunks:
            client.send(chunk)
        return client.got

    pdus = [READ, "06 0001 0007", READ, "01 0000 0013", "5A 00"]
    stream = b"".join(adu(n, pdu) for n, pdu in enumerate(pdus))
    cuts = [min(sum(sizes[:n]), len(stream)) for n in range(len(sizes) + 1)] + [len(stream)]
    pieces = [stream[a:b] for a, b in pairwise(cuts) if a < b]
    assert b"".join(pieces) == stream
    replies = [GOOD, "06 0001 0007", "03 04 1234 0007", "01 03 49 92 04", "DA 01"]
    assert asyncio.run(served(pieces)) == b"".join(adu(n, pdu) for n, pdu in enumerate(replies))


@pytest.mark.parametrize("header", ["0001 0001 0006 01", "0001 0000 0001 01", "0001 0000 00FF 01"])
async def test_a_header_that_cannot_be_right_hangs_up(header: str) -> None:
    client = Client(simulator())
    assert client.send(adu(5), bytes.fromhex(header + READ)) == adu(5, GOOD)
    assert client.hung_up


async def test_an_exchange_lasts_from_the_first_byte_to_the_reply() -> None:
    controller = simulator()
    client = Client(controller)
    assert not client.connection.in_exchange
    client.send(adu(1)[:1])
    assert client.connection.in_exchange
    client.send(adu(1)[1:])
    assert not client.connection.in_exchange
    controller.delay = 3600.0
    assert client.send(adu(2)) == b""
    assert client.connection.in_exchange


async def test_a_client_that_takes_no_replies_is_not_read() -> None:
    calls: list[str] = []

    class Slow(Client):
        def pause_reading(self) -> None:
            calls.append("pause")

        def resume_reading(self) -> None:
            calls.append("resume")

    client = Slow(simulator())
    client.connection.pause_writing()
    client.connection.resume_writing()
    assert calls == ["pause", "resume"]


@pytest.mark.parametrize(
    ("fault", "request_", "reply"),
    [
        ("silent", adu(1), b""),
        ("wrong-unit", adu(1), adu(1, GOOD, unit=0)),
        ("wrong-function", adu(1), adu(1, "04 04 1234 5678")),
        ("wrong-function", adu(1, "03 0009 0001"), adu(1, "84 02")),
        ("wrong-transaction", adu(1), adu(0x8001, GOOD)),
        ("short-count", adu(1), adu(1, "03 02 1234")),
        ("short-count", adu(1, "01 0000 0013"), adu(1, "01 02 49 92")),
        ("short-count", adu(1, "03 0009 0001"), adu(1, "83 02")),
        ("short-count", adu(1, "06 0000 1234"), adu(1, "06 0000 1234")),
        (
            "short-count",
            adu(1, "14 0E 06 0001 0000 0002 06 0001 0004 0001"),
            adu(1, "14 08 03 06 0001 03 06 0005"),
        ),
        ("long-count", adu(1), adu(1, "03 06 1234 5678 0000")),
        ("long-count", adu(1, "01 0000 0013"), adu(1, "01 04 49 92 04 00")),
        (
            "long-count",
            adu(1, "14 0E 06 0001 0000 0002 06 0001 0004 0001"),
            adu(1, "14 0C 07 06 0001 0002 0000 03 06 0005"),
        ),
        ("duplicate", adu(1), adu(1, GOOD) * 2),
        ("reorder", adu(1) + adu(2) + adu(3), adu(3, GOOD) + adu(2, GOOD) + adu(1, GOOD)),
        ("reorder", adu(1), adu(1, GOOD)),
    ],
)
async def test_fault(fault: str, request_: bytes, reply: bytes) -> None:
    client = Client(simulator(fault))
    assert client.send(request_) == reply
    assert not client.hung_up


async def test_garbage_is_the_same_each_time_and_no_reply() -> None:
    first, second = (Client(simulator("garbage")).send(adu(1)) for _ in range(2))
    assert first == second
    assert len(first) == len(adu(1, GOOD))
    assert first[2:4] != b"\0\0"  # where Modbus says it is Modbus


async def test_cut_ends_in_the_middle_of_a_frame() -> None:
    client = Client(simulator("cut"))
    assert client.send(adu(1), adu(2)) == adu(1, GOOD)[:6]
    assert client.hung_up


async def test_busy_for_three_requests_which_are_not_carried_out() -> None:
    controller = simulator("busy")
    client = Client(controller)
    write = "06 0000 0001"
    assert client.send(adu(1, write), adu(2, write)) == adu(1, "86 06") + adu(2, "86 06")
    assert client.send(adu(3)) == adu(3, "83 06")
    assert client.send(adu(4)) == adu(4, GOOD)
    assert Client(controller).send(adu(1)) == adu(1, "83 06")  # each connection anew
    assert [service.writes for service in controller.log] == [True, True, False, False, False]


async def test_late_answers_after_the_next_request() -> None:
    client = Client(simulator("late"))
    assert client.send(adu(1)) == adu(1, GOOD)
    assert client.send(adu(2)) == b""
    assert client.send(adu(3, "06 0000 0001")) == adu(2, GOOD) + adu(3, "06 0000 0001")
    assert client.send(adu(4)) == adu(4, "03 04 0001 5678")


async def test_a_silent_controller_has_still_obeyed() -> None:
    controller = simulator("silent")
    assert Client(controller).send(adu(1, "06 0000 0001")) == b""
    assert controller.values()["holding/0"] == ("WORD", 1)


async def test_a_fault_can_be_set_and_unset_while_it_runs() -> None:
    controller = simulator()
    client = Client(controller)
    assert client.send(adu(1)) == adu(1, GOOD)
    controller.fault = "silent"
    assert client.send(adu(2)) == b""
    controller.fault = "duplicate"
    assert client.send(adu(3)) == 2 * adu(3, GOOD)
    controller.fault = None
    assert client.send(adu(4)) == adu(4, GOOD)
    with pytest.raises(ValueError, match="no fault is called 'silnt'"):
        controller.fault = "silnt"


@pytest.mark.parametrize("fault", sorted(ModbusSimulator.FAULTS))
async def test_every_fault_shows(fault: str) -> None:
    def behaviour(fault: str | None) -> tuple[bytes, bool]:
        client = Client(simulator(fault))
        if client.hung_up:
            return b"", True
        client.send(adu(1), adu(2))
        return client.got, client.hung_up

    assert behaviour(fault) != behaviour(None)
