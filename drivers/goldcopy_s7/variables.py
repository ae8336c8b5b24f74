"""Reading memory: the fewest read-var requests for a PDU, and a return code for each item."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import NamedTuple

from goldcopy.errors import Malformed
from goldcopy_s7.frames import READ_VAR
from goldcopy_s7.pdu import Job, Reply

AREAS = {"I": 0x81, "Q": 0x82, "M": 0x83, "DB": 0x84, "C": 0x1C, "T": 0x1D}
_BIT, _BYTE = 0x01, 0x02
ITEM = Struct(">BBBBHHI")  # 0x12, 10 bytes follow, S7ANY, size, count, DB, area and bit address
VALUE = Struct(">BBH")  # return code, transport size, length
_OK = 0xFF
_IN_BITS = frozenset((0x04, 0x05))
"""Transport sizes of replies whose length counts bits; that of the others counts bytes."""
MOST_ITEMS = 20
_REQUEST_HEAD, _REPLY_HEAD = 12, 14


class Run(NamedTuple):
    """Elements of memory in a row: bytes, or timers or counters of two bytes."""

    area: str
    number: int
    """Of the data block, else 0."""
    start: int
    amount: int

    @property
    def width(self) -> int:
        """Bytes of one element."""
        return 2 if self.area in "CT" else 1


class Piece(NamedTuple):
    """What one item of a request asks for."""

    place: int
    """Which run it belongs to."""
    run: Run


def plan(runs: Sequence[Run], pdu: int) -> list[list[Piece]]:
    """Requests for all runs. One that does not fit a PDU has its own; small ones share."""
    room = pdu - _REPLY_HEAD
    most = min(MOST_ITEMS, (pdu - _REQUEST_HEAD) // ITEM.size)
    requests: list[list[Piece]] = []
    shared: list[Piece] = []
    left = room
    for place, run in enumerate(runs):
        if not run.amount:  # an empty data block: there is nothing to ask for
            continue
        if _cost(run) > room:
            requests += [[piece] for piece in _divided(place, run, room - VALUE.size)]
            continue
        if _cost(run) > left or len(shared) == most:
            requests.append(shared)
            shared, left = [], room
        shared.append(Piece(place, run))
        left -= _cost(run) + (run.amount * run.width & 1)  # every item but the last has even bytes
    return [*requests, shared] if shared else requests


def _cost(run: Run) -> int:
    return VALUE.size + run.amount * run.width


def _divided(place: int, run: Run, room: int) -> Iterable[Piece]:
    most = room // run.width
    for at in range(0, run.amount, most):
        part = run._replace(start=run.start + at, amount=min(most, run.amount - at))
        yield Piece(place, part)


def request(pieces: Sequence[Piece]) -> Job:
    """A read-var job for these pieces."""
    return Job(bytes((READ_VAR, len(pieces))) + b"".join(item(piece.run) for piece in pieces))


def item(run: Run) -> bytes:
    """An S7ANY pointer: bytes by bit address, timers and counters by number."""
    code = AREAS[run.area]
    size, place = (code, run.start) if run.width == 2 else (_BYTE, run.start * 8)
    return ITEM.pack(0x12, 0x0A, 0x10, size, run.amount, run.number, code << 24 | place)


def bit_item(number: int, place: int) -> bytes:
    """An S7ANY pointer to one bit of a data block; ``place`` counts bits from its start."""
    return ITEM.pack(0x12, 0x0A, 0x10, _BIT, 1, number, AREAS["DB"] << 24 | place)


def values(reply: Reply, pieces: Sequence[Piece]) -> list[bytes | int]:
    """The bytes of each piece, or its return code.

    Raises ``Malformed`` if the reply has other items than were asked for.
    """
    if len(reply.parameter) != 2 or reply.parameter[1] != len(pieces):
        raise Malformed(f"{len(pieces)} variables were asked for, {reply.parameter.hex()} answers")
    data, at = reply.data, 0
    found: list[bytes | int] = []
    for piece in pieces:
        if len(data) < at + VALUE.size:
            raise Malformed("the values end before the last variable")
        code, kind, length = VALUE.unpack_from(data, at)
        at += VALUE.size
        if code != _OK:  # such an item has no data, whatever its length says
            found.append(code)
            continue
        size = length // 8 if kind in _IN_BITS else length
        wanted = piece.run.amount * piece.run.width
        if size != wanted or len(data) < at + size:
            raise Malformed(f"{wanted} bytes were asked for, {size} are announced")
        found.append(data[at : at + size])
        at += size + (size & 1)
    if at < len(data):
        raise Malformed(f"{len(data) - at} bytes behind the last variable")
    return found
