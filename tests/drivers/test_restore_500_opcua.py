"""500 manipulated settings over OPC UA: put back to the bit, proved, in the fewest requests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from math import ceil
from pathlib import Path

import pytest
from tests.drivers.opcua_catalogue import (
    all_spoilt,
    catalogue,
    enumeration,
    held,
    members,
    recipe,
)
from tests.drivers.opcua_press import bench_of, press, structure, variables
from tests.drivers.restore_bench import Scene, scene

from goldcopy_opcua.writer import MOST_BYTES
from goldcopy_sim.mishap import Mishap
from goldcopy_sim.opcua import OpcUaSimulator
from goldcopy_sim.opcua.codec import Data, Kind, Text
from goldcopy_sim.opcua.place import Place
from goldcopy_sim.opcua.structures import Field
from goldcopy_sim.service import Service

MANY = 500
AT_ONCE = 40
"""Variables that the controller takes in one Write."""
DOUBLES, LEFT_ALONE = 236, 60
"""With those of the catalogue they are 500 leaves; and some that nobody touches."""


@asynccontextmanager
async def plant(folder: Path, place: Place, limit: int) -> AsyncIterator[Scene]:
    async with (
        bench_of(place.model, {}, 10.0, max_nodes_per_write=limit) as bench,
        scene(folder, bench) as found,
    ):
        yield found


def filled() -> Place:
    place = catalogue()
    for n in range(DOUBLES + LEFT_ALONE):
        place.put(f"Offset{n:03}", Kind.Double, n / 8, writable=True)
    return place


def manipulate(place: Place) -> set[str]:
    """Spoil every leaf there is, except in some variables; the names of the others."""
    spoilt = set()
    for name, variable in variables(place.model).items():
        if name[:6] != "Offset" or int(name[6:]) < DOUBLES:
            variable.put(all_spoilt(variable.data, variable.structure))
            spoilt.add(name)
    return spoilt


def log(found: Scene) -> list[Service]:
    assert isinstance(found.bench.simulator, OpcUaSimulator)
    return found.bench.simulator.log


def sessions(found: Scene) -> list[list[str]]:
    """The services of each session, one after the other."""
    made: list[list[str]] = []
    for service in log(found):
        if service.name == "CreateSession":
            made.append([])
        made[-1].append(f"{service.name} {service.detail}".strip())
    return made


async def test_500_manipulated_settings_in_the_fewest_requests(tmp_path: Path) -> None:
    place = filled()
    async with plant(tmp_path, place, AT_ONCE) as found:
        gold, settings = held(place.model), found.settings()
        spoilt = manipulate(place)
        wrong, data = held(place.model), {n: v.data for n, v in variables(place.model).items()}
        assert {name for name in gold if gold[name] != wrong[name]} == spoilt
        plan = await found.plan()
        assert len(plan.writes) == MANY
        assert plan.left == ()
        log(found).clear()
        receipt = await found.restore(plan)
        assert receipt.proved, f"{receipt.why} {receipt.named('failed', 'in doubt')}"
        assert receipt.counts == {"proved": MANY}
        assert receipt.moved == ()
        assert held(place.model) == gold, "to the bit, as the wire has it"
        assert found.settings() == settings
        written = {n for n, v in variables(place.model).items() if v.data is not data[n]}
        assert written == spoilt, "nothing beside the plan"
        # 346 variables hold the 500 leaves: 8 full requests of 40, and one of 26.
        requests = ceil(len(spoilt) / AT_ONCE)
        assert [one.detail for one in log(found) if one.writes] == [
            *[f"{AT_ONCE} nodes"] * (requests - 1),
            f"{len(spoilt) - AT_ONCE * (requests - 1)} nodes",
        ]
        assert receipt.groups == requests


async def test_three_sessions_and_what_is_read_before_each_write(tmp_path: Path) -> None:
    """What is there, the writing, the reading back, which takes what any pull takes."""
    place = filled()
    async with plant(tmp_path, place, AT_ONCE) as found:
        spoilt = manipulate(place)
        plan = await found.plan()
        log(found).clear()
        assert (await found.restore(plan)).proved
        before, writing, after = sessions(found)
        assert after == before
        assert not any(one.startswith("Write") for one in after)
        assert writing[0] == "CreateSession"
        assert writing[-1] == "CloseSession"
        # Of each variable the value, who may write it, its type and rank; with types of its own
        # a group asks for those, too, once.
        reads = [one for one in writing if one.endswith("attributes 13,14,15,18")]
        writes = [one for one in writing if one.startswith("Write")]
        assert len(reads) == len(writes) == ceil(len(spoilt) / AT_ONCE)
        assert sum(int(one.split()[1]) for one in reads) == 4 * len(spoilt)


async def test_the_way_back_is_to_the_bit_as_well(tmp_path: Path) -> None:
    """The last value is acknowledged and not stored: what was found is put back, NaN and all."""
    place = filled()
    original = {name: variable.data for name, variable in variables(place.model).items()}
    spoilt = manipulate(place)
    async with plant(tmp_path, place, AT_ONCE) as found:
        simulator = found.bench.simulator
        assert isinstance(simulator, OpcUaSimulator)
        for name, variable in variables(place.model).items():
            variable.put(original[name])
        wrong = held(place.model)
        plan = await found.plan()
        simulator.mishap = Mishap("ignored", len(spoilt) - 1)
        receipt = await found.restore(plan)
        assert simulator.mishap.met == 1
        assert receipt.rolled_back
        assert receipt.counts == {"rolled back": MANY - 1, "unchanged": 1}
        assert held(place.model) == wrong


@pytest.mark.parametrize(("limit", "long"), [(1000, 5), (3, 5), (3, MOST_BYTES // 10)])
async def test_500_members_of_one_array_of_structures_are_one_write(
    tmp_path: Path, limit: int, long: int
) -> None:
    """It travels whole, so a second request would only send all of it again, long as it is."""
    place = press()
    made = recipe(place.model, enumeration(place.model))
    bodies = tuple(made.value(members(n) | {"Title": "x" * long}) for n in range(24))
    put = place.put("Shelf", Kind.ExtensionObject, bodies, writable=True, structure=made)
    place.put("Offset", Kind.Double, 0.5, writable=True)
    async with plant(tmp_path, place, limit) as found:
        gold = held(place.model)
        put.put(all_spoilt(put.data, made))
        plan = await found.plan()
        assert len(plan.writes) >= MANY
        log(found).clear()
        receipt = await found.restore(plan)
        assert receipt.proved
        assert receipt.counts == {"proved": len(plan.writes)}
        assert held(place.model) == gold
        assert [one.detail for one in log(found) if one.writes] == ["1 nodes"]
        assert receipt.groups == 1


async def test_500_long_values_are_bounded_by_the_size_of_a_message(tmp_path: Path) -> None:
    place, long = press(), 1000
    for n in range(MANY):
        place.put(f"Text{n:03}", Kind.String, "x" * long, writable=True)
    async with plant(tmp_path, place, 10_000) as found:
        gold = held(place.model)
        for variable in variables(place.model).values():
            variable.put(Data(Kind.String, "spoilt"))
        log(found).clear()
        receipt = await found.restore()
        assert receipt.counts == {"proved": MANY}
        assert held(place.model) == gold
        # 1000 bytes of text and 64 around it: 30 in 32 KiB, so 17 requests.
        in_one = MOST_BYTES // (long + 64)
        writes = [one.detail for one in log(found) if one.writes]
        assert writes == [*[f"{in_one} nodes"] * (MANY // in_one), f"{MANY % in_one} nodes"]


async def test_members_that_nobody_asked_for_count_in_the_size_of_a_message(
    tmp_path: Path,
) -> None:
    place, large = press(), 5000
    fields = Field("Limit", Kind.Double), Field("Image", Kind.ByteString)
    made = structure(place.model, 50, "Part", *fields)
    for n in range(AT_ONCE):
        body = made.value({"Limit": 0.5, "Image": bytes((n,)) * large})
        place.put(f"Part{n:02}", Kind.ExtensionObject, body, writable=True, structure=made)
    async with plant(tmp_path, place, 0) as found:
        gold = held(place.model)
        for variable in variables(place.model).values():
            variable.change_member("Limit", 1.5, place.model.uris)
        log(found).clear()
        receipt = await found.restore()
        assert receipt.counts == {"proved": AT_ONCE}
        assert held(place.model) == gold
        # Of each part 5000 bytes and less than 128 around them: 6 in 32 KiB, so 7 requests.
        in_one = MOST_BYTES // (large + 128)
        writes = [one.detail for one in log(found) if one.writes]
        assert writes == [*[f"{in_one} nodes"] * (AT_ONCE // in_one), f"{AT_ONCE % in_one} nodes"]


OTHER: Mapping[str, tuple[Data, Data, str]] = {
    "NullToText": (Data(Kind.String, None), Data(Kind.String, "x"), "a value of one is none of"),
    "TextToNull": (Data(Kind.String, "x"), Data(Kind.String, None), "a value of one is none of"),
    "EmptyToNull": (Data(Kind.String, ""), Data(Kind.String, None), "a value of one is none of"),
    "BytesToNull": (Data(Kind.ByteString, b""), Data(Kind.ByteString, None), "is none of"),
    "Longer": (
        Data(Kind.Double, (1.0, 2.0), (2,)),
        Data(Kind.Double, (1.0, 2.0, 3.0), (3,)),
        "of type ARRAY[3] OF LREAL, in the target a parameter of ARRAY[2] OF LREAL",
    ),
    "Language": (
        Data(Kind.LocalizedText, Text("Start", "de")),
        Data(Kind.LocalizedText, Text("Start", "en")),
        "its value is right, but: label 'locale en', in the target 'locale de'",
    ),
}
"""What it was, what it is, and what is said of it."""


async def test_what_a_restore_does_not_put_back_is_said(tmp_path: Path) -> None:
    place = press()
    for name, (gold, *_) in OTHER.items():
        place.put(name, gold.kind, gold.value, gold.shape, writable=True)
    place.put("Gain", Kind.Double, 0.5, writable=True)
    async with plant(tmp_path, place, 0) as found:
        now = variables(place.model)
        for name, (_, other, _) in OTHER.items():
            now[name].put(other)
        now["Gain"].put(Data(Kind.Double, 1.5))
        wrong = held(place.model)
        plan = await found.plan()
        receipt = await found.restore(plan)
        told = [leaf for leaf in receipt.leaves if leaf.verdict == "not restorable"]
        assert [(leaf.path, leaf.why) for leaf in told] == [
            (one.path, one.why) for one in plan.left
        ]
        why = {leaf.path.rpartition(":")[2]: leaf.why for leaf in told}
        assert why.keys() == OTHER.keys()
        for name, (*_, words) in OTHER.items():
            assert words in why[name]
        assert receipt.counts == {"proved": 1, "not restorable": len(OTHER)}
        assert not receipt.whole
        assert {n for n, raw in held(place.model).items() if raw != wrong[n]} == {"Gain"}
