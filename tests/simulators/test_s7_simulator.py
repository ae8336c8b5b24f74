"""The S7 simulator on its socket: connecting, windows, delays, faults, a foreign client."""

from __future__ import annotations

import asyncio
import struct
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any, Unpack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from snap7 import Client  # type: ignore[attr-defined, unused-ignore]
from snap7.type import Area, Parameter
from snap7.type import Block as Foreign

from goldcopy_sim.s7 import Block, Kind, Options, S7Simulator, clock
from goldcopy_sim.service import LOOPBACK, Simulator

SETUP = 0xF0
PEOPLE = st.datetimes(datetime(1990, 1, 1), datetime(2089, 12, 31))


class Wire:
    """A client written by hand, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.reference = 0

    async def packet(self) -> bytes:
        """The next TPKT packet, without its header."""
        version, _, length = struct.unpack(">BBH", await self.reader.readexactly(4))
        assert version == 3
        return await self.reader.readexactly(length - 4)

    async def connect(self, tsap: int = 2, size: int = 0x0A) -> bytes:
        tpdu = b"\xe0\0\0\0\x07\0\xc0\x01%c\xc1\x02\x01\0\xc2\x02\x01%c" % (size, tsap)
        self.writer.write(struct.pack(">BBHB", 3, 0, len(tpdu) + 5, len(tpdu)) + tpdu)
        return await self.packet()

    async def setup(self, pdu: int = 480, amq: int = 8) -> bytes:
        return await self.ask(struct.pack(">BBHHH", SETUP, 0, amq, amq, pdu))

    def frame(self, parameter: bytes, data: bytes = b"") -> bytes:
        self.reference += 1
        sizes = struct.pack(">HHH", self.reference, len(parameter), len(data))
        pdu = b"\x32\x01\0\0" + sizes + parameter + data
        return struct.pack(">BBH", 3, 0, len(pdu) + 7) + b"\x02\xf0\x80" + pdu

    async def ask(self, parameter: bytes, data: bytes = b"") -> bytes:
        self.writer.write(self.frame(parameter, data))
        return (await self.packet())[3:]


def reading(start: int, size: int) -> bytes:
    """A read of DB1."""
    return b"\x04\x01\x12\x0a\x10\x02" + struct.pack(">HHI", size, 1, 0x84 << 24 | start * 8)


@asynccontextmanager
async def wired(simulator: S7Simulator) -> AsyncIterator[Wire]:
    """A TCP connection, nothing said yet."""
    reader, writer = await asyncio.open_connection(simulator.host, simulator.port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()


@asynccontextmanager
async def serving(simulator: S7Simulator, **how: int) -> AsyncIterator[Wire]:
    """A connection that is set up."""
    async with simulator, wired(simulator) as wire:
        assert (await wire.connect())[1] == 0xD0
        await wire.setup(**how)
        yield wire


def cpu(**options: Unpack[Options]) -> S7Simulator:
    return S7Simulator(blocks=[Block(Kind.DB, 1, bytes(range(256)) * 4)], **options)


async def test_it_has_the_shape_of_a_simulator_and_listens_on_loopback_only() -> None:
    simulator: Simulator = S7Simulator.demo("line1-press")
    async with simulator:
        assert simulator.host == LOOPBACK
        assert simulator.port > 0


def test_the_same_name_gives_the_same_state() -> None:
    first, again, other = (S7Simulator.demo(name) for name in ("a-press", "a-press", "b-conveyor"))
    assert first.values() == again.values()
    assert first.identity == again.identity
    assert first.values() != other.values()
    assert len([name for name in first.values() if name.startswith("block/")]) >= 40
    kinds = {key.kind for key in S7Simulator.many(220).images}
    assert kinds == set(Kind)
    assert sum(name.startswith("block/") for name in S7Simulator.many(220).values()) == 220


def test_change_is_by_address() -> None:
    simulator, before = cpu(), bytes(range(256)) * 4
    simulator.change("db/1/12", b"\xff\xfe")
    simulator.change("m/3", b"x")
    fresh = Block(Kind.FC, 3, b"\x65\0").pack()
    simulator.change("block/FC3", fresh)
    values = simulator.values()
    changed = before[:12] + b"\xff\xfe" + before[14:]
    assert values["db/1"] == ("BYTES", changed)
    assert values["m"] == ("BYTES", b"\0\0\0x" + bytes(252))
    assert values["block/FC3"] == ("BYTES", fresh)
    for address, value in (("db/1/1023", b"ab"), ("block/FC4", fresh), ("m/0", 5)):
        with pytest.raises(ValueError, match=r"room|not of|takes bytes"):
            simulator.change(address, value)
    with pytest.raises(LookupError):
        simulator.change("db/7/0", b"a")


@given(PEOPLE)
def test_the_clock_keeps_what_it_is_told(when: datetime) -> None:
    when = when.replace(microsecond=when.microsecond // 1000 * 1000)
    assert clock.decode(clock.encode(when)) == when


@pytest.mark.parametrize(("tsap", "fault"), [(3, None), (0x22, None), (2, "refuse-login")])
async def test_a_connection_can_be_refused(tsap: int, fault: str | None) -> None:
    async with cpu(fault=fault) as simulator, wired(simulator) as wire:
        assert (await wire.connect(tsap))[1:4] == b"\x80\0\x07"
        assert await wire.reader.read() == b""


async def test_one_connection_too_many_is_refused() -> None:
    async with cpu(max_connections=2) as simulator, wired(simulator) as one:
        assert (await one.connect())[1] == 0xD0
        async with wired(simulator) as two, wired(simulator) as three:
            assert (await two.connect())[1] == 0xD0
            assert (await three.connect())[1] == 0x80
        assert (simulator.connections.peak, simulator.connections.total) == (3, 3)


async def test_bytes_may_come_one_by_one_or_all_at_once() -> None:
    simulator = cpu()
    async with serving(simulator) as wire:
        for octet in wire.frame(reading(10, 3)):
            wire.writer.write(bytes((octet,)))
            await asyncio.sleep(0)
        assert (await wire.packet())[-3:] == b"\x0a\x0b\x0c"
        wire.writer.write(b"".join(wire.frame(reading(at, 1)) for at in range(8)))
        assert [(await wire.packet())[-1] for _ in range(8)] == list(range(8))
        assert not simulator.violations


async def test_a_small_transport_is_honoured_both_ways() -> None:
    async with cpu() as simulator, wired(simulator) as wire:
        await wire.connect(size=0x07)
        whole = wire.frame(struct.pack(">BBHHH", SETUP, 0, 1, 1, 480))[7:]
        for part, last in ((whole[:5], 0), (whole[5:], 0x80)):
            head = struct.pack(">BBHBBB", 3, 0, len(part) + 7, 2, 0xF0, last)
            wire.writer.write(head + part)
        assert (await wire.packet())[2] == 0x80
        wire.writer.write(wire.frame(reading(0, 300)))
        parts = [await wire.packet() for _ in range(3)]
        assert [part[2] for part in parts] == [0, 0, 0x80]
        assert max(map(len, parts)) <= 128
        assert b"".join(part[3:] for part in parts)[18:] == (bytes(range(256)) * 2)[:300]


async def test_more_jobs_than_granted_are_served_and_told() -> None:
    simulator = cpu(amq=2)
    async with serving(simulator) as wire:
        wire.writer.write(b"".join(wire.frame(reading(at, 1)) for at in range(2)))
        assert [(await wire.packet())[-1] for _ in range(2)] == [0, 1]
        assert simulator.violations == []
        wire.writer.write(b"".join(wire.frame(reading(at, 1)) for at in range(3)))
        assert [(await wire.packet())[-1] for _ in range(3)] == [0, 1, 2]
        assert simulator.violations == ["3 jobs in flight, 2 were granted"]


async def test_delayed_replies_wait_side_by_side_and_in_order() -> None:
    simulator = cpu(amq=8)
    async with serving(simulator) as wire:
        simulator.delay = 0.25
        async with asyncio.timeout(8):  # one after the other would take 10 seconds
            for start in range(0, 40, 8):
                wanted = range(start, start + 8)
                for at in wanted:
                    wire.writer.write(wire.frame(reading(at, 1)))
                    await asyncio.sleep(0)
                assert [(await wire.packet())[-1] for _ in range(8)] == list(wanted)
        assert not simulator.violations


async def test_a_request_before_setup_ends_the_connection() -> None:
    async with cpu() as simulator, wired(simulator) as wire:
        await wire.connect()
        wire.writer.write(wire.frame(reading(0, 1)))
        assert await wire.reader.read() == b""
        assert simulator.violations == ["a request before setup communication"]
        assert not simulator.log


@given(st.binary(min_size=1, max_size=60), st.booleans())
def test_noise_ends_the_connection_or_is_answered(noise: bytes, framed: bool) -> None:
    async def run() -> None:
        met: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: met.append(context))
        async with serving(cpu()) as wire:
            pdu = struct.pack(">BBH", 3, 0, len(noise) + 7) + b"\x02\xf0\x80" + noise
            wire.writer.write(pdu if framed else noise)
            wire.writer.write_eof()
            await wire.reader.read()
        assert not met

    asyncio.run(run())


async def test_faults_of_the_wire() -> None:
    simulator = cpu()
    async with serving(simulator) as wire:
        simulator.fault = "wrong-reference"
        assert (await wire.ask(reading(5, 1)))[4:6] != wire.reference.to_bytes(2, "big")
        simulator.fault = "duplicate"
        assert await wire.ask(reading(5, 1)) == (await wire.packet())[3:]
        simulator.fault = "late"
        wire.writer.write(wire.frame(reading(6, 1)))
        assert (await wire.ask(reading(7, 1)))[-1] == 6
        simulator.fault = None
        assert (await wire.ask(reading(8, 1)))[-1] == 8
        simulator.fault = "garbage"
        wire.writer.write(wire.frame(reading(9, 1)))
        assert (await wire.reader.readexactly(26))[:1] != b"\x03"
        simulator.fault = "silent"
        wire.writer.write(wire.frame(reading(9, 1)))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(wire.reader.read(1), 0.2)
    async with serving(cpu(fault="cut")) as wire:
        wire.writer.write(wire.frame(reading(0, 100)))
        half = await wire.reader.read()
        assert half[:1] == b"\x03"
        assert len(half) < int.from_bytes(half[2:4], "big")


async def test_leaving_cuts_every_connection() -> None:
    simulator = cpu()
    async with simulator:
        reader, writer = await asyncio.open_connection(simulator.host, simulator.port)
        wire = Wire(reader, writer)
        await wire.connect()
    with suppress(ConnectionResetError):
        assert await reader.read() == b""
    writer.close()
    with pytest.raises(ConnectionError):
        await asyncio.open_connection(simulator.host, simulator.port)


async def test_it_runs_alone() -> None:
    command = (sys.executable, "-m", "goldcopy_sim.s7", "--name", "line1-press")
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        assert line.startswith("line1-press listens on 127.0.0.1:")
        reader, writer = await asyncio.open_connection(LOOPBACK, int(line.rsplit(":")[-1]))
        assert (await Wire(reader, writer).connect())[1] == 0xD0
        writer.close()
    finally:
        process.terminate()
        await process.communicate()


async def judged(simulator: S7Simulator, work: Callable[[Client], None], pdu: int = 960) -> None:
    """Let python-snap7's own client work on it, in a thread."""

    def run() -> None:
        client = Client()
        client.set_param(Parameter.PDURequest, pdu)
        client.connect(LOOPBACK, 0, 2, tcp_port=simulator.port)
        try:
            assert client.get_pdu_length() == pdu
            work(client)
        finally:
            client.disconnect()

    async with simulator:
        await asyncio.to_thread(run)
    assert not simulator.violations


