"""The one way to a device: register, open a class 3 connection, ask, close again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress

from goldcopy.driver import Meter, Target
from goldcopy.errors import GoldcopyError, Malformed, Refused, Unreachable, WouldWrite
from goldcopy.wire import Exchange, connect
from goldcopy_enip import frames, guard
from goldcopy_enip.epath import logical
from goldcopy_enip.frames import EnipFramer
from goldcopy_enip.messages import Reply, packed, parsed, request, unpacked
from goldcopy_enip.opening import SMALL, Connection, routed
from goldcopy_enip.options import Options
from goldcopy_enip.status import (
    BAD_SIZE,
    NO_MORE_CONNECTIONS,
    NOT_SUPPORTED,
    PATH_SYNTAX,
    PATH_UNKNOWN,
    CipRefused,
)

UNCONNECTED = 504
"""Bytes of a message outside a connection that every device takes."""
_SEQUENCE = 2
MICRO800 = b"2080"
"""How the product names of that family begin (2080-LC50-24QWB)."""
_NAME = 15
"""Where the product name begins in an identity, behind its length."""
_PARTING = 1.0
"""Seconds for closing in good order; after that the socket is closed all the same."""
_AT_ONCE = 8
"""Turns of the window that are asked for together: no more waits when a pull is cancelled."""


class Link:
    """Asks one device; every reply is checked to be one to what was asked."""

    def __init__(
        self,
        exchange: Exchange,
        framer: EnipFramer,
        meter: Meter,
        route: bytes,
        *,
        writing: bool = False,
    ) -> None:
        self.meter = meter
        self.size = UNCONNECTED
        """Bytes of a request, and of a reply."""
        self.multiple = True
        """Whether the device takes multiple service packets, as far as is known."""
        self._exchange = exchange
        self._framer = framer
        self._route = route
        self._writing = writing
        self._session = 0
        self._context = 0
        self._sequence = 0
        self._connection: Connection | None = None
        self._theirs = 0
        self._running: asyncio.Task[list[bytes]] | None = None

    # -- asking --------------------------------------------------------------------------------

    async def ask(self, service: int, path: bytes, data: bytes = b"") -> Reply:
        """The reply to one service. Raises ``Unreachable``, ``Malformed``."""
        (reply,) = await self.ask_all([request(service, path, data)])
        return reply

    async def ask_all(self, requests: Sequence[bytes]) -> list[Reply]:
        """The replies in their order; refusals are among them.

        Raises ``WouldWrite`` for what not even a restore may send; then nothing was sent.
        """
        if self._writing and not all(map(guard.only_restores, requests)):
            raise WouldWrite(
                "a restore was asked to send what is neither a read nor the write of a value; "
                "nothing was sent. This is a mistake in the driver: report it"
            )
        found: list[Reply] = []
        step = _AT_ONCE * max(1, self._exchange.window)
        for at in range(0, len(requests), step):
            some = requests[at : at + step]
            replies = await self._messages([*map(self._framed, some)])
            with self.trusted():
                found += map(self._reply, replies, some)
        return found

    async def ask_packed(self, packets: Sequence[Sequence[bytes]]) -> list[list[Reply]]:
        """Groups of services, each in one packet; the replies likewise.

        A device that has no multiple service packet is asked one by one.
        """
        if self.multiple:
            whole = [packed(group) if len(group) > 1 else group[0] for group in packets]
            replies = await self.ask_all(whole)
            many = [len(group) > 1 for group in packets]
            if not any(
                one.status == NOT_SUPPORTED and several
                for one, several in zip(replies, many, strict=True)
            ):
                with self.trusted():
                    return [
                        unpacked(reply, [one[0] for one in group]) if several else [reply]
                        for reply, group, several in zip(replies, packets, many, strict=True)
                    ]
            self.multiple = False
        flat = iter(await self.ask_all([one for group in packets for one in group]))
        return [[next(flat) for _ in group] for group in packets]

    async def ask_each(
        self, requests: Sequence[bytes], expected: Callable[[int], int]
    ) -> list[Reply]:
        """Services of one kind, packed in their order; ``expected`` is the size of a reply."""
        groups: list[list[bytes]] = []
        out = back = self.size
        for at, one in enumerate(requests):
            needs = 2 + 4 + expected(at)
            if out + 2 + len(one) > self.size - 10 or back + needs > self.size - 10:
                groups.append([])
                out = back = 0
            groups[-1].append(one)
            out, back = out + 2 + len(one), back + needs
        return [reply for group in await self.ask_packed(groups) for reply in group]

    def _framed(self, message: bytes) -> bytes:
        if self._theirs:
            self._sequence = self._sequence % 0xFFFF + 1
            return frames.connected(self._session, self._theirs, self._sequence, message)
        return self._unconnected(routed(message, self._route) if self._route else message)

    def _unconnected(self, message: bytes) -> bytes:
        self._context += 1
        return frames.unconnected(self._session, self._context, message)

    def _reply(self, frame: bytes, asked: bytes) -> Reply:
        message = frames.message(frame)
        through = self._route and not self._theirs
        if through and message[:1] == bytes((guard.UNCONNECTED_SEND | 0x80,)):
            parsed(message, guard.UNCONNECTED_SEND).good()  # refused on its way
        return parsed(message, asked[0])

    @contextmanager
    def trusted(self) -> Iterator[None]:
        """Whatever cannot be trusted ends the exchange."""
        try:
            yield
        except Malformed as error:
            self._exchange.end(error)
            raise

    async def _messages(self, packets: Sequence[bytes]) -> list[bytes]:
        """As the exchange's own; when cancelled, what is under way is left to ``close``."""
        self._running = asyncio.ensure_future(self._exchange.ask_all(packets))
        self._running.add_done_callback(_seen)
        return await asyncio.shield(self._running)

    # -- opening and closing -------------------------------------------------------------------

    async def set_up(self, size: int, *, may_be_small: bool = False) -> None:
        """Register a session, open a connection of up to this size.

        ``may_be_small``: the route is a guess, and one for large controllers.

        Raises ``Refused`` if the device has no session or connection to give.
        """
        (frame,) = await self._messages([frames.register()])
        _, length, session, status, _, _ = frames.HEADER.unpack_from(frame)
        with self.trusted():
            if not status and (not session or length != 4):
                raise Malformed(f"a session was registered, and {length} bytes tell which")
        if status:
            why = frames.REFUSALS.get(status, f"status {status:#x}")
            raise Refused(f"the device registers no session: {why}")
        self._session = session
        refusal = await self._connect(size)
        if refusal is not None and may_be_small and self._route and await self._is_small():
            refusal = await self._connect(size)
        if refusal is not None and refusal.status != NOT_SUPPORTED:
            hint = "; check options.path" if refusal.status in (PATH_SYNTAX, PATH_UNKNOWN) else ""
            raise Refused(f"the device opens no connection: {refusal}{hint}")

    async def _connect(self, size: int) -> CipRefused | None:
        """Open a connection of this size, or of the largest that is granted; gives the refusal."""
        refusal = None
        for one in _sizes(size):
            refusal = await self._open(one)
            if refusal is None or NO_MORE_CONNECTIONS in refusal.extended:
                break
            told = refusal.extended[1:] if BAD_SIZE in refusal.extended[:1] else ()
            if told and SMALL < told[0] < one:
                refusal = await self._open(told[0])
                if refusal is None:
                    break
        return refusal

    async def _is_small(self) -> bool:
        """Whether it says itself that it is a Micro800, which has no backplane to be routed over.

        Then it is asked without a route from now on.
        """
        route, self._route = self._route, b""
        about = await self.ask(guard.GET_ALL, logical(0x01, 1))
        if not about.status and about.data[_NAME:].startswith(MICRO800):
            return True
        self._route = route
        return False

    async def _open(self, size: int) -> CipRefused | None:
        """Try with a size; gives the refusal."""
        connection = self._connection = Connection.of(size)
        self._framer.ours = connection.ours.to_bytes(4, "little")
        asked = self._unconnected(connection.open(self._route))
        (frame,) = await self._messages([asked])
        with self.trusted():
            reply = parsed(frames.message(frame), connection.service)
            if reply.status:
                self._connection = None
                return CipRefused(reply.status, reply.extended)
            self._theirs = connection.opened(reply.data)
        self._framer.theirs = self._theirs.to_bytes(4, "little")
        self.size = size - _SEQUENCE
        return None

    async def close(self) -> None:
        """Close the connection and the session, as far as the device still answers."""
        with suppress(GoldcopyError, TimeoutError):
            async with asyncio.timeout(_PARTING):
                if self._running is not None:
                    await asyncio.wait([self._running])
                if self._connection is not None:
                    asked = self._unconnected(self._connection.close(self._route))
                    await self._exchange.ask(asked)
                if self._session:
                    await self._exchange.ask(frames.unregister(self._session))


def _seen(task: asyncio.Task[list[bytes]]) -> None:
    """Take its error, which nobody waits for any more once the pull was cancelled."""
    if not task.cancelled():
        task.exception()


def _sizes(size: int) -> list[int]:
    return [size, SMALL] if size > SMALL else [size]


@asynccontextmanager
async def opened(
    target: Target, options: Options, meter: Meter, *, writing: bool = False
) -> AsyncIterator[Link]:
    """A connection that is open; it is closed in good order, also when cancelled."""
    framer = EnipFramer()
    async with connect(target, framer, meter, writing=writing) as exchange:
        link = Link(exchange, framer, meter, options.route, writing=writing)
        try:
            try:
                await link.set_up(options.size, may_be_small=options.path is None)
            except Unreachable as error:
                raise Unreachable(f"no EtherNet/IP session came about: {error}") from None
            yield link
        finally:
            await link.close()
