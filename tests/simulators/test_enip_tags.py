"""The Logix simulator: tags read and written, as bytes."""

from __future__ import annotations

import struct

import pytest
from tests.simulators.enip_controller import (
    GUARD,
    LIST,
    POINT,
    ask,
    controller,
    rows,
)
from tests.simulators.enip_wire import (
    name,
    opened,
    packed,
    plain,
    request,
    unpacked,
)

from goldcopy_sim.enip import (
    LogixSimulator,
)

HANDLE = POINT.handle.to_bytes(2, "little").hex()


@pytest.mark.parametrize(
    ("path", "count", "reply"),
    [
        ("Speed", 1, "c400 2a000000"),
        ("speed", 1, "c400 2a000000"),
        ("Other", 1, "c400 2a000000"),
        ("Flag", 1, "c100 01"),
        ("Bit", 1, "c100 01"),
        ("Point.On", 1, "c100 00"),
        ("Point.Z", 2, "ca00 0000c03f 000000bf"),
        ("Point.Z[1]", 1, "ca00 000000bf"),
        ("Grid[1,0,2]", 2, "c300 0e00 0f00"),
        ("Bits", 2, "d300 49922449 92244992"),
        ("Points[2].X", 1, "c300 0200"),
        ("Nest.Points[1].X", 1, "c300 0600"),
        ("Program:Main.Count", 1, "c400 07000000"),
        ("Local:1:C", 1, "c400 09000000"),
        ("Guard.Open", 1, "c400 03000000"),
        ("Timer.PRE", 1, "c400 f4010000"),
        ("Timer.DN", 1, "c100 01"),
        ("Timer", 1, "a002 830f 00000020 f4010000 00000000"),
        ("Point", 1, f"a002 {HANDLE} feff 02 00 0000c03f 000000bf"),
        ("Points[1]", 1, f"a002 {HANDLE} 0100 00 00 00000000 00000000"),
    ],
)
async def test_reads_by_name(path: str, count: int, reply: str) -> None:
    answer = await ask(0x4C, path, struct.pack("<H", count).hex())
    assert answer == (0, (), bytes.fromhex(reply))


async def test_reads_by_number() -> None:
    async with opened(controller()) as wire:
        page = await wire.ask(0x55, plain(0x6B, 0), LIST)
        number = {row.name: row.id for row in rows(page.data)}
        by_number = [
            await wire.ask(0x4C, path, b"\1\0")
            for path in (
                plain(0x6B, number["Speed"]),
                bytes((0x20, 0x6B, 0x24, number["Speed"])),
                plain(0x6B, number["Points"]) + bytes.fromhex("2900 0200") + name("X"),
                plain(0x6B, number["Grid"]) + bytes.fromhex("2801 2a00 00000000 2802"),
                plain(0x6B, 999),
                plain(0x6B, number["Program:Main"]),
            )
        ]
    data = [answer.data.hex() for answer in by_number]
    assert data == ["c4002a000000", "c4002a000000", "c3000200", "c3000e00", "", ""]
    assert [answer.status for answer in by_number] == [0, 0, 0, 0, 5, 4]


@pytest.mark.parametrize(
    ("path", "data", "status", "extended"),
    [
        ("Nobody", "0100", 0x04, (0,)),
        ("Program:None.Count", "0100", 0x04, (0,)),
        ("Speed.X", "0100", 0x04, (0,)),
        ("Grid[1]", "0100", 0x04, (0,)),
        ("Points.X", "0100", 0x04, (0,)),
        ("Point.ZZZZZZZZZZPoint0", "0100", 0x04, (0,)),
        ("Grid[2,0,0]", "0100", 0xFF, (0x2105,)),
        ("Grid[1,2,3]", "0200", 0xFF, (0x2105,)),
        ("Speed", "0200", 0xFF, (0x2105,)),
        ("Speed", "0000", 0xFF, (0x2105,)),
        ("Speed", "", 0x13, ()),
        ("Hidden", "0100", 0x0F, ()),
        ("Guard", "0100", 0x0F, ()),
        ("Guard.Key", "0100", 0x0F, ()),
        ("Nest", "0100", 0x0F, ()),
        ("Nest.Guard.Key", "0100", 0x0F, ()),
    ],
)
async def test_refused_reads(path: str, data: str, status: int, extended: tuple[int, ...]) -> None:
    assert await ask(0x4C, path, data) == (status, extended, b"")


@pytest.mark.parametrize(
    ("path", "data", "address", "value"),
    [
        ("Speed", "c400 0100 feffffff", "Speed", -2),
        ("Other", "c400 0100 05000000", "Speed", 5),
        ("Flag", "c100 0100 00", "Flag", False),
        ("Point.On", "c100 0100 ff", "Point.On", True),
        ("Bit", "c100 0100 00", "Point.Off", False),
        ("Grid[1,2,2]", "c300 0200 6300 6400", "Grid", (*range(22), 99, 100)),
        ("Program:Main.Count", "c400 0100 08000000", "Program:Main.Count", 8),
        ("Guard.Open", "c400 0100 09000000", "Guard.Open", 9),
        ("Point", f"a002 {HANDLE} 0100 0700 03 00 00000000 00000000", "Point.X", 7),
        ("Speed", "c400 0100 03000000 4d02", "Speed", 3),
    ],
)
async def test_writes(path: str, data: str, address: str, value: object) -> None:
    simulator = controller()
    before = simulator.values()
    async with opened(simulator) as wire:
        answer = await wire.ask(0x4D, name(path), bytes.fromhex(data))
    assert answer == (0, (), b"")
    after = simulator.values()
    assert after[address][1] == value
    others = {key for key in before if before[key] != after[key]} - {address, "Other", "Bit"}
    assert others <= ({"Point.On", "Point.Off", "Point.Z"} if path == "Point" else set())
    assert [service.writes for service in simulator.log].count(True) == 1
    assert bool(simulator.violations) is data.endswith("4d02")


