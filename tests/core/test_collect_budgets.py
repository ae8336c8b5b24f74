"""Many devices at once: no budget is exceeded, each is used, and everybody gets a turn."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.collect_fakes import Controller, FakeVault, device, run, until

from goldcopy.collect import Watch
from goldcopy.driver import Courtesy
from goldcopy.errors import Refused, Unreachable
from goldcopy.inventory import Zone


async def test_six_hundred_devices() -> None:
    vault = FakeVault()
    zones = {f"z{n}": Zone(8) for n in range(10)}
    devices = [
        device(f"d{n}", Controller(fails=[Unreachable("x")] * (n % 5 == 0)), zone=f"z{n % 10}")
        for n in range(600)
    ]
    async with asyncio.timeout(30):
        outcomes = await run(devices, vault, zones=zones)
    assert {outcome.state for outcome in outcomes} == {"kept"}
    assert sum(outcome.attempts for outcome in outcomes) == 720
    assert len(vault.kept) == 600


plants = st.lists(
    st.tuples(
        st.sampled_from("ABCDE"),
        st.integers(1, 3),
        st.sampled_from(["", "z1", "z2"]),
        st.booleans(),
    ),
    max_size=25,
)


@given(plants, st.integers(1, 3), st.integers(1, 8))
def test_no_budget_is_ever_exceeded_and_everybody_gets_a_turn(
    plant: Sequence[tuple[str, int, str, bool]], per_zone: int, at_once: int
) -> None:
    network: dict[tuple[str, int], list[int]] = {}
    now: dict[str, int] = {"": 0, "z1": 0, "z2": 0}
    peaks = dict(now)
    total_peak = 0

    class Counting(Controller):
        zone: str = ""

        def trip(self, step: str) -> None:
            nonlocal total_peak
            if step in ("identify", "read"):
                now[self.zone] += 1 if step == "identify" else -1
                peaks[self.zone] = max(peaks[self.zone], now[self.zone])
                total_peak = max(total_peak, sum(now.values()))
            super().trip(step)

    made = [
        device(
            f"d{n}",
            Counting(network=network, zone=zone, targets=[]),
            host=host,
            zone=zone,
            courtesy=Courtesy(connections=connections),
        )
        for n, (host, connections, zone, _) in enumerate(plant)
    ]
    outcomes = asyncio.run(
        run(made, zones={"z1": Zone(per_zone), "z2": Zone(per_zone)}, at_once=at_once)
    )
    assert [outcome.state for outcome in outcomes] == ["kept"] * len(made)
    assert max(peaks["z1"], peaks["z2"]) <= per_zone
    assert total_peak <= at_once
    for (host, _), (_, peak) in network.items():
        behind = [one for one in made if one.host == host]
        allowed = min(one.courtesy.connections for one in behind)
        given_each = {one.options.targets[0].courtesy.connections for one in behind}  # type: ignore[union-attr]
        if len(behind) == 1:
            assert given_each == {allowed}
        else:
            assert given_each == {1}
            assert peak <= allowed


async def test_budgets_are_used_to_the_full() -> None:
    """The property above would also hold if everything were done one by one."""
    network: dict[tuple[str, int], list[int]] = {}
    hold = asyncio.Event()
    three = Courtesy(connections=3)
    behind = [
        device(f"u{n}", Controller(network=network, hold=hold), host="gateway", courtesy=three)
        for n in range(8)
    ]
    alone = [device(f"a{n}", Controller(network=network, hold=hold), zone="z") for n in range(8)]
    running = asyncio.create_task(run([*behind, *alone], zones={"z": Zone(4)}))
    await until(lambda: sum(line[0] for line in network.values()) == 7)
    for _ in range(100):
        await asyncio.sleep(0)
    assert network[("gateway", 1)] == [3, 3]
    assert sum(line[0] for line in network.values()) == 7
    hold.set()
    await running


@pytest.mark.parametrize("host", ["GATEWAY", "gateway."])
async def test_an_address_written_in_two_ways_is_one(host: str) -> None:
    network: dict[tuple[str, int], list[int]] = {}
    one = device("one", Controller(network=network, targets=[]), host="gateway")
    other = device(
        "other", Controller(network=network), host=host, courtesy=Courtesy(connections=4)
    )
    await run([one, other])
    assert all(two.options.targets[-1].courtesy.connections == 1 for two in (one, other))  # type: ignore[union-attr]


async def test_whoever_waits_for_an_address_takes_no_place_of_others() -> None:
    hold, watch = asyncio.Event(), Watch()
    devices = [
        *(device(f"u{n}", Controller(hold=hold), host="gateway", zone="z") for n in range(5)),
        device("free", Controller(), zone="z"),
        device("elsewhere", Controller()),
    ]
    running = asyncio.create_task(run(devices, zones={"z": Zone(2)}, at_once=2, watch=watch))
    await until(lambda: len(watch.outcomes) == 2)
    assert {outcome.device for outcome in watch.outcomes} == {"free", "elsewhere"}
    hold.set()
    assert len(await running) == 7


async def test_a_place_is_free_again_after_a_failure() -> None:
    devices = [
        device(f"d{n}", Controller(fails=[Refused("no")]), host="gateway", zone="z")
        for n in range(10)
    ]
    async with asyncio.timeout(10):
        outcomes = await run(devices, zones={"z": Zone(1)}, at_once=1)
    assert [outcome.state for outcome in outcomes] == ["failed"] * 10
