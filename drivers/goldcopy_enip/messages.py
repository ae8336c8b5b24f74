"""CIP requests and replies (volume 1, 2-4), single and in Multiple Service Packets."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from goldcopy.errors import Malformed
from goldcopy_enip import guard
from goldcopy_enip.epath import logical
from goldcopy_enip.status import EMBEDDED, CipRefused, raise_if_not_now

_ROUTER = logical(guard.ROUTER, 1)
REPLY_HEAD = 4
PACK_HEAD = 2 + len(_ROUTER) + 2
"""Bytes of a multiple request without its services; a reply has two less."""


class Reply(NamedTuple):
    """What a service came to."""

    status: int
    extended: tuple[int, ...]
    data: bytes

    def good(self) -> bytes:
        """The data. Raises ``CipRefused``, or what ``raise_if_not_now`` does."""
        if self.status:
            raise_if_not_now(self.status, self.extended)
            raise CipRefused(self.status, self.extended)
        return self.data


def request(service: int, path: bytes, data: bytes = b"") -> bytes:
    """A message router request."""
    return bytes((service, len(path) >> 1)) + path + data


def parsed(octets: bytes, service: int) -> Reply:
    """A reply to this service. Raises ``Malformed`` if it is none."""
    if len(octets) < REPLY_HEAD or octets[0] != service | 0x80:
        raise Malformed(f"service {service:#04x} was asked for, {octets[:8].hex(' ')} answers")
    start = REPLY_HEAD + 2 * octets[3]
    if len(octets) < start:
        raise Malformed("a reply that is shorter than its extended status")
    extended = struct.unpack_from(f"<{octets[3]}H", octets, REPLY_HEAD) if octets[3] else ()
    return Reply(octets[2], extended, octets[start:])


def packed(requests: Sequence[bytes]) -> bytes:
    """One multiple service packet."""
    at = 2 + 2 * len(requests)
    offsets = []
    for one in requests:
        offsets.append(at)
        at += len(one)
    head = struct.pack(f"<H{len(offsets)}H", len(offsets), *offsets)
    return request(guard.MULTIPLE, _ROUTER, head + b"".join(requests))


def unpacked(reply: Reply, services: Sequence[int]) -> list[Reply]:
    """The replies in a multiple service packet.

    Raises ``CipRefused`` if it was refused as a whole, ``Malformed`` if it holds other replies.
    """
    if reply.status not in (0, EMBEDDED):
        reply.good()
    data, count = reply.data, len(services)
    head = 2 + 2 * count
    if len(data) < head or data[0] | data[1] << 8 != count:
        if reply.status:
            raise CipRefused(reply.status, reply.extended)
        raise Malformed(f"{count} services were packed, {data[:2].hex(' ')} answer")
    offsets = [*struct.unpack_from(f"<{count}H", data, 2), len(data)]
    if offsets[0] != head or sorted(offsets) != offsets:
        raise Malformed("a multiple reply whose parts are not in order")
    return [
        parsed(data[offsets[at] : offsets[at + 1]], service) for at, service in enumerate(services)
    ]
