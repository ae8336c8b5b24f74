"""The way out of a connection: at once, late, or drop by drop."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

DROP = 24
PAUSE = 0.1


class Outlet:
    """Stands between asyncua and the transport it writes to.

    A delay is latency, not work: two messages that are ready together arrive together.
    """

    def __init__(self, transport: asyncio.Transport, delay: float) -> None:
        self._transport = transport
        self._delay = delay
        self._waiting: deque[bytes] = deque()
        self._free_at = 0.0
        self.dripping = False

    def write(self, message: bytes) -> None:
        """Send a message in its turn."""
        pieces = [message]
        if self.dripping:
            pieces = [message[i : i + DROP] for i in range(0, len(message), DROP)]
        elif not self._delay and not self._waiting:
            self._transport.write(message)
            return
        loop = asyncio.get_running_loop()
        at = max(loop.time() + self._delay, self._free_at)
        for piece in pieces:
            self._waiting.append(piece)
            loop.call_at(at, self._next)
            at += PAUSE * self.dripping
        self._free_at = at if self.dripping else 0.0

    def abort(self) -> None:
        """Drop the connection; what has not been sent is lost."""
        self._transport.abort()

    def get_extra_info(self, name: str) -> Any:  # noqa: ANN401 - asyncio's own signature
        """What asyncio knows of the transport."""
        return self._transport.get_extra_info(name)

    def _next(self) -> None:
        if self._waiting and not self._transport.is_closing():
            self._transport.write(self._waiting.popleft())
