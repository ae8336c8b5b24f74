"""What goes over a link, as the client sees it: out is to the server, in is from it."""

from __future__ import annotations

import asyncio

from goldcopy.testing.framing import Framing
from goldcopy.wire import Recorder


class Link:
    """Where it leads, how long that takes, and what has passed so far."""

    def __init__(
        self, server: tuple[str, int], framing: Framing, delay: float, recorder: Recorder | None
    ) -> None:
        self.server = server
        self.framing = framing
        self.delay = delay
        self.recorder = recorder
        self.open = 0
        """Connections that the client holds open now."""
        self.peak = 0
        self.total = 0
        self.bytes_out = 0
        self.bytes_in = 0
        self.requests = 0
        """Messages that the client has sent."""
        self.in_flight = 0
        """The most messages that one connection had unanswered at once."""
        self.frames: list[int] = []
        """Lengths of the server's frames, in the order in which they came."""
        self.struck = asyncio.Event()
        """Set when the fault has shown itself."""
        self._quiet = asyncio.Event()
        self._quiet.set()

    async def quiet(self) -> None:
        """Wait until the client holds no connection open."""
        await self._quiet.wait()

    def opened(self) -> None:
        """Count a connection in."""
        self.open += 1
        self.total += 1
        self.peak = max(self.peak, self.open)
        self._quiet.clear()

    def closed(self) -> None:
        """Count a connection out."""
        self.open -= 1
        if self.open == 0:
            self._quiet.set()
