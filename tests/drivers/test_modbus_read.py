"""Pulls from the simulator: all that it holds, in the fewest requests, around holes."""

from __future__ import annotations

import msgspec
import pytest
from tests.drivers.modbus_pull import ILLEGAL, asked, everything, held, pull, raw

from goldcopy.driver import Meter, Target
from goldcopy.errors import Malformed, Unreachable, Wrong
from goldcopy.snapshot import Gap
from goldcopy_modbus import ModbusDriver, Options
from goldcopy_sim.modbus import Bits, ModbusSimulator, Registers, Unit


def details(simulator: ModbusSimulator) -> list[str]:
    return [service.detail for service in simulator.log]


# -- all that there is -----------------------------------------------------------------------------


async def test_a_snapshot_holds_what_the_machine_holds() -> None:
    async with ModbusSimulator.demo("mixer") as simulator:
        wanted = {
            "ranges": [
                {"table": "holding", "start": 200, "count": 192},
                {"table": "holding", "start": 10, "count": 24},
                {"table": "input", "start": 0, "count": 20},
                {"table": "coil", "start": 32, "count": 8},
                {"table": "discrete", "start": 64, "count": 8},
            ],
            "files": [{"file": 1, "count": 300}, {"file": 4, "record": 5, "count": 3}],
            "fifo": [1000],
        }
        snapshot = await pull(simulator, wanted)
        values = simulator.values()
    paths = [f"holding/{n}" for n in (*range(10, 34), *range(200, 392))]
    paths += [f"input/{n}" for n in range(20)] + [f"coil/{n}" for n in range(32, 40)]
    paths += [f"discrete/{n}" for n in range(64, 72)] + [f"file/1/{n}" for n in range(300)]
    paths += ["file/4/5", "file/4/6", "file/4/7", "fifo/1000"]
    assert raw(snapshot) == {path: values[path] for path in paths}
    assert snapshot.gaps == ()
    roles = {
        item.path.partition("/")[0]: (item.role, item.access, item.kind, item.address == item.path)
        for item in snapshot.items
    }
    assert roles == {
        "holding": ("setting", "read-write", "tag", True),
        "coil": ("setting", "read-write", "tag", True),
        "input": ("process", "read", "tag", True),
        "discrete": ("process", "read", "tag", True),
        "file": ("setting", "read-write", "file", True),
        "fifo": ("process", "read", "tag", True),
    }


async def test_a_named_register_takes_the_place_of_the_raw_ones() -> None:
    async with ModbusSimulator.demo("mixer") as simulator:
        simulator.change("holding/80", 0xFF01)
        low_alarm = {"name": "alarm/low", "ref": 40081, "type": "int16", "scale": 0.1, "offset": 1}
        registers = [
            low_alarm | {"unit": "degC", "label": "low limit", "min": -40, "max": 80.5},
            {"name": "alarm/lamp", "table": "coil", "address": 3, "writable": False},
            {"name": "live", "ref": 30001, "type": "real"},
        ]
        snapshot = await pull(simulator, {**everything("holding", 4, 79), "registers": registers})
        values = simulator.values()
    by_path = snapshot.by_path
    assert list(by_path) == ["alarm/lamp", "alarm/low", "holding/81", "holding/82", "live"]
    low = by_path["alarm/low"]
    assert (low.kind, low.type, low.value, low.unit) == ("parameter", "LREAL", -24.5, "degC")
    assert (low.label, low.low, low.high, low.address) == ("low limit", -40, 80.5, "holding/80")
    assert (low.role, low.access) == ("setting", "read-write")
    lamp, live = by_path["alarm/lamp"], by_path["live"]
    assert (lamp.type, lamp.value) == values["coil/3"]
    assert (lamp.role, lamp.access) == ("setting", "read")
    assert (live.role, live.access, live.address) == ("process", "read", "input/0")
    assert snapshot.gaps == (Gap("holding/79", ILLEGAL),)


async def test_the_unit_asked_for_answers() -> None:
    units = {n: Unit(holding=Registers({0: n})) for n in (1, 7)}
    async with ModbusSimulator(units) as simulator:
        snapshot = await pull(simulator, {"unit_id": 7, **everything("holding", 1)})
        assert raw(snapshot) == {"holding/0": ("WORD", 7)}
        with pytest.raises(Unreachable, match=r"exception 11\); check unit_id"):
            await pull(simulator, {"unit_id": 9, **everything("holding", 1)})


# -- the fewest requests ---------------------------------------------------------------------------


@pytest.mark.parametrize("window", [1, 8])
async def test_a_whole_table_is_525_requests(window: int) -> None:
    meter = Meter()
    async with ModbusSimulator.flat() as simulator:
        snapshot = await pull(simulator, everything("holding", 65_536), window=window, meter=meter)
        assert asked(simulator) == {"read holding registers": 525}
        assert raw(snapshot) == held(simulator, "holding")
    assert (meter.requests, meter.done, meter.total) == (525, 525, 525)


