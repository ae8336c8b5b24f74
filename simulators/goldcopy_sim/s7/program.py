"""PI services and PLC stop: link and delete blocks, change the operating mode."""

from __future__ import annotations

from typing import Final

from . import amiss
from .block import HEADER, SYSTEM, Key
from .cpu import BAD_FRAME, BROKEN_BLOCK, CANNOT, NOT_FOUND, NOT_IMPLEMENTED, Refusal
from .directory import SYNTAX, parse_name
from .frames import Message
from .session import Session
from .transfer import structural_error

PI_SERVICE, PLC_STOP = 0x28, 0x29
_RUNS_ALREADY, _STOPPED_ALREADY = b"\x03", b"\x07"
_PROGRAM: Final = b"P_PROGRAM"
_COLD: Final = b"C "


def pi_service(session: Session, request: Message) -> tuple[bytes, bytes]:
    """Function 0x28: a named service with a list of arguments."""
    parameter = request.parameter
    block = int.from_bytes(parameter[8:10], "big")
    arguments, rest = parameter[10 : 10 + block], parameter[10 + block :]
    if len(arguments) != block or not rest or len(rest) != 1 + rest[0]:
        session.note("PI service", "malformed", writes=True)
        raise Refusal(BAD_FRAME)
    name = rest[1:]
    label = f"PI service {name.decode('latin-1')}"
    match name:
        case b"_INSE" | b"_DELE":
            keys = _keys(arguments)
            session.note(label, ", ".join(map(str, keys)), writes=True)
            session.need(2)
            (_insert if name == b"_INSE" else _delete)(session, keys)
        case b"P_PROGRAM":
            session.note(label, "cold" if arguments == _COLD else "hot", writes=True)
            session.need(2)
            return _start(session)
        case b"_GARB" | b"_MODU":
            session.note(label, writes=True)
            session.need(2)
        case _:
            session.note(label, writes=True)
            raise Refusal(NOT_IMPLEMENTED)
    return bytes((PI_SERVICE,)), b""


def plc_stop(session: Session, request: Message) -> tuple[bytes, bytes]:
    """Function 0x29."""
    session.note("PLC stop", writes=True)
    if request.parameter[7:] != _PROGRAM:
        raise Refusal(BAD_FRAME)
    session.need(2)
    if not session.cpu.running:
        raise Refusal(CANNOT, _STOPPED_ALREADY)
    session.cpu.switch(running=False)
    return bytes((PLC_STOP,)), b""


def _start(session: Session) -> tuple[bytes, bytes]:
    if session.cpu.running:
        raise Refusal(CANNOT, _RUNS_ALREADY)
    session.cpu.switch(running=True)
    return bytes((PI_SERVICE,)), b""


def _keys(arguments: bytes) -> list[Key]:
    """A count, a reserved byte, then eight characters for each block."""
    names = [arguments[at : at + 8] for at in range(2, len(arguments), 8)]
    if len(arguments) < 10 or arguments[0] != len(names):
        raise Refusal(BAD_FRAME)
    keys = [key for name in names if (key := parse_name(name[:7])) and key.kind not in SYSTEM]
    if len(keys) != len(names):
        raise Refusal(SYNTAX)
    return keys


def _insert(session: Session, keys: list[Key]) -> None:
    """Link blocks that were downloaded: all of them, or none."""
    session.need_stop()
    if session.cpu.fault == "insert-refused":
        raise Refusal(BROKEN_BLOCK)
    passive = session.cpu.passive
    if any(key not in passive for key in keys):
        raise Refusal(NOT_FOUND)
    if any(structural_error(key, passive[key]) for key in keys):
        raise Refusal(BROKEN_BLOCK)
    for key, linked in [(key, amiss.linked(session.cpu.mishap, passive[key])) for key in keys]:
        del passive[key]
        if linked is not None:
            image = bytearray(linked)
            image[HEADER] ^= session.cpu.fault == "insert-altered"
            session.cpu.insert(key, bytes(image))


def _delete(session: Session, keys: list[Key]) -> None:
    if any(key not in session.cpu.images for key in keys):
        raise Refusal(NOT_FOUND)
    for key in keys:
        session.cpu.delete(key)
