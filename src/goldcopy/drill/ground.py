"""What drills are made on: a gold copy, the drivers, a vault that is gone afterwards."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Container
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from goldcopy.registry import Registry
from goldcopy.restore import Means, Receipt, Watch
from goldcopy.restore.plan import EVERYTHING
from goldcopy.snapshot import Snapshot
from goldcopy.vault import Vault


@dataclass(frozen=True)
class Gold:
    """What a device is to be restored to."""

    snapshot: Snapshot
    scope: Container[str] = EVERYTHING
    source: str = ""
    pace: float | None = None
    """Seconds that one request took on the device itself."""
    told: tuple[str, ...] = ()
    """What is to be told of where it came from."""


@dataclass(frozen=True)
class Ground:
    """What drills share."""

    registry: Registry
    by: str
    retries: int = 1
    retry_pause: float = 0.2


TWIN_SETTLES: Final = 0.2
"""Seconds after which nothing is on its way any more to a twin, which runs in this process."""


class Failed(Exception):
    """A drill found that something is not as it must be."""


@asynccontextmanager
async def restoring(ground: Ground, settle: float | None = None) -> AsyncIterator[Means]:
    """A vault for one drill alone: what is read of a twin is no history of the device.

    ``settle`` is as ``Means`` has it.
    """
    with tempfile.TemporaryDirectory(prefix="goldcopy-drill-") as folder:
        vault = await asyncio.to_thread(Vault.create, Path(folder) / "vault")
        try:
            async with vault.writing(ground.by, linger=0) as writer:
                yield Means(
                    vault,
                    writer,
                    ground.registry,
                    retries=ground.retries,
                    retry_pause=ground.retry_pause,
                    settle=settle,
                )
        finally:
            await asyncio.to_thread(vault.close)


@dataclass
class Cut(Watch):
    """Ends the restore that it watches when so many leaves were sent, as a kill would."""

    half: int = 0
    task: asyncio.Task[Receipt] | None = None

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        sent = name == "done" and isinstance(value, int) and value >= max(1, self.half)
        if sent and self.stage == "writing" and self.task is not None:
            self.task.cancel()
