"""``kill -9`` at any moment of a restore over a real driver: resume and rollback both end proved.

The controller lives on in the test's process. ``--kills N`` says how often, over all drivers
together (``make soak N=…``).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol, cast

import pytest
from tests.drivers.mishaps import Benches
from tests.drivers.restore_bench import scene
from tests.drivers.restored_until_killed_benches import DRIVERS
from tests.drivers.restored_until_killed_over_drivers import Job, start

from goldcopy.restore import Means, journal, resume, rollback, unfinished
from goldcopy.testing.bench import Bench, form
from goldcopy.vault import Vault
from goldcopy_sim.mishap import Mishap
from goldcopy_sim.service import Connections

PAUSE = 0.05
"""Seconds between two groups, so that most of the time something is written and not all."""
PATIENCE = 20.0


class Simulated(Protocol):
    connections: Connections
    mishap: Mishap | None


@dataclass
class Attacked:
    """A controller that is to be restored, and a vault in which nobody writes at the moment."""

    bench: Bench
    job: Job
    paths: frozenset[str]
    """Those of the plan."""
    gold: Mapping[str, object]
    manipulated: Mapping[str, object]
    mishaps: list[Mishap] = field(default_factory=list)

    def held(self) -> Mapping[str, object]:
        """All that the controller holds, live values too."""
        return {path: form(*typed) for path, typed in self.bench.holds().items()}

    def writes(self) -> int:
        """How many writing requests it was asked for."""
        return sum(service.writes for service in self.bench.simulator.log)

    @property
    def mishap(self) -> Mishap | None:
        """What goes wrong in it."""
        return cast(Simulated, self.bench.simulator).mishap

    @mishap.setter
    def mishap(self, mishap: Mishap | None) -> None:
        cast(Simulated, self.bench.simulator).mishap = mishap
        if mishap is not None:
            self.mishaps.append(mishap)

    async def late(self) -> None:
        """Whatever is late has been carried out."""
        for mishap in self.mishaps:
            await mishap.over()

    def differ(self, other: Mapping[str, object]) -> set[str]:
        """The planned paths that are not as there."""
        now = self.held()
        return {path for path in self.paths if now[path] != other[path]}

    async def quiet(self) -> None:
        """What was on its way from a process that is dead has arrived, and was carried out."""
        simulator = cast(Simulated, self.bench.simulator)
        async with asyncio.timeout(PATIENCE):
            while simulator.connections.open:  # noqa: ASYNC110 - a simulator tells nobody
                await asyncio.sleep(0.001)


@asynccontextmanager
async def attacked(folder: Path, benches: Benches) -> AsyncIterator[Attacked]:
    folder.mkdir()  # noqa: ASYNC240
    async with benches() as bench:
        async with scene(folder, bench) as found:
            gold = {path: form(*typed) for path, typed in bench.holds().items()}
            await found.attack(bench.writes)
            manipulated = {path: form(*typed) for path, typed in bench.holds().items()}
            plan = await found.plan()
        paths = frozenset(write.path for write in plan.writes)
        assert paths == set(bench.writes)
        kind = type(bench.driver)
        driver = f"{kind.__module__}:{kind.__name__}"
        job = Job(folder / "vault", driver, found.device, plan.line, PAUSE)
        cast(list[object], bench.simulator.log).clear()
        yield Attacked(bench, job, paths, gold, manipulated)


@asynccontextmanager
async def restoring(job: Job) -> AsyncIterator[Connection]:
    """A restore that has begun; at the end of the block it is killed, if it still goes on."""
    child, told = await asyncio.to_thread(start, job)
    try:
        assert await asyncio.to_thread(told.poll, PATIENCE), "it did not begin"
        assert told.recv() is None
        yield told
    finally:
        child.kill()
        await asyncio.to_thread(child.join, PATIENCE)
        child.close()
        told.close()


async def killed(job: Job, seconds: float) -> float:
    """Kill a restore so long after it began; how long it took, 0 if it did not come to its end."""
    async with restoring(job) as told:
        began = time.monotonic()
        ended = await asyncio.to_thread(told.poll, seconds)
        lasted = time.monotonic() - began
        assert not ended or told.recv(), "it came to its end, and nothing was proved"
    return lasted if ended else 0.0


async def gone_on(found: Attacked, left: Path, back: bool) -> None:
    """Resume it, or roll it back: that ends in a proved state, whatever was read on the way."""
    vault = Vault.open(found.job.vault)
    async with vault.writing(linger=0) as writer:
        means = Means(vault, writer, found.job.registry)
        receipt = await (rollback if back else resume)(left, found.job.device, means)
    vault.close()
    assert receipt.rolled_back if back else receipt.proved, f"{receipt.why} {receipt.leaves}"
    assert receipt.resumed
    assert receipt.moved == ()
    assert found.held() == (found.manipulated if back else found.gold)
    assert await asyncio.to_thread(unfinished, found.job.vault) == []
    told = receipts(found.job)  # two, if all but the name of the journal was at its end
    assert told in ([not back], [True, not back])


def receipts(job: Job) -> list[bool]:
    """For each receipt in the vault, whether it is proved."""
    vault = Vault.open(job.vault)
    assert vault.doubts == []
    found = [note.body["proved"] for note in vault.notes("receipt", job.device.name)]
    vault.close()
    return found


def groups(path: Path) -> list[Sequence[str]]:
    """What was announced to be sent, group by group."""
    events = journal.Journal.open(path).events
    return [event.paths for event in events if isinstance(event, journal.Writing)]


async def one_kill(
    folder: Path, benches: Benches, seconds: float, back: bool
) -> tuple[bool, float]:
    """One restore that is killed: whether that was midway, and its length if it was too late."""
    async with attacked(folder, benches) as found:
        lasted = await killed(found.job, seconds)
        await found.quiet()
        lefts = await asyncio.to_thread(unfinished, found.job.vault)
        if not lefts:  # before the first write, or after the last line
            written = found.writes() > 0
            assert found.held() == (found.gold if written else found.manipulated)
            assert receipts(found.job) == [True] * written
            return False, lasted
        (left,) = lefts
        before, sent = len(groups(left)), found.writes()
        assert before - 1 <= sent <= before, "each is announced before it is sent, one at a time"
        missing = found.differ(found.manipulated if back else found.gold)
        await gone_on(found, left, back)
        after = groups(left.with_suffix(".done"))[before:]
        put = [path for group in after for path in group]
        assert sorted(put) == sorted(missing), "what stands is not written again, nor anything else"
        assert found.writes() - sent == len(after)
        return True, 0.0


@pytest.mark.parametrize("name", DRIVERS)
async def test_kill_at_a_random_moment(
    tmp_path: Path, name: str, request: pytest.FixtureRequest
) -> None:
    """In each part of its length one, in any order; the even ones are resumed."""
    kills = max(4, request.config.getoption("--kills") // len(DRIVERS))
    async with attacked(tmp_path / "whole", DRIVERS[name]) as found:
        length = await killed(found.job, PATIENCE)
        assert found.held() == found.gold
        assert len(groups(next(found.job.vault.glob("restores/*.done")))) > 2
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    parts = [(n + chance.random()) / kills for n in range(kills)]
    chance.shuffle(parts)
    midway = 0
    for number, part in enumerate(parts):
        print(f"seed {seed}: kill {number} after {part * length:.4f} s of {length:.4f} s")
        hit, lasted = await one_kill(
            tmp_path / str(number), DRIVERS[name], part * length, number % 2 == 1
        )
        midway += hit
        length = lasted or length  # the machine may have been busy, or no longer is
    print(f"{midway} of {kills} midway")
    assert midway >= kills // 4, "it was hardly ever killed while it wrote"


@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("name", DRIVERS)
async def test_a_write_that_is_carried_out_after_the_kill(
    tmp_path: Path, name: str, back: bool
) -> None:
    """Who goes on at once does not believe what the controller holds in that moment."""
    async with attacked(tmp_path / "late", DRIVERS[name]) as found:
        mishap = Mishap("late", 1, delay=0.6 * found.job.device.timeout)
        found.mishap = mishap
        async with restoring(found.job), asyncio.timeout(PATIENCE):
            while not mishap.met:  # noqa: ASYNC110 - a simulator tells nobody
                await asyncio.sleep(0.001)
        (left,) = await asyncio.to_thread(unfinished, found.job.vault)
        whole, late = groups(left)
        assert not set(late) - found.differ(found.gold), "it is not carried out yet"
        await gone_on(found, left, back)
        await mishap.over()
        assert found.held() == (found.manipulated if back else found.gold)
        put = [path for group in groups(left.with_suffix(".done"))[2:] for path in group]
        again = {*whole, *late} if back else found.paths - {*whole, *late}
        assert sorted(put) == sorted(again)
