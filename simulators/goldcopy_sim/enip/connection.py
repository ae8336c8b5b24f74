"""One TCP connection: packets in, the services, replies out."""

from __future__ import annotations

import asyncio
import itertools
import struct
from collections.abc import Callable
from functools import partial
from typing import Final, cast

from goldcopy_sim.service import Connections

from . import encapsulation as eip
from . import manager
from .device import UNCONNECTED_ROOM, Device
from .encapsulation import Broken, Packet
from .links import Links
from .outbox import Outbox

_UNIT: Final = struct.Struct("<6xHHHIHHH")
_REGISTERED: Final = b"\x01\x00\x00\x00"
_SERVICES: Final = struct.pack("<HHHHH16s", 1, 0x100, 20, 1, 0x20, b"Communications")
_sessions = itertools.count(0x1A2B0001)


class Connection(asyncio.Protocol):
    """Serves a client until it leaves or breaks the protocol."""

    def __init__(self, device: Device, connections: Connections, live: set[Connection]) -> None:
        self._device, self._connections, self._live = device, connections, live
        self._input = bytearray()
        self._session = 0
        self._links = Links(device)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count it, and get ready to answer."""
        self._transport = cast(asyncio.Transport, transport)
        self._outbox = Outbox(self._device, self._transport)
        self._connections.opened()
        self._live.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it, and the CIP connections that were made over it."""
        self._outbox.close()
        self._links.drop()
        self._connections.closed()
        self._live.discard(self)

    def abort(self) -> None:
        """Cut the connection now."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take in whole packets, then send their answers together."""
        if self._device.fault == "silent" or self._transport.is_closing():
            return
        octets = self._input
        octets += data
        start, header = 0, eip.HEADER
        try:
            while len(octets) - start >= header.size:
                command, length, session, _, context, _ = header.unpack_from(octets, start)
                if length > eip.LARGEST:
                    raise Broken(f"a packet of {length} bytes")
                end = start + header.size + length
                if len(octets) < end:
                    break
                body = bytes(octets[start + header.size : end])
                self._packet(Packet(command, session, context, body))
                start = end
                if self._transport.is_closing():
                    return
        except Broken as broken:
            self._device.violations.append(str(broken))
            self._outbox.flush(hang_up=True)
            return
        del octets[:start]
        self._outbox.flush()

    def _packet(self, packet: Packet) -> None:
        match packet.command:
            case eip.SEND_UNIT_DATA if self._known(packet):
                self._unit(packet)
            case eip.SEND_RR_DATA if self._known(packet):
                self._rr(packet)
            case eip.SEND_UNIT_DATA | eip.SEND_RR_DATA:
                self._device.violations.append(f"session {packet.session:#x} is not registered")
                self._outbox.plain(eip.pack(packet._replace(data=b""), eip.BAD_SESSION))
            case eip.REGISTER:
                self._register(packet)
            case eip.UNREGISTER:
                self._device.note("UnregisterSession")
                self._outbox.flush(hang_up=True)
            case eip.LIST_IDENTITY:
                self._device.note("ListIdentity")
                host, port = self._transport.get_extra_info("sockname")
                item = self._device.identity.item(host, port)
                self._outbox.plain(eip.pack(packet._replace(data=item)))
            case eip.LIST_SERVICES:
                self._device.note("ListServices")
                self._outbox.plain(eip.pack(packet._replace(data=_SERVICES)))
            case eip.LIST_INTERFACES:
                self._device.note("ListInterfaces")
                self._outbox.plain(eip.pack(packet._replace(data=bytes(2))))
            case eip.NOP:
                pass
            case _:
                self._device.violations.append(f"command {packet.command:#x} is not known")
                self._outbox.plain(eip.pack(packet._replace(data=b""), eip.UNKNOWN_COMMAND))

    def _known(self, packet: Packet) -> bool:
        return packet.session == self._session != 0

    def _register(self, packet: Packet) -> None:
        self._device.note("RegisterSession")
        status = 0
        if packet.data != _REGISTERED:
            status = eip.BAD_REVISION if len(packet.data) == 4 else eip.BAD_LENGTH
        elif self._device.fault == "refuse-login":
            status = eip.NO_MEMORY
        elif self._session:
            status = eip.UNKNOWN_COMMAND  # one session a connection (CIP 2, 2-4.4.3)
        if not status:
            self._session = next(_sessions)
        session = 0 if status else self._session
        self._outbox.plain(eip.pack(packet._replace(session=session), status))

    def _rr(self, packet: Packet) -> None:
        """A message outside a connection."""
        message = eip.items(packet.data).get(eip.UNCONNECTED_DATA)
        if message is None:
            self._outbox.plain(eip.pack(packet._replace(data=b""), eip.BAD_DATA))
            return

        def work() -> bytes:
            octets = self._links.manage(message)
            if octets is None:
                octets = self._device.execute(message, UNCONNECTED_ROOM)
            return eip.pack(packet._replace(data=eip.unconnected(octets)))

        managed = manager.concerns(message)
        send = self._outbox.plain if managed else partial(self._outbox.reply, connected=False)
        self._carry_out(manager.inner(message), work, send)

    def _unit(self, packet: Packet) -> None:
        """A message over a class 3 connection."""
        data = packet.data
        if len(data) < _UNIT.size:
            raise Broken("SendUnitData without a message")
        count, address, size, identifier, kind, length, sequence = _UNIT.unpack_from(data)
        if (count, address, size, kind) != (2, eip.CONNECTED_ADDRESS, 4, eip.CONNECTED_DATA):
            raise Broken(f"SendUnitData with other items: {data[:22].hex()}")
        if length < 2 or 20 + length != len(data):
            raise Broken("SendUnitData whose lengths do not add up")
        link = self._links.used(identifier)
        if link is None:
            # A device has nobody to answer to: the packet is dropped.
            self._device.violations.append(f"connection {identifier:#x} is not open")
            return
        message = data[_UNIT.size :]

        def work() -> bytes:
            if sequence == link.sequence:
                # A request that came again is not done again (CIP 1, 3-6.4): the old reply goes.
                self._device.note("repeated request", f"sequence {sequence}")
            else:
                link.last_reply = self._links.answer(link, message)
                link.sequence = sequence
            body = eip.connected(link.peer_id, sequence, link.last_reply)
            return eip.pack(packet._replace(data=body))

        self._carry_out(message, work, partial(self._outbox.reply, connected=True))

    def _carry_out(
        self, message: bytes, work: Callable[[], bytes], send: Callable[[bytes], None]
    ) -> None:
        """Do what was asked for and answer it, as far as a mishap lets that happen."""
        mishap = self._device.mishap
        fate = mishap.of_request() if mishap and self._device.writes(message) else ""

        def act() -> None:
            reply = work()
            if fate == "cut":
                self.abort()
            elif fate != "lost":
                for _ in range(2 if fate == "twice" else 1):
                    send(reply)

        def act_late() -> None:
            act()
            if not self._transport.is_closing():
                self._outbox.flush()

        if fate == "dropped":
            self._device.note("request dropped", writes=True)
        elif mishap and fate == "late":
            mishap.later(act_late)
        else:
            act()
