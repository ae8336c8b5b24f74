"""Writing data files: what is refused, what goes together, what is never sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
import pytest
from tests.drivers.enip_pccc_plant import PLC5_FILES, plc5, slc

from goldcopy.driver import Meter, Target
from goldcopy.errors import GoldcopyError, Refused, Unsupported, Wrong
from goldcopy.snapshot import Item, Value
from goldcopy_enip import EnipDriver
from goldcopy_enip.options import Options
from goldcopy_sim.enip import DataFile, PcccSimulator, Plc5Simulator

WRITES = {
    "PCCC typed write",
    "PCCC masked write",
    "PCCC word range write",
    "PCCC read-modify-write",
}
BOTH = pytest.mark.parametrize("make", [slc, plc5])


def target_of(simulator: PcccSimulator, *, run: bool = True, size: int = 4000) -> Target:
    files = PLC5_FILES if isinstance(simulator, Plc5Simulator) else ()
    options = Options(profile="pccc", write_in_run=run, files=files, size=size)
    return Target("slc", simulator.host, simulator.port, timeout=2.0, options=options)


async def items_of(simulator: PcccSimulator) -> Mapping[str, Item]:
    async with EnipDriver().open(target_of(simulator), Meter()) as session:
        return {item.path: item for item in (await session.read()).items}


async def write(
    simulator: PcccSimulator, items: Sequence[Item], *, run: bool = True, known: bool = False
) -> list[int]:
    """Write in groups; gives how many items each of them had."""
    async with EnipDriver().open_writing(target_of(simulator, run=run), Meter()) as session:
        if known:
            await session.identify()
        groups = session.groups(items)
        for group in groups:
            await session.write(group)
    assert [item for group in groups for item in group] == list(items)
    return [len(group) for group in groups]


def written(simulator: PcccSimulator) -> list[str]:
    """The writing commands, with what they bear."""
    found = [service for service in simulator.services if service.writes]
    assert {service.name for service in found} <= WRITES
    return [service.detail for service in found]


def setting(item: Item, value: Value) -> Item:
    """As a rule of the inventory makes a bit a setting."""
    return msgspec.structs.replace(item, role="setting", value=value)


@BOTH
async def test_a_running_processor_is_not_written_unless_it_is_asked_for(
    make: Callable[[], PcccSimulator],
) -> None:
    async with make() as simulator:
        item = setting((await items_of(simulator))["file/N7/3"], 5)
        with pytest.raises(Refused, match="REMOTE RUN"):
            await write(simulator, [item], run=False)
        assert not written(simulator)
        simulator.mode = 4 if isinstance(simulator, Plc5Simulator) else 1
        await write(simulator, [item], run=False)
        held = simulator.values()["N7"][1]
        assert isinstance(held, tuple)
        assert held[3] == 5


@pytest.mark.parametrize("mode", [3, 7, 8, 9, 27, 30, 31])
async def test_no_mode_but_programming_is_taken_for_it(mode: int) -> None:
    async with slc() as simulator:
        item = (await items_of(simulator))["file/N7/3"]
        simulator.mode = mode
        with pytest.raises(Refused, match="turn it to PROG"):
            await write(simulator, [item], run=False)
        assert not written(simulator)


async def test_elements_in_a_row_go_in_one_command() -> None:
    async with slc() as simulator:
        items = await items_of(simulator)
        run = [setting(items[f"file/N7/{at}"], 1000 + at) for at in range(120)]
        apart = [setting(items["file/N7/7"], -7), setting(items["file/F8/0"], 2.5)]
        floats = [setting(items[f"file/F8/{at}"], 0.5 + at) for at in (1, 2)]
        sizes = await write(simulator, [*run, *apart, *floats], known=True)
        assert sizes == [111, 9, 1, 3]
        assert [one[:10] for one in written(simulator)] == [
            "de07890000", "1207896f00", "0207890700", "0c088a0000",
        ]  # fmt: skip
        held = simulator.values()
        numbers = [1000 + at for at in range(120)]
        numbers[7] = -7
        assert held["N7"][1] == tuple(numbers)
        assert held["F8"][1] == (2.5, 1.5, 2.5)


async def test_a_run_may_come_in_any_order() -> None:
    """A snapshot has its paths in the order of text: 0, 1, 10, 11, 2."""
    async with slc() as simulator:
        items = await items_of(simulator)
        numbers = sorted(range(60), key=str)
        run = [setting(items[f"file/N7/{at}"], 1000 + at) for at in numbers]
        assert await write(simulator, run, known=True) == [60]
        held = simulator.values()["N7"][1]
        assert isinstance(held, tuple)
        assert held == (*range(1000, 1060), *range(60))
        assert len(written(simulator)) == 1


async def test_what_cannot_be_written_is_a_group_of_its_own() -> None:
    async with slc() as simulator:
        items = await items_of(simulator)
        bits = [setting(items[f"file/B3/1/{bit}"], True) for bit in (0, 1, 2)]
        bits[1] = items["file/B3/1/1"]
        twice = [setting(items["file/N7/0"], 1), setting(items["file/N7/0"], 2)]
        presets = [setting(items[f"file/T4/{at}/PRE"], 1) for at in (0, 1)]
        async with EnipDriver().open_writing(target_of(simulator), Meter()) as session:
            groups = session.groups([*bits, *twice, *presets, items["file/S2/0"]])
            assert [len(group) for group in groups] == [1] * 8
            assert session.groups([]) == []
        assert not written(simulator)


async def test_as_long_as_the_processor_is_not_known_groups_fit_the_smallest() -> None:
    async with slc() as simulator:
        items = await items_of(simulator)
        run = [setting(items[f"file/N7/{at}"], 1) for at in range(120)]
        assert await write(simulator, run) == [41, 41, 38]
        strings = [setting(items[f"file/ST9/{at}"], "") for at in range(3)]
        assert await write(simulator, strings) == [1, 1, 1]
        assert await write(simulator, strings, known=True) == [2, 1]


@BOTH
async def test_bits_of_a_word_go_in_one_command_that_leaves_the_others(
    make: Callable[[], PcccSimulator],
) -> None:
    async with make() as simulator:
        items = await items_of(simulator)
        bits = [setting(items[f"file/B3/1/{bit}"], bit % 2 == 0) for bit in (0, 5, 14)]
        other = setting(items["file/B3/0/15"], True)
        simulator.change("B3:1", 0x0F22)  # the program goes on meanwhile
        assert await write(simulator, [*bits, other]) == [3, 1]
        assert simulator.values()["B3"] == ("ARRAY[2] OF WORD", (0x8001, 0x4F03))
        assert len(written(simulator)) == 2


@BOTH
async def test_a_preset_is_written_and_nothing_beside_it(make: Callable[[], PcccSimulator]) -> None:
    async with make() as simulator:
        item = setting((await items_of(simulator))["file/T4/0/PRE"], 777)
        simulator.change("T4:0.ACC", 99)
        await write(simulator, [item])
        held = simulator.values()
        assert [held[f"T4:0.{one}"][1] for one in ("CTL", "PRE", "ACC")] == [0x8200, 777, 99]


@BOTH
@pytest.mark.parametrize(
    "path", ["file/T4/0/ACC", "file/T4/0/EN", "file/R6/0/CTL", "file/S2/1", "file/A10"]
)
async def test_what_is_no_setting_is_not_written(
    make: Callable[[], PcccSimulator], path: str
) -> None:
    async with make() as simulator:
        item = (await items_of(simulator))[path]
        for one in (item, msgspec.structs.replace(item, role="setting", access="read-write")):
            with pytest.raises(Unsupported, match="elements of N"):
                await write(simulator, [one])
        assert not written(simulator)


@pytest.mark.parametrize(
    "address", ["", "O0:1", "I1:0", "N7", "N7:0/3", "N7:0.PRE", "B3:0", "B3:0/16", "T4:0", "X7:0"]
)
async def test_what_is_no_element_is_not_written(address: str) -> None:
    async with slc() as simulator:
        item = (await items_of(simulator))["file/N7/0"]
        with pytest.raises(Unsupported):
            await write(simulator, [msgspec.structs.replace(item, address=address)])
        assert not written(simulator)


async def test_a_live_bit_is_not_written() -> None:
    async with slc() as simulator:
        item = (await items_of(simulator))["file/B3/1/5"]
        with pytest.raises(Refused, match="live value"):
            await write(simulator, [item])
        assert not written(simulator)


@BOTH
@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("file/N7/0", 32768, "is no INT"),
        ("file/N7/0", "1", "is no INT"),
        ("file/F8/0", "x", "is no REAL"),
        ("file/D11/0", -1, "is no WORD"),
        ("file/T4/0/PRE", 1.5, "is no INT"),
        ("file/ST9/0", "x" * 83, "no room for 83"),
        ("file/ST9/0", "\u0416", "Latin-1"),
        ("file/ST9/0", 5, "is a string"),
        ("file/B3/0/0", 1, "is a bit"),
    ],
)
async def test_a_value_that_does_not_fit_is_not_written(
    make: Callable[[], PcccSimulator], path: str, value: Value, says: str
) -> None:
    async with make() as simulator:
        item = setting((await items_of(simulator))[path], value)
        with pytest.raises(Wrong, match=says):
            await write(simulator, [item])
        assert not written(simulator)


@pytest.mark.parametrize(
    "paths",
    [
        ("file/N7/0", "file/N7/2"),
        ("file/N7/0", "file/N7/0"),
        ("file/B3/0/1", "file/B3/0/1"),
        ("file/N7/0", "file/F8/1"),
        ("file/T4/0/PRE", "file/T4/1/PRE"),
        ("file/B3/0/1", "file/B3/1/1"),
        ("file/B3/0/1", "file/N7/0"),
        tuple(f"file/N7/{at}" for at in range(112)),
    ],
    ids=str,
)
async def test_a_group_that_is_no_run_is_not_written(paths: Sequence[str]) -> None:
    async with slc() as simulator:
        items = await items_of(simulator)
        group = [msgspec.structs.replace(items[path], role="setting") for path in paths]
        async with EnipDriver().open_writing(target_of(simulator), Meter()) as session:
            with pytest.raises(Wrong):
                await session.write(group)
        assert not written(simulator)


@BOTH
async def test_a_file_that_is_of_another_kind_by_now_is_left_alone(
    make: Callable[[], PcccSimulator],
) -> None:
    async with make() as simulator:
        item = (await items_of(simulator))["file/N7/0"]
        simulator.files[7] = DataFile("F", 7, 60)
        with pytest.raises(Refused, match=r"another type|its type is 8"):
            await write(simulator, [item])
        assert not any(simulator.files[7].memory)


@BOTH
async def test_an_element_that_is_no_more_is_refused(make: Callable[[], PcccSimulator]) -> None:
    async with make() as simulator:
        item = (await items_of(simulator))["file/N7/119"]
        simulator.files[7] = DataFile("N", 7, 100)
        with pytest.raises(GoldcopyError, match="nothing at this address"):
            await write(simulator, [item])
        assert not any(simulator.files[7].memory)
