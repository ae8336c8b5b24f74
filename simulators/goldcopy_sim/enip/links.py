"""The class 3 connections that were opened over one TCP connection."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Final

from goldcopy_sim.service import Service

from . import cip, manager
from .cip import Refusal, Reply
from .device import UNCONNECTED_ROOM, Device
from .manager import Link, Opening
from .services import described

_SMALLEST: Final = 48
_PATH: Final = b"\x20\x06\x24\x01"
_BACKPLANE: Final = 1
_ids = itertools.count(0x20010000)


class Links:
    """Opens, uses and closes them; the device itself counts them all."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._own: dict[int, Link] = {}

    def drop(self) -> None:
        """Close all of them: their TCP connection has ended."""
        for identifier in self._own:
            self._device.links.pop(identifier, None)

    def used(self, identifier: int) -> Link | None:
        """The connection of that id, if it is still open."""
        link = self._own.get(identifier)
        if link is None or identifier not in self._device.links:
            return None
        now = time.monotonic()
        if now - link.last_used > link.lifetime:
            del self._own[identifier], self._device.links[identifier]
            return None
        link.last_used = now
        return link

    def answer(self, link: Link, message: bytes) -> bytes:
        """Do what came over a connection. Sizes count the sequence number too."""
        if 2 + len(message) > link.request_size:
            self._device.violations.append(
                f"{2 + len(message)} bytes on a connection of {link.request_size}"
            )
            self._device.note("too large a request")
            return cip.reply(message[0], cip.TOO_MUCH_DATA)
        return self._device.execute(message, link.reply_size - 2)

    def manage(self, message: bytes) -> bytes | None:
        """Answer a message to the connection manager; None if it is for somebody else."""
        if not manager.concerns(message):
            return None
        service, data = message[0], message[6:]
        if service == manager.UNCONNECTED_SEND and self._device.slot is not None:
            return self._forward(data)
        work: dict[int, Callable[[bytes], Reply]] = {
            manager.OPEN: lambda data: self._open(manager.opening(data, large=False)),
            manager.CLOSE: self._close,
        }
        if self._device.large_open:
            work[manager.LARGE_OPEN] = lambda data: self._open(manager.opening(data, large=True))
        self._note(service)
        try:
            if service not in work:
                raise Refusal(cip.NOT_SUPPORTED)
            return cip.reply(service, 0, work[service](data).data)
        except Refusal as refusal:
            return cip.reply(service, refusal.status, refusal.data, refusal.extended)

    def _note(self, service: int) -> None:
        entry = Service(*described(service, _PATH))
        self._device.services.append(entry)
        self._device.log.append(entry)

    def _open(self, opening: Opening) -> Reply:
        device = self._device
        if device.fault == "refuse-open" or len(device.links) >= device.max_connections:
            raise opening.refused(manager.NO_MORE)
        if not manager.is_class_3(opening.trigger):
            raise opening.refused(0x0103)
        if any(link.key == opening.key for link in device.links.values()):
            raise opening.refused(manager.IN_USE)
        for size in (opening.request_size, opening.reply_size):
            if not _SMALLEST <= size <= device.max_size:
                raise opening.refused(manager.BAD_SIZE, device.max_size)
        hops = manager.hops(opening.path)
        if device.slot is None and hops:
            raise opening.refused(manager.BAD_PORT)
        if hops and hops[0][0] != _BACKPLANE:
            raise opening.refused(manager.BAD_PORT)
        if len(hops) > 1 or (hops and hops[0][1] != device.slot):
            raise opening.refused(manager.BAD_LINK)
        link = Link(
            id=next(_ids),
            peer_id=opening.peer_id,
            key=opening.key,
            request_size=opening.request_size,
            reply_size=opening.reply_size,
            lifetime=opening.lifetime,
            last_used=time.monotonic(),
        )
        self._own[link.id] = device.links[link.id] = link
        return opening.reply(link)

    def _close(self, data: bytes) -> Reply:
        key = manager.closing(data)
        for link in list(self._own.values()):
            if link.key == key and link.id in self._device.links:
                del self._own[link.id], self._device.links[link.id]
                return manager.closed(key)
        raise Refusal(cip.CONNECTION_FAILURE, manager.NOT_FOUND, data=manager.closed(key).data)

    def _forward(self, data: bytes) -> bytes:
        """An unconnected send: do it here, or ask the neighbour in the backplane who he is."""
        device = self._device
        try:
            message, route = manager.routed(data)
            hops = manager.hops(route)
            if len(hops) != 1 or hops[0][0] != _BACKPLANE:
                raise Refusal(cip.CONNECTION_FAILURE, manager.BAD_PORT, data=b"\0\0")
            slot = hops[0][1]
            if slot == device.slot:
                return device.execute(message, UNCONNECTED_ROOM)
            if slot not in device.modules:
                raise Refusal(cip.CONNECTION_FAILURE, manager.BAD_LINK, data=b"\0\0")
            neighbour = Device(identity=device.modules[slot])
            octets = neighbour.execute(message, UNCONNECTED_ROOM)
            device.services += neighbour.services
            device.log += neighbour.log
            return octets
        except Refusal as refusal:
            self._note(manager.UNCONNECTED_SEND)
            service = manager.UNCONNECTED_SEND
            return cip.reply(service, refusal.status, refusal.data, refusal.extended)