async def test_all_coils_are_33_requests_and_a_file_83() -> None:
    unit = Unit(
        coils=Bits({n: n % 5 == 0 for n in range(65_536)}),
        files={9: Registers({n: n for n in range(10_000)})},
    )
    async with ModbusSimulator({1: unit}) as simulator:
        files = [{"file": 9, "count": 10_000}]
        snapshot = await pull(simulator, {"files": files, **everything("coil", 65_536)})
        assert asked(simulator) == {"read coils": 33, "read file record": 83}
        assert raw(snapshot) == simulator.values()


async def test_nothing_is_read_that_nobody_asked_for_unless_told() -> None:
    async with ModbusSimulator.flat(100) as simulator:
        registers = [
            {"name": f"r{n}", "table": "holding", "address": n, "type": "int32"}
            for n in (0, 2, 6, 20)
        ]
        await pull(simulator, {"registers": registers})
        assert [s.detail for s in simulator.log] == [
            "unit 1, 0..3",
            "unit 1, 6..7",
            "unit 1, 20..21",
        ]
        simulator.log.clear()
        await pull(simulator, {"registers": registers, "gap": 2})
        assert details(simulator) == ["unit 1, 0..7", "unit 1, 20..21"]


async def test_a_value_is_never_read_in_two_halves() -> None:
    async with ModbusSimulator.flat(1000) as simulator:
        registers = [
            {"name": f"r{n}", "table": "holding", "address": 1 + 4 * n, "type": "int64"}
            for n in range(200)
        ]
        await pull(simulator, {"registers": registers, **everything("holding", 1000)})
        cuts = [int(s.detail.split("..")[1]) + 1 for s in simulator.log]
    assert all(cut % 4 == 1 for cut in cuts if 1 < cut < 801)
    assert len(cuts) == 9  # 8 would do without the values


# -- what cannot be trusted ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("silent", Unreachable),
        ("refuse-connection", Unreachable),
        ("garbage", Malformed),
        ("wrong-unit", Malformed),
        ("wrong-function", Malformed),
        ("wrong-transaction", Malformed),
        ("short-count", Malformed),
        ("long-count", Malformed),
        ("busy", Unreachable),
        ("duplicate", Malformed),
        ("cut", Unreachable),
    ],
)
@pytest.mark.parametrize("window", [1, 4])
async def test_a_fault_ends_the_pull_and_never_gives_a_value(
    fault: str, error: type[Exception], window: int
) -> None:
    async with ModbusSimulator.demo("mixer", fault=fault) as simulator:
        with pytest.raises(error):
            await pull(simulator, everything("holding", 400, 200), window=window, patience=0.3)
    assert simulator.connections.open == 0


async def test_a_reply_that_waits_for_the_next_request_is_waited_for_in_vain() -> None:
    async with ModbusSimulator.demo("mixer", fault="late") as simulator:
        with pytest.raises(Unreachable, match="no answer"):
            await pull(simulator, everything("holding", 192, 200), patience=0.3)


@pytest.mark.parametrize("fault", ["reorder", "late"])
async def test_replies_out_of_order_reach_their_requests(fault: str) -> None:
    async with ModbusSimulator.flat(5000) as simulator:
        simulator.fault = fault
        snapshot = await pull(simulator, everything("holding", 5000), window=16)
        assert raw(snapshot) == held(simulator, "holding")


async def test_options_of_another_driver_are_refused_before_anything_is_sent() -> None:
    async with ModbusSimulator.flat(1) as simulator:
        target = Target("bench", simulator.host, simulator.port, options={"unit_id": 1})
        with pytest.raises(Wrong, match="not the options of its driver"):
            async with ModbusDriver().open(target, Meter()):
                pass
        assert simulator.connections.total == 0


async def test_one_session_can_read_twice() -> None:
    async with ModbusSimulator.demo("mixer") as simulator:
        options = msgspec.convert({"ranges": [{"ref": 40011, "count": 8}]}, Options)
        meter = Meter()
        target = Target("bench", simulator.host, simulator.port, options=options)
        async with ModbusDriver().open(target, meter) as session:
            assert (meter.done, meter.total) == (0, 2 + 1)  # a progress bar knows its length
            first = await session.read()  # identifies by itself
            simulator.change("holding/12", 4711)
            second = await session.read()
            assert meter.done == meter.total
    assert [a.path for a in first.items] == [a.path for a in second.items]
    changed = [b for a, b in zip(first.items, second.items, strict=True) if a != b]
    assert [(item.path, item.value) for item in changed] == [("holding/12", 4711)]
    assert sum(item.path.startswith("device/") for item in first.items) == 7
