"""A run is watched, and cancelled."""

from __future__ import annotations

import asyncio
import time

import pytest
from tests.core.collect_fakes import Controller, FakeVault, device, run, until

from goldcopy.collect import Watch
from goldcopy.errors import Unreachable
from goldcopy.inventory import Zone
from goldcopy.snapshot import Snapshot
from goldcopy.vault import Facts, Kept


async def test_the_watch_tells_what_each_device_is_doing() -> None:
    class Slow(FakeVault):
        async def keep(self, snapshot: Snapshot, facts: Facts) -> Kept:
            await let_go.wait()
            return await super().keep(snapshot, facts)

    let_go, hold, watch = asyncio.Event(), asyncio.Event(), Watch()
    controller = Controller(fails=[Unreachable("silence")], where="open", hold=hold)
    devices = [device("m", controller, zone="z"), device("n", Controller(), zone="z")]
    running = asyncio.create_task(
        run(devices, Slow(), zones={"z": Zone(1)}, watch=watch, pause=0.05)
    )

    async def until_it_is(state: str) -> None:
        await until(lambda: "m" in watch.devices and watch.devices["m"].state == state)

    await until_it_is("retrying")
    mixer = watch.devices["m"]
    assert (mixer.attempt, mixer.error) == (1, "m: silence")
    assert 0 < mixer.retry_at - time.monotonic() < 0.1
    assert watch.devices["n"].state == "waiting"
    await until_it_is("reading")
    assert mixer.attempt == 2
    await until(lambda: mixer.meter.total)
    assert (mixer.meter.done, mixer.meter.total) == (0, 10)
    hold.set()
    await until_it_is("keeping")
    let_go.set()
    await running
    assert {one.state for one in watch.devices.values()} == {"kept"}
    assert mixer.meter.done == 10


async def test_cancelling_a_run_closes_every_session() -> None:
    controllers = [Controller(hold=asyncio.Event()) for _ in range(20)]
    watch = Watch()
    devices = [device(f"d{n}", one) for n, one in enumerate(controllers)]
    running = asyncio.create_task(run([device("done", Controller()), *devices], watch=watch))
    await until(lambda: watch.outcomes and all(one.open_now for one in controllers))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert [controller.open_now for controller in controllers] == [0] * 20
    assert [outcome.device for outcome in watch.outcomes] == ["done"]
    assert asyncio.all_tasks() == {asyncio.current_task()}
