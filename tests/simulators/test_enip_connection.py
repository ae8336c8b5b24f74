"""The EtherNet/IP simulator: sessions, connections, routes, sizes and faults on the wire."""

from __future__ import annotations

import asyncio
import struct

import pytest
from tests.simulators.enip_wire import (
    CONTEXT,
    HEADER,
    MANAGER,
    Frame,
    name,
    opened,
    parse,
    plain,
    request,
    wired,
)

from goldcopy_sim.enip import DriveSimulator, Identity, LogixSimulator, Tag

READ = request(0x4C, name("Speed"), b"\x01\x00")
SPEED = bytes.fromhex("c400 2a000000")


def small(**options: object) -> LogixSimulator:
    tags = [Tag("Speed", value=42), Tag("Row", "DINT", (2000,), list(range(2000)))]
    return LogixSimulator(tags=tags, **options)  # type: ignore[arg-type]


async def exchange(simulator: LogixSimulator, *frames: str) -> list[str]:
    """Raw bytes in, raw frames out."""
    async with simulator, wired(simulator) as wire:
        found = []
        for octets in frames:
            wire.writer.write(bytes.fromhex(octets))
            reply = await wire.frame()
            head = HEADER.pack(reply.command, len(reply.data), 0, reply.status, reply.context, 0)
            found.append((head + reply.data).hex(" "))
        return found


async def test_register_and_bad_registers_by_hand() -> None:
    good = "65000400 00000000 00000000 6162636465666768 00000000 01000000"
    newer = "65000400 00000000 00000000 6162636465666768 00000000 02000000"
    short = "65000200 00000000 00000000 6162636465666768 00000000 0100"
    assert await exchange(small(), newer, short, good) == [
        "65 00 04 00 00 00 00 00 69 00 00 00 61 62 63 64 65 66 67 68 00 00 00 00 02 00 00 00",
        "65 00 02 00 00 00 00 00 65 00 00 00 61 62 63 64 65 66 67 68 00 00 00 00 01 00",
        "65 00 04 00 00 00 00 00 00 00 00 00 61 62 63 64 65 66 67 68 00 00 00 00 01 00 00 00",
    ]


async def test_unknown_command_and_foreign_session_by_hand() -> None:
    unknown = "99990000 00000000 00000000 6162636465666768 00000000"
    foreign = "6f000000 44332211 00000000 6162636465666768 00000000"
    assert await exchange(small(), unknown, foreign) == [
        "99 99 00 00 00 00 00 00 01 00 00 00 61 62 63 64 65 66 67 68 00 00 00 00",
        "6f 00 00 00 00 00 00 00 64 00 00 00 61 62 63 64 65 66 67 68 00 00 00 00",
    ]


async def test_list_identity_tells_who_it_is() -> None:
    identity = Identity(revision=(32, 11), serial=0x0BADCAFE)
    async with small(identity=identity) as simulator, wired(simulator) as wire:
        wire.send(0x63)
        data = (await wire.frame()).data
    assert data[:2] == b"\x01\x00"
    kind, length, version = struct.unpack_from("<HHH", data, 2)
    assert (kind, length, version) == (0x0C, len(data) - 6, 1)
    family, port = struct.unpack_from(">hH", data, 8)
    assert (family, port, data[12:16]) == (2, simulator.port, b"\x7f\0\0\1")
    rest = bytes.fromhex("0100 0e00 a600 20 0b 6030 fecaad0b")
    assert data[24:] == rest + b"\x161756-L83E/B LOGIX5583E\x03"


@pytest.mark.parametrize(("large", "size"), [(True, 4002), (True, 500), (False, 500)])
async def test_opens_both_ways_and_closes(large: bool, size: int) -> None:
    async with small() as simulator, wired(simulator) as wire:
        await wire.register()
        opening = await wire.open(size, large=large)
        assert opening.status == 0
        _, peer, serial, vendor = struct.unpack_from("<IIHH", opening.data)
        assert (peer, serial, vendor) == (0x11223344, wire.serial, 0x1009)
        assert len(simulator.links) == 1
        assert (await wire.ask(0x4C, name("Speed"), b"\x01\x00")).data == SPEED
        assert (await wire.close_connection()).status == 0
        assert not simulator.links
        again = await wire.close_connection()
        assert (again.status, again.extended) == (1, (0x0107,))
    assert not any(service.writes for service in simulator.log)


