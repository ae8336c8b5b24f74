"""A TCP proxy on loopback between a client and any server, which can do what networks do.

It counts what passes and applies one fault of ``faults`` to what the server sends.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Self

from goldcopy.testing.faults import Fault
from goldcopy.testing.framing import Framing
from goldcopy.testing.passage import Passage
from goldcopy.testing.traffic import Link
from goldcopy.wire import Recorder

LOOPBACK = "127.0.0.1"


class FaultyLink(Link):
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
        super().__init__((host, port), framing, delay, recorder)
        self.fault = fault
        self.host = LOOPBACK
        self.port = 0
        self._passages: set[Passage] = set()
        self._listener: asyncio.Server | None = None
        self._socket = socket.socket()

    async def __aenter__(self) -> Self:
        """Listen; ``port`` then holds the real port."""
        self._socket.bind((LOOPBACK, 0))  # bound and not listening: refuses, and keeps the port
        self.port = self._socket.getsockname()[1]
        if self.fault is None or self.fault.listens:
            loop = asyncio.get_running_loop()
            self._listener = await loop.create_server(self._passage, sock=self._socket)
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

    def _passage(self) -> Passage:
        if self.fault is None:
            return Passage(self, self._passages)
        return Passage(self, self._passages, self.fault.carry, connects=self.fault.connects)
