"""As few requests as the protocol allows, counted by the simulator, and every limit kept."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from asyncua.ua import SecurityPolicyType

from goldcopy.driver import Courtesy, Meter, Target
from goldcopy.snapshot import Snapshot
from goldcopy_opcua import OpcUaDriver, OpcUaOptions
from goldcopy_opcua.builtin import Data, Result
from goldcopy_opcua.client import MOST, Limits
from goldcopy_opcua.server import _limits
from goldcopy_sim.opcua import OpcUaSimulator, Settings
from goldcopy_sim.service import Service

SETUP = {"CreateSession", "ActivateSession", "CloseSession"}


def flat(*size: int, properties: bool = False, **settings: Any) -> OpcUaSimulator:  # noqa: ANN401
    chosen = Settings(security=[SecurityPolicyType.NoSecurity], **settings)
    return OpcUaSimulator.flat(*size, properties=properties, settings=chosen)


async def pull(
    plc: OpcUaSimulator,
    *,
    courtesy: Courtesy | None = None,
    meter: Meter | None = None,
    **options: Any,  # noqa: ANN401
) -> Snapshot:
    chosen = OpcUaOptions(security="None", **options)
    target = Target("bench", plc.host, plc.port, 20, courtesy or Courtesy(), options=chosen)
    async with OpcUaDriver().open(target, meter or Meter()) as session:
        identity = await session.identify()
        reading = await session.read()
    return Snapshot.of("bench", "opcua", identity, reading.items, reading.gaps)


def services(plc: OpcUaSimulator) -> Counter[str]:
    return Counter(service.name for service in plc.log if service.name not in SETUP)


def sizes(log: list[Service], name: str) -> list[int]:
    """Nodes of each request, as the simulator tells them."""
    return [int(service.detail.split()[0]) for service in log if service.name == name]


async def test_ten_thousand_variables_whose_leaves_are_known() -> None:
    async with flat(max_nodes_per_read=1000, max_nodes_per_browse=1000) as plc:
        snapshot = await pull(plc, browse_variables=False)
        asked = services(plc)
    assert len([item for item in snapshot.items if item.type == "LREAL"]) == 10_000
    assert snapshot.gaps == ()
    assert set(asked) == {"Browse", "Read"}
    assert asked["Browse"] <= 14
    assert asked["Browse"] == 3  # Objects, Bench, its hundred folders
    assert asked["Read"] == 1 + 10 + 10  # limits, then Value and UserAccessLevel


async def test_ten_thousand_variables_with_a_property_each() -> None:
    async with flat(max_nodes_per_read=1000, max_nodes_per_browse=1000, properties=True) as plc:
        snapshot = await pull(plc)
        asked = services(plc)
    variables = [item for item in snapshot.items if item.role == "process"]
    assert len(variables) == 10_000
    assert {(item.low, item.high) for item in variables} == {(0.0, 100.0)}
    assert asked["Browse"] <= 24
    assert asked["Browse"] == 3 + 10
    assert asked["Read"] == 1 + 2 * 20  # twice as many variables: each has an EURange


async def test_what_the_meter_counts_is_what_the_server_was_asked() -> None:
    meter = Meter()
    async with flat(10, 10) as plc:
        await pull(plc, meter=meter)
        asked = len(plc.log)
    assert meter.requests == asked + 3  # Hello and the secure channel, opened and closed
    assert meter.round_trips == meter.requests
    assert min(meter.bytes_in, meter.bytes_out) > 1000
    assert meter.done == meter.total > 200


async def test_a_window_saves_round_trips_not_requests() -> None:
    one, eight = Meter(), Meter()
    async with flat(10, 100, max_nodes_per_read=100, max_nodes_per_browse=100) as plc:
        first = await pull(plc, meter=one)
        second = await pull(plc, meter=eight, courtesy=Courtesy(window=8))
    assert first.id == second.id
    assert one.requests == eight.requests
    assert eight.round_trips < one.round_trips / 2


@pytest.mark.parametrize("window", [1, 8])
async def test_paged_lists_are_fetched_to_their_end(window: int) -> None:
    async with flat(3, 250, max_references_per_node=7) as plc:
        paged = await pull(plc, courtesy=Courtesy(window=window))
        assert services(plc)["BrowseNext"] >= 250 // 7
    async with flat(3, 250) as plc:
        assert paged.id == (await pull(plc)).id


@pytest.mark.parametrize("points", [1, 2, 5])
@pytest.mark.parametrize("window", [1, 4])
async def test_a_server_with_few_places_for_lists_loses_none(points: int, window: int) -> None:
    """BadNoContinuationPoints: browsed again, in smaller batches."""
    async with flat(12, 30) as plc:
        whole = await pull(plc)
    places = {"max_references_per_node": 10, "max_browse_continuation_points": points}
    async with flat(12, 30, properties=False, **places) as plc:
        paged = await pull(plc, courtesy=Courtesy(window=window))
        lists = services(plc)
    if window == 1 or paged.gaps == ():
        assert paged.id == whole.id
    else:  # with more requests in flight than the server has places, a list may stay open
        assert {"BadNoContinuationPoints" in gap.reason for gap in paged.gaps} == {True}
    assert lists["BrowseNext"] >= 3


async def test_a_list_that_cannot_be_finished_is_a_gap_not_a_shorter_list() -> None:
    async with flat(3, 30, max_references_per_node=10) as plc:
        plc.fault = "no-continuation"
        snapshot = await pull(plc)
    folders = [gap.path for gap in snapshot.gaps if gap.path.startswith("bench")]
    assert folders == [f"bench:Bench/bench:F00{n}" for n in range(3)]
    assert all("not complete: BadContinuationPointInvalid" in gap.reason for gap in snapshot.gaps)
    assert len([item for item in snapshot.items if item.type == "LREAL"]) == 30
    assert "structure" not in snapshot.by_path


async def test_too_many_operations_is_answered_by_fewer() -> None:
    """A limit of 250 that the server reports as 0."""
    async with flat(10, 100) as plc:
        sound = await pull(plc)
        plc.log.clear()
        plc.fault = "too-many-operations"
        halved = await pull(plc)
        asked = services(plc)
    assert halved.id == sound.id
    assert asked["Read"] < 30
    assert asked["Browse"] < 20


@pytest.mark.parametrize("window", [1, 4])
async def test_limits_that_are_reported_are_never_exceeded(window: int) -> None:
    """The simulator refuses a request beyond them, so a refusal would show as one more."""
    async with flat(10, 50, max_nodes_per_read=37, max_nodes_per_browse=11) as plc:
        snapshot = await pull(plc, courtesy=Courtesy(window=window))
        browses, reads = sizes(plc.log, "Browse"), sizes(plc.log, "Read")
    assert snapshot.gaps == ()
    assert max(browses) == 11
    assert max(reads) == 37
    assert len(reads) == 1 + -(-1000 // 37)
    assert sum(browses) < 600


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({}, Limits()),
        ({11705: 0, 11710: 0}, Limits()),
        ({11705: 10_000, 11710: 250}, Limits(read=MOST, browse=250)),
        ({11707: 0}, Limits(write=50)),
        ({11707: 7}, Limits(write=7)),
        ({11707: 10_000}, Limits(write=MOST)),
        ({2735: 32, 12911: 1000}, Limits(points=32, byte_string=1000)),
    ],
)
def test_limits_are_taken_with_care(told: dict[int, int], expected: Limits) -> None:
    found = dict.fromkeys((2735, 11705, 11707, 11710, 12911), Result(Data(0, None), 0x80340000))
    found |= {node: Result(Data(7, value), 0) for node, value in told.items()}
    assert _limits(found) == expected


async def test_pace_is_kept_from_the_first_request_on() -> None:
    async with flat(2, 2) as plc:
        loop = asyncio.get_running_loop()
        start = loop.time()
        meter = Meter()
        await pull(plc, courtesy=Courtesy(pause=0.03), meter=meter)
        # The first starts at once; CloseSession and CloseSecureChannel do not wait.
        assert loop.time() - start >= 0.03 * (meter.requests - 3)
        start = loop.time()
        await pull(plc, courtesy=Courtesy(rate=40, window=8), meter=(meter := Meter()))
        assert loop.time() - start >= (meter.requests - 3) / 40