@pytest.mark.parametrize(
    ("path", "data", "status", "extended"),
    [
        ("Speed", "c300 0100 0100", 0xFF, (0x2107,)),
        ("Point", "a002 0000 0100 000000000000000000000000", 0xFF, (0x2107,)),
        ("Speed", "c400 0200 0100000002000000", 0xFF, (0x2105,)),
        ("Speed", "c400 0100 0100", 0x13, ()),
        ("Fixed", "c400 0100 01000000", 0x0F, ()),
        ("Shown", "c400 0100 01000000", 0x0F, ()),
        ("Hidden", "c400 0100 01000000", 0x0F, ()),
        ("Guard.Seen", "c400 0100 01000000", 0x0F, ()),
        ("Guard", f"a002 {GUARD.handle.to_bytes(2, 'little').hex()} 0100" + 12 * "00", 0x0F, ()),
    ],
)
async def test_refused_writes(path: str, data: str, status: int, extended: tuple[int, ...]) -> None:
    simulator = controller()
    before = simulator.values()
    async with opened(simulator) as wire:
        answer = await wire.ask(0x4D, name(path), bytes.fromhex(data))
    assert answer == (status, extended, b"")
    assert simulator.values() == before
    assert simulator.log[-1].writes


async def test_fragments_add_up_both_ways() -> None:
    simulator = LogixSimulator.flat(0, 1, 1000)
    held = simulator.values()["A000"][1]
    async with opened(simulator, 500) as wire:
        octets, count = b"", struct.pack("<H", 1000)
        while len(octets) < 4000:
            part = await wire.ask(0x52, name("A000"), count + struct.pack("<I", len(octets)))
            octets += part.data[2:]
            assert part.status == (6 if len(octets) < 4000 else 0)
        assert struct.unpack("<1000i", octets) == held
        beyond = await wire.ask(0x52, name("A000"), count + struct.pack("<I", 4000))
        assert (beyond.status, beyond.extended) == (0xFF, (0x2104,))
        new = bytes(range(250)) * 16
        for at in range(0, 4000, 400):
            body = struct.pack("<HHI", 0xC4, 1000, at) + new[at : at + 400]
            assert (await wire.ask(0x53, name("A000"), body)).status == 0
    assert simulator.values()["A000"][1] == struct.unpack("<1000i", new)


async def test_single_bits_are_set_and_cleared_in_one_go() -> None:
    simulator = controller()
    async with opened(simulator) as wire:
        masks = bytes.fromhex("0400 01000000 f7ffffff")  # 42 = 0b101010
        assert (await wire.ask(0x4E, name("Speed"), masks)).status == 0
        assert (await wire.ask(0x4E, name("Speed"), bytes.fromhex("0200 0100 ffff"))).status == 3
        bits = bytes.fromhex("0400 02000000 ffffffff")
        assert (await wire.ask(0x4E, name("Bits[1]"), bits)).status == 0
    assert simulator.values()["Speed"] == ("DINT", 0b100011)
    flags = simulator.values()["Bits"][1]
    assert isinstance(flags, tuple)
    assert flags[33] is True


async def test_a_multiple_service_packet_answers_each() -> None:
    simulator = controller()
    async with opened(simulator) as wire:
        good, bad = request(0x4C, name("Speed"), b"\1\0"), request(0x4C, name("Hidden"), b"\1\0")
        write = request(0x4D, name("Speed"), bytes.fromhex("c400 0100 01000000"))
        whole = await wire.inside(packed(good, good))
        mixed = await wire.inside(packed(good, bad, write, good))
    assert whole.status == 0
    assert [answer.status for answer in unpacked(mixed.data)] == [0, 0x0F, 0, 0]
    assert mixed.status == 0x1E
    assert unpacked(mixed.data)[3].data == bytes.fromhex("c400 01000000")
    assert [(entry.name, entry.writes, entry.detail) for entry in simulator.log[-2:]] == [
        ("Multiple Service Packet", False, "2 services"),
        ("Multiple Service Packet", True, "4 services"),
    ]
    assert [entry.name for entry in simulator.services[-4:]] == [
        "Read Tag", "Read Tag", "Write Tag", "Read Tag",
    ]  # fmt: skip


async def test_items_share_the_room_of_the_packet() -> None:
    simulator = LogixSimulator.flat(1, 2, 200)
    async with opened(simulator, 500) as wire:
        read = [request(0x4C, name(f"A{at:03d}"), b"\x64\0") for at in (0, 1)]
        answer = await wire.inside(packed(*read, request(0x4C, name("D0000"), b"\1\0")))
    first, second, third = unpacked(answer.data)
    assert 2 + 4 + len(answer.data) <= 500
    assert (answer.status, first.status, second.status, third.status) == (0x1E, 0, 6, 6)
    assert len(first.data) == 402
    assert len(second.data) == 2 + 4 * ((500 - 6 - 8 - 406 - 4 - 4 - 2) // 4)
    assert third.data == b""
