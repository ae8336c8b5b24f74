"""An S7 CPU does one step of a download wrong, whichever it is, while a program is put back."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.drivers.mishaps import KINDS, whichever_write
from tests.drivers.restore_bench import scene
from tests.drivers.s7_blocks import FOREIGN, STEPS, program

from goldcopy_sim.mishap import VALUES, Mishap
from goldcopy_sim.s7 import S7Simulator

AT_ONCE = 8
"""Most of the time they wait."""


async def test_a_restore_here_takes_so_many_steps(tmp_path: Path) -> None:
    async with program() as bench, scene(tmp_path, bench) as found:
        simulator = bench.simulator
        assert isinstance(simulator, S7Simulator)
        before = bench.holds()
        await found.attack(bench.writes)
        plan = await found.plan()
        assert [write.path for write in plan.writes] == ["block/FB9", "block/FC10", "block/OB1"]
        simulator.mishap = Mishap("lost", STEPS)
        assert (await found.restore(plan)).proved
        assert bench.holds() == before
        assert simulator.mishap.met == 0
        assert simulator.violations == []


@pytest.mark.parametrize("kind", KINDS)
async def test_whichever_step_goes_wrong(tmp_path: Path, kind: str) -> None:
    receipts = await whichever_write(tmp_path, program, kind, at_once=AT_ONCE)
    assert len(receipts) == (len(FOREIGN) if kind in VALUES else STEPS)


@pytest.mark.parametrize("kind", ["lost", *VALUES])
async def test_all_go_wrong_from_one_on(tmp_path: Path, kind: str) -> None:
    receipts = await whichever_write(tmp_path, program, kind, lasting=True, at_once=AT_ONCE)
    assert len(receipts) == (len(FOREIGN) if kind in VALUES else STEPS)
