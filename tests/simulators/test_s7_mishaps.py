"""Each mishap of the S7 simulator, on the wire as it says: a client of frames written by hand."""

from __future__ import annotations

import asyncio
import struct

import pytest
from tests.simulators.test_s7_simulator import Wire, serving, wired

from goldcopy_sim.mishap import REQUESTS, VALUES, Mishap
from goldcopy_sim.s7 import Block, Kind, S7Simulator
from goldcopy_sim.service import Simulator

BIT, BYTE = 0x01, 0x02
WANTED = bytes.fromhex("1122 0001 33")
"""DB1 once WRITING is carried out: two bytes, bit 3.0, one byte; byte 2 is nobody's."""


def cpu(mishap: Mishap | None = None) -> S7Simulator:
    simulator = S7Simulator(blocks=[Block(Kind.DB, 1, bytes(5))], amq=1)
    simulator.mishap = mishap
    return simulator


def writing(*items: tuple[int, int, bytes]) -> tuple[bytes, bytes]:
    """Parameter and data of a write var job of DB1: kind, bit address, content."""
    parameter, data = bytes((5, len(items))), b""
    for kind, place, content in items:
        pointer = struct.pack(">HHI", len(content), 1, 0x84 << 24 | place)
        parameter += b"\x12\x0a\x10" + bytes((kind,)) + pointer
        size = 1 if kind == BIT else 8 * len(content)
        data += b"\0" * (len(data) & 1) + struct.pack(">BBH", 0, 3 if kind == BIT else 4, size)
        data += content
    return parameter, data


WRITING = writing((BYTE, 0, b"\x11\x22"), (BIT, 24, b"\1"), (BYTE, 32, b"\x33"))


def codes(reply: bytes) -> str:
    """The return codes of an answer to a write var job without an error."""
    assert reply[10:12] == b"\0\0"
    assert reply[12:14] == bytes((5, len(reply) - 14))
    return reply[14:].hex()


def body(simulator: S7Simulator) -> bytes:
    return bytes(simulator.data[1])


async def nothing_comes(wire: Wire) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(wire.reader.read(1), 0.2)


async def is_sound(simulator: S7Simulator, wire: Wire) -> None:
    """The write after it is as it should be, on the same connection."""
    assert codes(await wire.ask(*WRITING)) == "ffffff"
    assert body(simulator) == WANTED
    assert simulator.violations == []


def test_all_kinds_are_tested_here() -> None:
    simulator: Simulator = cpu()
    assert simulator.mishap is None
    assert REQUESTS.keys() == {"dropped", "lost", "late", "twice", "cut"}
    assert VALUES.keys() == {"refused", "ignored", "clamped"}


@pytest.mark.parametrize(("kind", "held"), [("dropped", bytes(5)), ("lost", WANTED)])
async def test_one_has_no_answer(kind: str, held: bytes) -> None:
    simulator = cpu(Mishap(kind, 1))
    async with serving(simulator) as wire:
        assert codes(await wire.ask(*writing((BYTE, 0, b"\0")))) == "ff"
        wire.writer.write(wire.frame(*WRITING))
        await nothing_comes(wire)
        assert body(simulator) == held
        assert [entry.name for entry in simulator.log if entry.writes] == ["write var"] * 2
        await is_sound(simulator, wire)


async def test_one_is_late() -> None:
    simulator = cpu(mishap := Mishap("late", 0, delay=0.3))
    async with serving(simulator) as wire:
        wire.writer.write(wire.frame(*WRITING))
        await asyncio.sleep(0.05)
        assert body(simulator) == bytes(5)
        assert codes((await wire.packet())[3:]) == "ffffff"
        assert body(simulator) == WANTED
        await mishap.over()
        await is_sound(simulator, wire)


async def test_one_is_late_and_its_connection_gone() -> None:
    simulator = cpu(mishap := Mishap("late", 0, delay=0.3))
    async with serving(simulator) as wire:
        wire.writer.write(wire.frame(*WRITING))
        await asyncio.sleep(0.05)
        wire.writer.close()
        await wire.writer.wait_closed()
        assert body(simulator) == bytes(5)
        await mishap.over()
        assert body(simulator) == WANTED
        assert simulator.connections.open == 0


async def test_one_is_answered_twice() -> None:
    simulator = cpu(Mishap("twice", 0))
    async with serving(simulator) as wire:
        answer = await wire.ask(*WRITING)
        assert codes(answer) == "ffffff"
        assert (await wire.packet())[3:] == answer
        assert [entry.name for entry in simulator.log if entry.writes] == ["write var"]
        await is_sound(simulator, wire)
        await nothing_comes(wire)


async def test_one_ends_the_connection() -> None:
    simulator = cpu(Mishap("cut", 0))
    async with serving(simulator) as wire:
        wire.writer.write(wire.frame(*WRITING))
        assert await wire.reader.read() == b""
        assert body(simulator) == WANTED
        simulator.change("db/1", bytes(5))
        async with wired(simulator) as again:
            await again.connect()
            await again.setup()
            await is_sound(simulator, again)


@pytest.mark.parametrize(
    ("kind", "at", "answer", "held"),
    [
        ("refused", 0, "05ffff", "0000 0001 33"),
        ("refused", 1, "ff05ff", "1122 0000 33"),
        ("refused", 2, "ffff05", "1122 0001 00"),
        ("ignored", 0, "ffffff", "0000 0001 33"),
        ("ignored", 1, "ffffff", "1122 0000 33"),
        ("ignored", 2, "ffffff", "1122 0001 00"),
        ("clamped", 0, "ffffff", "1123 0001 33"),
        ("clamped", 1, "ffffff", "1122 0000 33"),
        ("clamped", 2, "ffffff", "1122 0001 32"),
    ],
)
async def test_one_item_goes_wrong(kind: str, at: int, answer: str, held: str) -> None:
    simulator = cpu(Mishap(kind, at))
    async with serving(simulator) as wire:
        assert codes(await wire.ask(*WRITING)) == answer
        assert body(simulator) == bytes.fromhex(held)
        await is_sound(simulator, wire)


@pytest.mark.parametrize(("kind", "answer"), [("refused", "ff0505"), ("ignored", "ffffff")])
async def test_all_go_wrong_from_one_on(kind: str, answer: str) -> None:
    simulator = cpu(mishap := Mishap(kind, 1, lasting=True))
    async with serving(simulator) as wire:
        assert codes(await wire.ask(*WRITING)) == answer
        assert body(simulator) == bytes.fromhex("1122 0000 00")
        assert codes(await wire.ask(*writing((BYTE, 0, b"\x77")))) == answer[2:4]
        assert body(simulator) == bytes.fromhex("1122 0000 00")
        assert mishap.met == 3


async def test_an_item_that_is_refused_anyway_is_not_counted() -> None:
    simulator = cpu(mishap := Mishap("ignored", 0))
    async with serving(simulator) as wire:
        assert codes(await wire.ask(*writing((BYTE, 80, b"\1"), (BYTE, 8, b"\2")))) == "05ff"
        assert (mishap.met, body(simulator)) == (1, bytes(5))


async def test_what_reads_is_not_counted() -> None:
    simulator = cpu(mishap := Mishap("dropped", 0))
    async with serving(simulator) as wire:
        reading = b"\x04\x01\x12\x0a\x10\x02" + struct.pack(">HHI", 5, 1, 0x84 << 24)
        assert (await wire.ask(reading))[-5:] == bytes(5)
        assert mishap.met == 0
