"""Reading and writing tags (1756-PM020, "CIP services"): whole, in fragments, single bits."""

from __future__ import annotations

import struct
from typing import Final

from . import cip
from .amiss import Keep, another, as_written, flipped
from .cip import Refusal, Reply
from .tags import Place
from .types import NONE, READ_WRITE, Structure

READ, WRITE, MODIFY, READ_PART, WRITE_PART = 0x4C, 0x4D, 0x4E, 0x52, 0x53
_STRUCTURE: Final = b"\xa0\x02"
_UNKNOWN: Final = b"\xee\x00"
_BAD_PARAMETER: Final = 0x03


def type_of(place: Place, fault: str | None = None) -> bytes:
    """How a value announces its type: a code, or ``A0 02`` and the handle of a structure."""
    kind = place.type
    if isinstance(kind, Structure):
        return _STRUCTURE + kind.handle.to_bytes(2, "little")
    if fault == "future-type" and kind.name == "DINT":
        return _UNKNOWN
    return kind.code.to_bytes(2, "little")


def read(place: Place, data: bytes, room: int, fault: str | None) -> Reply:
    """0x4C: so many elements; what does not fit is left out, and the status says so."""
    if len(data) < 2:
        raise Refusal(cip.NOT_ENOUGH_DATA)
    count = data[0] | data[1] << 8
    return _read(place, count, 0, room, fault)


def read_part(place: Place, data: bytes, room: int, fault: str | None) -> Reply:
    """0x52: so many elements, from a byte offset on."""
    if len(data) < 6:
        raise Refusal(cip.NOT_ENOUGH_DATA)
    count, offset = struct.unpack_from("<HI", data)
    return _read(place, count, offset, room, fault)


def _read(place: Place, count: int, offset: int, room: int, fault: str | None) -> Reply:
    kind = place.type
    structure = isinstance(kind, Structure)
    if place.access == NONE or (isinstance(kind, Structure) and kind.denied):
        raise Refusal(cip.DENIED)
    _check(place, count)
    head = type_of(place, fault)
    if fault == "empty-partial":
        return Reply(head, cip.PARTIAL)
    if place.bit is not None:
        value = bytes((place.memory[place.offset] >> place.bit & 1,))
    else:
        size = count * kind.size
        if offset >= size:
            raise Refusal(cip.GENERAL, cip.BEYOND_OFFSET)
        start = place.offset + offset
        value = bytes(place.memory[start : place.offset + size])
    room -= len(head)
    if len(value) <= room:
        return Reply(head + value)
    fits = max(room, 0)
    fits -= fits % (4 if structure else kind.size)
    return Reply(head + value[:fits] if fits else b"", cip.PARTIAL)


def write(place: Place, data: bytes, keep: Keep = as_written) -> int:
    """0x4D: a type, a count, as many values. Gives the bytes that were too many."""
    data = _typed(place, data)
    count = int.from_bytes(data[:2], "little")
    return _write(place, count, 0, data[2:], keep, whole=True)


def write_part(place: Place, data: bytes, keep: Keep = as_written) -> int:
    """0x53: a type, the count of the whole, a byte offset, some values."""
    data = _typed(place, data)
    if len(data) < 6:
        raise Refusal(cip.NOT_ENOUGH_DATA)
    count, offset = struct.unpack_from("<HI", data)
    return _write(place, count, offset, data[6:], keep, whole=False)


def modify(place: Place, data: bytes, keep: Keep = as_written) -> None:
    """0x4E: an OR mask and an AND mask of the element's size, in one go."""
    _check_write(place)
    size = int.from_bytes(data[:2], "little")
    kind = place.type
    if isinstance(kind, Structure) or kind.format in "fd" or place.bit is not None:
        raise Refusal(cip.GENERAL, cip.WRONG_TYPE)
    if size != kind.size:
        raise Refusal(_BAD_PARAMETER)
    if len(data) < 2 + 2 * size:
        raise Refusal(cip.NOT_ENOUGH_DATA)
    on, off = data[2 : 2 + size], data[2 + size : 2 + 2 * size]
    where = slice(place.offset, place.offset + size)
    held = bytes(place.memory[where])
    new = bytes((held[at] | on[at]) & off[at] for at in range(size))
    mask = bytes(on[at] | ~off[at] & 0xFF for at in range(size))
    place.memory[where] = keep(new, held, flipped(new, mask))


def _typed(place: Place, data: bytes) -> bytes:
    """What follows the type, once it is the right one."""
    _check_write(place)
    kind = type_of(place)
    if len(data) < len(kind) + 2:
        raise Refusal(cip.NOT_ENOUGH_DATA)
    if data[: len(kind)] != kind:
        raise Refusal(cip.GENERAL, cip.WRONG_TYPE)
    return data[len(kind) :]


def _write(place: Place, count: int, offset: int, values: bytes, keep: Keep, *, whole: bool) -> int:
    _check(place, count)
    if place.bit is not None:
        if not values:
            raise Refusal(cip.NOT_ENOUGH_DATA)
        held, bit = place.memory[place.offset], 1 << place.bit
        new = held & ~bit | (bit if values[0] else 0)
        one, now, other = (bytes((octet,)) for octet in (new, held, new ^ bit))
        place.memory[place.offset : place.offset + 1] = keep(one, now, other)
        return len(values) - 1
    size = count * place.type.size
    if whole and len(values) < size:
        raise Refusal(cip.NOT_ENOUGH_DATA)
    if offset >= size:
        raise Refusal(cip.GENERAL, cip.BEYOND_OFFSET)
    if not whole and offset + len(values) > size:
        raise Refusal(cip.GENERAL, cip.BEYOND_END)
    taken = values[: size - offset]
    if not isinstance(place.type, Structure) and place.type.name == "BOOL":
        taken = bytes(map(bool, taken))
    where = slice(place.offset + offset, place.offset + offset + len(taken))
    text = isinstance(place.type, Structure) and place.type.is_string and not offset
    other = another(taken, count=4 if text else 0)
    place.memory[where] = keep(taken, bytes(place.memory[where]), other)
    return len(values) - len(taken)


def _check(place: Place, count: int) -> None:
    if not 1 <= count <= place.elements:
        raise Refusal(cip.GENERAL, cip.BEYOND_END)


def _check_write(place: Place) -> None:
    kind = place.type
    partly = isinstance(kind, Structure) and (kind.denied or kind.read_only)
    if place.access != READ_WRITE or place.constant or partly:
        raise Refusal(cip.DENIED)
