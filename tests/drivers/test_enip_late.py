"""Replies that come after their time: over a thousand such faults, not one wrong value."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.drivers.test_enip_conformance import made

from goldcopy.testing import faults
from goldcopy.testing.conformance import session, with_window
from goldcopy.testing.runs import each
from goldcopy_sim.enip import LogixSimulator


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
