"""The Modbus simulator on its socket, judged by pymodbus' client and by raw bytes."""

from __future__ import annotations

import asyncio
import struct
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import groupby
from typing import TypeVar

import pytest
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.file_message import FileRecord, ReadFifoQueueResponse, ReadFileRecordResponse
from pymodbus.pdu.mei_message import ReadDeviceInformationResponse
from pymodbus.pdu.other_message import ReportDeviceIdResponse

from goldcopy_sim.modbus import Bits, ModbusSimulator, Registers, Unit
from goldcopy_sim.service import LOOPBACK, Simulator, Value

KIND: type[Simulator] = ModbusSimulator  # mypy holds it against the contract
HANG = 20.0
Reply = TypeVar("Reply", bound=ModbusPDU)

READ = bytes.fromhex("0300000002")
"""Two holding registers from address 0."""
FRAME = struct.Struct(">HHHB")


def adu(transaction: int, pdu: bytes = READ, unit: int = 1) -> bytes:
    return FRAME.pack(transaction, 0, len(pdu) + 1, unit) + pdu


class Raw:
    """A client that sends and shows bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, *frames: bytes) -> None:
        self.writer.write(b"".join(frames))

    async def frame(self) -> bytes:
        head = await asyncio.wait_for(self.reader.readexactly(7), HANG)
        _, protocol, length, _ = FRAME.unpack(head)
        assert protocol == 0
        return head + await asyncio.wait_for(self.reader.readexactly(length - 1), HANG)

    async def frames(self, count: int) -> list[bytes]:
        return [await self.frame() for _ in range(count)]

    async def rest(self) -> bytes:
        """What comes until the simulator hangs up."""
        return await asyncio.wait_for(self.reader.read(), HANG)


@asynccontextmanager
async def raw(simulator: Simulator) -> AsyncIterator[Raw]:
    reader, writer = await asyncio.open_connection(simulator.host, simulator.port)
    try:
        yield Raw(reader, writer)
    finally:
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def judge(port: int) -> AsyncIterator[AsyncModbusTcpClient]:
    client = AsyncModbusTcpClient(LOOPBACK, port=port, retries=0, timeout=HANG)
    assert await client.connect()
    try:
        yield client
    finally:
        client.close()


def sure(kind: type[Reply], reply: ModbusPDU) -> Reply:
    """pymodbus gives exceptions back as replies."""
    assert isinstance(reply, kind), reply
    return reply


# Registers 0 and 1 of unit 1 hold 0x1234 and 0x5678.
small = partial(ModbusSimulator, {1: Unit(holding=Registers({0: 0x1234, 1: 0x5678}))})
GOOD = bytes.fromhex("03 04 1234 5678")


def runs(addresses: Iterable[int], most: int) -> Iterable[tuple[int, int]]:
    """(start, count) of neighbours, no longer than one request may ask for."""
    for _, group in groupby(enumerate(sorted(addresses)), lambda pair: pair[1] - pair[0]):
        run = [address for _, address in group]
        for at in range(0, len(run), most):
            yield run[at], len(run[at : at + most])


async def told_to_pymodbus(client: AsyncModbusTcpClient, like: Iterable[str]) -> dict[str, Value]:
    """The values of those addresses, all read through pymodbus."""
    places: dict[str, list[int]] = {}
    for address in like:
        place, _, number = address.rpartition("/")
        places.setdefault(place, []).append(int(number))
    told: dict[str, Value] = {}
    for place, numbers in places.items():
        if place == "fifo":
            for pointer in numbers:
                queue = sure(ReadFifoQueueResponse, await client.read_fifo_queue(address=pointer))
                told[f"fifo/{pointer}"] = tuple(queue.values)
            continue
        for start, count in runs(numbers, 2000 if place in ("coil", "discrete") else 100):
            values: Sequence[int]
            if place == "coil":
                values = (await client.read_coils(start, count=count)).bits
            elif place == "discrete":
                values = (await client.read_discrete_inputs(start, count=count)).bits
            elif place == "holding":
                values = (await client.read_holding_registers(start, count=count)).registers
            elif place == "input":
                values = (await client.read_input_registers(start, count=count)).registers
            else:
                file_number = int(place.removeprefix("file/"))
                file = FileRecord(
                    file_number=file_number, record_number=start, record_length=2 * count
                )
                reply = sure(ReadFileRecordResponse, await client.read_file_record([file]))
                data = reply.records[0].record_data
                values = [word for (word,) in struct.iter_unpack(">H", data)]
            told |= {f"{place}/{start + n}": values[n] for n in range(count)}
    return told


async def test_pymodbus_reads_all_that_the_demo_holds_and_changes_nothing() -> None:
    async with ModbusSimulator.demo("mixer") as simulator, judge(simulator.port) as client:
        before = simulator.values()
        told = await told_to_pymodbus(client, before)
        assert told == {address: value for address, (_, value) in before.items()}
        assert simulator.values() == before
        assert simulator.log
        assert not [service for service in simulator.log if service.writes]


async def test_what_pymodbus_writes_is_held() -> None:
    async with ModbusSimulator.demo("mixer") as simulator, judge(simulator.port) as client:
        wanted = dict(simulator.values())
        await client.write_coil(3, not wanted["coil/3"][1])
        wanted["coil/3"] = ("BOOL", not wanted["coil/3"][1])
        await client.write_coils(4, [True, False, True, True, False, True, False, False, True])
        for n, bit in enumerate("101101001"):
            wanted[f"coil/{4 + n}"] = ("BOOL", bit == "1")
        await client.write_register(0, 17)
        await client.write_registers(10, [1, 0xFFFF])
        await client.mask_write_register(address=12, and_mask=0x0000, or_mask=0xBEEF)
        both = await client.readwrite_registers(
            read_address=12, read_count=3, write_address=13, values=[5, 6]
        )
        assert both.registers == [0xBEEF, 5, 6]  # what was just written
        file = FileRecord(file_number=4, record_number=7, record_data=b"\x00\x2a\xff\xfe")
        await client.write_file_record([file])
        for address, value in {
            "holding/0": 17,
            "holding/10": 1,
            "holding/11": 0xFFFF,
            "holding/12": 0xBEEF,
            "holding/13": 5,
            "holding/14": 6,
            "file/4/7": 42,
            "file/4/8": 0xFFFE,
        }.items():
            wanted[address] = ("WORD", value)
        assert simulator.values() == wanted
        assert [service.name for service in simulator.log] == [
            "write single coil",
            "write multiple coils",
            "write single register",
            "write multiple registers",
            "mask write register",
            "read/write multiple registers",
            "write file record",
        ]
        assert all(service.writes for service in simulator.log)


async def test_pymodbus_sees_the_exceptions() -> None:
    async with ModbusSimulator.demo("mixer") as simulator, judge(simulator.port) as client:
        hole = await client.read_holding_registers(8, count=1)
        assert hole.exception_code == 2
        absent = await client.read_holding_registers(0, count=1, device_id=9)
        assert absent.exception_code == 0x0B


async def test_pymodbus_follows_the_identification() -> None:
    async with ModbusSimulator.demo("mixer") as simulator, judge(simulator.port) as client:
        told: dict[int, bytes] = {}
        following, requests = 0, 0
        while True:
            answer = await client.read_device_information(read_code=3, object_id=following)
            reply = sure(ReadDeviceInformationResponse, answer)
            requests += 1
            assert not told.keys() & reply.information.keys()
            told |= reply.information
            assert reply.conformity == 0x83
            if not reply.more_follows:
                break
            following = reply.next_object_id
        assert told == simulator.identity
        assert requests > 1
        one = await client.read_device_information(read_code=4, object_id=6)
        assert sure(ReadDeviceInformationResponse, one).information == {6: b"mixer"}
        # pymodbus takes the last byte for the run status and drops it.
        server = sure(ReportDeviceIdResponse, await client.report_device_id())
        assert simulator.server_id == server.identifier + b"0"


async def test_pipelined_requests_are_all_answered_on_every_connection() -> None:
    simulator = ModbusSimulator.flat()
    starts = [*range(0, 65_536, 125)]
    pdus = [struct.pack(">BHH", 3, start, min(125, 65_536 - start)) for start in starts]

    async def pull(simulator: ModbusSimulator) -> list[int]:
        async with raw(simulator) as client:
            client.send(*(adu(transaction, pdu) for transaction, pdu in enumerate(pdus)))
            words: list[int] = []
            for transaction, reply in enumerate(await client.frames(len(pdus))):
                assert FRAME.unpack_from(reply)[0] == transaction
                assert reply[8] == len(reply) - 9
                words += (word for (word,) in struct.iter_unpack(">H", reply[9:]))
            return words

    async with simulator:
        pulls = await asyncio.gather(*(pull(simulator) for _ in range(3)))
        held = [value for _, value in simulator.values().values()]
        assert len(set(held)) == 65_536
        assert pulls == [held, held, held]
        assert simulator.connections.peak == simulator.connections.total == 3
        assert len(simulator.log) == 3 * len(pdus)


async def test_delay_is_latency_and_not_service_time() -> None:
    loop = asyncio.get_running_loop()
    async with small(delay=0.5) as simulator, raw(simulator) as client:
        began = loop.time()
        for transaction in range(100):
            client.send(adu(transaction))
            await asyncio.sleep(0)
        async with asyncio.timeout(HANG):  # one after another would take 50 s
            replies = await client.frames(100)
        assert replies == [adu(n, GOOD) for n in range(100)]
        assert loop.time() - began >= 0.5


async def test_one_connection_too_many_evicts_the_oldest() -> None:
    async with (
        small(max_connections=2, delay=0.01) as simulator,
        raw(simulator) as first,
        raw(simulator) as second,
    ):
        for client in (first, second):  # an exchange that is over protects nobody
            client.send(adu(1))
            assert await client.frame() == adu(1, GOOD)
        async with raw(simulator) as third:
            assert await first.rest() == b""
            for client in (second, third):
                client.send(adu(1))
                assert await client.frame() == adu(1, GOOD)
            assert simulator.connections.open == 2


async def test_a_connection_in_mid_exchange_is_not_evicted() -> None:
    async with (
        small(max_connections=2) as simulator,
        raw(simulator) as first,
        raw(simulator) as second,
    ):
        for client in (first, second):  # answered once, so certainly accepted; then half a request
            client.send(adu(1), adu(2)[:9])
            assert await client.frame() == adu(1, GOOD)
        async with raw(simulator) as third:
            assert await third.rest() == b""
        for client in (first, second):
            client.send(adu(2)[9:])
            assert await client.frame() == adu(2, GOOD)


async def test_stopping_cuts_every_connection() -> None:
    simulator = small()
    async with simulator, raw(simulator) as client:
        client.send(adu(1))
        assert await client.frame() == adu(1, GOOD)
        await simulator.__aexit__()
        assert await client.rest() == b""
        assert simulator.connections.open == 0
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(simulator.host, simulator.port)


async def test_a_fault_at_accept_and_its_end() -> None:
    async with small(fault="refuse-connection") as simulator:
        async with raw(simulator) as client:
            assert await client.rest() == b""
        simulator.fault = None
        async with raw(simulator) as client:
            client.send(adu(1))
            assert await client.frame() == adu(1, GOOD)
        assert simulator.connections.total == 2


async def test_it_listens_on_loopback_only() -> None:
    async with small() as simulator:
        assert simulator.host == "127.0.0.1"
        with pytest.raises(ConnectionRefusedError):  # another address of this machine
            await asyncio.open_connection("127.0.0.2", simulator.port)


def test_a_name_gives_the_state() -> None:
    mixer, again, other = (ModbusSimulator.demo(name) for name in ("mixer", "mixer", "filler"))
    assert mixer.values() == again.values()
    assert mixer.identity == again.identity
    assert mixer.values() != other.values()
    assert mixer.values().keys() == other.values().keys()
    assert sum(address.startswith("holding/") for address in mixer.values()) == 400


def test_change() -> None:
    two = {1: Unit(holding=Registers({17: 1})), 2: Unit(coils=Bits({3: False}))}
    simulator = ModbusSimulator(two)
    simulator.change("holding/17", 42)
    simulator.change("unit2:coil/3", True)
    assert simulator.values() == {"holding/17": ("WORD", 42), "unit2:coil/3": ("BOOL", True)}
    assert not simulator.log
    for address in ("holding/18", "coil/3", "holding/x", "holding", "unit2:holding/17"):
        with pytest.raises(LookupError, match="there is no"):
            simulator.change(address, 1)
    with pytest.raises(ValueError, match="65536"):
        simulator.change("holding/17", 65_536)
    for address, value in (("holding/17", 1.5), ("holding/17", True), ("unit2:coil/3", 1)):
        with pytest.raises((TypeError, ValueError), match="holds"):
            simulator.change(address, value)


async def test_it_runs_alone() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "goldcopy_sim.modbus", "--name", "mixer"),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), HANG)
        assert line.startswith(b"mixer listens on 127.0.0.1:")
        async with judge(int(line.rpartition(b":")[2])) as client:
            reply = await client.read_device_information(read_code=4, object_id=6)
            assert sure(ReadDeviceInformationResponse, reply).information == {6: b"mixer"}
    finally:
        process.terminate()
        await process.wait()