async def test_large_open_can_be_unknown() -> None:
    async with small(large_open=False, max_size=500) as simulator, wired(simulator) as wire:
        await wire.register()
        assert (await wire.open(4000)).status == 0x08
        refused = await wire.open(504, large=False)
        assert (refused.status, refused.extended) == (1, (0x0109, 500))
        assert (await wire.open(500, large=False)).status == 0


async def test_connections_are_counted() -> None:
    async with small(max_connections=2) as simulator, wired(simulator) as wire:
        await wire.register()
        answers = [await wire.open() for _ in range(3)]
        assert [answer.status for answer in answers] == [0, 0, 1]
        assert answers[2].extended == (0x0113,)
        wire.writer.close()  # the end of the TCP connection ends its CIP connections
        async with asyncio.timeout(10), wired(simulator) as other:
            while simulator.links:
                other.send(0x04)
                await other.frame()


@pytest.mark.parametrize(
    ("path", "extended"),
    [("0105 20022401", 0x0312), ("0200 20022401", 0x0311), ("0100 0101 20022401", 0x0312)],
)
async def test_a_route_that_leads_elsewhere_is_refused(path: str, extended: int) -> None:
    async with small() as simulator, wired(simulator) as wire:
        await wire.register()
        refused = await wire.open(path=bytes.fromhex(path))
        assert (refused.status, refused.extended) == (1, (extended,))


