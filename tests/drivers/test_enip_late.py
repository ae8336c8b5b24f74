"""Replies that come after their time: over a thousand such faults, not one wrong value."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from tests.drivers.test_enip_conformance import made

from goldcopy.errors import Unreachable
from goldcopy.testing import faults
from goldcopy.testing.bench import Bench
from goldcopy.testing.conformance import session, with_window
from goldcopy.testing.faults import Fault
from goldcopy.testing.passage import Passage
from goldcopy.testing.runs import each, linked, pull, together
from goldcopy_sim.enip import LogixSimulator

LATE, LIMIT = 0.6, 0.3


@pytest.mark.parametrize("window", [1, 4])
async def test_five_hundred_late_replies(window: int) -> None:
    async with LogixSimulator.demo("line3-palletizer") as simulator:
        bench = made(simulator)
        frames = len(await session(bench))
        bench.target = with_window(replace(bench.target, timeout=0.1), window)
        runs = await each(bench, [faults.late(number % frames) for number in range(500)])
    assert sum(run.link.struck.is_set() for run in runs) > 450
    failed = sum(run.error is not None for run in runs)
    assert failed > 400, "a reply that is lost in time must not make a snapshot"


@pytest.mark.parametrize("window", [1, 4])
async def test_over_five_hundred_replies_twice_as_late_as_the_time_limit(window: int) -> None:
    """And a second pull over the same link, before the late reply has come."""
    async with LogixSimulator.demo("line3-palletizer") as simulator:
        simulator.max_connections = 2000  # those that were given up are open until they expire
        bench = made(simulator)
        frames = len(await session(bench))
        bench.target = with_window(replace(bench.target, timeout=LIMIT), window)
        done = await together(100, [lambda n=n: again(bench, n % frames) for n in range(510)])  # type: ignore[misc]
    assert sum(done) > 500, "most of the faults must have struck"


async def again(bench: Bench, number: int) -> bool:
    """Whether the fault has struck, after a pull that meets it and one that follows at once."""
    fault = tardy(number)
    async with linked(bench, fault) as run:
        try:
            lies = list(bench.lies(await pull(bench, run)))
            assert not lies, f"{fault}: {lies[:3]}"
            closing = number >= len(run.link.frames) - 2
            assert closing or not run.link.struck.is_set(), f"{fault}: read in spite of it"
        except Unreachable:
            pass  # what must be; any other error fails the test
        run.target = replace(run.target, timeout=5.0)
        amiss = list(bench.incomplete(await pull(bench, run)))
        assert not amiss, f"{fault}, and again: {amiss[:3]}"
        return run.link.struck.is_set()


def tardy(number: int) -> Fault:
    """One reply comes when its time has long passed; those behind it come in time."""

    async def carry(passage: Passage) -> None:
        loop = asyncio.get_running_loop()
        async for n, frame in passage:
            if n == number:
                passage.link.struck.set()
                loop.call_later(LATE, passage.send, frame)
            else:
                passage.send(frame)

    return Fault(f"frame {number} {LATE:g} s late", carry)
