"""The simulated drive: parameters through both objects, assemblies, network objects, EDS file."""

from __future__ import annotations

import struct

import pytest
from tests.simulators.enip_wire import name, opened, plain, wired

from goldcopy_sim.enip import DriveSimulator, Parameter

ACCEL = Parameter(
    41, "Accel Time 1", "UINT", 50, 0, 6000, 100, "s", "0 to full speed", (1, 10, 1, 0), 1
)


def drive(**options: object) -> DriveSimulator:
    parameters = [
        Parameter(41, ACCEL.name, "UINT", 50, 0, 6000, 100, "s", ACCEL.help, (1, 10, 1, 0), 1),
        Parameter(46, "Trim", "INT", -5, -100, 100, 0, "%", stopped_only=True),
        Parameter(50, "Mode", "USINT", 1, 0, 1, 0, choices=("Off", "On")),
        Parameter(60, "Current", "REAL", 1.5, 0.0, 9.0, 0.0, "A", read_only=True),
        Parameter(97, "Command", "USINT", 0, 0, 2, 0, recallable=False),
    ]
    return DriveSimulator(
        parameters=parameters,
        assemblies={1: bytes(4), 6: b"\1\2\3\4"},
        eds=bytes(range(256)) * 3,
        **options,  # type: ignore[arg-type]
    )


async def test_a_parameter_in_full_by_hand() -> None:
    async with opened(drive()) as wire:
        answer = await wire.ask(0x01, plain(0x0F, 41))
        attributes = [await wire.ask(0x0E, plain(0x0F, 41, at)) for at in range(1, 22)]
    path = bytes.fromhex("200f 2500 2900 3001")
    expected = b"\x32\0" + b"\x08" + path + b"\x04\0" + b"\xc7" + b"\x02"
    expected += b"\x0cAccel Time 1" + b"\x01s" + b"\x0f0 to full speed"
    expected += struct.pack("<HHHHHHh", 0, 6000, 100, 1, 10, 1, 0) + bytes(8) + b"\x01"
    assert answer == (0, (), expected)
    assert b"".join(attribute.data for attribute in attributes) == expected


async def test_class_attributes_and_stubs() -> None:
    async with opened(drive()) as wire:
        whole = [await wire.ask(0x0E, plain(0x0F, 0, at)) for at in (2, 8)]
        enum = [await wire.ask(0x4B, plain(0x0F, 50), bytes((at,))) for at in (0, 1, 2)]
        assert (await wire.ask(0x4B, plain(0x0F, 41), b"\0")).status == 0x08
        assert (await wire.ask(0x01, plain(0x0F, 42))).status == 0x05
    assert [answer.data for answer in whole] == [b"\x61\0", b"\x0b\0"]
    assert [answer.data for answer in enum] == [b"\x03Off", b"\x02On", b""]
    async with opened(drive(full=False)) as wire:
        assert (await wire.ask(0x0E, plain(0x0F, 0, 8))).data == b"\x09\0"
        assert (await wire.ask(0x0E, plain(0x0F, 41, 6))).status == 0
        assert (await wire.ask(0x0E, plain(0x0F, 41, 7))).status == 0x14


@pytest.mark.parametrize(
    ("number", "octets", "status"),
    [
        (41, "0900", 0x00),
        (41, "ffff", 0x09),
        (41, "09", 0x13),
        (41, "090000", 0x15),
        (60, "00000000", 0x0E),
        (46, "0100", 0x0C),
    ],
)
async def test_writes_through_the_parameter_object(number: int, octets: str, status: int) -> None:
    simulator = drive()
    simulator.identity.running = True
    before = simulator.values()
    async with opened(simulator) as wire:
        answer = await wire.ask(0x10, plain(0x0F, number, 1), bytes.fromhex(octets))
        assert answer.status == status
    assert simulator.log[-1].writes
    changed = {key for key, held in simulator.values().items() if held != before[key]}
    assert changed == (set() if status else {"parameter/41"})


async def test_dpi_reads_by_hand() -> None:
    async with opened(drive()) as wire:
        full = await wire.ask(0x0E, plain(0x93, 46, 7))
        real = await wire.ask(0x0E, plain(0x93, 60, 7))
        count, first = [await wire.ask(0x0E, plain(0x93, 0, at)) for at in (0, 5)]
        pairs = struct.pack("<6I", 41, 0, 46, 0, 7, 0)
        scattered = await wire.ask(0x4D, plain(0x93, 0, 0), pairs)
        assert (await wire.ask(0x0E, plain(0x93, 46, 14))).data == b"Trim            "
        command = await wire.ask(0x0E, plain(0x93, 97, 8))
    assert command.data == struct.pack("<I", 2 | 1 << 6 | 1 << 8), "USINT, not recallable, writable"
    # INT signed, writable, not while running
    flags = 3 | 1 << 3 | 1 << 8 | 1 << 9
    expected = struct.pack("<Iiiii", flags, -5, -100, 100, 0) + struct.pack("<HH", 50, 41)
    expected += b"%   " + struct.pack("<HHHh", 1, 1, 1, 0) + bytes(4) + b"Trim            "
    assert full.data == expected
    assert struct.unpack_from("<If", real.data) == (6 | 1 << 3, 1.5)
    assert (count.data, first.data) == (b"\5\0", b"\x29\0")
    assert struct.unpack("<IIIiII", scattered.data) == (41, 50, 46, -5, 0x8007, 0x05)


