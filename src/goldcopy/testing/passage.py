"""One client's connection through a link, and the server's connection behind it."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Self

from goldcopy.testing.framing import Cutter
from goldcopy.testing.traffic import Link

_LINGER_NOT = struct.pack("ii", 1, 0)
"""SO_LINGER with zero seconds: a close sends RST, not FIN."""


class Passage(asyncio.Protocol):
    """The client's side. A fault iterates over it for the server's frames and uses ``send``.

    Args:
        link: counts what passes.
        live: has each passage from its client's coming until both its connections are closed.
        carry: takes the server's frames to the client, see ``Fault``; None: all as it comes.
        connects: whether there is to be a connection to the server.
    """

    def __init__(
        self,
        link: Link,
        live: set[Passage],
        carry: Callable[[Passage], Awaitable[None]] | None = None,
        *,
        connects: bool = True,
    ) -> None:
        self.link = link
        self._live = live
        self._carry = carry
        self._connects = connects
        self.asked = asyncio.Event()
        """Set when the client sends anything; who waits for that clears it first."""
        self.deaf = False
        """Whether what the client sends gets lost."""
        self.ended = asyncio.get_running_loop().create_future()
        """Done when both connections are closed."""
        self._client: asyncio.Transport
        self._server: asyncio.Transport | None = None
        self._task: asyncio.Task[None]
        self._early: list[bytes] = []
        self._to_server, self._to_client = Line(link.delay), Line(link.delay)
        self._requests, self._replies = Cutter(link.framing), Cutter(link.framing)
        self._in_flight = 0
        self._left = False
        self._frames: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue()

    # -- for faults ----------------------------------------------------------------------------

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> tuple[int, bytes]:
        """The server's next frame, and its number, which counts through all connections."""
        numbered = await self._frames.get()
        if numbered is None:
            raise StopAsyncIteration
        return numbered

    def send(self, data: bytes) -> None:
        """Send this to the client, in one piece."""
        self._to_client.put(lambda: self._deliver(data))

    async def apart(self) -> None:
        """Let the client take what was sent so far, if it lives in this event loop."""
        for _ in range(2):
            await asyncio.sleep(0)

    def cut(self, *, reset: bool = False) -> None:
        """Close the client's connection, orderly or with a reset."""
        if self._client.is_closing():
            return
        if reset:
            client = self._client.get_extra_info("socket")
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
            self._client.abort()
        else:
            self._client.close()

    # -- the client's connection ---------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        assert isinstance(transport, asyncio.Transport)
        self._client = transport
        self.link.opened()
        self._live.add(self)
        self.ended.add_done_callback(lambda _: self._live.discard(self))
        self._task = asyncio.get_running_loop().create_task(self._pass())

    def data_received(self, data: bytes) -> None:
        """The client sends."""
        self.link.bytes_out += len(data)
        if self.link.recorder is not None:
            self.link.recorder("out", data)
        for frame in self._requests.feed(data):
            if not self.link.framing.goes_on(frame):
                self.link.requests += 1
                self._in_flight += 1
        self.link.in_flight = max(self.link.in_flight, self._in_flight)
        self.asked.set()
        self._to_server.put(lambda: self._forward(data))

    def connection_lost(self, error: Exception | None) -> None:
        """The client's connection is gone."""
        self._left = True
        self.link.closed()
        self._task.cancel()
        self._task.add_done_callback(lambda _: self._end())

    def _end(self) -> None:
        """The client has gone and the fault has stopped: only the server may still be there."""
        if self._server is not None:
            self._server.abort()
        elif not self.ended.done():
            self.ended.set_result(None)

    def _forward(self, data: bytes) -> None:
        if self.deaf:
            return
        if self._server is None:
            self._early.append(data)
        elif not self._server.is_closing():
            self._server.write(data)

    def _deliver(self, data: bytes) -> None:
        if self._client.is_closing():
            return
        self.link.bytes_in += len(data)
        if self.link.recorder is not None:
            self.link.recorder("in", data)
        for frame in self._replies.feed(data):
            if not self.link.framing.goes_on(frame):
                self._in_flight = max(0, self._in_flight - 1)
        self._client.write(data)

    # -- the server's connection ---------------------------------------------------------------

    async def _pass(self) -> None:
        if self._connects:
            loop = asyncio.get_running_loop()
            try:
                await loop.create_connection(lambda: ServerSide(self), *self.link.server)
            except OSError:
                self.cut(reset=True)
                return
        if self._carry is not None:
            await self._carry(self)
            self._to_client.put(self.cut)

    def server_here(self, transport: asyncio.Transport) -> None:
        """The server has taken the connection."""
        self._server = transport
        for data in self._early:
            self._forward(data)

    def from_server(self, data: bytes, frames: list[bytes]) -> None:
        """The server has sent ``data``, which completes these frames."""
        first = len(self.link.frames)
        self.link.frames += map(len, frames)
        if self._carry is None:
            self.send(data)
        else:
            for numbered in enumerate(frames, first):
                self._frames.put_nowait(numbered)

    def server_gone(self, rest: bytes) -> None:
        """The server has closed, in the middle of a frame if there is a ``rest``."""
        self._server = None
        if self._left:
            if self._task.done():
                self._end()
        elif self._carry is None:
            self._to_client.put(self.cut)
        else:
            if rest:
                self._frames.put_nowait((len(self.link.frames), rest))
            self._frames.put_nowait(None)


class ServerSide(asyncio.Protocol):
    """Takes what the server sends to its passage."""

    def __init__(self, passage: Passage) -> None:
        self._passage = passage
        self._cutter = Cutter(passage.link.framing)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The server has taken the connection."""
        assert isinstance(transport, asyncio.Transport)
        self._passage.server_here(transport)

    def data_received(self, data: bytes) -> None:
        """The server sends."""
        self._passage.from_server(data, list(self._cutter.feed(data)))

    def connection_lost(self, error: Exception | None) -> None:
        """The server's connection is gone."""
        self._passage.server_gone(self._cutter.rest)


class Line:
    """One direction: what is put in happens ``delay`` seconds later, in the same order."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._under_way: deque[tuple[float, Callable[[], None]]] = deque()

    def put(self, action: Callable[[], None]) -> None:
        """Do this when its time has come."""
        if not self._delay:
            action()
            return
        loop = asyncio.get_running_loop()
        self._under_way.append((loop.time() + self._delay, action))
        if len(self._under_way) == 1:
            loop.call_at(self._under_way[0][0], self._arrive)

    def _arrive(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time() + 1e-6  # the loop calls up to a tick early
        while self._under_way and self._under_way[0][0] <= now:
            self._under_way.popleft()[1]()
        if self._under_way:
            loop.call_at(self._under_way[0][0], self._arrive)
