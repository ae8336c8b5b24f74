"""One exchange for the request-reply protocols over TCP: framing, matching, window, pacing, guard.

A protocol plugs in a sans-I/O ``Framer``; Modbus, S7 and EtherNet/IP share the rest. What it
guarantees:

- A reply reaches the request that it belongs to, or nobody. An unmatched, late, doubled or
  malformed reply ends the connection, so that no value can ever belong to another request.
- A request that the framer does not know to be reading never leaves a reading exchange.
- Every wait has a time limit; cancelling a waiter ends the connection.
- Nothing is ever sent twice. Whoever may repeat a read (``collect``) opens a new connection.
- A controller is answered what it asks back only in a writing exchange that is ``serving``.
- Memory is bounded: by the window on the way out, by ``LONGEST`` on the way in.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable, Hashable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from copy import copy
from typing import Literal, Protocol

from goldcopy.driver import Courtesy, Meter, Target
from goldcopy.errors import GoldcopyError, Malformed, Refused, Unreachable, WouldWrite

Direction = Literal["out", "in"]
Recorder = Callable[[Direction, bytes], None]

LONGEST = 24 + 0xFFFF
"""Bytes of the longest frame: EtherNet/IP's 16-bit length and its header; others have less."""

_QUICKACK = getattr(socket, "TCP_QUICKACK", None)  # Linux only


class Framer(Protocol):
    """What the exchange must know of a protocol. Holds no connection and does no I/O."""

    def length(self, data: memoryview) -> int:
        """Length in bytes of the first frame in ``data``; 0 while that cannot be told yet.

        May be more than is there. Raises ``Malformed`` when it can be no frame of this protocol.
        """
        ...

    def key(self, frame: bytes) -> Hashable:
        """The same for a request and its reply, and for no other of this connection."""
        ...

    def only_reads(self, request: bytes) -> bool:
        """Whether the request is on the protocol's read list."""
        ...


class Server(Protocol):
    """Answers a controller that asks back while it does what a write asked of it."""

    done: bool
    """Whether all was asked; also once the controller has refused what was asked of it."""

    def answer(self, frame: bytes) -> bytes | None:
        """What to send back; None for the reply to the request. Raises ``Malformed``."""
        ...


class _Batch:
    """Requests that were asked together, and their replies as they come."""

    __slots__ = ("done", "left", "replies")

    def __init__(self, size: int, done: asyncio.Future[None]) -> None:
        self.replies = [b""] * size
        self.left = size
        self.done = done