async def test_non_volatile_values_are_a_copy_with_a_checksum() -> None:
    simulator = drive()
    async with opened(simulator) as wire:

        async def checksum() -> bytes:
            return (await wire.ask(0x0E, plain(0x93, 0, 3))).data

        start = await checksum()
        assert (await wire.ask(0x10, plain(0x93, 41, 10), b"\x07\0")).status == 0
        assert await checksum() == start
        assert (await wire.ask(0x0E, plain(0x93, 41, 9))).data == b"\x32\0"
        assert (await wire.ask(0x10, plain(0x93, 0, 2), b"\1")).status == 0
        assert await checksum() != start
        assert (await wire.ask(0x0E, plain(0x93, 41, 9))).data == b"\x07\0"
        assert (await wire.ask(0x10, plain(0x93, 41, 9), b"\x32\0")).status == 0
        assert await checksum() == start
        assert (await wire.ask(0x10, plain(0x93, 0, 2), b"\3")).status == 0
    assert simulator.values()["parameter/41"] == ("UINT", 100)
    assert simulator.dpi.commands == [1, 3]
    assert sum(service.writes for service in simulator.log) == 4


async def test_assemblies_and_network_objects() -> None:
    simulator = drive(hostname="conveyor", address="10.0.0.7", mac=b"\1\2\3\4\5\6")
    async with opened(simulator) as wire:
        assert (await wire.ask(0x0E, plain(4, 6, 3))).data == b"\1\2\3\4"
        assert (await wire.ask(0x0E, plain(4, 6, 4))).data == b"\4\0"
        assert (await wire.ask(0x10, plain(4, 6, 3), b"\4\3\2\1")).status == 0
        assert (await wire.ask(0x10, plain(4, 6, 3), b"\4")).status == 0x13
        assert (await wire.ask(0x10, plain(4, 1, 3), bytes(4))).status == 0x0E
        assert (await wire.ask(0x0E, plain(4, 2, 3))).status == 0x05
        settings = (await wire.ask(0x0E, plain(0xF5, 1, 5))).data
        assert settings[:4] == bytes((7, 0, 0, 10))
        assert (await wire.ask(0x0E, plain(0xF5, 1, 6))).data == b"\x08\0conveyor"
        assert (await wire.ask(0x0E, plain(0xF5, 1, 7))).status == 0x14
        assert (await wire.ask(0x0E, plain(0xF6, 1, 3))).data == b"\1\2\3\4\5\6"
        assert (await wire.ask(0x0E, plain(0x48, 1, 4))).data == b"\x37"
        assert (await wire.ask(0x4C, name("Speed"), b"\1\0")).status == 0x04
    assert simulator.values()["assembly/6"] == ("BYTES", b"\4\3\2\1")


async def test_the_eds_is_uploaded_in_packets() -> None:
    simulator = drive()
    path = plain(0x37, 0xC8)
    async with opened(simulator) as wire:
        assert (await wire.ask(0x4F, path, b"\0")).status == 0x0C
        began = await wire.ask(0x4B, path, b"\xff")
        size, packet = struct.unpack("<IB", began.data)
        assert size == 768
        octets, number = b"", 0
        kinds: list[int] = []
        while not kinds or kinds[-1] in (0, 1):
            answer = await wire.ask(0x4F, path, bytes((number,)))
            assert answer.data[0] == number
            kinds.append(answer.data[1])
            octets += answer.data[2:]
            number += 1
        assert len(answer.data) - 4 <= packet
        skipped = await wire.ask(0x4F, path, bytes((number + 5,)))
        assert skipped.status == 0x09
        told = await wire.ask(0x03, path, struct.pack("<3H", 2, 6, 7))
    assert kinds == [0, 1, 1, 2]
    content, checksum = octets[:-2], octets[-2:]
    assert simulator.values()["file/eds"] == ("BYTES", content)
    assert (sum(content) + struct.unpack("<H", checksum)[0]) & 0xFFFF == 0
    assert told.data == struct.pack("<HHHIHH2s", 2, 6, 0, 768, 7, 0, checksum)
    assert not any(service.writes for service in simulator.log)


async def test_unconnected_and_demo() -> None:
    one, same = DriveSimulator.demo("line1"), DriveSimulator.demo("line1")
    assert one.values() == same.values() != DriveSimulator.demo("line2").values()
    async with one, wired(one) as wire:
        await wire.register()
        answer = await wire.outside(b"\x0e\x03\x20\x0f\x24\x29\x30\x01")
        assert ("UINT", *struct.unpack("<H", answer.data)) == one.values()["parameter/41"]


def test_changes_at_the_panel() -> None:
    simulator = drive()
    simulator.change("parameter/41", 77)
    simulator.change("assembly/6", b"abcd")
    assert simulator.values()["parameter/41"] == ("UINT", 77)
    assert simulator.values()["assembly/6"] == ("BYTES", b"abcd")
    for address, value, kind in (
        ("parameter/1", 1, LookupError),
        ("assembly/9", b"", LookupError),
        ("parameter/41", -1, ValueError),
        ("parameter/41", True, ValueError),
        ("assembly/6", b"abc", ValueError),
    ):
        with pytest.raises(kind):
            simulator.change(address, value)
