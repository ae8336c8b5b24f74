"""Over every driver: what was manipulated is put back to the bit, whatever the link does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from tests.drivers.restore_bench import scene
from tests.drivers.test_enip_conformance import TestLogix
from tests.drivers.test_enip_device_conformance import TestDevice
from tests.drivers.test_enip_pccc_conformance import TestPlc5, TestSlc
from tests.drivers.test_modbus_conformance import TestModbus
from tests.drivers.test_opcua_conformance import Small, TestOpcUaOven
from tests.drivers.test_s7_conformance import TestS7

from goldcopy.errors import Unreachable
from goldcopy.inventory import Rule, Rules
from goldcopy.restore import NotAllowed, resume, rollback, unfinished
from goldcopy.testing import faults
from goldcopy.testing.bench import Bench
from goldcopy.testing.conformance import DriverConformance
from goldcopy.testing.faults import Fault
from goldcopy.testing.link import FaultyLink
from goldcopy.testing.runs import sample, together

BENCHES: dict[str, Callable[[], DriverConformance]] = {
    "logix": TestLogix,
    "drive": TestDevice,
    "slc": TestSlc,
    "plc5": TestPlc5,
    "modbus": TestModbus,
    "opcua": TestOpcUaOven,
    "s7": TestS7,
}
# The suites themselves are run in the files that they are from.
del TestLogix, TestDevice, TestSlc, TestPlc5, TestModbus, TestOpcUaOven, TestS7


@pytest.mark.parametrize("name", BENCHES)
async def test_what_was_manipulated_is_put_back_and_proved(tmp_path: Path, name: str) -> None:
    async with BENCHES[name]().bench() as bench, scene(tmp_path, bench) as found:
        before = found.settings()
        await found.attack(bench.writes)
        assert found.settings() != before
        plan = await found.plan()
        changed = {write.path for write in plan.writes}
        assert changed == set(bench.writes)
        receipt = await found.restore(plan)
        assert receipt.proved, f"{receipt.why} {receipt.named('failed', 'in doubt')}"
        assert receipt.moved == ()
        assert found.settings() == before


LINKS: dict[str, Callable[[int, list[int]], Fault]] = {
    "late": lambda n, frames: faults.late(n),
    "duplicate": lambda n, frames: faults.duplicate(n),
    "cut": lambda n, frames: faults.cut(sum(frames[:n]) + frames[n] // 2, reset=n % 2 == 0),
    "dead": lambda n, frames: faults.dead(n),
}


class SmallOpcUa(Small):
    """An address space of two variables: the machine of the other suite takes seconds to start."""

    @asynccontextmanager
    async def bench(self) -> AsyncIterator[Bench]:
        async with super().bench() as bench:
            yield replace(bench, writes={"bench:Bench/bench:F000/bench:V001": 9.5})


RULES = Rules([Rule("bench:Bench/**", "setting")])
DISTURBED = {**BENCHES, "opcua": SmallOpcUa}
del Small


@pytest.mark.parametrize("name", DISTURBED)
async def test_whatever_the_link_does_no_leaf_is_said_to_be_what_it_is_not(
    tmp_path: Path, name: str
) -> None:
    """Counted over all sessions, from the first reading to the last."""
    frames = await undisturbed(tmp_path / "sound", name)
    jobs = []
    for kind, fault in LINKS.items():
        for n in sample(len(frames), 6):
            folder = tmp_path / f"{kind} {n}"
            folder.mkdir()
            jobs.append(partial(disturbed, folder, name, fault(n, frames), back=n % 2 == 0))
    at_once = 1 if name == "opcua" else 6  # starting its server holds up the loop for long
    doubts = sum(await together(at_once, jobs))
    assert doubts, "it was never cut for good while it wrote, or before it was read back"


async def undisturbed(folder: Path, name: str) -> list[int]:
    """The frames of a restore that nothing disturbs."""
    folder.mkdir()  # noqa: ASYNC240
    async with DISTURBED[name]().bench() as bench, scene(folder, bench, RULES) as found:
        await found.attack(bench.writes)
        plan = await found.plan()
        host, port = bench.target.host, bench.target.port
        async with FaultyLink(host, port, bench.framing) as link:
            receipt = await found.restore(plan, host=link.host, port=link.port)
            assert receipt.proved
            assert receipt.planned == len(bench.writes)
        return link.frames


async def disturbed(folder: Path, name: str, fault: Fault, *, back: bool) -> bool:
    """One restore over such a link; whether it was left in doubt, and gone on with."""
    async with DISTURBED[name]().bench() as bench, scene(folder, bench, RULES) as found:
        gold = found.settings()
        await found.attack(bench.writes)
        manipulated = found.settings()
        plan = await found.plan()
        host, port = bench.target.host, bench.target.port
        async with FaultyLink(host, port, bench.framing, fault) as link:
            try:
                receipt = await found.restore(plan, host=link.host, port=link.port)
            except (Unreachable, NotAllowed):  # it could not be read, or not all of it
                assert found.settings() == manipulated, f"{fault}: nothing was to be written"
                return False
        if doubt := not receipt.finished:
            assert not receipt.proved
            (journal,) = unfinished(found.means.vault.path)
            back = back or "rolled back" in receipt.counts
            go_on = rollback if back else resume
            receipt = await go_on(journal, found.device, found.means)
            assert receipt.rolled_back if back else receipt.proved
        if receipt.proved:
            assert found.settings() == gold, f"{fault}: said to be proved"
        else:
            assert found.settings() == manipulated, f"{fault}: said to be as it was found"
            sent = receipt.groups > 0  # where nothing was, a device that is gone needs no way back
            assert receipt.rolled_back == (sent or bool(receipt.after)), f"{fault}: {receipt}"
        assert unfinished(found.means.vault.path) == []
        return doubt
