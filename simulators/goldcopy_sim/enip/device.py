"""A CIP device without a network: its objects, its message router, its log."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import ClassVar, Final, TypedDict

from goldcopy_sim.mishap import Mishap
from goldcopy_sim.service import Faulty, Service

from . import amiss, cip
from .cip import Attributes, Handler, Refusal, Reply, Request, Segment
from .faults import FAULTS
from .identity import Identity
from .manager import Link
from .services import described

UNCONNECTED_ROOM: Final = 504
"""Bytes of a message outside a connection."""
_ROUTER: Final = b"\x20\x02\x24\x01"
_MULTIPLE: Final = "Multiple Service Packet"

parse_path = lru_cache(maxsize=1 << 16)(cip.parse_path)


class Options(TypedDict, total=False):
    """What any simulated device can be told besides its content."""

    fault: str | None
    identity: Identity
    delay: float
    max_connections: int
    max_size: int
    large_open: bool
    multiple: bool


class Device(Faulty):
    """State and rules of one device. What was asked of it is in ``log`` and ``services``."""

    slot: int | None = None
    """Place in a backplane, for those that have one."""

    FAULTS: ClassVar[Mapping[str, str]] = FAULTS

    def __init__(
        self,
        *,
        identity: Identity | None = None,
        delay: float = 0.0,
        max_connections: int = 32,
        max_size: int = 4002,
        large_open: bool = True,
        multiple: bool = True,
        fault: str | None = None,
    ) -> None:
        """Set one up.

        Args:
            identity: Who it says it is.
            delay: Seconds before each reply; replies to pipelined requests wait side by side.
            max_connections: A forward open more is refused (0x0113).
            max_size: Largest connection it grants, in bytes.
            large_open: Whether it knows the large forward open.
            multiple: Whether it knows the multiple service packet.
            fault: Misbehaviour to start with.
        """
        self.log: list[Service] = []
        """One entry for each request on the wire."""
        self.services: list[Service] = []
        """One entry for each CIP service, those in a multiple service packet among them."""
        self.violations: list[str] = []
        """Where a client broke the protocol or what was agreed at connection."""
        self.identity = replace(identity) if identity else Identity()
        self.delay = delay
        self.max_connections, self.max_size, self.large_open = max_connections, max_size, large_open
        self.multiple = multiple
        self.fault = fault
        self.mishap: Mishap | None = None
        self.modules: Mapping[int, Identity] = {}
        """Others in the backplane, by slot."""
        self.links: dict[int, Link] = {}
        """Open class 3 connections by the id that requests bear."""
        self.objects: dict[int, Handler] = {
            0x01: self._identity,
            0x02: Attributes({}).serve,
        }

    def expire(self) -> None:
        """Let every class 3 connection time out, as after a long silence."""
        self.links.clear()

    def note(self, name: str, detail: str = "", *, writes: bool = False) -> None:
        """Log a request that is no CIP service to an object."""
        self.log.append(Service(name, writes, detail))

    def keep(self, new: bytes, held: bytes, other: bytes) -> bytes:
        """What is stored of a value that is in order. Raises as the device says no to one."""
        return amiss.kept(self.mishap, Refusal(cip.DENIED), new, held, other)

    def writes(self, message: bytes) -> bool:
        """Whether any service in a message would change something."""
        try:
            several = parts(message[6:]) if self._is_packed(message) else [message]
            return any(self.described(*cip.split(one)).writes for one in several)
        except Refusal:  # the message makes no sense, and nothing comes of it
            return False

    def described(self, service: int, path: bytes, data: bytes) -> Service:
        """A service as the log has it."""
        return Service(*described(service, path))

    def _is_packed(self, message: bytes) -> bool:
        return self.multiple and message[:1] == b"\x0a" and message[2:6] == _ROUTER

    def execute(self, message: bytes, room: int) -> bytes:
        """Answer one message in at most ``room`` bytes."""
        if not self._is_packed(message):
            octets = self._single(message, room)
            self.log.append(self.services[-1])
            return octets
        start = len(self.services)
        try:
            status, data = self._packed(message[6:], room - 4)
            octets = cip.reply(cip.MULTIPLE, status, data)
        except Refusal as refusal:
            octets = cip.reply(cip.MULTIPLE, refusal.status, refusal.data, refusal.extended)
        inner = self.services[start:]
        writes = any(service.writes for service in inner)
        self.log.append(Service(_MULTIPLE, writes, f"{len(inner)} services"))
        return octets

    def _single(self, message: bytes, room: int) -> bytes:
        service = message[0] if message else 0
        try:
            service, path, data = cip.split(message)
            self.services.append(self.described(service, path, data))
            if self._fault in ("busy", "locked"):
                raise Refusal(cip.NO_RESOURCES if self._fault == "busy" else cip.DEVICE_STATE)
            reply = self.serve(service, path, data, room - 4)
            if len(reply.data) > room - 4:
                raise Refusal(cip.REPLY_TOO_LARGE)
            return cip.reply(service, reply.status, reply.data)
        except Refusal as refusal:
            if refusal.status == cip.PATH_SIZE:
                self.services.append(Service("malformed", False, message.hex()))
            return cip.reply(service, refusal.status, refusal.data, refusal.extended)

    def _packed(self, data: bytes, room: int) -> tuple[int, bytes]:
        """The services inside a multiple service packet share the room that there is."""
        several = parts(data)
        count = len(several)
        used, status = 2 + 2 * count, 0
        if used + 4 * count > room:
            raise Refusal(cip.REPLY_TOO_LARGE)
        replies: list[bytes] = []
        placed: list[int] = []
        for number, one in enumerate(several, 1):
            octets = self._single(one, room - used - 4 * (count - number))
            if octets[2]:
                status = cip.EMBEDDED_ERROR
            placed.append(used)
            replies.append(octets)
            used += len(octets)
        return status, struct.pack(f"<H{count}H", count, *placed) + b"".join(replies)

    def serve(self, service: int, path: bytes, data: bytes, room: int) -> Reply:
        """Hand a service to the object that it is for.

        Raises:
            Refusal: There is none, or it says no.
        """
        return self.dispatch(Request(service, parse_path(path), data, room, self.keep))

    def dispatch(self, request: Request) -> Reply:
        """Likewise, once the path has been taken apart."""
        first: Segment | None = request.path[0] if request.path else None
        if first is None or first.kind != cip.LOGICAL_CLASS:
            raise Refusal(cip.BAD_PATH_SEGMENT, 0)
        handler = self.objects.get(int(first.value))
        if handler is None:
            raise Refusal(cip.PATH_UNKNOWN, 0)
        return handler(request)

    def _identity(self, request: Request) -> Reply:
        _, instance, _ = request.target
        if instance != 1:
            raise Refusal(cip.PATH_UNKNOWN, 0)
        return self.identity.serve(request)


def parts(data: bytes) -> list[bytes]:
    """The services inside a multiple service packet (CIP 1, A-4.10).

    Raises:
        Refusal: Its offsets lead nowhere.
    """
    count = int.from_bytes(data[:2], "little")
    head = 2 + 2 * count
    if not count or len(data) < head:
        raise Refusal(cip.NOT_ENOUGH_DATA)
    offsets = struct.unpack_from(f"<{count}H", data, 2)
    if any(not head <= at < len(data) for at in offsets):
        raise Refusal(cip.NOT_ENOUGH_DATA)
    return [data[at:end] for at, end in zip(offsets, (*offsets[1:], len(data)), strict=True)]
