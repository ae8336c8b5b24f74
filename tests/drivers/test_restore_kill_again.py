"""``kill -9`` of a restore, and again of who goes on with it: whoever comes third ends it proved.

``--kills N`` says how many such pairs (``make soak N=…``).
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from tests.drivers.mishaps import Benches
from tests.drivers.restored_until_killed_benches import DRIVERS
from tests.drivers.restored_until_killed_over_drivers import Job
from tests.drivers.s7_blocks import program
from tests.drivers.test_restore_kill_drivers import (
    PATIENCE,
    Attacked,
    attacked,
    gone_on,
    restoring,
)

from goldcopy.restore import Journal, unfinished
from goldcopy.testing.runs import together
from goldcopy_sim.mishap import Mishap

BENCHES: dict[str, Benches] = {
    "s7": DRIVERS["s7"],
    "modbus": DRIVERS["modbus"],
    "s7 blocks": partial(program, 0.5),
}
AT_ONCE = 6
KINDS = "dropped", "lost", "late"
"""What becomes of the write in which it is killed, and of all after it."""
FEW = 6
"""Pairs at least."""
READING = -1
"""The kill comes before anything is written."""


@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("name", BENCHES)
async def test_who_goes_on_is_killed_too(
    tmp_path: Path, name: str, back: bool, request: pytest.FixtureRequest
) -> None:
    pairs = max(FEW, request.config.getoption("--kills") // (2 * len(BENCHES)))
    steps = await whole(tmp_path / "whole", BENCHES[name])
    assert steps > 3
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    runs = []
    for n in range(pairs):
        first = 1 + n * (steps - 2) // pairs
        kinds = chance.choice(KINDS), chance.choice(KINDS)
        done = first + (kinds[0] != "dropped")
        left = done if back else steps - done
        most = left if n >= FEW else min(left, 4)  # of a program's blocks, some are not begun
        second = READING if n % FEW == FEW - 1 else chance.randrange(most)
        runs.append(
            partial(two_kills, tmp_path / str(n), BENCHES[name], back, first, second, kinds)
        )
    midway = await together(AT_ONCE, runs)
    print(f"{sum(midway)} of {pairs} midway in both")
    assert sum(midway) >= pairs // 3, "the second kill hardly ever came while it wrote"


async def whole(folder: Path, benches: Benches) -> int:
    """How many steps a restore takes that nobody kills."""
    async with attacked(folder, benches) as found:
        found.mishap = counting = Mishap("late", 0, lasting=True)
        async with restoring(found.job) as told:
            assert await asyncio.to_thread(told.poll, PATIENCE)
            assert told.recv(), "nothing was proved"
        await counting.over()
        assert found.held() == found.gold
        return counting.met


async def two_kills(
    folder: Path, benches: Benches, back: bool, first: int, second: int, kinds: tuple[str, str]
) -> bool:
    """Whether the second kill came while it wrote."""
    print(f"{folder.name}: {kinds[0]} at {first}, back {back}, {kinds[1]} at {second}")
    async with attacked(folder, benches) as found:
        assert await killed(found, found.job, kinds[0], first)
        (left,) = await asyncio.to_thread(unfinished, found.job.vault)
        hit = await killed(found, replace(found.job, left=left, back=back), kinds[1], second)
        lefts = await asyncio.to_thread(unfinished, found.job.vault)
        if not lefts:  # it had come to its end
            await asyncio.sleep(found.job.device.timeout)
            assert found.held() == (found.manipulated if back else found.gold)
            return False
        turned = (await asyncio.to_thread(Journal.open, left)).turned
        assert turned is None or back, "a resume that is killed does not turn"
        # A resume may be rolled back after all; a rollback is never resumed.
        third = back or first % 2 == 1
        await gone_on(found, left, third)
        await found.late()
        assert found.held() == (found.manipulated if third else found.gold)
        return hit


async def killed(found: Attacked, job: Job, kind: str, at: int) -> bool:
    """Kill it at its so many-th step; False if it was at its end before, or did not write yet."""
    mishap = Mishap(kind, max(at, 0), lasting=True, delay=0.8 * job.device.timeout)
    found.mishap = mishap
    async with restoring(job) as told, asyncio.timeout(PATIENCE):
        while at != READING and not (mishap.met or told.poll()):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.001)
    await found.quiet()
    found.mishap = None
    return at != READING and bool(mishap.met)