class _Asked:
    """A request on its way."""

    __slots__ = ("batch", "deadline", "frame", "key", "place", "trip")

    def __init__(self, frame: bytes, key: Hashable, batch: _Batch, place: int) -> None:
        self.frame = frame
        self.key = key
        self.batch = batch
        self.place = place
        self.deadline = 0.0
        self.trip = 0


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
        self._rest = b""
        self._waiting: deque[_Asked] = deque()
        self._in_flight: dict[Hashable, _Asked] = {}
        self._server: Server | None = None
        self._kept = b""
        self._trip = 0
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
        batch = _Batch(len(requests), self._loop.create_future())
        for place, request in enumerate(requests):
            self._waiting.append(_Asked(request, self._framer.key(request), batch, place))
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
        for asked in (*self._in_flight.values(), *self._waiting):
            if not asked.batch.done.done():
                asked.batch.done.set_exception(copy(why))  # one raised twice mixes its tracebacks
        self._in_flight.clear()
        self._waiting.clear()
        self._server = None
        self._rest = b""
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
        now = self._loop.time()
        frames: list[bytes] = []
        while self._waiting and len(self._in_flight) < max(1, self.window):
            asked = self._waiting[0]
            if asked.key in self._in_flight:
                break  # the protocol's counter came round: wait until the older one is answered
            if now < self._not_before:
                self._pacer = self._loop.call_at(self._not_before, self._paced)
                break
            self._not_before = now + self._spacing
            self._waiting.popleft()
            self._in_flight[asked.key] = asked
            asked.deadline = now + self._timeout
            asked.trip = self._trip + 1
            frames.append(asked.frame)
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
        if not self._in_flight:
            return
        oldest = next(iter(self._in_flight.values()))
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
        try:
            self._deliver(self._rest + data)
        except GoldcopyError as error:
            self.end(error)
            return
        if self._pause:
            self._not_before = max(self._not_before, self._loop.time() + self._pause)
        self._pump()
        if self._in_flight and not self._waiting:
            self._acknowledge()

    def _acknowledge(self) -> None:
        """Confirm what has arrived, where nothing is left to send that would do so by the way.

        Many controllers keep a reply back until the one before is confirmed (Nagle, RFC 896), and
        Linux takes up to 40 ms for that: once for each batch, longer than most batches.
        """
        bound = self._transport.get_extra_info("socket") if self._transport else None
        if bound is not None and _QUICKACK is not None:
            bound.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)

    def _deliver(self, data: bytes) -> None:
        view, at = memoryview(data), 0
        while at < len(data):
            length = self._framer.length(view[at:])
            if length > LONGEST:
                raise Malformed(f"a reply that claims {length} bytes; no frame is as long")
            if length == 0 or at + length > len(data):
                break
            self._hand_over(data[at : at + length])
            at += length
        self._rest = data[at:]
        if self._rest and not self._in_flight:
            raise _stray(self._rest)
        if len(self._rest) > LONGEST:
            raise Malformed(f"{len(self._rest)} bytes that make no frame")

    def _serve(self, server: Server, frame: bytes) -> None:
        """Answer a question; keep the reply to the request back until the last one."""
        now = self._loop.time()
        answer = server.answer(frame) if self._in_flight else None
        if answer is not None:
            self._send(answer, 0, now)
        elif self._kept or self._framer.key(frame) not in self._in_flight:
            raise _stray(frame)
        else:
            self._kept = frame
        for asked in self._in_flight.values():
            asked.deadline = now + self._timeout
        if server.done and self._kept:
            self._server = None
            self._hand_over(self._kept)

    def _hand_over(self, frame: bytes) -> None:
        if self._server is not None:
            self._serve(self._server, frame)
            return
        asked = self._in_flight.pop(self._framer.key(frame), None)
        if asked is None:
            raise _stray(frame)
        if asked.trip > self._trip:  # what is sent from now on could not be sent before this reply
            self._trip = asked.trip
            self._meter.round_trips += 1
        batch = asked.batch
        batch.replies[asked.place] = frame
        batch.left -= 1
        if batch.left == 0 and not batch.done.done():
            batch.done.set_result(None)

    def eof_received(self) -> bool:
        """The controller will send no more."""
        where = " in the middle of a reply" if self._rest else ""
        self.end(Unreachable(f"the controller closed the connection{where}"))
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """The socket is gone."""
        self.end(Unreachable(f"the connection was lost ({error or 'closed by the controller'})"))
        if not self._gone.done():
            self._gone.set_result(None)


def _stray(data: bytes) -> Malformed:
    return Malformed(
        f"a reply that belongs to no request in flight ({data[:16].hex(' ')}…); the connection was "
        "closed, since values behind it could belong to another"
    )


@asynccontextmanager
async def connect(
    target: Target,
    framer: Framer,
    meter: Meter,
    *,
    writing: bool = False,
    recorder: Recorder | None = None,
) -> AsyncIterator[Exchange]:
    """Open an exchange with a controller; the socket is closed when the context is left.

    Raises ``Unreachable`` if nothing answers at the address within the target's time limit or the
    port is closed, ``Refused`` if this computer may not connect there.
    """
    exchange = Exchange(
        framer,
        timeout=target.timeout,
        courtesy=target.courtesy,
        meter=meter,
        writing=writing,
        recorder=recorder,
    )
    try:
        await _open(exchange, target)
        yield exchange
    finally:
        exchange.end(Unreachable("the session has ended"))
        await exchange.closed()


async def _open(exchange: Exchange, target: Target) -> None:
    where = f"{target.host}:{target.port}"
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(target.timeout):
            await loop.create_connection(lambda: exchange, target.host, target.port)
    except TimeoutError:
        raise Unreachable(
            f"no connection to {where} within {target.timeout:g} s; check address, cable, firewall"
        ) from None
    except PermissionError as error:
        raise Refused(f"this computer may not connect to {where} ({error.strerror})") from None
    except OSError as error:
        raise Unreachable(f"no connection to {where} ({error.strerror or error})") from None
