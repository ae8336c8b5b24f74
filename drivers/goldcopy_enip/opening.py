"""Forward open and forward close (CIP volume 1, 3-5.5), as bytes."""

from __future__ import annotations

import secrets
from struct import Struct
from typing import NamedTuple

from goldcopy.errors import Malformed
from goldcopy_enip import guard
from goldcopy_enip.epath import logical
from goldcopy_enip.messages import request

MANAGER = logical(guard.MANAGER, 1)
SMALL = 500
"""Bytes of a connection that every device grants."""
_LARGEST_SMALL = 511  # the size has nine bits in a forward open that is not large
_ROUTER = logical(guard.ROUTER, 1)
_TICKS = b"\x0a\x0e"  # about 14 s for the request to find its way
_LARGE = Struct("<2sIIHHIB3xIIIIBB")
_PLAIN = Struct("<2sIIHHIB3xIHIHBB")
_CLOSE = Struct("<2sHHIBx")
_VENDOR = 0x4743
_INTERVAL = 2_000_000  # microseconds
_MULTIPLIER = 3  # times 32: a connection that got lost is free again after 64 s
_CLASS_3 = 0xA3
_VARIABLE = 0x4200  # point to point, low priority, variable size


class Connection(NamedTuple):
    """What names a connection, and how large its messages are."""

    ours: int
    """The id in replies."""
    serial: int
    originator: int
    size: int

    @classmethod
    def of(cls, size: int) -> Connection:
        """A new one: names at random, so that another client's are not met."""
        return cls(
            1 + secrets.randbelow(0xFFFF_FFFE),
            1 + secrets.randbelow(0xFFFE),
            1 + secrets.randbelow(0xFFFF_FFFE),
            size,
        )

    @property
    def service(self) -> int:
        """Large or plain."""
        return guard.LARGE_OPEN if self.size > _LARGEST_SMALL else guard.OPEN

    def open(self, route: bytes) -> bytes:
        """The request to open it to the message router at the end of the route."""
        large = self.size > _LARGEST_SMALL
        kind = (_VARIABLE << 16 if large else _VARIABLE) | self.size
        path = route + _ROUTER
        data = (_LARGE if large else _PLAIN).pack(
            _TICKS, 0, self.ours, self.serial, _VENDOR, self.originator, _MULTIPLIER,
            _INTERVAL, kind, _INTERVAL, kind, _CLASS_3, len(path) >> 1,
        )  # fmt: skip
        return request(self.service, MANAGER, data + path)

    def opened(self, data: bytes) -> int:
        """The id that requests must bear. Raises ``Malformed`` for a reply about another."""
        names = (self.ours, self.serial, _VENDOR, self.originator)
        if len(data) < 16 or Struct("<4xIHHI").unpack_from(data) != names:
            raise Malformed("a connection was opened, and it is not the one that was asked for")
        return int.from_bytes(data[:4], "little")

    def close(self, route: bytes) -> bytes:
        """The request to close it."""
        path = route + _ROUTER
        data = _CLOSE.pack(_TICKS, self.serial, _VENDOR, self.originator, len(path) >> 1)
        return request(guard.CLOSE, MANAGER, data + path)


def routed(message: bytes, route: bytes) -> bytes:
    """A message that is handed on to another device: Unconnected_Send (3-5.5.4)."""
    pad = b"\0" * (len(message) & 1)
    data = _TICKS + len(message).to_bytes(2, "little") + message + pad
    return request(guard.UNCONNECTED_SEND, MANAGER, data + bytes((len(route) >> 1, 0)) + route)
