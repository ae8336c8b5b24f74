"""The simulated SLC: data files by PCCC, as bytes."""

from __future__ import annotations

import struct

import pytest
from tests.simulators.enip_wire import Wire, opened, plain, request

from goldcopy_sim.enip import DataFile, PcccSimulator

REQUESTOR = bytes.fromhex("07 0910 09101971")


def slc() -> PcccSimulator:
    files = [
        DataFile("B", 3, 2, bytes.fromhex("0100 ff00")),
        DataFile("T", 4, 2, struct.pack("<6h", 0, 1, 2, 0x2000, 500, -7)),
        DataFile("N", 7, 300, struct.pack("<300h", *range(-150, 150))),
        DataFile("F", 8, 2, struct.pack("<2f", 1.5, -0.0)),
        DataFile("ST", 9, 2),
    ]
    return PcccSimulator(files=files)


async def pccc(wire: Wire, command: str, *, transaction: int = 0x1234) -> tuple[int, bytes]:
    """Status and what follows; the marks of the reply are looked at."""
    octets = bytes.fromhex(command)
    head = octets[:1] + b"\0" + struct.pack("<H", transaction)
    body = REQUESTOR + head + octets[1:]
    answer = await wire.inside(request(0x4B, b"\x20\x67\x24\x01", body))
    assert answer.status == 0
    assert answer.data[:7] == REQUESTOR
    code, status, back = struct.unpack_from("<BBH", answer.data, 7)
    assert (code, back) == (octets[0] | 0x40, transaction)
    return status, answer.data[11:]


@pytest.mark.parametrize(
    ("command", "status", "reply"),
    [
        ("0f a2 04 07 89 00 00", 0, "6aff 6bff"),
        ("0f a2 02 07 89 ff2b01 00", 0, "9500"),
        ("0f a2 06 04 86 01 00", 0, "0020 f401 f9ff"),
        ("0f a2 02 04 86 01 02", 0, "f9ff"),
        ("0f a2 08 08 8a 00 00", 0, "0000c03f 00000080"),
        ("0f a2 02 03 85 01 00", 0, "ff00"),
        ("0f a2 02 11 89 00 00", 0xF0, "06"),
        ("0f a2 02 07 8a 00 00", 0xF0, "11"),
        ("0f a2 02 07 89 ff2c01 00", 0xF0, "06"),
        ("0f a2 ee 07 89 00 00", 0xF0, "09"),
        ("0f a2 02 07", 0x10, ""),
        ("0f 99", 0x10, ""),
        ("06 99", 0x10, ""),
    ],
)
async def test_typed_reads(command: str, status: int, reply: str) -> None:
    simulator = slc()
    before = simulator.values()
    async with opened(simulator) as wire:
        assert await pccc(wire, command) == (status, bytes.fromhex(reply))
    assert simulator.values() == before


async def test_writes_whole_and_masked() -> None:
    simulator = slc()
    async with opened(simulator) as wire:
        assert await pccc(wire, "0f aa 02 07 89 05 00 2a00") == (0, b"")
        assert await pccc(wire, "0f ab 02 03 85 01 00 0f00 a500") == (0, b"")
        assert await pccc(wire, "0f aa 02 07 89 05 00 2a") == (0x10, b"")
    held = simulator.values()
    numbers = list(range(-150, 150))
    numbers[5] = 42
    assert held["N7"] == ("ARRAY[300] OF INT", tuple(numbers))
    assert held["B3"] == ("ARRAY[2] OF WORD", (1, 0xF5))
    assert [service.writes for service in simulator.log[-3:]] == [True] * 3


async def test_the_directory_names_every_file_and_the_holes() -> None:
    simulator = slc()
    image = b""
    async with opened(simulator) as wire:
        status, size = await pccc(wire, "0f a1 04 00 01 23")
        (length,) = struct.unpack_from("<H", size)
        while len(image) < length:
            step = min(0x50, length - len(image))
            status, part = await pccc(wire, f"0f a1 {step:02x} 00 01 {len(image) // 2:02x}")
            assert status == 0
            image += part
        processor = await pccc(wire, "06 03")
    assert processor[1][5:16] == b"1747-L553  "
    rows = [struct.unpack_from("<BH", image, at) for at in range(79, length, 10)]
    assert rows == [
        (0x81, 0), (0x81, 0), (0x81, 0), (0x85, 4), (0x86, 12), (0x81, 0), (0x81, 0), (0x89, 600),
        (0x8A, 8), (0x8D, 168),
    ]  # fmt: skip
    assert not any(service.writes for service in simulator.log)


def test_values_and_changes() -> None:
    simulator = slc()
    for address, value in (("ST9:1", "odd"), ("N7:3", 9), ("T4:0.ACC", -3), ("F8:1", 2.5)):
        simulator.change(address, value)
    held = simulator.values()
    assert held["ST9:0"] == ("STRING", "")
    assert held["ST9:1"] == ("STRING", "odd")
    assert bytes(simulator.files[9].memory[84:90]) == b"\x03\0do\0d"
    assert held["T4:0.ACC"] == ("INT", -3)
    assert held["T4:1.CTL"] == ("WORD", 0x2000)
    assert held["F8"] == ("ARRAY[2] OF REAL", (1.5, 2.5))
    for address in ("N77:0", "N7:300", "N7"):
        with pytest.raises(LookupError):
            simulator.change(address, 1)


async def test_other_services_and_short_requests_are_refused() -> None:
    async with opened(slc()) as wire:
        assert (await wire.ask(0x0E, plain(0x67, 1, 1))).status == 0x08
        assert (await wire.ask(0x4B, plain(0x67, 1), REQUESTOR)).status == 0x13


def test_the_same_name_gives_the_same_state() -> None:
    one, same, other = (PcccSimulator.demo(name) for name in ("a", "a", "b"))
    assert one.values() == same.values() != other.values()
