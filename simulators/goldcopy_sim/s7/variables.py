"""Read var and write var: any mix of areas, each item with its own return code."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from .amiss import taken
from .cpu import BAD_FRAME, C_AREA, DB_AREA, NOT_IMPLEMENTED, T_AREA, Refusal
from .frames import Message
from .session import Session

_ITEM: Final = struct.Struct(">BBBBHHI")
_ANY: Final = b"\x12\x0a\x10"
"""Specification type, its length, syntax id S7ANY."""
_DATA: Final = struct.Struct(">BBH")
MAX_ITEMS: Final = 20

OK, BAD_ADDRESS, BAD_TYPE, BAD_SIZE, NO_OBJECT = 0xFF, 0x05, 0x06, 0x07, 0x0A
_BIT: Final = 0x01
_WIDTH: Final = {0x02: 1, 0x03: 1, 0x04: 2, 0x05: 2, 0x06: 4, 0x07: 4, 0x08: 4, 0x1C: 2, 0x1D: 2}
"""Transport size of a request -> bytes of one element."""
_ANSWER: Final = {_BIT: 0x03, 0x05: 0x05, 0x07: 0x05, 0x08: 0x07, C_AREA: 0x09, T_AREA: 0x09}
"""Transport size of a request -> that of its answer, if not 0x04."""
_IN_BITS: Final = frozenset({0x04, 0x05})
"""Transport sizes of data whose length counts bits; 0x03 counts single bits."""
_NAMES: Final = {0x81: "I", 0x82: "Q", 0x83: "M", 0x84: "DB", C_AREA: "C", T_AREA: "T"}


class _Bad(Exception):
    def __init__(self, code: int) -> None:
        self.code = code


class _Place(NamedTuple):
    memory: memoryview
    start: int
    size: int
    bit: int | None


def read_var(session: Session, request: Message) -> tuple[bytes, bytes]:
    """Function 0x04."""
    items = _items(session, request.parameter, "read var", writes=False)
    parts = [_read(session, item) for item in items]
    if session.cpu.fault == "item-count-lie":
        parts.pop()
    # Every item but the last is padded to an even length.
    data = b"".join(part + b"\0" if len(part) & 1 else part for part in parts[:-1])
    data += parts[-1] if parts else b""
    if 14 + len(data) > session.pdu:
        raise Refusal(BAD_FRAME)
    return bytes((0x04, len(parts))), data


def write_var(session: Session, request: Message) -> tuple[bytes, bytes]:
    """Function 0x05."""
    items = _items(session, request.parameter, "write var", writes=True)
    values = _values(request.data, len(items))
    codes = bytearray()
    for item, (kind, length, value) in zip(items, values, strict=True):
        try:
            memory, start, size, bit = _resolve(session, item)
            _check(item[3], kind, length, size)
        except _Bad as bad:
            codes.append(bad.code)
            continue
        code, stored = taken(session.cpu.mishap, value)
        codes.append(code)
        if stored is None:
            continue
        if bit is None:
            memory[start : start + size] = stored
        elif stored[0] & 1:
            memory[start] |= 1 << bit
        else:
            memory[start] &= ~(1 << bit) & 0xFF
    return bytes((0x05, len(codes))), bytes(codes)


def _read(session: Session, item: tuple[int, ...]) -> bytes:
    try:
        memory, start, size, bit = _resolve(session, item)
    except _Bad as bad:
        return _DATA.pack(bad.code, 0, 0)
    kind = _ANSWER.get(item[3], 0x04)
    if bit is not None:
        return _DATA.pack(OK, kind, 1) + bytes((memory[start] >> bit & 1,))
    length = size * 8 if kind in _IN_BITS else size
    return _DATA.pack(OK, kind, length & 0xFFFF) + memory[start : start + size]


def _items(
    session: Session, parameter: bytes, service: str, *, writes: bool
) -> list[tuple[int, ...]]:
    count = parameter[1] if len(parameter) > 1 else 0
    if not count or len(parameter) != 2 + _ITEM.size * count:
        session.note(service, "malformed", writes=writes)
        raise Refusal(BAD_FRAME)
    items = [_ITEM.unpack_from(parameter, at) for at in range(2, len(parameter), _ITEM.size)]
    session.note(service, ", ".join(map(_describe, items)), writes=writes)
    if count > MAX_ITEMS:
        session.cpu.violations.append(f"{service} of {count} items; {MAX_ITEMS} are allowed")
        raise Refusal(BAD_FRAME)
    if not session.cpu.put_get:
        raise Refusal(NOT_IMPLEMENTED)
    return items


def _describe(item: tuple[int, ...]) -> str:
    _, _, _, kind, count, number, place = item
    area, at = place >> 24, place & 0xFFFFFF
    name = _NAMES.get(area, f"{area:#04x} ")
    if area == DB_AREA:
        name = f"DB{number}."
    if area in (C_AREA, T_AREA):
        return f"{name}{at} x {count}"
    bit = f".{at & 7}" if kind == _BIT else ""
    return f"{name}{at >> 3}{bit} {count} x {kind:#04x}"


def _resolve(session: Session, item: tuple[int, ...]) -> _Place:
    spec, length, syntax, kind, count, number, place = item
    if (spec, length, syntax) != tuple(_ANY):
        raise _Bad(BAD_TYPE)
    cpu = session.cpu
    area, at = place >> 24, place & 0xFFFFFF
    if area == DB_AREA:
        if number not in cpu.data:
            raise _Bad(NO_OBJECT)
        if number in cpu.optimized:
            raise _Bad(BAD_ADDRESS)
        memory = cpu.data[number]
    elif area in cpu.areas:
        memory = cpu.areas[area]
        if area in (C_AREA, T_AREA):
            if not cpu.classic:
                raise _Bad(NO_OBJECT)
            if kind != area:  # counters and timers are read as such, by number
                raise _Bad(BAD_TYPE)
            at *= 16
    else:
        raise _Bad(BAD_ADDRESS)
    if kind == _BIT:
        if count != 1:
            raise _Bad(BAD_TYPE)
        if at >> 3 >= len(memory):
            raise _Bad(BAD_ADDRESS)
        return _Place(memory, at >> 3, 1, at & 7)
    if kind not in _WIDTH:
        raise _Bad(BAD_TYPE)
    start, size = at >> 3, count * _WIDTH[kind]
    if at & 7 or not size or start + size > len(memory):
        raise _Bad(BAD_ADDRESS)
    return _Place(memory, start, size, None)


def _values(data: bytes, count: int) -> list[tuple[int, int, bytes]]:
    found: list[tuple[int, int, bytes]] = []
    at = 0
    for _ in range(count):
        if at + _DATA.size > len(data):
            raise Refusal(BAD_FRAME)
        _, kind, length = _DATA.unpack_from(data, at)
        size = (length + 7) // 8 if kind in (*_IN_BITS, 0x03) else length
        at += _DATA.size
        if at + size > len(data):
            raise Refusal(BAD_FRAME)
        found.append((kind, size, data[at : at + size]))
        at += size + (size & 1)
    return found


def _check(asked: int, kind: int, length: int, size: int) -> None:
    """Whether the data brought fits the address: type first, then size."""
    if (asked == _BIT) != (kind == 0x03):
        raise _Bad(BAD_SIZE)
    if length != size:
        raise _Bad(BAD_SIZE)
