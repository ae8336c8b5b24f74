"""The controller itself does one write wrong, for every write of a restore, one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol, cast

from tests.drivers.restore_bench import Scene, scene

from goldcopy.inventory import Rules
from goldcopy.restore import Journal, Receipt, resume, rollback, unfinished
from goldcopy.testing.bench import Bench
from goldcopy.testing.runs import together
from goldcopy_sim.mishap import REQUESTS, VALUES, Mishap

KINDS = (*REQUESTS, *VALUES)
MOST = 60
"""Writes of one restore, with its way back; more, and the bench is too large for this."""
LATE = 1.5
"""In timeouts of the device: the driver has given up, and the restore waits before it reads."""

LEAST = 0.6
"""Seconds for an answer: a busy machine stands still for longer than a bench may have to spare."""

Benches = Callable[[], AbstractAsyncContextManager[Bench]]


class _Simulator(Protocol):
    mishap: Mishap | None


async def whichever_write(
    folder: Path,
    benches: Benches,
    kind: str,
    *,
    lasting: bool = False,
    rules: Rules | None = None,
    at_once: int = 4,
) -> list[Receipt]:
    """One restore for every write that can go wrong, each on a new controller.

    Returns the receipts. Whatever a receipt says and the controller does not hold is an
    ``AssertionError``.
    """
    found: list[Receipt] = []
    for start in range(0, MOST, at_once):
        jobs = [
            partial(_restored, folder / str(k), benches, Mishap(kind, k, lasting), rules)
            for k in range(start, start + at_once)
        ]
        for receipt, met in await together(at_once, jobs):
            if not met:
                assert receipt.proved, f"{kind}: nothing was wrong: {receipt.why}"
                assert found, f"{kind}: it was never met"
                return found
            found.append(receipt)
    raise AssertionError(f"{kind}: more than {MOST} writes")


async def _restored(
    folder: Path, benches: Benches, mishap: Mishap, rules: Rules | None
) -> tuple[Receipt, int]:
    folder.mkdir(parents=True)  # noqa: ASYNC240
    async with AsyncExitStack() as stack:
        bench = await stack.enter_async_context(benches())
        bench.target = replace(bench.target, timeout=max(LEAST, bench.target.timeout))
        found = await stack.enter_async_context(scene(folder, bench, rules or Rules()))
        gold = found.settings()
        await found.attack(bench.writes)
        manipulated = found.settings()
        assert {path for path in gold if gold[path] != manipulated[path]} == set(bench.writes)
        plan = await found.plan()
        simulator = cast(_Simulator, bench.simulator)
        mishap.delay = LATE * bench.target.timeout
        simulator.mishap = mishap
        receipt = await found.restore(plan)
        await mishap.over()
        when = f"{mishap.kind} at {mishap.at}{' and after' if mishap.lasting else ''}"
        judged(found, receipt, gold, manipulated, when)
        if not mishap.lasting:
            ended(found, receipt, when)
        simulator.mishap = None
        if not receipt.finished:
            await gone_on(found, receipt, gold, manipulated, when)
        return receipt, mishap.met


def judged(
    found: Scene,
    receipt: Receipt,
    gold: dict[str, object],
    manipulated: dict[str, object],
    when: str,
) -> None:
    """Leaf by leaf: what is said of it is what the controller holds."""
    now = found.settings()
    planned = {leaf.path: leaf for leaf in receipt.leaves if leaf.verdict != "not restorable"}
    for path, value in now.items():
        leaf = planned.get(path)
        said = f"{when}: {path}: {leaf}, and holds {value}; {receipt.why}"
        if leaf is None:
            assert value == gold[path], f"{said}: it was not planned"
        elif leaf.verdict == "proved":
            assert value == gold[path], said
        elif leaf.verdict in ("unchanged", "rolled back"):
            assert value == manipulated[path], said
        else:
            assert leaf.why, said
        if leaf and leaf.verdict == "failed":
            assert value not in (gold[path], manipulated[path]) or not receipt.proved, said
    assert receipt.proved == (now == gold), f"{when}: {receipt.why}"
    assert receipt.proved or receipt.why, f"{when}: not proved, and nobody knows why"
    told = found.means.vault.notes("receipt", "bench")[-1].body
    assert {leaf["verdict"] for leaf in told["leaves"]} == set(receipt.counts)


def ended(found: Scene, receipt: Receipt, when: str) -> None:
    """One write alone has gone wrong: the way back is free, or it is gone on with."""
    assert receipt.proved or receipt.rolled_back or not receipt.finished, (
        f"{when}: {receipt.why}: {receipt.leaves}"
    )
    assert bool(unfinished(found.means.vault.path)) == (not receipt.finished)


async def gone_on(
    found: Scene,
    receipt: Receipt,
    gold: dict[str, object],
    manipulated: dict[str, object],
    when: str,
) -> None:
    """From the journal to the end, or back where it was going back already."""
    (journal,) = unfinished(found.means.vault.path, "bench")
    back = (await asyncio.to_thread(Journal.open, journal)).turned is not None
    go_on = rollback if back else resume
    again = await go_on(journal, found.device, found.means)
    judged(found, again, gold, manipulated, f"{when}, then gone on")
    assert again.rolled_back if back else again.proved
    assert await asyncio.to_thread(unfinished, found.means.vault.path) == []
