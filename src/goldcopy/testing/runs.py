"""Pulls through a link, and what came of them. Whatever is amiss is an ``AssertionError``."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from goldcopy.driver import Meter, Target
from goldcopy.errors import GoldcopyError, Malformed, Unreachable
from goldcopy.snapshot import Snapshot
from goldcopy.testing.bench import Bench
from goldcopy.testing.faults import Fault
from goldcopy.testing.link import FaultyLink

T = TypeVar("T")


@dataclass
class Run:
    """One pull, and the link it went over."""

    link: FaultyLink
    target: Target
    meter: Meter = field(default_factory=Meter)
    snapshot: Snapshot | None = None
    error: GoldcopyError | None = None
    """What was raised instead. Without its traceback, which would keep the session alive."""
    trace: str = ""

    @property
    def read(self) -> Snapshot:
        """The snapshot, where there must be one."""
        assert self.snapshot is not None, f"{self.link.fault}: raised {self.error!r}"
        return self.snapshot


@asynccontextmanager
async def linked(
    bench: Bench, fault: Fault | None = None, target: Target | None = None
) -> AsyncIterator[Run]:
    """A link to the bench's simulator, and the target that leads over it."""
    target = target or bench.target
    async with FaultyLink(target.host, target.port, bench.framing, fault) as link:
        yield Run(link, replace(target, host=link.host, port=link.port))


async def pull(bench: Bench, run: Run) -> Snapshot:
    """What collect does with a device, once."""
    async with bench.driver.open(run.target, run.meter) as session:
        identity = await session.identify()
        reading = await session.read()
        assert not reading.carried, "read() carries nothing over; only read_since may"
    return Snapshot.of(run.target.device, bench.driver.name, identity, reading.items, reading.gaps)


async def attempt(bench: Bench, fault: Fault | None = None, target: Target | None = None) -> Run:
    """One pull over a link with this fault: a snapshot or a typed error, in time."""
    async with linked(bench, fault, target) as run:
        try:
            async with asyncio.timeout(bench.deadline) as limit:
                run.snapshot = await pull(bench, run)
        except GoldcopyError as error:
            run.trace = "".join(traceback.format_exception(error))
            run.error = error.with_traceback(None)
            error.__cause__ = error.__context__ = None
        except Exception as error:
            late = f"{fault}: not done within {bench.deadline:g} s"
            foreign = f"{fault}: raised {error!r}, which is no error of goldcopy"
            raise AssertionError(late if limit.expired() else foreign) from error
        await closed(bench, run, str(fault))
    return run


async def complete(bench: Bench, fault: Fault | None = None, target: Target | None = None) -> Run:
    """An attempt in which all is read in spite of the fault."""
    run = await attempt(bench, fault, target)
    amiss = list(bench.incomplete(run.read))
    assert not amiss, f"{fault}: {'; '.join(amiss[:3])} ({len(amiss)} such)"
    return run


async def honest(bench: Bench, fault: Fault) -> Run:
    """An attempt that ends in no lie: complete, with gaps, or with an error worth a retry."""
    run = await attempt(bench, fault)
    lies = list(bench.lies(run.snapshot)) if run.snapshot else []
    assert not lies, f"{fault}: {'; '.join(lies[:3])} ({len(lies)} lies)"
    assert run.error is None or isinstance(run.error, Unreachable | Malformed), (
        f"{fault}: raised {run.error!r}, after which nobody tries again"
    )
    return run


async def each(
    bench: Bench, faults: Iterable[Fault], how: Callable[[Bench, Fault], Awaitable[Run]] = honest
) -> list[Run]:
    """A run with each of these faults, several at once; all that is amiss in one error."""
    return await together(bench.parallel, [partial(how, bench, fault) for fault in faults])


async def together(parallel: int, jobs: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    """All jobs, so many at once, each to its end; all that is amiss in one error."""
    limit = asyncio.Semaphore(parallel)

    async def one(job: Callable[[], Awaitable[T]]) -> T:
        async with limit:
            return await job()

    done = await asyncio.gather(*map(one, jobs), return_exceptions=True)
    amiss = [result for result in done if isinstance(result, BaseException)]
    text = "\n".join(map(str, amiss[:10]))
    if not all(isinstance(one, AssertionError) for one in amiss):
        raise BaseExceptionGroup(text, amiss)
    assert not amiss, f"{len(amiss)} of {len(done)}:\n{text}"
    return [result for result in done if not isinstance(result, BaseException)]


async def closed(bench: Bench, run: Run, when: str) -> None:
    """The driver holds no connection open."""
    try:
        async with asyncio.timeout(bench.patience):
            await run.link.quiet()
    except TimeoutError:
        raise AssertionError(f"{when}: the driver left {run.link.open} connections open") from None


@asynccontextmanager
async def nothing_left(bench: Bench, when: str) -> AsyncIterator[None]:
    """No task that was begun within is there afterwards."""
    before = asyncio.all_tasks()
    yield
    end = asyncio.get_running_loop().time() + bench.patience
    while left := {task for task in asyncio.all_tasks() - before if not task.done()}:
        if asyncio.get_running_loop().time() > end:
            raise AssertionError(f"{when}: tasks were left behind: {left}")
        await asyncio.sleep(0.001)


def sample(total: int, most: int) -> list[int]:
    """Up to ``most`` of the numbers below ``total``, evenly spread; all, the first and the last."""
    if total <= most:
        return list(range(total))
    return sorted({n * (total - 1) // (most - 1) for n in range(most)})


def offsets(frames: list[int], most: int) -> list[int]:
    """Where to cut a session whose frames have these lengths.

    Everywhere if it is not longer than ``most`` bytes; else at and around the ends of frames, and
    evenly spread over the rest.
    """
    total = sum(frames)
    if total < most:
        return list(range(total + 1))
    ends, at = [0], 0
    for length in frames:
        at += length
        ends.append(at)
    near = {
        place
        for n in sample(len(ends), max(2, most // 6))
        for place in (ends[n] - 1, ends[n], ends[n] + 1)
        if 0 <= place <= total
    }
    return sorted(near | set(sample(total, most - len(near))))