@pytest.mark.parametrize("pdu", [240, 480, 960])
async def test_python_snap7_reads_every_block(pdu: int) -> None:
    simulator = S7Simulator.many(220, pdu=pdu)
    held = simulator.values()

    def work(client: Client) -> None:
        counts = client.list_blocks()
        for kind in Kind:
            numbers = client.list_blocks_of_type(Foreign[kind.name], 1000)
            assert numbers == simulator.numbers(kind)
            assert len(numbers) == getattr(counts, f"{kind.name}Count")
            if kind.name.startswith("SF"):
                continue
            for number in numbers:
                image, size = client.full_upload(Foreign[kind.name], number)
                assert ("BYTES", bytes(image)) == held[f"block/{kind.name}{number}"]
                assert size == len(image)

    await judged(simulator, work, pdu)
    assert not any(entry.writes for entry in simulator.log)


async def test_python_snap7_reads_and_writes_variables() -> None:
    simulator = S7Simulator.flat(30, 4096, pdu=480, amq=1)
    held = simulator.values()

    def work(client: Client) -> None:
        for number in range(1, 31):
            assert ("BYTES", bytes(client.db_read(number, 0, 4096))) == held[f"db/{number}"]
        items: list[Any] = [
            {"area": Area.DB, "db_number": number, "start": 7 * number, "size": 5}
            for number in range(1, 21)
        ]
        _, values = client.read_multi_vars(items)
        whole = [held[f"db/{number}"][1] for number in range(1, 21)]
        for number, (value, db) in enumerate(zip(values, whole, strict=True), start=1):
            assert isinstance(db, bytes)
            assert bytes(value) == db[7 * number : 7 * number + 5]
        client.db_write(3, 100, bytearray(b"goldcopy"))
        client.write_area(Area.MK, 0, 4, bytearray(b"\x55"))

    await judged(simulator, work, 480)
    assert simulator.values()["db/3"][1][100:108] == b"goldcopy"  # type: ignore[index]
    assert simulator.areas[0x83][4] == 0x55
    reads = [entry for entry in simulator.log if entry.name == "read var"]
    assert len(reads) == 30 * 9 + 1  # ceil(4096 / (480 - 18)) for each, one for the twenty


async def test_python_snap7_controls_the_cpu() -> None:
    simulator = S7Simulator.demo("line1-press")

    def work(client: Client) -> None:
        assert client.get_cpu_info().ASName == b"line1-press"
        assert client.get_order_code().OrderCode.strip() == b"6ES7 315-2EH14-0AB0"
        client.plc_stop()
        assert not simulator.running
        client.plc_hot_start()
        assert simulator.running
        client.set_plc_datetime(datetime(2020, 2, 3, 4, 5, 6))
        assert client.get_plc_datetime().date() == datetime(2020, 2, 3).date()

    await judged(simulator, work, 240)
    writes = [entry.name for entry in simulator.log if entry.writes]
    assert writes == ["PLC stop", "PI service P_PROGRAM", "set clock"]
