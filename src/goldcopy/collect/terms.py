"""When a device may be asked in a run, and how patiently."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from goldcopy.errors import Unreachable


class Late(Unreachable):
    """The device's time in this run was over before it was read: no fault of its own."""


class Terms(NamedTuple):
    """What holds for one device in one run. Times are seconds since the run began."""

    retries: int = 2
    """Further attempts if it does not answer, or answers nonsense."""
    begin: float = 0.0
    """It is not asked before."""
    end: float | None = None
    """It is not asked after, whatever is still to read; None: it may take until its deadline."""
    why: str = ""
    """What ends then, for a person: ``the window 01:00-05:00``."""

    @asynccontextmanager
    async def kept(self, began: float) -> AsyncIterator[None]:
        """Wait until the device may be asked; raise ``Late`` when it no longer may be.

        ``began`` is the loop's time at which the run began.
        """
        loop = asyncio.get_running_loop()
        limit = None if self.end is None else began + self.end
        try:
            # A limit that is over cancels at the next wait, which may come after a request.
            if limit is not None and loop.time() >= limit:
                raise self._late()
            async with asyncio.timeout_at(limit) as over:
                await asyncio.sleep(max(0.0, began + self.begin - loop.time()))
                yield
        except TimeoutError:
            if limit is None or not over.expired():
                raise
            raise self._late() from None

    def _late(self) -> Late:
        return Late(f"not read: {self.why or 'the time of this run'} was over before its end")
