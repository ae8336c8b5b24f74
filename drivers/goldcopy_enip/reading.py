"""Reading values: the fewest packets for a connection's size, fragments across arrays too."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from goldcopy_enip import guard
from goldcopy_enip.epath import elements
from goldcopy_enip.link import Link
from goldcopy_enip.messages import REPLY_HEAD, Reply, request
from goldcopy_enip.status import PARTIAL, raise_if_not_now, words

_COUNT = struct.Struct("<H")
_PART = struct.Struct("<HI")
_HEAD_OUT, _HEAD_BACK, _OFFSET = 8, 6, 2
_OPEN_PACKETS = 12
"""Packets with room left that a small value is tried in."""
_LEAST = 40
"""Room, in bytes, that is worth a fragment."""
_SMALLEST = 10
"""Bytes of the smallest service, a BOOL by its instance; with less, a packet is full."""
MOST_BYTES = 1 << 24


@dataclass(slots=True)
class Want:
    """One tag or member to be read, and what has come of it."""

    epath: bytes
    kind: bytes
    """Its type as the reply must tell it; b"" for any."""
    size: int
    """Bytes of an element; 0 if not known."""
    dims: tuple[int, ...] = ()
    count: int = 1
    data: bytes = b""
    status: int = 0
    """Of a refusal."""
    why: str = ""
    """Why there is no value; "" for good."""
    parts: dict[int, bytes] | None = None
    """By element, until all are there; None where one piece is all of it."""


class _Piece(NamedTuple):
    """What one service asks for."""

    want: Want
    start: int
    amount: int
    got: bytes = b""
    """What has come already, of a piece that does not fit in a reply."""

    def request(self) -> bytes:
        """A read, or a fragmented one that goes on."""
        want, path = self.want, self.want.epath
        if self.start or self.amount < want.count:
            path += elements(self.start, want.dims)
        if self.got:
            return request(guard.READ_PART, path, _PART.pack(self.amount, len(self.got)))
        return request(guard.READ, path, _COUNT.pack(self.amount))


class _Packet:
    """Services that go together."""

    def __init__(self, size: int) -> None:
        self.pieces: list[_Piece] = []
        self.requests: list[bytes] = []
        self.out, self.back = size - _HEAD_OUT, size - _HEAD_BACK

    def takes(self, out: int, back: int) -> bool:
        return out + _OFFSET <= self.out and back + _OFFSET <= self.back

    def add(self, piece: _Piece, octets: bytes, back: int) -> None:
        self.pieces.append(piece)
        self.requests.append(octets)
        self.out -= len(octets) + _OFFSET
        self.back -= back + _OFFSET


async def read(link: Link, wants: Sequence[Want]) -> None:
    """Fill in ``data`` or ``why`` of each.

    Raises as the link does, and what ``raise_if_not_now`` does.
    """
    packets = _plan(link, wants)
    link.meter.total += len(packets)
    while packets:
        answers = await link.ask_packed([packet.requests for packet in packets])
        rest = [
            piece
            for packet, replies in zip(packets, answers, strict=True)
            for piece in _took(packet, replies)
        ]
        link.meter.done += len(packets)
        packets = list(_alone(link.size, rest))
        link.meter.total += len(packets)
    for want in wants:
        if want.parts is not None:
            if not want.why:
                want.data = b"".join([want.parts[at] for at in sorted(want.parts)])
            want.parts = None


def _head(want: Want) -> int:
    return REPLY_HEAD + (len(want.kind) or 4)


def _plan(link: Link, wants: Sequence[Want]) -> list[_Packet]:
    """Small ones first, each where it fits; arrays then fill whatever is left."""
    size = link.size
    packets: list[_Packet] = []
    roomy: list[_Packet] = []
    large: list[Want] = []
    alone: list[_Piece] = []
    room = size - _HEAD_BACK - _OFFSET
    for want in wants:
        head = _head(want)
        back = head + want.size * want.count
        if not want.size or head + want.size > room:
            alone.append(_Piece(want, 0, want.count))
        elif back > room:
            large.append(want)
        else:
            piece = _Piece(want, 0, want.count)
            octets = piece.request()
            for packet in roomy if link.multiple else ():
                if packet.takes(len(octets), back):
                    break
            else:
                packet = _Packet(size)
                packets.append(packet)
                roomy = [*roomy[1 - _OPEN_PACKETS :], packet]
            packet.add(piece, octets, back)
            if packet.back < _SMALLEST or packet.out < _SMALLEST:
                roomy.remove(packet)
    _fill(link, packets, large)
    return packets + list(_alone(size, alone))


def _fill(link: Link, packets: list[_Packet], large: Sequence[Want]) -> None:
    """Arrays that no packet can hold, in as long pieces as there is room for."""
    roomy = [packet for packet in packets if packet.back >= _LEAST] if link.multiple else []
    for want in large:
        start = 0
        while start < want.count:
            packet = roomy[-1] if roomy else _Packet(link.size)
            if not roomy:
                packets.append(packet)
                roomy.append(packet)
            fits = (packet.back - _OFFSET - _head(want)) // want.size
            count = min(fits, want.count - start)
            piece = _Piece(want, start, count)
            octets = piece.request() if count > 0 else b""
            added = count > 0 and len(octets) + _OFFSET <= packet.out
            if added:
                packet.add(piece, octets, _head(want) + count * want.size)
                start += count
            if not added or packet.back < _LEAST or not link.multiple:
                roomy.pop()


def _alone(size: int, pieces: Sequence[_Piece]) -> Iterator[_Packet]:
    for piece in pieces:
        packet = _Packet(size)
        packet.add(piece, piece.request(), 0)
        yield packet


def _took(packet: _Packet, replies: Sequence[Reply]) -> Iterator[_Piece]:
    """Take in the replies of a packet; gives the pieces that go on."""
    for piece, reply in zip(packet.pieces, replies, strict=True):
        want, data = piece.want, reply.data
        if reply.status not in (0, PARTIAL):
            raise_if_not_now(reply.status, reply.extended)
            want.status, want.why = reply.status, words(reply.status, reply.extended)
            continue
        head = 4 if data[:2] == b"\xa0\x02" else 2
        if want.kind and data[:head] != want.kind and (data or not reply.status):
            want.why = _other(want.kind, data[:head])
            continue
        got = piece.got + data[head:]
        size = piece.amount * want.size
        if reply.status and (len(data) <= head or len(got) > MOST_BYTES):
            want.why = "the controller says that there is more of it, and gives none"
        elif reply.status and (not size or len(got) < size):
            yield piece._replace(got=got)
        elif not reply.status and (not size or len(got) == size):
            if piece.amount == want.count:
                want.data = got
            else:
                want.parts = want.parts or {}
                want.parts[piece.start] = got
        else:
            want.why = f"{len(got)} bytes came where {size} were asked for"


def _other(wanted: bytes, found: bytes) -> str:
    return f"it is of type {found.hex()} where the tag list says {wanted.hex()}"
