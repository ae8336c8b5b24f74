"""One device, read once: attempts on new connections, within one deadline."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from goldcopy.collect.outcome import only, words
from goldcopy.collect.watch import Progress
from goldcopy.driver import Driver, Reading, Session, Target, Tokened
from goldcopy.errors import Malformed, Unreachable
from goldcopy.snapshot import Identity, Snapshot

LONGEST_PAUSE = 30.0
"""Seconds between two attempts at most."""

Previous = Callable[[Identity], Awaitable[Snapshot | None]]
"""The snapshot that a change token may be held against; None to read everything."""


class Retries(NamedTuple):
    """How often a read that failed for a while is tried again."""

    times: int
    pause: float
    """Seconds before the first retry; doubled for each further one, and varied by half."""

    def delay(self, attempt: int) -> float:
        """Seconds to wait after this attempt. Varied, so that a plant does not return in step."""
        # Capped before it is doubled: the exponent must not outgrow a float.
        pause = min(LONGEST_PAUSE, self.pause * 2.0 ** min(attempt - 1, 32))
        return pause * random.uniform(0.5, 1.5)


async def pull(
    driver: Driver,
    target: Target,
    deadline: float,
    retries: Retries,
    previous: Previous,
    progress: Progress,
) -> tuple[Identity, Reading]:
    """Read everything a device holds.

    Raises what the driver raised at last, or ``Unreachable`` when ``deadline`` seconds are over.
    """
    try:
        async with asyncio.timeout(deadline) as limit:
            return await _attempts(driver, target, retries, previous, progress)
    except TimeoutError:
        if not limit.expired():
            raise
    meter = progress.meter
    steps = f", {meter.done} of {meter.total} steps" if meter.total else ""
    before = f"; before that: {progress.error}" if progress.error else ""
    raise Unreachable(
        f"not done within its deadline of {deadline:g} s (attempt {progress.attempt}, "
        f"{meter.requests} requests{steps}); raise the deadline, or find what slows it{before}"
    )


async def _attempts(
    driver: Driver, target: Target, retries: Retries, previous: Previous, progress: Progress
) -> tuple[Identity, Reading]:
    while True:
        progress.attempt += 1
        try:
            return await _attempt(driver, target, previous, progress)
        except (Unreachable, Malformed) as error:
            if progress.attempt > retries.times:
                raise
            progress.error = words(target.device, error, target.password)
        delay = retries.delay(progress.attempt)
        progress.retry_at = time.monotonic() + delay
        progress.state = "retrying"
        await asyncio.sleep(delay)


async def _attempt(
    driver: Driver, target: Target, previous: Previous, progress: Progress
) -> tuple[Identity, Reading]:
    progress.state = "connecting"
    progress.meter.done = progress.meter.total = 0
    try:
        async with driver.open(target, progress.meter) as session:
            progress.state = "reading"
            identity = await session.identify()
            return identity, await _read(session, identity, previous)
    except BaseExceptionGroup as group:  # from a task group within the driver
        raise only(group) from None


async def _read(session: Session, identity: Identity, previous: Previous) -> Reading:
    if isinstance(session, Tokened):
        before = await previous(identity)
        if before is not None:
            return await session.read_since(before)
    return await session.read()
