"""Pulls from the simulator around what it refuses: one hole costs one gap."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.drivers.modbus_pull import ILLEGAL, asked, everything, held, pull, raw

from goldcopy.driver import Meter
from goldcopy.errors import Unreachable
from goldcopy.snapshot import Gap
from goldcopy_modbus.reader import SPARE_REQUESTS
from goldcopy_sim.modbus import Bits, ModbusSimulator, Registers, Unit


def runs(table: str, missing: Sequence[int]) -> list[Gap]:
    """One gap for each run of addresses."""
    found: list[list[int]] = []
    for address in sorted(missing):
        if found and found[-1][-1] == address - 1:
            found[-1].append(address)
        else:
            found.append([address])
    paths = [f"{run[0]}..{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in found]
    return sorted((Gap(f"{table}/{path}", ILLEGAL) for path in paths), key=lambda gap: gap.path)


# -- holes -----------------------------------------------------------------------------------------


async def test_one_hole_costs_one_gap_and_not_the_range() -> None:
    unit = Unit(holding=Registers({n: n for n in range(10_000) if not 5000 <= n < 5010}))
    meter = Meter()
    async with ModbusSimulator({1: unit}) as simulator:
        snapshot = await pull(simulator, everything("holding", 10_000), window=4, meter=meter)
        assert raw(snapshot) == held(simulator, "holding")
        assert len(simulator.log) <= 80 + 2 * 14 + 10
    assert snapshot.gaps == (Gap("holding/5000..5009", ILLEGAL),)
    assert meter.done == meter.total == meter.requests


@settings(max_examples=60, deadline=None)
@given(
    missing=st.sets(st.integers(0, 299), max_size=40),
    hole=st.tuples(st.integers(0, 299), st.integers(0, 120)),
    table=st.sampled_from(["holding", "input", "coil", "discrete"]),
    most=st.integers(1, 125),
    windows=st.sampled_from([(1, 2), (1, 16), (3, 7)]),
)
def test_whatever_is_missing_the_rest_is_read(
    missing: set[int], hole: tuple[int, int], table: str, most: int, windows: tuple[int, int]
) -> None:
    """Two pulls with different windows see the same, which is what there is."""
    gone = missing | set(range(hole[0], min(300, sum(hole))))
    there = set(range(300)) - gone

    async def check() -> None:
        unit = Unit(
            holding=Registers({n: n * 7 for n in there}),
            inputs=Registers({n: n * 9 for n in there}),
            coils=Bits({n: n % 3 == 0 for n in there}),
            discretes=Bits({n: n % 5 == 0 for n in there}),
        )
        async with ModbusSimulator({1: unit}) as simulator:
            wanted = {"max_registers": most, "max_bits": most, **everything(table, 300)}
            first, second = [await pull(simulator, wanted, window=w) for w in windows]
            assert raw(first) == held(simulator, table)
            assert first.gaps == tuple(runs(table, sorted(gone)))
            assert first.id == second.id

    asyncio.run(check())


async def test_a_small_device_behind_a_big_range_is_found_in_bounded_requests() -> None:
    """Islands as devices have them; what is too much to try one by one says so."""
    there = [*range(300), *range(1000, 1200), *range(4000, 4100), 65_535]
    async with ModbusSimulator({1: Unit(holding=Registers(dict.fromkeys(there, 5)))}) as simulator:
        snapshot = await pull(simulator, everything("holding", 65_536), window=8)
        assert raw(snapshot) == held(simulator, "holding")
        assert len(simulator.log) <= 525 + SPARE_REQUESTS + 6 * 14
    assert {gap.reason for gap in snapshot.gaps} == {ILLEGAL, f"{ILLEGAL}; not tried one by one"}
    covered = set()
    for gap in snapshot.gaps:
        first, _, last = gap.path.removeprefix("holding/").partition("..")
        covered |= set(range(int(first), int(last or first) + 1))
    assert covered == set(range(65_536)) - set(there)


@pytest.mark.parametrize("code", [2, 3])
@pytest.mark.parametrize("limit", [1, 10, 64, 100])
async def test_a_device_that_takes_less_in_a_request_is_read_whole(code: int, limit: int) -> None:
    simulator = ModbusSimulator(
        {1: Unit(holding=Registers({n: n for n in range(1000)}))},
        max_registers=limit,
        over_limit=code,
    )
    async with simulator:
        snapshot = await pull(simulator, everything("holding", 1000))
        assert raw(snapshot) == held(simulator, "holding")
        assert snapshot.gaps == ()
        refused = [s for s in simulator.log if _size(s.detail) > limit]
        assert len(refused) <= 250 // limit  # only in the first request and its parts
        assert len(simulator.log) - len(refused) <= 2 * 1000 // limit + 1


def _size(detail: str) -> int:
    first, _, last = detail.removeprefix("unit 1, ").partition("..")
    return int(last) - int(first) + 1


async def test_a_named_register_in_a_hole_is_a_gap_of_its_own() -> None:
    unit = Unit(holding=Registers({n: 1 for n in range(20) if n not in (5, 11)}))
    async with ModbusSimulator({1: unit}) as simulator:
        registers = [
            {"name": "gone", "ref": 40006, "type": "int16"},
            {"name": "half/gone", "ref": 40011, "type": "int32"},
            {"name": "there", "ref": 40013, "type": "int32"},
        ]
        snapshot = await pull(simulator, {"registers": registers, **everything("holding", 20)})
    assert snapshot.gaps == (Gap("gone", ILLEGAL), Gap("half/gone", ILLEGAL))
    assert snapshot.by_path["there"].value == 0x10001
    assert {item.path for item in snapshot.items} - {"there"} == {
        f"holding/{n}" for n in range(20) if n not in (5, 10, 11, 12, 13)
    }


async def test_a_table_that_the_device_does_not_have_is_one_gap() -> None:
    functions = frozenset({1, 3})
    unit = Unit(holding=Registers({0: 1}), coils=Bits({0: True}))
    async with ModbusSimulator({1: unit}, functions=functions) as simulator:
        counts = {"holding": 1, "coil": 1, "input": 5000}
        wanted = {
            "ranges": [{"table": name, "start": 0, "count": n} for name, n in counts.items()],
            "registers": [{"name": "a/b", "ref": 30001, "type": "int16"}],
            "files": [{"file": 2, "count": 500}],
            "fifo": [4],
        }
        snapshot = await pull(simulator, wanted)
        assert asked(simulator)["read input registers"] == 1
    no = "illegal function (exception 1)"
    why = f"the controller does not have function 4 (read input registers): {no}"
    assert snapshot.gaps == (
        Gap("a/b", why),
        Gap("fifo/4", f"function 24 (read FIFO queue): {no}"),
        Gap("file/2", f"the controller does not have function 20 (read file record): {no}"),
        Gap("input", why),
    )
    assert raw(snapshot) == {"holding/0": ("WORD", 1), "coil/0": ("BOOL", True)}


async def test_holes_in_files_and_queues_are_gaps() -> None:
    unit = Unit(files={3: Registers({n: n for n in range(400) if n != 250})}, fifos={8: []})
    async with ModbusSimulator({1: unit}) as simulator:
        snapshot = await pull(simulator, {"files": [{"file": 3, "count": 400}], "fifo": [8, 9]})
        assert raw(snapshot) == simulator.values()
    assert snapshot.gaps == (
        Gap("fifo/9", f"function 24 (read FIFO queue): {ILLEGAL}"),
        Gap("file/3/250", ILLEGAL),
    )


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (4, "server device failure (exception 4)"),
        (8, "memory parity error (exception 8)"),
        (77, "no exception of the standard (exception 77)"),
    ],
)
async def test_another_refusal_is_a_gap_with_the_words_of_the_standard(
    code: int, words: str
) -> None:
    unit = Unit(holding=Registers({n: 1 for n in range(300)}), coils=Bits({0: True}))
    async with ModbusSimulator({1: unit}, refuse={3: code}) as simulator:
        ranges = [
            {"table": "holding", "start": 0, "count": 300},
            {"table": "coil", "start": 0, "count": 1},
        ]
        snapshot = await pull(simulator, {"ranges": ranges})
        assert asked(simulator)["read holding registers"] == 3
    assert snapshot.gaps == (Gap("holding/0..299", words),)
    assert raw(snapshot) == {"coil/0": ("BOOL", True)}


@pytest.mark.parametrize("code", [5, 6, 10, 11])
async def test_a_device_that_cannot_be_read_now_is_unreachable(code: int) -> None:
    unit = Unit(holding=Registers({0: 1}), fifos={0: [1]})
    async with ModbusSimulator({1: unit}, refuse={3: code, 24: code}) as simulator:
        for wanted in (everything("holding", 1), dict[str, object](fifo=[0])):
            with pytest.raises(Unreachable, match=rf"exception {code}\)"):
                await pull(simulator, wanted)
