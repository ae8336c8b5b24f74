"""Each mishap of a download, on the wire as it says: a client of frames written by hand."""

from __future__ import annotations

import asyncio
import struct

import pytest
from tests.simulators.test_s7_mishaps import nothing_comes
from tests.simulators.test_s7_simulator import Wire, serving, wired

from goldcopy_sim.mishap import Mishap
from goldcopy_sim.s7 import Block, Key, Kind, S7Simulator

OLD = Block(Kind.FC, 1, b"\x65\0", language=2).pack()
NEW = Block(Kind.FC, 1, bytes(range(100)) * 2, language=2).pack()
CUT = 150
"""Bytes of the first of two parts."""
NAME = b"_0C00001P"
REQUEST = b"\x1a" + bytes(7) + b"\x09" + NAME + b"\x0d1%06d%06d" % (len(NEW), 200)
LINK = b"\x28" + bytes(6) + b"\xfd\x00\x0a\x01\x000C00001P\x05_INSE"
STEPS = ["request", "first part", "last part", "end", "link"]
KEY = Key(Kind.FC, 1)


def stopped(mishap: Mishap) -> S7Simulator:
    simulator = S7Simulator(blocks=[Block.parse(OLD)], running=False, amq=1)
    simulator.mishap = mishap
    return simulator


async def asked(wire: Wire, function: int, error: bytes = b"\0\0") -> bytes:
    """The reference of the job that the CPU sends."""
    pdu = (await wire.packet())[3:]
    assert pdu[:2] == b"\x32\x01"
    assert pdu[10:14] == bytes((function, 0)) + error
    assert pdu[-9:] == NAME
    return pdu[4:6]


def give(wire: Wire, reference: bytes, parameter: bytes, part: bytes = b"") -> None:
    data = len(part).to_bytes(2, "big") + b"\x00\xfb" + part if part else b""
    head = struct.pack(">HHH", len(parameter), len(data), 0)
    pdu = b"\x32\x03\0\0" + reference + head + parameter + data
    wire.writer.write(struct.pack(">BBH", 3, 0, len(pdu) + 7) + b"\x02\xf0\x80" + pdu)


async def loaded(wire: Wire, steps: int) -> int:
    """Load and link ``NEW``, these steps of ``STEPS``; the error code of the last answer."""
    error = 0
    reference = b""
    for step in STEPS[:steps]:
        match step:
            case "request":
                error = int.from_bytes((await wire.ask(REQUEST))[10:12], "big")
                reference = await asked(wire, 0x1B)
            case "first part":
                give(wire, reference, b"\x1b\1", NEW[:CUT])
                reference = await asked(wire, 0x1B)
            case "last part":
                give(wire, reference, b"\x1b\0", NEW[CUT:])
                reference = await asked(wire, 0x1C)
            case "end":
                give(wire, reference, b"\x1c")
            case "link":
                error = int.from_bytes((await wire.ask(LINK))[10:12], "big")
    return error


def image(simulator: S7Simulator) -> bytes:
    return bytes(simulator.images[KEY])


async def test_each_step_of_a_download_counts() -> None:
    simulator = stopped(mishap := Mishap("late", 0, lasting=True))
    async with serving(simulator) as wire:
        assert await loaded(wire, len(STEPS)) == 0
        assert mishap.met == len(STEPS)
        assert (image(simulator), simulator.passive) == (NEW, {})
        assert simulator.violations == []


@pytest.mark.parametrize("at", [1, 2, 4])
@pytest.mark.parametrize("kind", ["dropped", "lost"])
async def test_a_step_of_a_download_has_no_answer(kind: str, at: int) -> None:
    simulator = stopped(mishap := Mishap(kind, at))
    async with serving(simulator) as wire:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(loaded(wire, len(STEPS)), 0.2)
        assert mishap.met == 1
        linked = (kind, at) == ("lost", 4)
        assert image(simulator) == (NEW if linked else OLD)
        assert (KEY in simulator.passive) == ((kind, at) == ("dropped", 4))


async def test_the_cpu_asks_for_parts_though_its_answer_is_lost() -> None:
    simulator = stopped(Mishap("lost", 0))
    async with serving(simulator) as wire:
        wire.writer.write(wire.frame(REQUEST))
        await asked(wire, 0x1B)
        await nothing_comes(wire)


async def test_an_end_that_does_not_arrive_leaves_nothing_to_be_linked() -> None:
    simulator = stopped(Mishap("dropped", 3))
    async with serving(simulator) as wire:
        assert await loaded(wire, len(STEPS)) == 0xD209
        assert (image(simulator), simulator.passive) == (OLD, {})


async def test_the_cpu_asks_for_a_part_twice() -> None:
    async with serving(stopped(Mishap("twice", 1))) as wire:
        await loaded(wire, 1)
        give(wire, b"\x01\x01", b"\x1b\1", NEW[:CUT])
        assert await asked(wire, 0x1B) == await asked(wire, 0x1B)


@pytest.mark.parametrize("at", range(len(STEPS)))
async def test_a_step_of_a_download_ends_the_connection(at: int) -> None:
    simulator = stopped(Mishap("cut", at))
    async with serving(simulator) as wire:
        with pytest.raises(asyncio.IncompleteReadError):
            await loaded(wire, len(STEPS))
        assert image(simulator) == (NEW if at == 4 else OLD)
        assert (KEY in simulator.passive) == (at == 3)


async def test_a_block_is_linked_in_late_and_its_connection_gone() -> None:
    simulator = stopped(mishap := Mishap("late", 4, delay=0.3))
    async with serving(simulator) as wire:
        await loaded(wire, 4)
        wire.writer.write(wire.frame(LINK))
        await asyncio.sleep(0.05)
        wire.writer.close()
        await wire.writer.wait_closed()
        assert (image(simulator), list(simulator.passive)) == (OLD, [KEY])
        await mishap.over()
        assert (image(simulator), simulator.passive) == (NEW, {})


@pytest.mark.parametrize(
    ("kind", "error", "held"),
    [
        ("refused", 0xD230, OLD),
        ("ignored", 0, OLD),
        ("clamped", 0, NEW[:36] + b"\x01" + NEW[37:]),
    ],
)
async def test_a_block_goes_wrong(kind: str, error: int, held: bytes) -> None:
    simulator = stopped(Mishap(kind, 0))
    async with serving(simulator) as wire:
        assert await loaded(wire, len(STEPS)) == error
        assert image(simulator) == held
        assert (KEY in simulator.passive) == (kind == "refused")
        assert await loaded(wire, len(STEPS)) == 0
        assert image(simulator) == NEW


async def test_a_transfer_that_is_kept_keeps_the_others_out() -> None:
    simulator = stopped(Mishap("lost", 99))
    simulator.keeps_transfer = 60
    async with serving(simulator) as wire:
        await loaded(wire, 2)
        wire.writer.close()
        await wire.writer.wait_closed()
        async with wired(simulator) as again:
            await again.connect()
            await again.setup()
            assert (await again.ask(REQUEST))[10:12] == b"\xd2\x40"
            simulator.kept_until = 0
            assert await loaded(again, len(STEPS)) == 0
            assert image(simulator) == NEW