def routed(message: bytes, route: str) -> bytes:
    path = bytes.fromhex(route)
    body = struct.pack("<BBH", 10, 5, len(message)) + message + b"\0" * (len(message) % 2)
    return request(0x52, MANAGER, body + bytes((len(path) // 2, 0)) + path)


async def test_unconnected_send_reaches_the_slots() -> None:
    card = Identity(name="1756-IF8/A", mode_bits=False)
    whoami = request(0x0E, plain(1, 1, 7))
    async with small(modules={3: card}) as simulator, wired(simulator) as wire:
        await wire.register()
        assert (await wire.outside(routed(whoami, "0100"))).data == b"\x161756-L83E/B LOGIX5583E"
        assert (await wire.outside(routed(whoami, "0103"))).data == b"\x0a1756-IF8/A"
        assert (await wire.outside(routed(READ, "0100"))).data == SPEED
        nobody = await wire.outside(routed(whoami, "0109"))
        assert (nobody.status, nobody.extended) == (1, (0x0312,))
    async with DriveSimulator.demo("d") as drive, wired(drive) as wire:
        await wire.register()
        assert (await wire.outside(routed(whoami, "0100"))).status == 0x08


async def test_a_reply_fills_the_connection_and_no_more() -> None:
    count = struct.pack("<H", 2000)
    for size, elements in ((500, 123), (502, 123), (504, 124), (4000, 998)):
        async with opened(small(), size) as wire:
            whole = await wire.ask(0x4C, name("Row"), count)
            part = await wire.ask(0x52, name("Row"), count + b"\0\0\0\0")
        assert whole.status == part.status == 0x06
        assert whole.data == part.data
        assert len(part.data) == 2 + 4 * elements


async def test_a_request_larger_than_the_connection_is_refused() -> None:
    simulator = small()
    async with opened(simulator, 500) as wire:
        values = struct.pack("<HH", 0xC4, 124) + bytes(496)
        assert (await wire.ask(0x4D, name("Row"), values)).status == 0x15
    assert simulator.violations


async def test_the_same_sequence_number_is_not_done_twice() -> None:
    simulator = small()
    async with opened(simulator) as wire:
        write = request(0x4D, name("Speed"), struct.pack("<HHi", 0xC4, 1, 7))
        wire.send_inside(write, sequence=9)
        first = await wire.frame()
        simulator.change("Speed", 8)
        wire.send_inside(write, sequence=9)
        assert await wire.frame() == first
    assert simulator.values()["Speed"] == ("DINT", 8)


@pytest.mark.parametrize("forced", [True, False])
async def test_a_connection_that_timed_out_is_not_answered(forced: bool) -> None:
    simulator = small()
    async with opened(simulator) as wire:
        (link,) = simulator.links.values()
        assert link.lifetime == 2.0 * 512, "the interval asked for, times 4 << 7"
        link.last_used -= link.lifetime + 1
        if forced:
            simulator.expire()
        wire.send_inside(READ)
        wire.send(0x04)  # what comes back is the answer to this
        assert (await wire.frame()).command == 0x04
    assert simulator.violations


async def test_pipelined_requests_wait_side_by_side() -> None:
    simulator = small()
    async with opened(simulator) as wire:
        simulator.delay = 0.2
        loop = asyncio.get_running_loop()
        start = loop.time()
        sequences = []
        for _ in range(20):
            sequences.append(wire.send_inside(READ))
            await asyncio.sleep(0.002)  # each in a segment of its own
        frames = [await wire.frame() for _ in sequences]
        assert loop.time() - start >= 0.19
        assert loop.time() - start < 20 * 0.2, "delays add up"
    assert [struct.unpack_from("<H", frame.data, 20)[0] for frame in frames] == sequences
    assert all(parse(frame.data[22:]).data == SPEED for frame in frames)


async def faulty(fault: str) -> tuple[Frame, int]:
    """The reply to a connected read under a fault, and the sequence number it should have."""
    simulator = small()
    async with opened(simulator) as wire:
        simulator.fault = fault
        sequence = wire.send_inside(READ)
        return await wire.frame(), sequence


async def test_marks_are_spoiled_one_at_a_time() -> None:
    good, sequence = await faulty("version-moves")  # does nothing to a read
    for fault in ("wrong-session", "wrong-context", "wrong-sequence", "wrong-connection"):
        frame, _ = await faulty(fault)
        differs = {
            "wrong-session": frame.session & 0xFF != good.session & 0xFF,
            "wrong-context": frame.context != CONTEXT,
            "wrong-sequence": frame.data[20:22] != struct.pack("<H", sequence),
            "wrong-connection": frame.data[12:16] != good.data[12:16],
        }
        if fault != "wrong-session":
            differs.pop("wrong-session")  # every connection has a session of its own
        else:
            differs["wrong-session"] = True
        assert [name for name, other in differs.items() if other] == [fault]
        assert frame.data[22:] == good.data[22:]


async def test_late_replies_come_after_the_next_request() -> None:
    simulator = small()
    async with opened(simulator) as wire:
        simulator.fault = "late"
        first = wire.send_inside(READ)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await wire.reader.readexactly(1)
        wire.send_inside(READ)
        frame = await wire.frame()
    assert struct.unpack_from("<H", frame.data, 20) == (first,)


async def test_duplicate_garbage_cut_and_silent() -> None:
    simulator = small()
    async with opened(simulator) as wire:
        simulator.fault = "duplicate"
        wire.send_inside(READ)
        assert await wire.frame() == await wire.frame()
        simulator.fault = "silent"
        wire.send_inside(READ)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await wire.reader.readexactly(1)
    for fault in ("garbage", "cut"):
        simulator = small()
        async with opened(simulator) as wire:
            simulator.fault = fault
            wire.send_inside(READ)
            octets = await asyncio.wait_for(wire.reader.read(1000), 10)
            assert octets[:2] == (b"\xd5\xa5" if fault == "garbage" else b"\x70\x00")
            if fault == "cut":
                assert await asyncio.wait_for(wire.reader.read(1000), 10) == b""


async def test_refusals_at_the_door() -> None:
    async with small(fault="refuse-login") as simulator, wired(simulator) as wire:
        assert (await wire.register()).status == 2
        assert wire.session == 0
        simulator.fault = "refuse-open"
        await wire.register()
        assert (await wire.open()).extended == (0x0113,)
        simulator.fault = "busy"
        assert (await wire.outside(READ)).status == 0x02
        simulator.fault = "locked"
        assert (await wire.outside(READ)).status == 0x10


def test_an_unknown_fault_is_an_error() -> None:
    with pytest.raises(ValueError, match="no fault is called 'nonsense'"):
        small(fault="nonsense")
