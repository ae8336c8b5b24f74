"""``kill -9`` at each step of a download: the program is put back, or as it was, and proved.

What a connection that is dead has left in the CPU is a part of a block, a passive copy, a block
that is linked in; or what it asked for is carried out only afterwards.
"""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest
from tests.drivers.s7_blocks import PARTS, STEPS, program
from tests.drivers.test_restore_kill_drivers import PATIENCE, attacked, gone_on, restoring

from goldcopy.restore import unfinished
from goldcopy.testing.runs import together
from goldcopy_sim.mishap import Mishap
from goldcopy_sim.s7 import S7Simulator

AT_ONCE = 6


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
