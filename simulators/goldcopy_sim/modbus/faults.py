"""What a controller can do wrong on the wire. Faults of TCP itself belong to a proxy, not here."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from struct import pack_into, unpack_from

from .spec import ERROR, ExceptionCode, Function, exception_reply

FAULTS: Mapping[str, str] = {
    "silent": "does what it is asked and answers nothing",
    "refuse-connection": "closes every new connection at once",
    "garbage": "sends random bytes, as many as the reply would have",
    "wrong-unit": "answers in the name of another unit",
    "wrong-function": "answers with the next function code",
    "wrong-transaction": "answers with a transaction identifier that nobody used",
    "short-count": "well-formed read replies with one register (8 bits) fewer than asked",
    "long-count": "well-formed read replies with one register (8 bits) more than asked",
    "busy": "exception 6 for the first three requests of each connection, nothing is carried out",
    "duplicate": "sends each reply twice",
    "late": "holds back the second reply of each connection until the next request has arrived",
    "cut": "closes the connection in the middle of a reply",
    "reorder": "answers requests that arrive together in reverse order (legal)",
}

BUSY_REQUESTS = 3
LATE_REPLY = 2

_BODY = 8  # MBAP header of 7 bytes, then the function code
_BIT_READS = (Function.READ_COILS, Function.READ_DISCRETE_INPUTS)
_WORD_READS = (
    Function.READ_HOLDING_REGISTERS,
    Function.READ_INPUT_REGISTERS,
    Function.READ_WRITE_REGISTERS,
)


def _garbage(frame: bytearray) -> bytes:
    return random.Random(bytes(frame)).randbytes(len(frame))  # seeded: a failure repeats


def _wrong_unit(frame: bytearray) -> bytearray:
    frame[6] ^= 1
    return frame


def _wrong_function(frame: bytearray) -> bytearray:
    frame[7] = (frame[7] & ERROR) | ((frame[7] + 1) & ~ERROR)
    return frame


def _wrong_transaction(frame: bytearray) -> bytearray:
    frame[0] ^= 0x80  # far from any that may be in flight
    return frame


def _short_count(frame: bytearray) -> bytearray:
    return _resized(frame, -1)


def _long_count(frame: bytearray) -> bytearray:
    return _resized(frame, 1)


def _resized(frame: bytearray, sign: int) -> bytearray:
    """A read reply with a little less or more data; every count in it agrees with that."""
    function = frame[7]
    step = 1 if function in _BIT_READS else 2
    counts: tuple[int, ...]
    if function == Function.READ_FILE_RECORD:
        counts, end = (_BODY, _BODY + 1), _BODY + 2 + frame[_BODY + 1]  # its first group
    elif function in _BIT_READS or function in _WORD_READS:
        counts, end = (_BODY,), len(frame)
    else:
        return frame
    frame[end - step if sign < 0 else end : end] = b"" if sign < 0 else bytes(step)
    for place in counts:
        frame[place] += sign * step
    (length,) = unpack_from(">H", frame, 4)
    pack_into(">H", frame, 4, length + sign * step)
    return frame


_DISTORTIONS: Mapping[str, Callable[[bytearray], bytes | bytearray]] = {
    "silent": lambda frame: b"",
    "garbage": _garbage,
    "wrong-unit": _wrong_unit,
    "wrong-function": _wrong_function,
    "wrong-transaction": _wrong_transaction,
    "short-count": _short_count,
    "long-count": _long_count,
    "duplicate": lambda frame: frame + frame,
}


class Conduct:
    """How one connection treats requests and replies while a fault is set."""

    def __init__(self, fault: str) -> None:
        self.fault = fault
        self._requests = 0
        self._replies = 0
        self._held = b""

    def instead(self, pdu: bytes) -> bytes | None:
        """A reply to give without carrying the request out."""
        self._requests += 1
        if self.fault == "busy" and self._requests <= BUSY_REQUESTS:
            return exception_reply(pdu[0], ExceptionCode.SERVER_DEVICE_BUSY)
        return None

    def outgoing(self, frames: list[bytes]) -> tuple[bytes, bool]:
        """What really goes out for a batch of replies, and whether to hang up after it."""
        match self.fault:
            case "cut" if frames:
                return frames[0][: len(frames[0]) // 2], True
            case "late":
                return b"".join(map(self._hold, frames)), False
            case "reorder":
                return b"".join(reversed(frames)), False
            case fault if fault in _DISTORTIONS:
                distort = _DISTORTIONS[fault]
                return b"".join(distort(bytearray(frame)) for frame in frames), False
        return b"".join(frames), False

    def _hold(self, frame: bytes) -> bytes:
        self._replies += 1
        if self._replies == LATE_REPLY:
            self._held = frame
            return b""
        held, self._held = self._held, b""
        return held + frame
