"""What a pull of the simulated CPU costs, and what the change token saves."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.drivers.s7_plant import (
    USER,
    asked,
    content,
    gaps,
    pull,
)

from goldcopy.driver import Meter
from goldcopy_s7.options import Options
from goldcopy_sim.s7 import Block, Key, Kind, S7Simulator
from goldcopy_sim.s7 import Identity as Nameplate


@pytest.mark.parametrize(("pdu", "requests"), [(240, 1900), (480, 900), (960, 500)])
@pytest.mark.parametrize("window", [1, 8])
async def test_100_data_blocks_in_the_fewest_requests(pdu: int, requests: int, window: int) -> None:
    async with S7Simulator.flat(100, 4096, pdu=pdu) as simulator:
        meter = Meter()
        snapshot, _ = await pull(simulator, Options(blocks=False), window=window, meter=meter)
        assert content(snapshot, "db/100") == simulator.values()["db/100"][1]
    assert asked(simulator)["read var"] == requests
    assert meter.done == meter.total > 0
    assert not simulator.violations


@pytest.mark.parametrize("make", [S7Simulator.many, S7Simulator.flat])
async def test_100_unchanged_blocks_cost_their_infos(make: Callable[..., S7Simulator]) -> None:
    async with make(100) as simulator:
        before, _ = await pull(simulator)
        first = asked(simulator)
        assert first["list blocks"] + first["list blocks of type"] + first["block info"] <= 108
        assert first["start upload"] == first["end upload"] == 100
        simulator.log.clear()
        after, carried = await pull(simulator, since=before)
        again = asked(simulator)
    del again["read var"]
    assert not {"start upload", "upload", "end upload"} & again.keys()
    assert again.total() - again["setup communication"] <= 110
    assert after.id == before.id
    assert {f"block/{key}" for key in simulator.images if key.kind.name in USER} <= set(carried)
    assert all(sha in after.blobs for sha in before.blobs)


async def test_only_what_changed_is_uploaded_again() -> None:
    async with S7Simulator.many(100) as simulator:
        before, _ = await pull(simulator)
        old = Block.parse(bytes(simulator.images[Key(Kind.FC, 3)]))
        new = Block(Kind.FC, 3, old.body + b"\x65\0", old.interface, checksum=0x1234)
        simulator.change("block/FC3", new.pack())
        simulator.change("db/1/0", bytes(byte ^ 0xFF for byte in simulator.data[1][:2]))
        simulator.log.clear()
        after, carried = await pull(simulator, since=before)
        assert asked(simulator)["start upload"] == 1
    assert content(after, "block/FC3") == new.pack()
    assert "block/FC3" not in carried
    assert after.by_path["block/FC3/checksum"].value == 0x1234
    assert "block/DB1" in carried  # a time stamp does not cover actual values ...
    assert content(after, "db/1") != content(before, "db/1")  # ... which are read
    assert "db/1" not in carried
    changed = {
        item.path
        for item in after.items
        if item.role == "setting" and item.value != before.by_path[item.path].value
    }
    block = {path for path in changed if path.startswith("block/FC3")}
    assert block
    assert changed - block == {"db/1"}


async def test_a_block_that_comes_and_one_that_goes() -> None:
    async with S7Simulator.many(30) as simulator:
        before, _ = await pull(simulator)
        simulator.delete(Key(Kind.FB, 2))
        simulator.insert(Key(Kind.FC, 99), Block(Kind.FC, 99, b"\x65\0").pack())
        after, carried = await pull(simulator, since=before)
    assert "block/FB2" not in after.by_path
    assert "block/FB2" not in carried
    assert content(after, "block/FC99") == Block(Kind.FC, 99, b"\x65\0").pack()


@pytest.mark.parametrize("change", [{"serial": "S C-OTHER"}, {"order_code": "6ES7 317-2EK14-0AB0"}])
async def test_another_cpu_is_read_whole(change: dict[str, str]) -> None:
    async with S7Simulator.many(20) as simulator:
        before, _ = await pull(simulator)
        simulator.identity = Nameplate(**change)  # type: ignore[arg-type]
        _, carried = await pull(simulator, since=before)
    assert carried == []


async def test_a_constant_checksum_is_no_token() -> None:
    block = Block(Kind.FC, 1, b"\x65\0", checksum=0)
    async with S7Simulator(blocks=[block]) as simulator:
        before, _ = await pull(simulator)
        _, carried = await pull(simulator, since=before)
    assert carried == []


async def test_a_gap_is_not_carried() -> None:
    async with S7Simulator(blocks=[Block(Kind.FC, 1, b"\x65\0" * 20)]) as simulator:
        simulator.fault = "upload-cut"
        before, _ = await pull(simulator)
        assert "block/FC1" in gaps(before)
        simulator.fault = None
        after, carried = await pull(simulator, since=before)
    assert carried == []
    assert not after.gaps
    assert "block/FC1" in after.by_path


async def test_no_more_jobs_in_flight_than_granted() -> None:
    async with S7Simulator.flat(20, 4096, amq=2, delay=0.001) as simulator:
        await pull(simulator, Options(blocks=False), window=8)
        assert simulator.log[0].detail == "PDU 960, parallel jobs 8/8"
        await pull(simulator, Options(blocks=False, jobs=1), window=8)
    assert not simulator.violations
