"""One TCP connection: frames in, the services, replies out."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import cast

from goldcopy_sim.service import Connections

from . import amiss, frames, jobs, transfer, userdata
from .cpu import BAD_FRAME, Cpu
from .frames import Broken, Message
from .outbox import Outbox
from .session import Session

_TPDU_128, _TPDU_1024 = 0x07, 0x0A
_CONGESTION, _NOT_ATTACHED, _UNKNOWN_ADDRESS = 1, 2, 3
"""Reasons of a COTP disconnect (ISO 8073 13.5.3)."""
_LARGEST = 0x2000
"""No packet of this protocol is longer."""


class Connection(asyncio.Protocol):
    """Serves a client until it leaves or breaks the protocol."""

    def __init__(self, cpu: Cpu, connections: Connections, live: set[Connection]) -> None:
        self._cpu, self._connections, self._live = cpu, connections, live
        self._input = bytearray()
        self._segments = b""
        self._session: Session | None = None
        self.connected = False
        """At transport level: that is what a CPU's resources are counted by."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count it, and get ready to answer."""
        self._transport = cast(asyncio.Transport, transport)
        self._outbox = Outbox(self._cpu, self._transport)
        self._connections.opened()
        self._live.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it, with its uploads, downloads and password."""
        self._outbox.close()
        self._connections.closed()
        self._live.discard(self)
        if self._session is not None and self._session.downloads:
            self._cpu.kept_until = time.monotonic() + self._cpu.keeps_transfer

    def abort(self) -> None:
        """Cut the connection now."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take in whole packets, then send their answers together."""
        if self._cpu.fault == "silent" or self._transport.is_closing():
            return
        octets = self._input
        octets += data
        start = 0
        try:
            while len(octets) - start >= frames.TPKT.size:
                version, _, length = frames.TPKT.unpack_from(octets, start)
                if version != 3 or not 7 <= length <= _LARGEST:
                    raise Broken(f"not a TPKT header: {octets[start : start + 4].hex()}")
                if len(octets) - start < length:
                    break
                self._packet(bytes(octets[start + frames.TPKT.size : start + length]))
                start += length
                if self._transport.is_closing():
                    return
        except Broken as broken:
            self._cpu.violations.append(str(broken))
            self._outbox.flush(hang_up=True)
            return
        del octets[:start]
        self._outbox.flush()

    def _packet(self, tpdu: bytes) -> None:
        kind = tpdu[1] & 0xF0
        if kind == frames.DATA and self.connected:
            self._segments += tpdu[3:]
            if tpdu[2] & 0x80:
                pdu, self._segments = self._segments, b""
                self._message(frames.parse(pdu), len(pdu))
        elif kind == frames.CONNECT and not self.connected:
            self._connect(frames.parse_connect(tpdu))
        elif kind == frames.DISCONNECT:
            self._transport.close()
        else:
            raise Broken(f"COTP {tpdu[1]:#04x} is out of place")

    def _connect(self, request: frames.Connect) -> None:
        cpu = self._cpu
        place = cpu.rack << 5 | cpu.slot
        refused = 0
        if cpu.fault == "refuse-login":
            refused = _NOT_ATTACHED
        elif sum(other.connected for other in self._live) >= cpu.max_connections:
            refused = _CONGESTION
        elif len(request.called) != 2 or request.called[1] != place:
            refused = _UNKNOWN_ADDRESS
        if refused:
            self._outbox.raw(frames.disconnect(request, refused))
            self._outbox.flush(hang_up=True)
            return
        size = min(max(request.tpdu_size, _TPDU_128), _TPDU_1024)
        self._outbox.tpdu = 1 << size
        self.connected = True
        self._outbox.raw(frames.confirm(request, size))

    def _message(self, message: Message, size: int) -> None:
        if message.rosctr == frames.JOB and message.parameter[:1] == bytes((jobs.SETUP,)):
            self._session = Session(self._cpu, self._ask)
            self._outbox.waiting += 1
            self._outbox.setup(jobs.setup(self._session, message))
            return
        session = self._session
        if session is None:
            raise Broken("a request before setup communication")
        if message.rosctr in (frames.ACK, frames.ACK_DATA):
            self._answered(session, message, size)
            return
        if message.rosctr not in (frames.JOB, frames.USERDATA):
            raise Broken(f"ROSCTR {message.rosctr} is out of place")
        self._outbox.waiting += 1
        if self._outbox.waiting > session.amq:
            self._cpu.violations.append(
                f"{self._outbox.waiting} jobs in flight, {session.amq} were granted"
            )
        if size > session.pdu:
            self._cpu.violations.append(f"a PDU of {size} bytes, {session.pdu} were granted")
            function = message.parameter[:1]
            self._outbox.reply(frames.reply(message.reference, function, error=BAD_FRAME))
        elif message.rosctr == frames.USERDATA:
            self._outbox.reply(userdata.answer(session, message))
        elif self._cpu.mishap and (writing := jobs.writing(message)):
            amiss.carried_out(
                writing,
                lambda: jobs.answer(session, message),
                session,
                self._outbox,
                self._cpu.mishap,
            )
        else:
            self._outbox.reply(jobs.answer(session, message))

    def _answered(self, session: Session, message: Message, size: int) -> None:
        if size > session.pdu:
            self._cpu.violations.append(f"an answer of {size} bytes, {session.pdu} were granted")
        if self._cpu.fault == "download-cut":
            self._outbox.flush(hang_up=True)
        elif self._cpu.mishap:
            take = partial(transfer.answered, session, message)
            amiss.gone_on(take, self._outbox, self._cpu.mishap)
        else:
            transfer.answered(session, message)

    def _ask(self, reference: int, parameter: bytes) -> None:
        self._outbox.job(frames.job(reference, parameter))
