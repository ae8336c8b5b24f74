"""Many devices at once: what is kept of each, and how the vault is told."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import msgspec
import pytest
from tests.core.collect_fakes import Controller, FakeVault, device, run, until

from goldcopy.collect import Outcome, Watch
from goldcopy.driver import Reading
from goldcopy.errors import GoldcopyError, VaultDamaged, VaultUnavailable, Wrong
from goldcopy.inventory import Rule, Rules, Zone
from goldcopy.snapshot import Gap, Identity, Item


async def test_what_was_read_is_kept_with_its_facts() -> None:
    items = [
        Item("db/5/set", "parameter", "INT", 7),
        Item("db/5/live", "tag", "REAL", 20.5),
        Item("noise", "tag", "INT", 3, "process"),
    ]
    gaps = [Gap("db/6", "protected")]
    rules = Rules([Rule("db/*/live", "process"), Rule("noise", "diagnostic")])
    mixer = device("mixer", Controller(Reading(items, gaps)), rules=rules)
    vault, before = FakeVault(), datetime.now(UTC)
    (outcome,) = await run([mixer], vault)
    ((snapshot, facts),) = vault.kept
    assert snapshot.items == (items[0], msgspec.structs.replace(items[2], role="diagnostic"))
    assert snapshot.gaps == tuple(gaps)
    assert (snapshot.device, snapshot.driver) == ("mixer", "fake")
    assert (snapshot.identity, snapshot.rules) == (Identity(serial="1"), rules.digest)
    assert before <= facts.taken <= datetime.now(UTC)
    assert (facts.requests, facts.bytes, facts.carried) == (2, 110, ())
    assert facts.version
    assert facts.seconds == outcome.seconds >= 0
    assert outcome == Outcome(
        device="mixer",
        state="kept",
        id=snapshot.id,
        items=2,
        gaps=1,
        gap_list=tuple(gaps),
        unchanged=False,
        requests=2,
        bytes=110,
        seconds=outcome.seconds,
        attempts=1,
    )
    (again,) = await run([mixer], vault)
    assert again.unchanged


@pytest.mark.parametrize(("by_hand", "always"), [(False, False), (True, False), (False, True)])
async def test_live_values_are_kept_when_asked_for(by_hand: bool, always: bool) -> None:
    items = [Item("live", "tag", "INT", 1, "process"), Item("set", "tag", "INT", 1)]
    vault = FakeVault()
    mixer = device("mixer", Controller(Reading(items)), keep_process=always)
    await run([mixer], vault, keep_process=by_hand)
    assert len(vault.kept[0][0].items) == (2 if by_hand or always else 1)


async def test_outcomes_come_in_the_order_of_the_devices() -> None:
    slow = asyncio.Event()
    devices = [
        device("a", Controller(hold=slow)),
        device("b", Controller()),
        device("c", Controller()),
    ]
    watch = Watch()
    running = asyncio.create_task(run(devices, watch=watch))
    await until(lambda: len(watch.outcomes) == 2)
    slow.set()
    assert [outcome.device for outcome in await running] == ["a", "b", "c"]
    assert [outcome.device for outcome in watch.outcomes][-1] == "a"


async def test_nothing_to_do_is_done() -> None:
    assert await run([]) == []


@pytest.mark.parametrize("error", [VaultUnavailable("no space"), VaultDamaged("a hash differs")])
async def test_a_vault_that_takes_nothing_stops_the_run(error: GoldcopyError) -> None:
    vault, watch, hold = FakeVault(), Watch(), asyncio.Event()
    held = [Controller(hold=asyncio.Event()) for _ in range(5)]
    late = Controller(hold=hold)
    devices = [
        device("early", Controller()),
        *(device(f"held{n}", controller) for n, controller in enumerate(held)),
        device("late", late),
    ]
    running = asyncio.create_task(run(devices, vault, watch=watch))
    await until(lambda: watch.outcomes and all(one.open_now for one in held))
    vault.error = error
    hold.set()
    with pytest.raises(type(error), match=str(error)):
        await running
    assert [controller.open_now for controller in held] == [0] * 5
    assert [outcome.device for outcome in watch.outcomes] == ["early"]


async def test_a_snapshot_that_the_vault_refuses_is_the_devices_failure() -> None:
    vault = FakeVault()
    vault.error = Wrong("lacks content")
    (outcome,) = await run([device("m", Controller())], vault)
    assert (outcome.state, outcome.error, outcome.id) == ("failed", "m: lacks content", "")


async def test_the_vault_is_told_how_many_pulls_are_on_their_way() -> None:
    vault, hold = FakeVault(), asyncio.Event()
    devices = [device(f"d{n}", Controller(hold=hold), zone="z") for n in range(5)]
    running = asyncio.create_task(run(devices, vault, zones={"z": Zone(3)}, pulling=vault.pulling))
    await until(lambda: vault.on_the_way == 3)
    hold.set()
    await running
    assert (vault.on_the_way, vault.most_on_the_way) == (0, 3)


def test_taken_is_in_utc() -> None:
    vault = FakeVault()
    asyncio.run(run([device("m", Controller())], vault))
    assert vault.kept[0][1].taken.tzinfo is UTC
