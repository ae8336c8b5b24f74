"""A restore over a real driver, or its way on after a kill, until it is killed. Not a test.

It is forked off a server that has imported all it needs, which takes most of a second.
"""

from __future__ import annotations

import asyncio
import multiprocessing
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import goldcopy_enip
import goldcopy_modbus
import goldcopy_opcua
import goldcopy_s7
from goldcopy.inventory import Device
from goldcopy.registry import DRIVERS, Registry
from goldcopy.restore import GoldState, Means, Permit, Plan, apply, resume, rollback
from goldcopy.vault import Vault

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload([__name__])
IMPORTED = (goldcopy_enip, goldcopy_modbus, goldcopy_opcua, goldcopy_s7)


@dataclass(frozen=True)
class Job:
    """What is restored."""

    vault: Path
    driver: str
    """``module:class``."""
    device: Device
    plan: bytes
    """Its canonical line."""
    pause: float
    """Seconds between two groups."""
    left: Path | None = None
    """The journal of the one that is gone on with; None where it begins."""
    back: bool = False
    """Whether what is left is rolled back."""

    @property
    def registry(self) -> Registry:
        """The one driver."""
        return Registry([EntryPoint(self.device.driver, self.driver, DRIVERS)])


def start(job: Job) -> tuple[ForkServerProcess, Connection]:
    """Begin it in another process. Sends None once it begins, and at its end if that is proved."""
    here, there = SERVER.Pipe(duplex=False)
    with there:
        process = SERVER.Process(target=_restored, args=(job, there), daemon=True)
        process.start()
    return process, here


def _restored(job: Job, told: Connection) -> None:
    asyncio.run(_restore(job, told))


async def _restore(job: Job, told: Connection) -> None:
    plan = Plan.read(job.plan)
    vault = Vault.open(job.vault)
    gold = vault.load(plan.target.snapshot)
    async with vault.writing(linger=0) as writer:
        means = Means(vault, writer, job.registry, pause=job.pause)
        told.send(None)
        if job.left is not None:
            receipt = await (rollback if job.back else resume)(job.left, job.device, means)
            told.send(receipt.rolled_back if job.back else receipt.proved)
            return
        receipt = await apply(
            plan,
            gold,
            job.device,
            means,
            gold=GoldState(valid=True, snapshot=gold.id),
            approvals=lambda digest: {"ann"},
            permit=Permit(by="bob@panel", in_run=True),
        )
        told.send(receipt.proved)
