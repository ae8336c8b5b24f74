"""One TCP connection: frames in, the controller's answers out.

Framing follows the Modbus Messaging on TCP/IP Implementation Guide V1.0b, 3.1.3: an MBAP header
of transaction, protocol (0), length and unit. A header that cannot be right closes the
connection, as nothing after it could be trusted.
"""

from __future__ import annotations

import asyncio
from struct import Struct

from goldcopy_sim.mishap import Mishap
from goldcopy_sim.service import Connections

from .amiss import WRITING, carried_out
from .controller import Controller
from .faults import Conduct
from .journal import service
from .spec import MAX_PDU

_MBAP = Struct(">HHHB")
_SMALLEST = _MBAP.size + 1
_LENGTHS = range(2, MAX_PDU + 2)  # the unit identifier, then a PDU


def _frame(transaction: int, unit: int, reply: bytes) -> bytes:
    return _MBAP.pack(transaction, 0, len(reply) + 1, unit) + reply


class Connection(asyncio.Protocol):
    """Takes one client's requests off the stream, however it is cut up."""

    def __init__(
        self, controller: Controller, connections: Connections, live: list[Connection]
    ) -> None:
        """``live`` has all connections, the oldest first."""
        self._controller, self._connections, self._live = controller, connections, live
        self._answer = controller.answer
        self._rest = b""
        self._pending = 0
        self._conduct: Conduct | None = None
        self.transport: asyncio.Transport
        self.ended = asyncio.get_running_loop().create_future()

    @property
    def in_exchange(self) -> bool:
        """Whether a request has begun that is not answered yet."""
        return bool(self._rest) or self._pending > 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._connections.opened()
        self._live.append(self)
        if self._controller.fault == "refuse-connection":
            self.transport.close()
        elif self._controller.max_connections is not None:
            staying = [one for one in self._live if not one.transport.is_closing()]
            if len(staying) > self._controller.max_connections:
                next(one for one in staying if one is self or not one.in_exchange).transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._connections.closed()
        self._live.remove(self)
        self.ended.set_result(None)

    def pause_writing(self) -> None:
        """The client does not take its replies: take no more requests."""
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """It does again."""
        self.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Serve all complete requests at hand, and answer them with one write."""
        conduct = self._current_conduct()
        data, at, replies, broken = self._rest + data, 0, list[bytes](), False
        while len(data) - at >= _SMALLEST:
            transaction, protocol, length, unit = _MBAP.unpack_from(data, at)
            if protocol != 0 or length not in _LENGTHS:
                broken = True
                break
            end = at + 6 + length
            if end > len(data):
                break
            pdu = data[at + 7 : end]
            self._controller.log.append(service(unit, pdu))
            at = end
            if self._controller.mishap and pdu[0] in WRITING:
                self._write(self._controller.mishap, transaction, unit, pdu)
                continue
            reply = self._serve(unit, pdu, conduct)
            if reply is not None:
                replies.append(_frame(transaction, unit, reply))
        self._rest = data[at:]
        out, hang_up = conduct.outgoing(replies) if conduct else (b"".join(replies), False)
        self._send(out, hang_up or broken)

    def _current_conduct(self) -> Conduct | None:
        fault = self._controller.fault
        if fault is None:
            self._conduct = None
        elif self._conduct is None or self._conduct.fault != fault:
            self._conduct = Conduct(fault)
        return self._conduct

    def _serve(self, unit: int, pdu: bytes, conduct: Conduct | None) -> bytes | None:
        instead = conduct.instead(pdu) if conduct else None
        return self._answer(unit, pdu) if instead is None else instead

    def _write(self, mishap: Mishap, transaction: int, unit: int, pdu: bytes) -> None:
        """Carry out a writing request as the mishap has it."""
        fate = mishap.of_request()

        def act() -> None:
            reply = carried_out(self._answer, mishap, unit, pdu)
            if fate == "cut":
                self.transport.abort()
            elif fate != "lost" and reply is not None:
                self._send(_frame(transaction, unit, reply) * (2 if fate == "twice" else 1), False)

        if fate == "late":
            mishap.later(act)
        elif fate != "dropped":
            act()

    def _send(self, out: bytes, hang_up: bool) -> None:
        if self._controller.delay and (out or hang_up):
            self._pending += 1
            loop = asyncio.get_running_loop()
            loop.call_later(self._controller.delay, self._send_delayed, out, hang_up)
        else:
            self._send_now(out, hang_up)

    def _send_delayed(self, out: bytes, hang_up: bool) -> None:
        self._pending -= 1
        self._send_now(out, hang_up)

    def _send_now(self, out: bytes, hang_up: bool) -> None:
        if self.transport.is_closing():
            return
        if out:
            self.transport.write(out)
        if hang_up:
            self.transport.close()
