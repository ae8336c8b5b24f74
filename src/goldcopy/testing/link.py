"""A TCP proxy on loopback between a client and any server, which can do what networks do.

It counts what passes and applies one fault of ``faults`` to what the server sends. Everything is
seen from the client, as ``Meter`` is: out is to the server, in is from it.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Self

from goldcopy.testing.faults import Fault
from goldcopy.testing.framing import Framing
from goldcopy.testing.passage import Passage
from goldcopy.wire import Recorder

LOOPBACK = "127.0.0.1"


class FaultyLink:
    """One link to one server; a client uses the link's ``host`` and ``port`` in its place.

    Args:
        host: the server's address.
        port: the server's port.
        framing: how its protocol delimits frames.
        fault: what the link does wrong; None is a perfect link.
        delay: seconds that each byte is under way in each direction, whatever else is: latency,
            not bandwidth. The event loop rounds up to the next millisecond.
        recorder: sees all that passes.
    """

    def __init__(
        self,
        host: str,
        port: int,
        framing: Framing,
        fault: Fault | None = None,
        *,
        delay: float = 0.0,
        recorder: Recorder | None = None,
    ) -> None:
        self.server = (host, port)
        self.framing = framing
        self.fault = fault
        self.delay = delay
        self.recorder = recorder
        self.host = LOOPBACK
        self.port = 0
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
        self._passages: set[Passage] = set()
        self._listener: asyncio.Server | None = None
        self._socket = socket.socket()

    async def __aenter__(self) -> Self:
        """Listen; ``port`` then holds the real port."""
        self._socket.bind((LOOPBACK, 0))  # bound and not listening: refuses, and keeps the port
        self.port = self._socket.getsockname()[1]
        if self.fault is None or self.fault.listens:
            loop = asyncio.get_running_loop()
            self._listener = await loop.create_server(lambda: Passage(self), sock=self._socket)
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Stop listening and cut every connection."""
        if self._listener is not None:
            self._listener.close()
        self._socket.close()
        passages = list(self._passages)
        for passage in passages:
            passage.cut(reset=True)
        await asyncio.gather(*(passage.ended for passage in passages))

    async def quiet(self) -> None:
        """Wait until the client holds no connection open."""
        await self._quiet.wait()

    def opened(self, passage: Passage) -> None:
        """Count a connection in."""
        self._passages.add(passage)
        passage.ended.add_done_callback(lambda _: self._passages.discard(passage))
        self.open += 1
        self.total += 1
        self.peak = max(self.peak, self.open)
        self._quiet.clear()

    def closed(self) -> None:
        """Count a connection out."""
        self.open -= 1
        if self.open == 0:
            self._quiet.set()
