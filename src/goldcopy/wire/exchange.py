"""One connection: what is sent when, what arrives, and how it ends."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy

from goldcopy.driver import Courtesy, Meter
from goldcopy.errors import GoldcopyError, Unreachable, WouldWrite
from goldcopy.wire.contract import Framer, Recorder, Server
from goldcopy.wire.flight import Flight, stray
from goldcopy.wire.frames import Frames

_QUICKACK = getattr(socket, "TCP_QUICKACK", None)  # Linux only


class Exchange(asyncio.Protocol):
    """One connection. Made by ``connect``; ended by its context, or by the first thing amiss."""

    def __init__(
        self,
        framer: Framer,
        *,
        timeout: float,
        courtesy: Courtesy,
        meter: Meter,
        writing: bool = False,
        recorder: Recorder | None = None,
    ) -> None:
        self.window = courtesy.window
        """Requests in flight at most; a driver lowers it to what the controller grants."""
        self._framer = framer
        self._timeout = timeout
        self._pause = courtesy.pause
        self._spacing = max(courtesy.pause, 1 / courtesy.rate if courtesy.rate else 0.0)
        self._meter = meter
        self._writing = writing
        self._recorder = recorder
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._frames = Frames(framer.length)
        self._flight = Flight(framer.key, meter)
        self._server: Server | None = None
        self._kept = b""
        self._not_before = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._pacer: asyncio.TimerHandle | None = None
        self._end: GoldcopyError | None = None
        self._gone = self._loop.create_future()

    # -- for drivers ---------------------------------------------------------------------------

    async def ask(self, request: bytes) -> bytes:
        """Send one request, return its reply.

        Raises ``Unreachable`` (silence, lost connection), ``Malformed`` (a reply that is not
        ours), ``WouldWrite`` (not on the read list; nothing was sent).
        """
        return (await self.ask_all([request]))[0]

    async def ask_all(self, requests: Sequence[bytes]) -> list[bytes]:
        """Send requests with up to ``window`` of them in flight; replies in their order.

        Raises as ``ask``; where one request is not on the read list, none is sent.
        """
        if not self._writing:
            self._guard(requests)
        if self._end is not None:
            raise copy(self._end)
        if not requests:
            return []
        batch = self._flight.ask(requests, self._loop.create_future())
        self._pump()
        try:
            await batch.done
        except asyncio.CancelledError:
            self.end(Unreachable("the exchange was cancelled"))
            raise
        return batch.replies

    @contextmanager
    def serving(self, server: Server) -> Iterator[None]:
        """Let ``server`` answer what the controller asks back about the one request made within.

        The request is in flight until ``server`` is done; the controller has a whole time limit
        for each step.
        """
        if not self._writing:
            raise WouldWrite("a reading session serves nothing. A mistake in the driver: report it")
        self._server, self._kept = server, b""
        try:
            yield
        finally:
            self._server = None

    def end(self, why: GoldcopyError) -> None:
        """Close at once; whoever still waits gets ``why``. The first reason stays."""
        if self._end is not None:
            return
        self._end = why
        for timer in (self._timer, self._pacer):
            if timer is not None:
                timer.cancel()
        self._flight.fail(why)
        self._server = None
        if self._transport is not None:
            self._transport.abort()

    async def closed(self) -> None:
        """Wait until the socket is closed."""
        if self._transport is not None:
            await self._gone

    # -- sending -------------------------------------------------------------------------------

    def _guard(self, requests: Sequence[bytes]) -> None:
        for request in requests:
            if not self._framer.only_reads(request):
                raise WouldWrite(
                    f"a reading session was asked to send {request[:16].hex(' ')}…, which is not "
                    "on the read list; nothing was sent. This is a mistake in the driver: report it"
                )

    def _pump(self) -> None:
        """Send what the window and the pace allow."""
        if self._pacer is not None:
            return
        now, flight = self._loop.time(), self._flight
        frames: list[bytes] = []
        room = max(1, self.window) - len(flight.under_way)
        while room > 0 and now >= self._not_before:
            frame = flight.leave(now + self._timeout)
            if frame is None:
                break
            frames.append(frame)
            room -= 1
            self._not_before = now + self._spacing
        if room > 0 and now < self._not_before and flight.waiting:
            self._pacer = self._loop.call_at(self._not_before, self._paced)
        if frames:
            self._send(b"".join(frames), len(frames), now)

    def _send(self, data: bytes, requests: int, now: float) -> None:
        assert self._transport is not None  # ``connect`` gives nobody an exchange without
        self._meter.requests += requests
        self._meter.bytes_out += len(data)
        if self._recorder is not None:
            self._recorder("out", data)
        self._transport.write(data)
        if self._timer is None:
            self._timer = self._loop.call_at(now + self._timeout, self._watch)

    def _paced(self) -> None:
        self._pacer = None
        self._pump()

    def _watch(self) -> None:
        """One timer for all: the oldest request in flight is the first that can be overdue."""
        self._timer = None
        oldest = next(iter(self._flight.under_way.values()), None)
        if oldest is None:
            return
        if self._loop.time() < oldest.deadline:
            self._timer = self._loop.call_at(oldest.deadline, self._watch)
            return
        self.end(Unreachable(f"no answer within {self._timeout:g} s"))

    # -- asyncio.Protocol ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Cut the stream into frames and hand each to its request."""
        self._meter.bytes_in += len(data)
        if self._recorder is not None:
            self._recorder("in", data)
        flight = self._flight
        try:
            for frame in self._frames.feed(data):
                if self._server is None:
                    flight.land(frame)
                else:
                    self._serve(self._server, frame)
            if self._frames.rest and not flight.under_way:
                raise stray(self._frames.rest)
        except GoldcopyError as error:
            self.end(error)
            return
        if self._pause:
            self._not_before = max(self._not_before, self._loop.time() + self._pause)
        self._pump()
        if flight.under_way and not flight.waiting:
            self._acknowledge()

    def _acknowledge(self) -> None:
        """Confirm what has arrived, where nothing is left to send that would do so by the way.

        Many controllers keep a reply back until the one before is confirmed (Nagle, RFC 896), and
        Linux takes up to 40 ms for that: once for each batch, longer than most batches.
        """
        bound = self._transport.get_extra_info("socket") if self._transport else None
        if bound is not None and _QUICKACK is not None:
            bound.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)

    def _serve(self, server: Server, frame: bytes) -> None:
        """Answer a question; keep the reply to the request back until the last one."""
        now = self._loop.time()
        answer = server.answer(frame) if self._flight.under_way else None
        if answer is not None:
            self._send(answer, 0, now)
        elif self._kept or not self._flight.has(frame):
            raise stray(frame)
        else:
            self._kept = frame
        for asked in self._flight.under_way.values():
            asked.deadline = now + self._timeout
        if server.done and self._kept:
            self._server = None
            self._flight.land(self._kept)

    def eof_received(self) -> bool:
        """The controller will send no more."""
        where = " in the middle of a reply" if self._frames.rest else ""
        self.end(Unreachable(f"the controller closed the connection{where}"))
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """The socket is gone."""
        self.end(Unreachable(f"the connection was lost ({error or 'closed by the controller'})"))
        if not self._gone.done():
            self._gone.set_result(None)
