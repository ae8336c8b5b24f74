"""``kill -9`` at any moment of a restore over a real driver: resume and rollback both end proved.

The controller lives on in the test's process. ``--kills N`` says how often, over all drivers
together (``make soak N=…``).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol, cast

import pytest
from asyncua.ua import SecurityPolicyType
from tests.drivers.restore_bench import scene
from tests.drivers.restored_until_killed_over_drivers import Job, start
from tests.drivers.test_enip_conformance import made as palletizer
from tests.drivers.test_opcua_conformance import PLAIN, WRITES, oven
from tests.drivers.test_restore_drivers import BENCHES
from tests.drivers.test_s7_conformance import LAID_OUT
from tests.drivers.test_s7_conformance import made as press

from goldcopy.driver import Target
from goldcopy.restore import Means, journal, resume, rollback, unfinished
from goldcopy.snapshot import Identity, Value
from goldcopy.testing.bench import Bench, Held, form
from goldcopy.testing.framing import ETHERNET_IP
from goldcopy.vault import Vault
from goldcopy_enip import EnipDriver
from goldcopy_enip.options import Options
from goldcopy_s7.options import DbLayout
from goldcopy_sim.enip import DriveSimulator, LogixSimulator, Parameter
from goldcopy_sim.mishap import Mishap
from goldcopy_sim.opcua import OpcUaSimulator, Settings
from goldcopy_sim.s7 import Block, Kind, S7Simulator
from goldcopy_sim.service import Connections

PAUSE = 0.05
"""Seconds between two groups, so that most of the time something is written and not all."""
PATIENCE = 20.0

# -- benches whose settings take several requests --------------------------------------------------


@asynccontextmanager
async def logix() -> AsyncIterator[Bench]:
    async with LogixSimulator.demo("line3-palletizer") as simulator:
        simulator.large_open, simulator.max_size = False, 504
        bench = palletizer(simulator)
        more = {f"tag/Messages/{n}": f"Lane {n} is blocked" for n in range(4)}
        more |= {"tag/Recipe/1/Name": "BAG/2", "tag/Operator": "nobody"}
        yield replace(bench, writes={**bench.writes, **more})


@asynccontextmanager
async def drive() -> AsyncIterator[Bench]:
    numbers = range(1, 101)
    parameters = [Parameter(n, f"P{n}", "DINT", n, -1000, 1000, 0) for n in numbers]
    async with DriveSimulator(
        parameters=parameters, dpi=False, large_open=False, max_size=504
    ) as simulator:
        target = Target(
            "drive", simulator.host, simulator.port, timeout=0.5, options=Options(profile="cip")
        )
        yield Bench(
            EnipDriver(),
            target,
            simulator,
            ETHERNET_IP,
            Identity(),
            lambda: dict(simulator.values()),
            lambda: None,
            writes={f"parameter/{n}": -n for n in numbers},
        )


@asynccontextmanager
async def opcua() -> AsyncIterator[Bench]:
    settings = Settings(security=[SecurityPolicyType.NoSecurity], max_nodes_per_write=2)
    async with OpcUaSimulator.demo("oven-1", settings=settings) as plc:
        target = Target("oven", plc.host, plc.port, timeout=1.0, options=PLAIN)
        yield replace(await oven(plc, target), writes=WRITES)


PARTS, PART = 6, 120
"""Arrays of one data block; no two of them in one PDU of 240 bytes."""


@asynccontextmanager
async def s7() -> AsyncIterator[Bench]:
    block = Block(Kind.DB, LAID_OUT, bytes(n % 251 for n in range(PARTS * PART)), language=5)
    declared = "".join(f"  part{n} : ARRAY [1 .. {PART}] OF BYTE ;\n" for n in range(PARTS))
    text = f"DATA_BLOCK DB {LAID_OUT}\nSTRUCT\n{declared}END_STRUCT ;\nBEGIN\nEND_DATA_BLOCK\n"
    with TemporaryDirectory() as folder:
        layout = Path(folder) / "values.awl"
        layout.write_text(text)
        async with S7Simulator(
            blocks=[block], protection=3, password="s3cret", pdu=240
        ) as simulator:
            bench = press(simulator, DbLayout(LAID_OUT, (layout,)))

            def holds() -> Held:
                body = bytes(simulator.data[LAID_OUT])
                return {
                    f"db/{LAID_OUT}/part{n}": (
                        f"ARRAY[{PART}] OF BYTE",
                        tuple(body[n * PART : (n + 1) * PART]),
                    )
                    for n in range(PARTS)
                }

            other: dict[str, Value] = {path: (7,) * PART for path in holds()}
            yield replace(bench, holds=holds, writes=other)


DRIVERS: Mapping[str, Callable[[], AbstractAsyncContextManager[Bench]]] = {
    **{name: lambda name=name: BENCHES[name]().bench() for name in BENCHES},  # type: ignore[misc]
    "logix": logix,
    "drive": drive,
    "opcua": opcua,
    "s7": s7,
}

# -- one restore, killed ---------------------------------------------------------------------------


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

    def held(self) -> Mapping[str, object]:
        """All that the controller holds, live values too."""
        return {path: form(*typed) for path, typed in self.bench.holds().items()}

    def writes(self) -> int:
        """How many writing requests it was asked for."""
        return sum(service.writes for service in self.bench.simulator.log)

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
async def attacked(folder: Path, name: str) -> AsyncIterator[Attacked]:
    folder.mkdir()  # noqa: ASYNC240
    async with DRIVERS[name]() as bench:
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


async def one_kill(folder: Path, name: str, seconds: float, back: bool) -> tuple[bool, float]:
    """One restore that is killed: whether that was midway, and its length if it was too late."""
    async with attacked(folder, name) as found:
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
    async with attacked(tmp_path / "whole", name) as found:
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
        hit, lasted = await one_kill(tmp_path / str(number), name, part * length, number % 2 == 1)
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
    async with attacked(tmp_path / "late", name) as found:
        mishap = Mishap("late", 1, delay=0.6 * found.job.device.timeout)
        cast(Simulated, found.bench.simulator).mishap = mishap
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
