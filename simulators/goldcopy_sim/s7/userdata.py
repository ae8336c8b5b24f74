"""Userdata: requests by group and sub-function, and answers of several data units."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from . import clock, directory, szl
from .cpu import NO_RESOURCES, NOT_IMPLEMENTED, Refusal
from .frames import Message, userdata
from .session import Session

_HEAD: Final = b"\x00\x01\x12"
_REQUEST, _RESPONSE = 0x40, 0x80
"""Types, in the upper half of the byte that has the group in its lower half."""
_DATA: Final = struct.Struct(">BBH")
_OK, _NONE, _OCTETS = 0xFF, 0x0A, 0x09
_LISTED: Final = (3, 2)
_SZL: Final = (4, 1)
_LONG: Final = frozenset({_LISTED, _SZL})
"""Services whose answer may need several data units."""
_LIST_MARGIN, _MARGIN = 32, 26
"""Bytes of a PDU that carry no data; an S7-300 keeps more of them free in a list."""
_MAX_CONTINUED: Final = 8
_BAD_PASSWORD, _NOTHING_TO_CLEAR, _NO_PASSWORD = 0xD602, 0xD604, 0xD605
_BAD_TIME: Final = 0xDC01
_SYNTAX: Final = 0xD601


def answer(session: Session, request: Message) -> bytes:
    """The reply PDU to a userdata request."""
    parameter = request.parameter
    if len(parameter) < 8 or parameter[:3] != _HEAD:
        session.note("malformed userdata")
        return _reply(session, request, (0, 0), 0, error=NOT_IMPLEMENTED)
    service = parameter[5] & 0x0F, parameter[6]
    sequence = parameter[7]
    if parameter[4] == 0x12 and sequence and service in _LONG:
        return _continue(session, request, service, sequence)
    try:
        data = _serve(session, service, request.data[4:])
    except Refusal as refusal:
        return _reply(session, request, service, 0, error=refusal.code)
    if data is None or service not in _LONG:
        return _reply(session, request, service, 0, data)
    return _first(session, request, service, data)


def _serve(session: Session, service: tuple[int, int], data: bytes) -> bytes | None:
    name, handler = SERVICES.get(service, ("", None))
    if handler is None:
        session.note(f"userdata group {service[0]} function {service[1]}")
        raise Refusal(NOT_IMPLEMENTED)
    if session.cpu.fault == "busy" or not (session.cpu.classic or service == _SZL):
        session.note(name, writes=service in _WRITES)
        raise Refusal(NO_RESOURCES if session.cpu.classic else NOT_IMPLEMENTED)
    return handler(session, data)


def _first(session: Session, request: Message, service: tuple[int, int], data: bytes) -> bytes:
    """Cut a long answer; what does not fit waits under a sequence number of its own."""
    listed = service == _LISTED
    size = max(4, session.pdu - (_LIST_MARGIN if listed else _MARGIN))
    if listed:
        size -= size % 4  # entries are never torn
    units = [data[start : start + size] for start in range(0, len(data), size)]
    endless = listed and session.cpu.fault == "endless-list"
    sequence = 1
    if len(units) == 1 and not endless:
        return _reply(session, request, service, sequence, data)
    while sequence in session.continued:
        sequence += 1
    if len(session.continued) >= _MAX_CONTINUED:
        sequence = next(iter(session.continued))  # the oldest one was abandoned
        del session.continued[sequence]
    session.unit = session.unit % 255 + 1
    rest = units[1:] or units
    session.continued[sequence] = session.unit, rest
    return _reply(session, request, service, sequence, units[0], unit=session.unit, more=True)


def _continue(session: Session, request: Message, service: tuple[int, int], sequence: int) -> bytes:
    if sequence not in session.continued:
        session.note(SERVICES[service][0], f"nothing to continue under {sequence}")
        session.cpu.violations.append(f"asked to continue an answer that is complete ({sequence})")
        return _reply(session, request, service, 0, error=NOT_IMPLEMENTED)
    unit, units = session.continued[sequence]
    session.note(SERVICES[service][0], "continued")
    data, rest = units[0], units[1:]
    if session.cpu.fault == "endless-list" and service == _LISTED:
        rest = [*rest, data]
    if rest:
        session.continued[sequence] = unit, rest
    else:
        del session.continued[sequence]
    return _reply(session, request, service, sequence, data, unit=unit, more=bool(rest))


def _reply(
    session: Session,
    request: Message,
    service: tuple[int, int],
    sequence: int,
    data: bytes | None = None,
    *,
    unit: int = 0,
    more: bool = False,
    error: int = 0,
) -> bytes:
    group, function = service
    head = bytes((8, 0x12, _RESPONSE | group, function, sequence, unit, more))
    parameter = _HEAD + head + error.to_bytes(2, "big")
    body = _DATA.pack(_NONE, 0, 0) if data is None else _DATA.pack(_OK, _OCTETS, len(data)) + data
    return userdata(request.reference, parameter, body)


def _read_szl(session: Session, data: bytes) -> bytes:
    if len(data) != 4:
        session.note("read SZL", data.hex())
        raise Refusal(_SYNTAX)
    number, index = struct.unpack(">HH", data)
    session.note("read SZL", f"{number:04x} index {index:04x}")
    return szl.read(session.cpu, number, index)


def _unlock(session: Session, data: bytes) -> None:
    """Eight characters, each XORed with 55 and with the coded one two places before it."""
    session.note("set password")
    cpu = session.cpu
    if len(data) != 8:
        raise Refusal(_SYNTAX)
    if cpu.password is None:
        raise Refusal(_NO_PASSWORD)
    plain = bytes(byte ^ 0x55 ^ (data[at - 2] if at > 1 else 0) for at, byte in enumerate(data))
    expected = cpu.password.encode("latin-1").ljust(8)[:8]
    if plain != expected or cpu.fault == "refuse-login":
        raise Refusal(_BAD_PASSWORD)
    session.unlocked = True


def _lock(session: Session, data: bytes) -> None:
    session.note("clear password")
    if not session.unlocked:
        raise Refusal(_NOTHING_TO_CLEAR)
    session.unlocked = False


def _read_clock(session: Session, data: bytes) -> bytes:
    session.note("read clock")
    when = session.cpu.now()
    return bytes((0, when.year // 100 // 10 << 4 | when.year // 100 % 10)) + clock.encode(when)


def _set_clock(session: Session, data: bytes) -> None:
    session.note("set clock", data.hex(), writes=True)
    session.need(2)
    try:
        when = clock.decode(data[2:10])
    except ValueError:
        raise Refusal(_BAD_TIME) from None
    session.cpu.clock_offset = when - datetime.now()


Handler = Callable[[Session, bytes], bytes | None]
SERVICES: Final[Mapping[tuple[int, int], tuple[str, Handler]]] = {
    (3, 1): ("list blocks", directory.list_blocks),
    (3, 2): ("list blocks of type", directory.list_blocks_of_type),
    (3, 3): ("block info", directory.block_info),
    (4, 1): ("read SZL", _read_szl),
    (5, 1): ("set password", _unlock),
    (5, 2): ("clear password", _lock),
    (7, 1): ("read clock", _read_clock),
    (7, 2): ("set clock", _set_clock),
}
_WRITES: Final = frozenset({(7, 2)})
"""A password opens the connection that gave it, and changes nothing in the CPU."""
