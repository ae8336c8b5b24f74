"""Many devices at once: deadlines, and when each may begin and must be done."""

from __future__ import annotations

import asyncio

from tests.core.collect_fakes import Controller, FakeVault, device, run

from goldcopy.collect import Terms
from goldcopy.errors import Unreachable
from goldcopy.inventory import Zone


async def test_a_device_over_its_deadline_fails_alone_and_is_closed() -> None:
    stuck = Controller(hold=asyncio.Event())
    devices = [device("stuck", stuck, deadline=0.05), device("good", Controller())]
    failed, kept = await run(devices)
    assert (failed.state, failed.attempts, stuck.open_now) == ("failed", 1, 0)
    assert failed.error == (
        "stuck: not done within its deadline of 0.05 s (attempt 1, 2 requests, 0 of 10 steps); "
        "raise the deadline, or find what slows it"
    )
    assert kept.state == "kept"


async def test_the_deadline_covers_all_attempts_and_the_pauses_between() -> None:
    controller = Controller(fails=[Unreachable("silence")] * 9)
    (outcome,) = await run([device("m", controller, deadline=0.05)], retries=99, pause=30.0)
    assert outcome.attempts == 1
    assert outcome.error.endswith("before that: m: silence")


async def test_waiting_for_a_turn_is_not_counted_against_the_deadline() -> None:
    hold = asyncio.Event()
    first = device("first", Controller(hold=hold), zone="z", deadline=60)
    second = device("second", Controller(), zone="z", deadline=0.02)
    running = asyncio.create_task(run([first, second], zones={"z": Zone(1)}))
    await asyncio.sleep(0.1)
    hold.set()
    assert [outcome.state for outcome in await running] == ["kept", "kept"]


async def test_a_device_whose_time_in_the_run_is_over_is_late_and_closed() -> None:
    stuck = Controller(hold=asyncio.Event())
    devices = [device("stuck", stuck), device("good", Controller())]
    terms = {"stuck": Terms(end=0.05, why="the window 01:00-05:00")}
    late, kept = await run(devices, terms=terms)
    assert (late.state, late.late, late.attempts, stuck.open_now) == ("failed", True, 1, 0)
    assert late.error == "stuck: not read: the window 01:00-05:00 was over before its end"
    assert (kept.state, kept.late) == ("kept", False)


async def test_whoever_waits_for_a_turn_is_late_too_and_was_never_asked() -> None:
    hold = asyncio.Event()
    waits = Controller()
    devices = [device("first", Controller(hold=hold), zone="z"), device("second", waits, zone="z")]
    terms = {"second": Terms(end=0.05)}
    running = asyncio.create_task(run(devices, zones={"z": Zone(1)}, terms=terms))
    await asyncio.sleep(0.1)
    hold.set()
    first, second = await running
    assert (first.state, second.state) == ("kept", "failed")
    assert (second.late, second.attempts, waits.opened) == (True, 0, 0)


async def test_a_time_that_was_over_before_the_run_asks_nobody() -> None:
    controller = Controller()
    (outcome,) = await run([device("m", controller)], terms={"m": Terms(end=-1.0)})
    assert (outcome.late, controller.opened) == (True, 0)


async def test_nobody_is_asked_before_its_begin_or_takes_a_place_until_then() -> None:
    begun = asyncio.get_running_loop().time()
    devices = [device("late", Controller(), zone="z"), device("now", Controller(), zone="z")]
    vault = FakeVault()
    outcomes = await run(devices, vault, zones={"z": Zone(1)}, terms={"late": Terms(begin=0.1)})
    assert asyncio.get_running_loop().time() - begun >= 0.1
    assert [outcome.state for outcome in outcomes] == ["kept", "kept"]
    assert [snapshot.device for snapshot, _ in vault.kept] == ["now", "late"]
