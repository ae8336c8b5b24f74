"""The one connection to a CPU: connect, agree on PDU and parallel jobs, then ask."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from goldcopy.driver import Meter, Secret, Target
from goldcopy.errors import Malformed, Refused, Unreachable, Wrong
from goldcopy.wire import Exchange, Server, connect
from goldcopy_s7.frames import (
    SETUP,
    UNLOCK,
    S7Framer,
    connect_confirm,
    connect_request,
    framed,
    unframed,
)
from goldcopy_s7.options import Options
from goldcopy_s7.pdu import Job, Reply, Request, Userdata, encoded, parsed
from goldcopy_s7.refusal import NONE_AVAILABLE, CpuRefused

_CONNECTION_TYPES = {"PG": 1, "OP": 2, "basic": 3}
_SMALLEST_PDU = 112
"""Below it a CPU has no room for a block info, and no CPU is known that grants less."""


class Link:
    """Asks one CPU; every reply is checked to be one to what was asked."""

    def __init__(self, exchange: Exchange, meter: Meter) -> None:
        self.meter = meter
        self.pdu = _SMALLEST_PDU
        """Bytes of the largest PDU, as granted."""
        self.open = True
        """Whether anything more can be asked."""
        self.tpdu = 128
        """Bytes of the largest packet, as granted."""
        self._exchange = exchange
        self._reference = 0

    @property
    def window(self) -> int:
        """Requests in flight at most."""
        return self._exchange.window

    async def ask_all(self, requests: Sequence[Request]) -> list[Reply]:
        """The replies in their order; the CPU's refusals are among them.

        Raises ``Unreachable``, ``Malformed``.
        """
        try:
            frames = await self._exchange.ask_all([*map(self._framed, requests)])
            return [
                parsed(unframed(frame), request)
                for frame, request in zip(frames, requests, strict=True)
            ]
        except Malformed as error:
            self._exchange.end(error)
            self.open = False
            raise
        except BaseException:  # whatever came between: an exchange does not outlive it
            self.open = False
            raise

    async def ask(self, request: Request) -> Reply:
        """The reply to one request. Raises also ``CpuRefused``."""
        (reply,) = await self.ask_all([request])
        if reply.error:
            refusal = CpuRefused(reply.error)
            refusal.raise_if_not_now()
            raise refusal
        return reply

    async def ask_serving(self, request: Job, server: Server) -> Reply:
        """The reply, a refusal too; meanwhile ``server`` answers what the CPU asks back.

        Raises ``Unreachable``, ``Malformed``.
        """
        with self._exchange.serving(server):
            return (await self.ask_all([request]))[0]

    async def gather(self, request: Userdata, longest: int) -> bytes:
        """An answer of several parts, put together.

        Raises as ``ask``; ``Refused`` if there come more than ``longest`` bytes.
        """
        reply = await self.ask(request)
        octets = reply.data
        while reply.more:
            if not reply.data:
                raise Refused("the CPU's answer has an empty part, and goes on")
            if len(octets) > longest:
                raise Refused(f"the CPU's answer has more than {longest} bytes and does not end")
            try:
                reply = await self.ask(Userdata(request.service, sequence=reply.sequence))
            except CpuRefused as refusal:
                if refusal.code != NONE_AVAILABLE:
                    raise
                break  # no further block: whoever asked compares with what was announced
            octets += reply.data
        return octets

    # -- opening -------------------------------------------------------------------------------

    async def set_up(self, options: Options, window: int) -> None:
        """COTP connect, then setup communication."""
        remote = options.remote_tsap
        if remote is None:
            kind = _CONNECTION_TYPES[options.connection]
            remote = kind << 8 | options.rack << 5 | options.slot
        try:
            confirm = await self._exchange.ask(connect_request(options.local_tsap, remote))
        except Unreachable as error:
            raise Unreachable(
                f"the port is open, but no S7 connection came about: {error}; check rack and slot "
                f"(TSAP {remote:04x}), and that the CPU has a connection free"
            ) from None
        self.tpdu = connect_confirm(confirm).tpdu
        jobs = options.jobs or max(1, window)
        asked = b"".join(number.to_bytes(2, "big") for number in (jobs, jobs, options.pdu))
        reply = await self.ask(Job(bytes((SETUP, 0)) + asked))
        self._agree(reply.parameter, options.pdu, jobs, window)

    def _agree(self, granted: bytes, pdu: int, jobs: int, window: int) -> None:
        if len(granted) != 8:
            raise Malformed(f"setup communication answered with {granted.hex(' ')}")
        calling, called, self.pdu = (
            int.from_bytes(granted[at : at + 2], "big") for at in (2, 4, 6)
        )
        if not _SMALLEST_PDU <= self.pdu <= pdu:
            raise Malformed(
                f"the CPU granted a PDU of {self.pdu} bytes where {pdu} were asked for; "
                f"{_SMALLEST_PDU} to {pdu} make sense"
            )
        self._exchange.window = max(1, min(window, jobs, calling, called))

    async def unlock(self, password: Secret) -> None:
        """Open the protection for this connection alone; nothing in the CPU changes.

        Raises ``Refused`` for a wrong password, ``Wrong`` for one that no CPU can have.
        """
        try:
            plain = password.reveal().encode("latin-1")
        except UnicodeEncodeError:
            plain = bytes(9)
        if len(plain) > 8:
            raise Wrong("an S7 password has at most eight characters of Latin-1")
        coded = bytearray()
        for at, byte in enumerate(plain.ljust(8)):
            coded.append(byte ^ 0x55 ^ (coded[at - 2] if at > 1 else 0))
        try:
            await self.ask(Userdata(UNLOCK, bytes(coded)))
        except CpuRefused as refusal:
            raise Refused(f"the password was not accepted: {refusal}") from None

    def _framed(self, request: Request) -> bytes:
        self._reference = self._reference % 0xFFFF + 1
        return framed(encoded(request, self._reference), self.tpdu)


@asynccontextmanager
async def opened(
    target: Target, options: Options, meter: Meter, *, writing: bool = False
) -> AsyncIterator[Link]:
    """A connection that is set up, and unlocked if the target has a password."""
    framer = S7Framer(may_unlock=target.password is not None)
    async with connect(target, framer, meter, writing=writing) as exchange:
        exchange.window = 1
        link = Link(exchange, meter)
        await link.set_up(options, target.courtesy.window)
        if target.password is not None:
            await link.unlock(target.password)
        yield link
