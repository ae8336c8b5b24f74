"""``kill -9`` at each step of a download: the program is put back, or as it was, and proved.

What a connection that is dead has left in the CPU is a part of a block, a passive copy, a block
that is linked in; or what it asked for is carried out only afterwards.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from tests.drivers.s7_blocks import PARTS, STEPS, program
from tests.drivers.test_restore_kill_drivers import PATIENCE, Attacked, attacked, gone_on, restoring

from goldcopy.restore import Means, Plan, make_plan, resume, rollback, unfinished
from goldcopy.testing.runs import together
from goldcopy.vault import Vault
from goldcopy_sim.mishap import Mishap
from goldcopy_sim.s7 import S7Simulator

AT_ONCE = 7


@pytest.mark.parametrize("kind", ["dropped", "late"])
async def test_a_kill_at_each_step(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    """The CPU has carried out all before this step; the step itself never, or afterwards."""
    ways = (False, True)
    whole = request.config.getoption("--kills") > 4 * STEPS
    kills = [
        partial(one_kill, tmp_path / f"{k} {back}", kind, k, back)
        for k in range(STEPS)
        for back in (ways if whole else (ways[(k + (kind == "late")) % 2],))
    ]
    passive = await together(AT_ONCE, kills)
    assert sum(passive) >= len(PARTS), "each block was once there whole, and not linked in"


async def one_kill(folder: Path, kind: str, at: int, back: bool) -> bool:
    """Whether it leaves a passive copy behind."""
    async with attacked(folder, program) as found:
        simulator = found.bench.simulator
        assert isinstance(simulator, S7Simulator)
        mishap = Mishap(kind, at, lasting=True, delay=0.8 * found.job.device.timeout)
        simulator.mishap = mishap
        async with restoring(found.job), asyncio.timeout(PATIENCE):
            while not mishap.met:  # noqa: ASYNC110 - a simulator tells nobody
                await asyncio.sleep(0.001)
        await found.quiet()
        simulator.mishap = None
        passive = bool(simulator.passive)
        (left,) = await asyncio.to_thread(unfinished, found.job.vault)
        await gone_on(found, left, back)
        await mishap.over()
        assert found.held() == (found.manipulated if back else found.gold)
        assert simulator.violations == []
        return passive


@pytest.mark.parametrize("back", [False, True])
async def test_the_transfer_of_a_dead_connection_keeps_all_others_out_for_a_while(
    tmp_path: Path, back: bool
) -> None:
    """Who goes on waits as long as for an answer; that is enough here."""
    async with attacked(tmp_path / "kept", program) as found:
        simulator = found.bench.simulator
        assert isinstance(simulator, S7Simulator)
        simulator.keeps_transfer = 0.7 * found.job.device.timeout
        left = await halfway(found, simulator)
        await gone_on(found, left, back)
        assert simulator.violations == []


@pytest.mark.parametrize("back", [False, True])
async def test_a_cpu_that_is_kept_for_longer_is_told_of_and_can_be_restored_afterwards(
    tmp_path: Path, back: bool
) -> None:
    async with attacked(tmp_path / "kept", program) as found:
        simulator = found.bench.simulator
        assert isinstance(simulator, S7Simulator)
        simulator.keeps_transfer = 60
        left = await halfway(found, simulator)
        half = found.held()
        assert half not in (found.gold, found.manipulated)
        vault = Vault.open(found.job.vault)
        async with vault.writing(linger=0) as writer:
            means = Means(vault, writer, found.job.registry)
            receipt = await (rollback if back else resume)(left, found.job.device, means)
            assert not receipt.proved
            assert not receipt.rolled_back
            assert found.held() == half
            verdicts = {leaf.path: leaf.verdict for leaf in receipt.leaves}
            assert verdicts["block/FB9"] == "failed"
            assert verdicts["block/FC10"] == "unchanged"
            assert back or "another transfer" in receipt.why
            simulator.kept_until = 0
            gold = vault.load(Plan.read(found.job.plan).target.snapshot)
            live, _ = await means.reach(found.job.device).read()
            plan = make_plan(live, gold, found.job.device, vault=vault.id)
        vault.close()
        assert [write.path for write in plan.writes] == ["block/FC10", "block/OB1"]
        async with restoring(replace(found.job, plan=plan.line)) as told:
            assert await asyncio.to_thread(told.poll, PATIENCE)
            assert told.recv(), "nothing was proved"
        assert found.held() == found.gold


async def halfway(found: Attacked, simulator: S7Simulator) -> Path:
    """The journal of a restore that is killed when the CPU has two of the FC's three parts."""
    mishap = found.mishap = Mishap("dropped", 7, lasting=True)
    async with restoring(found.job), asyncio.timeout(PATIENCE):
        while not mishap.met:  # noqa: ASYNC110 - a simulator tells nobody
            await asyncio.sleep(0.001)
    await found.quiet()
    found.mishap = None
    assert simulator.kept_until > 0
    (left,) = await asyncio.to_thread(unfinished, found.job.vault)
    return left
