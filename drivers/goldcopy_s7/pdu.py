"""S7 PDUs: jobs and userdata requests, and their replies with every length checked."""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from goldcopy.errors import Malformed
from goldcopy_s7.frames import ACK, ACK_DATA, JOB, USERDATA

_REQUEST = Struct(">BBHHHH")  # 0x32, ROSCTR, redundancy, reference, parameter and data length
_REPLY = Struct(">BBHHHHH")  # likewise, then error class and code
_ITEM = Struct(">BBH")  # return code, transport size, length
_S7 = 0x32
_HEAD = b"\x00\x01\x12"
_OK, _NONE, _OCTETS = 0xFF, 0x0A, 0x09
_ASK, _ANSWER = 0x40, 0x80  # userdata types, above the group


class Job(NamedTuple):
    """A request with a function code."""

    parameter: bytes
    data: bytes = b""


class Userdata(NamedTuple):
    """A request of a group and sub-function."""

    service: tuple[int, int]
    data: bytes = b""
    sequence: int | None = None
    """Which answer this continues, 0 included: some CPUs number them so."""


Request = Job | Userdata


class Reply(NamedTuple):
    """What came back; ``error`` is 0 or the CPU's code."""

    parameter: bytes
    data: bytes
    error: int = 0
    sequence: int = 0
    """Userdata: where ``more``, the number to ask for the rest by."""
    more: bool = False


def encoded(request: Request, reference: int) -> bytes:
    """The PDU of a request."""
    if isinstance(request, Job):
        return _compose(JOB, reference, request.parameter, request.data)
    group, function = request.service
    if request.sequence is not None:
        parameter = bytes((8, 0x12, _ASK | group, function, request.sequence, 0, 0, 0, 0))
    else:
        parameter = bytes((4, 0x11, _ASK | group, function, 0))
    data = (
        _ITEM.pack(_OK, _OCTETS, len(request.data)) + request.data
        if request.data
        else _ITEM.pack(_NONE, 0, 0)
    )
    return _compose(USERDATA, reference, _HEAD + parameter, data)


def asked(pdu: bytes) -> tuple[int, bytes]:
    """Reference and parameter of a job that the CPU has for us. Raises ``Malformed``."""
    if len(pdu) <= _REQUEST.size:
        raise Malformed(f"a job of the CPU ends at {pdu.hex(' ')}")
    _, _, _, reference, parameters, data = _REQUEST.unpack_from(pdu)
    split = _REQUEST.size + parameters
    if len(pdu) != split + data:
        raise Malformed(f"a job of {len(pdu)} bytes whose lengths say {split + data}")
    return reference, pdu[_REQUEST.size : split]


def answered(reference: int, parameter: bytes, data: bytes = b"") -> bytes:
    """The PDU of our answer to it."""
    head = _REPLY.pack(_S7, ACK_DATA, 0, reference, len(parameter), len(data), 0)
    return head + parameter + data


def parsed(pdu: bytes, request: Request) -> Reply:
    """The reply to this request.

    Raises ``Malformed`` if it is one to something else, or its lengths do not add up.
    """
    if len(pdu) < _REQUEST.size or pdu[0] != _S7:
        raise Malformed(f"no S7 PDU begins with {pdu[:10].hex(' ')}")
    return _job_reply(pdu, request) if isinstance(request, Job) else _answer(pdu, request)


def _job_reply(pdu: bytes, request: Job) -> Reply:
    if pdu[1] not in (ACK, ACK_DATA) or len(pdu) < _REPLY.size:
        raise Malformed(f"ROSCTR {pdu[1]} where the reply to a job was due")
    _, _, _, _, parameters, data, error = _REPLY.unpack_from(pdu)
    split = _REPLY.size + parameters
    if len(pdu) != split + data:
        raise Malformed(f"a PDU of {len(pdu)} bytes whose lengths say {split + data}")
    parameter = pdu[_REPLY.size : split]
    if parameter[:1] != request.parameter[:1] and not (error and not parameter):
        raise Malformed(
            f"the reply to function {request.parameter[:1].hex()} is one to {parameter[:1].hex()}"
        )
    return Reply(parameter, pdu[split:], error)


def _answer(pdu: bytes, request: Userdata) -> Reply:
    _, rosctr, _, _, parameters, length = _REQUEST.unpack_from(pdu)
    split = _REQUEST.size + parameters
    if rosctr in (ACK, ACK_DATA) and len(pdu) == split + length + 2:
        refusal = int.from_bytes(pdu[10:12], "big")  # how some refuse what they do not know
        if refusal:
            return Reply(b"", b"", refusal)
    if rosctr != USERDATA or len(pdu) != split + length:
        raise Malformed(f"ROSCTR {rosctr}, {len(pdu)} bytes: no answer to a userdata request")
    parameter = pdu[_REQUEST.size : split]
    group, function = request.service
    wanted = bytes((0x12, _ANSWER | group, function))
    if len(parameter) != 12 or parameter[:4] != _HEAD + b"\x08" or parameter[4:7] != wanted:
        raise Malformed(f"a reply to another userdata service: {parameter.hex(' ')}")
    sequence, more, error = parameter[7], parameter[9], int.from_bytes(parameter[10:], "big")
    return Reply(parameter, _octets(pdu[split:]), error, sequence, bool(more & 1))


def _octets(data: bytes) -> bytes:
    """What the data part holds; nothing where it says that there is nothing."""
    if not data:
        return b""
    if len(data) < _ITEM.size:
        raise Malformed("userdata whose data part has no header")
    code, _, length = _ITEM.unpack_from(data)
    octets = data[_ITEM.size :]
    if code != _OK:
        return b""
    if length != len(octets):
        raise Malformed(f"userdata of {len(octets)} bytes that claims {length}")
    return octets


def _compose(rosctr: int, reference: int, parameter: bytes, data: bytes) -> bytes:
    head = _REQUEST.pack(_S7, rosctr, 0, reference, len(parameter), len(data))
    return head + parameter + data
