"""What goes wrong with a write inside a simulated device, as bytes."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Mapping
from typing import NamedTuple

import pytest
from tests.simulators.enip_controller import controller
from tests.simulators.enip_wire import Wire, name, opened, packed, parse, plain, request, unpacked
from tests.simulators.test_enip_drive import drive
from tests.simulators.test_enip_pccc import REQUESTOR, slc

from goldcopy_sim.enip import Plc5Simulator
from goldcopy_sim.enip.server import Listener
from goldcopy_sim.mishap import Mishap
from goldcopy_sim.service import Value

COUNT = "Program:Main.Count"
DINT = b"\xc4\0\1\0"


def put(tag: str, number: int) -> bytes:
    return request(0x4D, name(tag), DINT + struct.pack("<i", number))


def speed(simulator: Listener) -> Value:
    return values(simulator)["Speed"]


def values(simulator: Listener) -> dict[str, Value]:
    found: Mapping[str, tuple[str, Value]] = simulator.values()  # type: ignore[attr-defined]
    return {key: value for key, (_, value) in found.items()}


# -- requests --------------------------------------------------------------------------------------


async def again(wire: Wire) -> None:
    """What is no write is answered as ever, and by the next reply that comes."""
    answer = await wire.ask(0x4C, name("Flag"), b"\1\0")
    assert (answer.status, answer.data) == (0, b"\xc1\0\1")


@pytest.mark.parametrize(("kind", "stored"), [("dropped", 42), ("lost", 7)])
async def test_no_answer(kind: str, stored: int) -> None:
    simulator = controller()
    async with opened(simulator) as wire:
        simulator.mishap = Mishap(kind, 1)
        await again(wire)
        assert (await wire.inside(put("Speed", 42))).status == 0
        wire.send_inside(packed(put("Speed", 7), request(0x4C, name("Speed"), b"\1\0")))
        await again(wire)
        assert speed(simulator) == stored
        assert (await wire.inside(put("Speed", 8))).status == 0
    assert (speed(simulator), simulator.mishap.met) == (8, 1)
    assert sum(service.writes for service in simulator.log) == 3


async def test_two_answers() -> None:
    simulator = controller()
    async with opened(simulator) as wire:
        simulator.mishap = Mishap("twice", 0)
        sequence = wire.send_inside(put("Speed", 7))
        several = [await wire.frame() for _ in range(2)]
        assert several[0] == several[1]
        assert several[0].data[20:22] == struct.pack("<H", sequence)
        await again(wire)
    assert speed(simulator) == 7


async def test_the_connection_ends_instead_of_an_answer() -> None:
    simulator = controller()
    async with opened(simulator) as wire:
        simulator.mishap = Mishap("cut", 0)
        wire.send_inside(put("Speed", 7))
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await wire.frame()
        assert speed(simulator) == 7
        assert not simulator.links


@pytest.mark.parametrize("stays", [True, False])
async def test_a_late_answer(stays: bool) -> None:
    """It is carried out late, also when nobody is there any more to be answered."""
    simulator = controller()
    async with opened(simulator) as wire:
        simulator.mishap = Mishap("late", 0, delay=0.05)
        wire.send_inside(put("Speed", 7))
        await again(wire)
        assert speed(simulator) == 42
        if stays:
            assert parse((await wire.frame()).data[22:]).status == 0
        else:
            wire.writer.close()
            await wire.writer.wait_closed()
        await simulator.mishap.over()
        assert speed(simulator) == 7


async def test_a_write_outside_a_connection_counts() -> None:
    """Behind an unconnected send too; what is read there does not."""
    simulator = controller()
    async with opened(simulator) as wire:
        simulator.mishap = Mishap("lost", 2)
        for message in (request(0x4C, name("Speed"), b"\1\0"), put("Speed", 1), put("Speed", 2)):
            assert (await wire.outside(routed(message))).status == 0
        assert simulator.mishap.met == 0
        wire.send_outside(routed(put("Speed", 3)))
        await again(wire)
        assert (speed(simulator), simulator.mishap.met) == (3, 1)


def routed(message: bytes) -> bytes:
    pad = b"\0" * (len(message) % 2)
    head = struct.pack("<BBH", 10, 5, len(message))
    return request(0x52, b"\x20\x06\x24\x01", head + message + pad + b"\1\0\1\0")


# -- values ----------------------------------------------------------------------------------------


class Writing(NamedTuple):
    """A write in order; what is held before, after it, and after one that was clamped."""

    make: Callable[[], Listener]
    message: bytes
    address: str
    held: Value
    written: Value
    clamped: Value


def pccc(command: str) -> bytes:
    octets = bytes.fromhex(command)
    packet = octets[:1] + b"\0\x34\x12" + octets[1:]
    return request(0x4B, b"\x20\x67\x24\x01", REQUESTOR + packet)


def plc5() -> Plc5Simulator:
    return Plc5Simulator(files=slc().files.values())


def strings(text: str) -> bytes:
    return b"\xa0\x02\xce\x0f\1\0" + struct.pack("<I", len(text)) + text.encode().ljust(84, b"\0")


WRITES = {
    "tag": Writing(controller, put(COUNT, 9), COUNT, 7, 9, 9 | 1 << 24),
    "BOOL": Writing(
        controller, request(0x4D, name("Flag"), b"\xc1\0\1\0\0"), "Flag", True, False, True
    ),
    "BOOL in a structure": Writing(
        controller, request(0x4D, name("Point.On"), b"\xc1\0\1\0\1"), "Point.On", False, True, False
    ),
    "text": Writing(
        controller, request(0x4D, name("Text"), strings("good")), "Text", "hello", "good", "goo"
    ),
    "bits": Writing(
        controller, request(0x4E, name(COUNT), struct.pack("<HIi", 4, 8, ~2)), COUNT, 7, 13, 15
    ),
    "part": Writing(
        controller,
        request(0x53, name(COUNT), DINT + struct.pack("<Ii", 0, 9)),
        COUNT, 7, 9, 9 | 1 << 24,
    ),
    "parameter": Writing(
        drive, request(0x10, plain(0x0F, 41, 1), b"\x63\0"), "parameter/41", 50, 99, 99 | 256
    ),
    "DPI parameter": Writing(
        drive, request(0x10, plain(0x93, 41, 9), b"\x63\0"), "parameter/41", 50, 99, 99 | 256
    ),
    "assembly": Writing(
        drive, request(0x10, plain(0x04, 6, 3), bytes(4)), "assembly/6",
        b"\1\2\3\4", bytes(4), b"\0\0\0\1",
    ),
    "SLC": Writing(
        slc, pccc("0f aa 02 04 86 01 01 0a00"), "T4:1.PRE", 500, 10, 10 | 256
    ),
    "SLC text": Writing(
        slc, pccc("0f aa 54 09 8d 00 00 0200 6968" + 80 * "00"), "ST9:0", "", "hi", "h"
    ),
    "SLC bits": Writing(
        slc, pccc("0f ab 02 04 86 01 01 0300 0200"), "T4:1.PRE", 500, 502, 503
    ),
    "PLC-5": Writing(
        plc5, pccc("0f 00 0000 0100 0e 04 01 01 0a00"), "T4:1.PRE", 500, 10, 10 | 256
    ),
    "PLC-5 bits": Writing(
        plc5, pccc("0f 26 0e 04 01 01 fcff 0200"), "T4:1.PRE", 500, 502, 503
    ),
}  # fmt: skip


@pytest.mark.parametrize("writing", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("kind", ["", "refused", "ignored", "clamped"])
async def test_one_value(writing: Writing, kind: str) -> None:
    simulator = writing.make()
    before = values(simulator)
    assert before[writing.address] == writing.held
    simulator.mishap = Mishap(kind, 0) if kind else None
    async with opened(simulator) as wire:
        answer = await wire.inside(writing.message)
    if writing.message[0] == 0x4B:
        assert answer.status == 0
        assert answer.data[8:9] + answer.data[11:] == (b"\xf0\x0b" if kind == "refused" else b"\0")
    else:
        assert answer.status == (0x0F if kind == "refused" else 0)
    stored = {"": writing.written, "clamped": writing.clamped}.get(kind, writing.held)
    assert values(simulator) == before | {writing.address: stored}
    assert not simulator.violations


@pytest.mark.parametrize("kind", ["refused", "ignored", "clamped"])
async def test_each_value_of_a_packet_counts(kind: str) -> None:
    """What is refused anyway is none; the others of the packet are carried out."""
    simulator = controller()
    before = values(simulator)
    simulator.mishap = Mishap(kind, 1)
    several = (
        put("Fixed", 5),
        put("Speed", 7),
        put(COUNT, 9),
        request(0x4C, name("Speed"), b"\1\0"),
        put("Guard.Open", 11),
    )
    async with opened(simulator) as wire:
        answers = unpacked((await wire.inside(packed(*several))).data)
    no = 0x0F if kind == "refused" else 0
    assert [answer.status for answer in answers] == [0x0F, 0, no, 0, 0]
    count = 9 | 1 << 24 if kind == "clamped" else 7
    after = {"Speed": 7, "Other": 7, COUNT: count, "Guard.Open": 11}
    assert values(simulator) == before | after
    assert simulator.mishap.met == 1


async def test_all_from_one_on() -> None:
    simulator = controller()
    async with opened(simulator) as wire:
        simulator.mishap = Mishap("ignored", 1, lasting=True)
        for number in (1, 2, 3):
            assert (await wire.inside(put("Speed", number))).status == 0
    assert (speed(simulator), simulator.mishap.met) == (1, 2)
