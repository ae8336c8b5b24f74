"""The simulated PLC-5, as bytes: addresses and types as 1770-6.5.16 shows them."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.simulators.enip_wire import opened, request

from goldcopy_sim.enip import DataFile, Plc5Simulator
from goldcopy_sim.enip.pccc import Bad

REQUESTOR = bytes.fromhex("07 0910 09101971")
ILLEGAL, NOTHING_THERE = (0x10, b""), (0xF0, b"\x06")


def plc5() -> Plc5Simulator:
    return Plc5Simulator(
        files=[
            DataFile("B", 3, 301, bytes(600) + b"\x0f\xa5"),
            DataFile("T", 4, 2, struct.pack("<6h", 0, 1, 2, 0x2000, 500, -7)),
            DataFile("N", 7, 3, struct.pack("<3h", 0, -2, 255)),
            DataFile("F", 8, 2, struct.pack("<2f", 1.5, -2.0)),
        ]
    )


def done(simulator: Plc5Simulator, function: int, data: str) -> tuple[int, bytes]:
    try:
        return 0, simulator.command(0x0F, function, bytes.fromhex(data))
    except Bad as bad:
        return bad.status, bad.extended


@pytest.mark.parametrize(
    ("function", "data", "reply"),
    [
        # Word range read of B3:300, whose address is the manual's example (13-11).
        (0x01, "0000 0100 06 03 ff2c01 02", (0, "0fa5")),
        (0x01, "0000 0300 06 07 00 06", (0, "0000 feff ff00")),
        (0x01, "0000 0300 07 00 07 00 06", (0, "0000 feff ff00")),
        (0x01, "0100 0300 06 07 00 04", (0, "feff ff00")),
        (0x01, "0000 0100 0e 04 01 02 02", (0, "f9ff")),
        # The high word of a REAL is the first one.
        (0x01, "0000 0400 06 08 00 08", (0, "c03f 0000 00c0 0000")),
        # Typed reads: one timer, one REAL, an array of integers (7-36 and 7-37).
        (0x68, "0000 0100 06 04 01 0100", (0, "56 0020 f401 f9ff")),
        (0x68, "0000 0100 06 08 00 0100", (0, "94 08 c03f 0000")),
        (0x68, "0000 0300 06 07 00 0300", (0, "99 09 07 42 0000 feff ff00")),
        (0x01, "0000 0400 06 07 00 08", NOTHING_THERE),
        (0x01, "0000 0100 06 63 00 02", NOTHING_THERE),
        (0x68, "0000 0100 06 07 03 0100", NOTHING_THERE),
        (0x01, "0000 0100 06 07 00 04", ILLEGAL),
        (0x01, "0000 0100 06 07 00 01", ILLEGAL),
        (0x01, "0000 0100 08 07 00 02", ILLEGAL),
        (0x01, "0000 0100 06 07", ILLEGAL),
        (0x01, "0000", ILLEGAL),
        (0xA2, "02 07 89 00 00", ILLEGAL),
    ],
)
def test_reads(function: int, data: str, reply: tuple[int, str | bytes]) -> None:
    status, octets = reply
    wanted = bytes.fromhex(octets) if isinstance(octets, str) else octets
    assert done(plc5(), function, data) == (status, wanted)


def test_writes() -> None:
    simulator = plc5()
    assert done(simulator, 0x00, "0000 0200 06 07 01 2a00 2b00") == (0, b"")
    assert done(simulator, 0x00, "0000 0100 0e 04 00 01 6300") == (0, b"")
    assert done(simulator, 0x00, "0000 0200 06 08 00 2041 0000") == (0, b"")
    # Bits of 0 in the first mask are reset, then those of 1 in the second set (7-20).
    assert done(simulator, 0x26, "06 03 ff2c01 f0ff 0200") == (0, b"")
    assert done(simulator, 0x00, "0000 0200 06 07 02 2a00 2b00") == NOTHING_THERE
    assert done(simulator, 0x26, "06 07 03 ffff 0000") == ILLEGAL
    held = simulator.values()
    assert held["N7"][1] == (0, 42, 43)
    assert held["T4:0.PRE"] == ("INT", 99)
    assert held["F8"][1] == (10.0, -2.0)
    bits = held["B3"][1]
    assert isinstance(bits, tuple)
    assert bits[300] == 0xA502


async def test_over_the_wire_what_reads_is_logged_as_reading() -> None:
    simulator = plc5()
    async with opened(simulator) as wire:
        for command in ("06 03", "0f 01 0000 0100 06 07 00 02", "0f 68 0000 0100 06 07 00 0100"):
            octets = bytes.fromhex(command)
            body = REQUESTOR + octets[:1] + b"\0\x34\x12" + octets[1:]
            answer = await wire.inside(request(0x4B, b"\x20\x67\x24\x01", body))
            assert answer.data[7:11] == bytes((octets[0] | 0x40, 0, 0x34, 0x12))
            assert not simulator.log[-1].writes
        for command in ("0f 00 0000 0100 06 07 00 0200", "0f 26 06 07 00 ffff 0000"):
            octets = bytes.fromhex(command)
            body = REQUESTOR + octets[:1] + b"\0\x34\x12" + octets[1:]
            await wire.inside(request(0x4B, b"\x20\x67\x24\x01", body))
            assert simulator.log[-1].writes


def test_diagnostic_status() -> None:
    simulator = plc5()
    simulator.halted = True
    octets = simulator.command(0x06, 0x03, b"")
    assert len(octets) == 18
    assert octets[:3] == b"\x0e\xeb\x4b"
    assert struct.unpack_from("<H", octets, 11) == (4,)


@given(st.sampled_from((0x00, 0x01, 0x26, 0x68)), st.binary(max_size=40))
def test_no_bytes_break_it(function: int, data: bytes) -> None:
    status, _ = done(plc5(), function, data.hex())
    assert status in (0, 0x10, 0xF0)
