"""A value that a controller does not take as it was written: refused, ignored or clamped."""

from __future__ import annotations

from collections.abc import Callable

from goldcopy_sim.mishap import Mishap, altered

from .spec import COIL_ON, ERROR, ExceptionCode, Function, exception_reply

WRITING = frozenset[int](
    {
        Function.WRITE_SINGLE_COIL,
        Function.WRITE_SINGLE_REGISTER,
        Function.WRITE_MULTIPLE_COILS,
        Function.WRITE_MULTIPLE_REGISTERS,
        Function.WRITE_FILE_RECORD,
        Function.MASK_WRITE_REGISTER,
    }
)
"""What a mishap counts. Whatever such a request holds is one value: it has one answer."""

Answer = Callable[[int, bytes], bytes | None]


def carried_out(answer: Answer, mishap: Mishap | None, unit: int, pdu: bytes) -> bytes | None:
    """The reply to a writing request that is carried out, more or less; None for none."""
    match mishap.of_value() if mishap else "":
        case "refused":
            return exception_reply(pdu[0], ExceptionCode.SERVER_DEVICE_FAILURE)
        case "ignored":
            return _acknowledged(pdu)
        case "clamped":
            reply = answer(unit, _clamped(pdu))
            return reply if reply and reply[0] & ERROR else _acknowledged(pdu)
    return answer(unit, pdu)


def _acknowledged(pdu: bytes) -> bytes:
    """6.12 and 6.11 answer with start and quantity, the others with the request itself."""
    many = pdu[0] in (Function.WRITE_MULTIPLE_COILS, Function.WRITE_MULTIPLE_REGISTERS)
    return pdu[:5] if many else pdu


def _clamped(pdu: bytes) -> bytes:
    if pdu[0] != Function.WRITE_SINGLE_COIL:
        return altered(pdu)
    return pdu[:3] + (COIL_ON ^ int.from_bytes(pdu[3:5], "big")).to_bytes(2, "big")
