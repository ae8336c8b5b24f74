"""SLC, MicroLogix and PLC-5: what is asked for, and what an item is."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.drivers.enip_pccc_plant import PLC5_FILES, held, plc5, slc
from tests.drivers.enip_pccc_pull import pulled, reads

from goldcopy_enip.options import Options
from goldcopy_enip.pccc_files import KINDS
from goldcopy_enip.pccc_values import element, text
from goldcopy_enip.slc import field
from goldcopy_sim.enip import MICROLOGIX_1400, DataFile, PcccSimulator, Plc5Simulator


@pytest.mark.parametrize(
    ("bulletin", "size", "requests"),
    [
        # 256 words of N at 111, 100 REALs at 55, 3 strings at 2, 40 timers at 37
        ("1747-L553", 4000, 3 + 2 + 2 + 2),
        # 82 bytes: 41 words, 20 REALs, 1 string, 13 timers
        ("5/02", 4000, 7 + 5 + 3 + 4),
        # 166 bytes are left of 200: 83, 41, 1, 27
        ("1747-L553", 200, 4 + 3 + 3 + 2),
    ],
)
async def test_requests_are_as_few_as_the_processor_allows(
    bulletin: str, size: int, requests: int
) -> None:
    content = [DataFile(*one) for one in (("T", 4, 40), ("N", 7, 256), ("F", 8, 100), ("ST", 9, 3))]
    names = ("T4:40", "N7:256", "F8:100", "ST9:3")
    async with PcccSimulator(files=content, max_size=size) as simulator:
        simulator.bulletin = bulletin
        snapshot = await pulled(simulator, Options(profile="pccc", size=size, files=names))
        assert not snapshot.gaps
        assert reads(simulator) == requests
        # Register, open, diagnosis twice, identity, close, unregister: no directory.
        assert len(simulator.log) == requests + 7
        assert not simulator.violations


async def test_the_directory_is_read_once_and_lists_what_is_read() -> None:
    async with slc() as simulator:
        snapshot = await pulled(simulator)
        assert not snapshot.gaps
        # 79 bytes of head, 21 rows of 10 bytes: the size, and four steps of 80 bytes.
        assert reads(simulator, "PCCC typed read, 2 fields") == 1 + 4
    listed = snapshot.by_path["files"].value
    assert isinstance(listed, tuple)
    assert listed[0] == "O0:2"
    assert listed[-1] == "L20:2"
    assert not any(item.path.startswith(("file/O", "file/I")) for item in snapshot.items)


async def test_a_micrologix_has_its_directory_elsewhere() -> None:
    async with slc() as simulator:
        simulator.bulletin, simulator.layout = "1766-L32BWA", MICROLOGIX_1400
        snapshot = await pulled(simulator)
        assert not snapshot.gaps
        read = {item.path: (item.type, item.value) for item in snapshot.items}
        assert read.items() >= held(simulator).items()


async def test_elements_behind_254_take_the_long_form() -> None:
    content = [DataFile("N", 255, 600, struct.pack("<600h", *range(600)))]
    for simulator in (PcccSimulator(files=content), Plc5Simulator(files=content)):
        async with simulator:
            snapshot = await pulled(simulator, Options(profile="pccc", files=("N255:600",)))
            assert not snapshot.gaps
            found = [snapshot.by_path[f"file/N255/{at}"].value for at in range(600)]
            assert found == list(range(600))


async def test_what_is_a_setting_and_how_it_is_addressed() -> None:
    async with slc() as simulator:
        items = (await pulled(simulator)).by_path
    expected = {
        "file/N7/3": ("setting", "read-write", "N7:3"),
        "file/ST9/1": ("setting", "read-write", "ST9:1"),
        "file/T4/1/PRE": ("setting", "read-write", "T4:1.PRE"),
        "file/T4/1/ACC": ("process", "read", "T4:1.ACC"),
        "file/T4/1/EN": ("process", "read", "T4:1/EN"),
        "file/R6/0/LEN": ("setting", "read-write", "R6:0.LEN"),
        "file/B3/1/5": ("process", "read-write", "B3:1/5"),
        "file/S2/4": ("diagnostic", "read", "S2:4"),
        "file/A10": ("setting", "read", "A10"),
    }
    for path, (role, access, address) in expected.items():
        item = items[path]
        assert (item.role, item.access, item.address) == (role, access, address), path
    assert items["file/A10"].value == b"Hello \0!\0\xff"


@pytest.mark.parametrize(
    ("bits", "mode"),
    [(1, "REMOTE PROG"), (3, "REMOTE SUSPEND"), (8, "REMOTE TEST"), (17, "PROG"), (30, "RUN")],
)
async def test_modes_of_an_slc(bits: int, mode: str) -> None:
    async with slc() as simulator:
        simulator.mode = bits
        assert (await pulled(simulator)).identity.mode == mode
        simulator.halted = simulator.locked = True
        identity = (await pulled(simulator)).identity
        assert (identity.mode, identity.protection) == (f"{mode}, FAULTED", "locked")


@pytest.mark.parametrize(("bits", "mode"), [(0, "PROG"), (2, "RUN"), (4, "REMOTE PROG")])
async def test_modes_of_a_plc5(bits: int, mode: str) -> None:
    async with plc5() as simulator:
        simulator.mode = bits
        identity = (await pulled(simulator, Options(profile="pccc", files=PLC5_FILES))).identity
        assert (identity.mode, identity.order_code) == (mode, "PLC-5/40E")


@given(st.text(st.characters(max_codepoint=255), max_size=82))
def test_strings_are_read_as_they_are_written(value: str) -> None:
    octets = element(KINDS["ST"], "file/ST9/0", value)
    assert len(octets) == 84
    assert text(octets) == value


@given(st.integers(0, 0xFFFF))
def test_an_address_field_is_a_byte_up_to_254(number: int) -> None:
    octets = field(number)
    assert len(octets) == (1 if number < 255 else 3)
    assert int.from_bytes(octets[-2:] if number > 254 else octets, "little") == number
