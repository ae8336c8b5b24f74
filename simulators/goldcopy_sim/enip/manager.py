"""The connection manager (CIP 1, 3-5): opening and closing connections, routed requests."""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from .cip import CONNECTION_FAILURE, NOT_ENOUGH_DATA, PORT, Refusal, Reply, Segment, parse_path

OPEN, LARGE_OPEN, CLOSE, UNCONNECTED_SEND = 0x54, 0x5B, 0x4E, 0x52
IN_USE, NOT_FOUND, BAD_SIZE, NO_MORE, NO_ROUTE, BAD_PORT, BAD_LINK = (
    0x0100, 0x0107, 0x0109, 0x0113, 0x0204, 0x0311, 0x0312,
)  # fmt: skip
"""Extended status of a connection failure."""
_LARGE: Final = struct.Struct("<BBIIHHIB3xIIIIBB")
_SMALL: Final = struct.Struct("<BBIIHHIB3xIHIHBB")
_CLOSE: Final = struct.Struct("<BBHHIBx")
_REFUSED: Final = struct.Struct("<HHIBx")
_CLASS_3: Final = 3


@dataclass
class Link:
    """One class 3 connection."""

    id: int
    """What the originator puts into its packets."""
    peer_id: int
    """What we put into ours."""
    key: tuple[int, int, int]
    """Serial number, vendor and serial number of the originator: its name."""
    request_size: int
    """Bytes, with the two of the sequence number."""
    reply_size: int
    lifetime: float
    """Seconds without a request after which it is gone."""
    last_used: float
    sequence: int = -1
    last_reply: bytes = b""


@dataclass(frozen=True)
class Opening:
    """A forward open request, taken apart."""

    peer_id: int
    key: tuple[int, int, int]
    request_size: int
    reply_size: int
    request_interval: int
    reply_interval: int
    multiplier: int
    trigger: int
    path: tuple[Segment, ...]

    def refused(self, extended: int, *more: int) -> Refusal:
        """An unsuccessful reply says which connection it is about (CIP 1, 3-5.5.2)."""
        return Refusal(CONNECTION_FAILURE, extended, *more, data=_REFUSED.pack(*self.key, 0))

    @property
    def lifetime(self) -> float:
        """Seconds: the requested interval times the multiplier, which is 4 at least."""
        return self.request_interval * (4 << self.multiplier) / 1e6

    def reply(self, link: Link) -> Reply:
        """The successful one."""
        intervals = self.request_interval, self.reply_interval
        body = struct.pack("<IIHHIIIBx", link.id, link.peer_id, *link.key, *intervals, 0)
        return Reply(body)


def opening(data: bytes, *, large: bool) -> Opening:
    """Take a forward open apart.

    Raises:
        Refusal: It is too short.
    """
    layout, mask = (_LARGE, 0xFFFF) if large else (_SMALL, 0x1FF)
    if len(data) < layout.size:
        raise Refusal(NOT_ENOUGH_DATA)
    (_, _, _, peer, serial, vendor, origin, multiplier, *rest) = layout.unpack_from(data)
    ot_interval, ot, to_interval, to, trigger, words = rest
    path = data[layout.size : layout.size + 2 * words]
    if len(path) < 2 * words:
        raise Refusal(NOT_ENOUGH_DATA)
    return Opening(
        peer_id=peer,
        key=(serial, vendor, origin),
        request_size=ot & mask,
        reply_size=to & mask,
        request_interval=ot_interval,
        reply_interval=to_interval,
        multiplier=min(multiplier, 7),
        trigger=trigger,
        path=parse_path(path),
    )


def closing(data: bytes) -> tuple[int, int, int]:
    """Which connection a forward close is about.

    Raises:
        Refusal: It is too short.
    """
    if len(data) < _CLOSE.size:
        raise Refusal(NOT_ENOUGH_DATA)
    _, _, serial, vendor, origin, _ = _CLOSE.unpack_from(data)
    return serial, vendor, origin


def closed(key: tuple[int, int, int]) -> Reply:
    """The successful reply to a forward close."""
    return Reply(_REFUSED.pack(*key, 0))


def concerns(message: bytes) -> bool:
    """Whether a message is for the connection manager itself."""
    return message[1:6] == b"\x02\x20\x06\x24\x01"


def inner(message: bytes) -> bytes:
    """What an unconnected send carries; any other message is itself."""
    if not concerns(message) or message[0] != UNCONNECTED_SEND:
        return message
    with suppress(Refusal):
        return routed(message[6:])[0]
    return message


def routed(data: bytes) -> tuple[bytes, tuple[Segment, ...]]:
    """The message inside an unconnected send, and where it is to go.

    Raises:
        Refusal: Its lengths do not add up.
    """
    if len(data) < 4:
        raise Refusal(NOT_ENOUGH_DATA)
    (size,) = struct.unpack_from("<H", data, 2)
    at = 4 + size + size % 2
    if len(data) < at + 2 or len(data) < at + 2 + 2 * data[at]:
        raise Refusal(NOT_ENOUGH_DATA)
    return data[4 : 4 + size], parse_path(data[at + 2 : at + 2 + 2 * data[at]])


def is_class_3(trigger: int) -> bool:
    """Whether a transport class and trigger byte asks for explicit messages."""
    return trigger & 0x0F == _CLASS_3


def hops(path: tuple[Segment, ...]) -> list[tuple[int, int]]:
    """The ports and links at the head of a path."""
    found = []
    for segment in path:
        if segment.kind != PORT:
            break
        found.append(divmod(int(segment.value), 256))
    return found
