"""SLC and MicroLogix: directories that lie, come short, or are not where they should be."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from tests.drivers.enip_pccc_plant import files, held, plc5, slc
from tests.drivers.enip_pccc_pull import gaps, pulled, spoil

from goldcopy_sim.enip import PcccSimulator


class Lying(PcccSimulator):
    """An SLC whose directory is changed on its way out."""

    lie: Callable[[bytearray], object]

    def directory(self) -> bytes:
        image = bytearray(super().directory())
        self.lie(image)
        return bytes(image)


def row(number: int) -> int:
    return 79 + 10 * number


@pytest.mark.parametrize(
    ("lie", "path", "says"),
    [
        (lambda image: struct.pack_into("<H", image, 70, 0xFFFF), "file", "65535 bytes cannot be"),
        (lambda image: struct.pack_into("<H", image, 70, 40), "file", "40 bytes cannot be"),
        (lambda image: struct.pack_into("<H", image, 70, 2000), "file", "nothing at this address"),
        (lambda image: image.__setitem__(52, 40), "file", "counts 40 data files, and lists 12"),
        (lambda image: image.__setitem__(row(8), 0xA5), "file", "row 8 of the directory has type"),
        (lambda image: image.__setitem__(row(8), 0x93), "file/8", "type 0x93"),
        (lambda image: image.__setitem__(row(8) + 1, 13), "file/F8", "13 bytes"),
        (lambda image: image.__setitem__(row(8) + 1, 16), "file/F8", "nothing at this address"),
        (lambda image: image.__setitem__(row(8), 0x89), "file/N8", "file is of another type"),
    ],
)
async def test_a_directory_that_lies_leaves_a_gap(
    lie: Callable[[bytearray], object], path: str, says: str
) -> None:
    simulator = Lying(files=files())
    simulator.lie = lie
    async with simulator:
        snapshot = await pulled(simulator)
        assert says in gaps(snapshot)[path]
        known = held(simulator)
        for item in snapshot.items:
            if item.path.startswith("file/"):
                assert known[item.path] == (item.type, item.value), item.path
        assert len(simulator.log) < 50


@pytest.mark.parametrize("within", ["04", "500001", "310001"], ids=["size", "step", "last"])
async def test_a_directory_that_comes_short_is_not_believed(within: str) -> None:
    async with slc() as simulator:
        spoil(simulator, "PCCC typed read, 2 fields", lambda data: data[:-1], within)
        snapshot = await pulled(simulator)
        assert list(gaps(snapshot)) == ["file"]
        assert not any(item.path.startswith("file/") for item in snapshot.items)


async def test_rows_of_program_files_take_no_number() -> None:
    simulator = Lying(files=files())

    def ladders(image: bytearray) -> None:
        for number, code in enumerate((0x22, 0x22, 0x40)):
            image[row(8) + 10 * number : row(8) + 10 * number] = bytes((code, 9)) + bytes(8)
        struct.pack_into("<H", image, 70, len(image))

    simulator.lie = ladders
    async with simulator:
        snapshot = await pulled(simulator)
        assert not snapshot.gaps
        assert {path for path in held(simulator) if path.startswith("file/")} == {
            item.path for item in snapshot.items if item.path.startswith("file/")
        }


@pytest.mark.parametrize(
    ("make", "bulletin", "says"),
    [
        (slc, "1762-L40BWA", "'1762-L40BWA' has its directory is not known"),
        (slc, "1766-L32BWA", "the file is of another type|nothing at this address"),
        (plc5, "", "no PLC-5 lists"),
    ],
)
async def test_files_that_are_not_listed_are_a_gap_that_says_what_to_do(
    make: Callable[[], PcccSimulator], bulletin: str, says: str
) -> None:
    async with make() as simulator:
        simulator.bulletin = bulletin
        snapshot = await pulled(simulator)
        assert list(gaps(snapshot)) == ["file"]
        assert "options.files" in gaps(snapshot)["file"]
        assert any(one in gaps(snapshot)["file"] for one in says.split("|"))
        assert not any(item.path.startswith("file/") for item in snapshot.items)
