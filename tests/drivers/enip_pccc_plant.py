"""What a right driver reads from a simulated SLC or PLC-5, made from the simulator's own state."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from goldcopy.snapshot import Value
from goldcopy.testing.bench import Held
from goldcopy_sim.enip import DataFile, PcccSimulator, Plc5Simulator

FLAGS = {
    "T": {"EN": 15, "TT": 14, "DN": 13},
    "C": {"CU": 15, "CD": 14, "DN": 13, "OV": 12, "UN": 11},
    "R": {"EN": 15, "EU": 14, "DN": 13, "EM": 12, "ER": 11, "UL": 10, "IN": 9, "FD": 8},
}
PLC5_FILES = ("S2:8", "B3:2", "T4:2", "C5:1", "R6:1", "N7:120", "F8:3", "ST9:3", "A10:5", "D11:2")


def files() -> list[DataFile]:
    """A few of each kind; more of N and ST than one command reads, one number left out."""
    strings = b"".join(string(f"Recipe {at}") for at in range(3))
    return [
        DataFile("O", 0, 2),
        DataFile("I", 1, 2, b"\x01\x80\x00\x02"),
        DataFile("S", 2, 8, bytes(range(16))),
        DataFile("B", 3, 2, bytes.fromhex("0100 f0a5")),
        DataFile("T", 4, 2, struct.pack("<HhhHhh", 0x8200, 500, 3, 0x2000, 20, -7)),
        DataFile("C", 5, 1, struct.pack("<Hhh", 0x9800, 100, 42)),
        DataFile("R", 6, 1, struct.pack("<Hhh", 0x0B00, 16, 9)),
        DataFile("N", 7, 120, struct.pack("<120h", *range(-60, 60))),
        DataFile("F", 8, 3, struct.pack("<3f", 1.5, -0.0, 0.1)),
        DataFile("ST", 9, 3, strings),
        DataFile("A", 10, 5, b"eHll o!\x00\xff"),
        DataFile("D", 11, 2, b"\x99\x12"),
    ]


def slc() -> PcccSimulator:
    """An SLC, with long integers behind a number that is left out."""
    longs = DataFile("L", 20, 2, struct.pack("<2i", -(1 << 31), 70_000))
    return PcccSimulator(files=[*files(), longs])


def plc5() -> Plc5Simulator:
    return Plc5Simulator(files=files())


def string(text: str) -> bytes:
    """As a processor holds it: a count, and the high byte of each word first."""
    padded = text.encode("latin-1").ljust(82, b"\0")
    return struct.pack("<H41H", len(text), *struct.unpack(">41H", padded))


def held(simulator: PcccSimulator) -> Held:
    """All items that a pull must find, but for those about the processor."""
    found: dict[str, tuple[str, Value]] = {}
    for address, (kind, value) in simulator.values().items():
        name, _, at = address.partition(":")
        letter = name.rstrip("0123456789")
        if letter not in ("O", "I"):
            found |= dict(expected(letter, f"file/{name}", at, kind, value))
    identity = simulator.identity
    found |= {
        "identity/device-type": ("UINT", identity.type),
        "identity/product-code": ("UINT", identity.product),
        "identity/status": ("WORD", identity.status),
    }
    return found


def expected(
    letter: str, path: str, at: str, kind: str, value: Value
) -> Iterator[tuple[str, tuple[str, Value]]]:
    element, _, word = at.partition(".")
    if word == "CTL" and isinstance(value, int):
        for flag, bit in FLAGS[letter].items():
            yield f"{path}/{element}/{flag}", ("BOOL", value >> bit & 1 == 1)
    if word:
        yield f"{path}/{element}/{word}", (kind, value)
    elif not isinstance(value, tuple):
        yield f"{path}/{element}", (kind, value)
    elif letter == "A":
        yield path, ("BYTES", struct.pack(f">{len(value)}H", *value))
    else:
        for number, one in enumerate(value):
            if letter == "B" and isinstance(one, int):
                for bit in range(16):
                    yield f"{path}/{number}/{bit}", ("BOOL", one >> bit & 1 == 1)
            else:
                yield f"{path}/{number}", (kind.rpartition(" ")[2], one)
