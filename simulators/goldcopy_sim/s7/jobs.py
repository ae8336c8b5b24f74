"""Jobs: which function code is answered by what, and how a refusal travels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from . import program, transfer, variables
from .cpu import BAD_FRAME, NO_RESOURCES, NOT_IMPLEMENTED, Refusal
from .frames import Message, reply
from .session import Session

SETUP: Final = 0xF0
READ_VAR, WRITE_VAR = 0x04, 0x05
_SMALLEST_PDU: Final = 112
"""Below this a CPU has no room for its own answers."""

Handler = Callable[[Session, Message], tuple[bytes, bytes]]
JOBS: Final[Mapping[int, tuple[str, Handler]]] = {
    READ_VAR: ("read var", variables.read_var),
    WRITE_VAR: ("write var", variables.write_var),
    transfer.REQUEST_DOWNLOAD: ("request download", transfer.request_download),
    transfer.START_UPLOAD: ("start upload", transfer.start_upload),
    transfer.UPLOAD: ("upload", transfer.upload),
    transfer.END_UPLOAD: ("end upload", transfer.end_upload),
    program.PI_SERVICE: ("PI service", program.pi_service),
    program.PLC_STOP: ("PLC stop", program.plc_stop),
}
_READS: Final = frozenset({READ_VAR, transfer.START_UPLOAD, transfer.UPLOAD, transfer.END_UPLOAD})
_VARIABLES: Final = frozenset({READ_VAR, WRITE_VAR})


def answer(session: Session, request: Message) -> bytes:
    """The reply PDU to a job."""
    function = request.parameter[0] if request.parameter else 0
    try:
        parameter, data = _serve(session, function, request)
    except Refusal as refusal:
        return reply(request.reference, bytes((function,)) + refusal.detail, error=refusal.code)
    return reply(request.reference, parameter, data)


def writing(request: Message) -> str:
    """The name of a job that changes something; "" for all others."""
    function = request.parameter[0] if request.parameter else 0
    return JOBS[function][0] if function in JOBS.keys() - _READS else ""


def setup(session: Session, request: Message) -> bytes:
    """Setup communication: grant the smaller of what is asked for and what the CPU can."""
    cpu = session.cpu
    if len(request.parameter) != 8:
        session.note("setup communication", "malformed")
        return reply(request.reference, bytes((SETUP,)), error=BAD_FRAME)
    calling, called, size = (
        int.from_bytes(request.parameter[at : at + 2], "big") for at in (2, 4, 6)
    )
    session.note("setup communication", f"PDU {size}, parallel jobs {calling}/{called}")
    session.amq = max(1, min(calling, cpu.amq))
    session.pdu = max(_SMALLEST_PDU, min(size, cpu.pdu))
    told = {"pdu-zero": 0, "pdu-huge": 0xFFFF}.get(cpu.fault or "", session.pdu)
    granted = session.amq, max(1, min(called, cpu.amq)), told
    parameter = bytes((SETUP, 0)) + b"".join(number.to_bytes(2, "big") for number in granted)
    return reply(request.reference, parameter)


def _serve(session: Session, function: int, request: Message) -> tuple[bytes, bytes]:
    name, handler = JOBS.get(function, ("", None))
    if handler is None:
        session.note(f"job {function:#04x}", writes=True)
        raise Refusal(NOT_IMPLEMENTED)
    if session.cpu.fault == "busy" or not (session.cpu.classic or function in _VARIABLES):
        session.note(name, writes=function not in _READS)
        raise Refusal(NO_RESOURCES if session.cpu.classic else NOT_IMPLEMENTED)
    return handler(session, request)
