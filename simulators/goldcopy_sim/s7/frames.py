"""Bytes on the wire: TPKT (RFC 1006), COTP (ISO 8073 class 0) and the S7 header."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

JOB, ACK, ACK_DATA, USERDATA = 1, 2, 3, 7
"""ROSCTR: what kind of S7 message this is."""
CONNECT, CONFIRM, DISCONNECT, DATA = 0xE0, 0xD0, 0x80, 0xF0
"""COTP TPDU codes."""
TPKT: Final = struct.Struct(">BBH")
_DT: Final = struct.Struct(">BBHBBB")
_REQUEST: Final = struct.Struct(">BBHHHH")
_REPLY: Final = struct.Struct(">BBHHHHH")
_S7: Final = 0x32
_LAST: Final = 0x80
"""End of TSDU, in the third byte of a DT."""


class Broken(Exception):
    """What came in is not this protocol."""


class Message(NamedTuple):
    """One S7 PDU, taken apart."""

    rosctr: int
    reference: int
    parameter: bytes
    data: bytes
    error: int = 0


def parse(pdu: bytes) -> Message:
    """Take an S7 PDU apart.

    Raises:
        Broken: Not S7, or its lengths do not add up.
    """
    if len(pdu) < 10 or pdu[0] != _S7:
        raise Broken("not an S7 PDU")
    _, rosctr, _, reference, parameters, data = _REQUEST.unpack_from(pdu)
    header, error = 10, 0
    if rosctr in (ACK, ACK_DATA):
        header = 12
        error = int.from_bytes(pdu[10:12], "big")
    if len(pdu) != header + parameters + data:
        raise Broken(f"lengths say {header + parameters + data}, the PDU has {len(pdu)} bytes")
    split = header + parameters
    return Message(rosctr, reference, pdu[header:split], pdu[split:], error)


def job(reference: int, parameter: bytes) -> bytes:
    """A job of our own: a CPU asks for the parts of a download."""
    return _REQUEST.pack(_S7, JOB, 0, reference, len(parameter), 0) + parameter


def reply(reference: int, parameter: bytes, data: bytes = b"", error: int = 0) -> bytes:
    """The answer to a job."""
    head = _REPLY.pack(_S7, ACK_DATA, 0, reference, len(parameter), len(data), error)
    return head + parameter + data


def userdata(reference: int, parameter: bytes, data: bytes) -> bytes:
    """The answer to a userdata request."""
    head = _REQUEST.pack(_S7, USERDATA, 0, reference, len(parameter), len(data))
    return head + parameter + data


def packets(pdu: bytes, tpdu: int) -> bytes:
    """A PDU in one DT, or in several if the transport was agreed to be smaller (ISO 8073 6.3)."""
    room = tpdu - 3
    if len(pdu) <= room:
        return _DT.pack(3, 0, len(pdu) + 7, 2, DATA, _LAST) + pdu
    parts = [pdu[start : start + room] for start in range(0, len(pdu), room)]
    last = len(parts) - 1
    return b"".join(
        _DT.pack(3, 0, len(part) + 7, 2, DATA, _LAST if number == last else 0) + part
        for number, part in enumerate(parts)
    )


class Connect(NamedTuple):
    """A COTP connect request."""

    reference: bytes
    tpdu_size: int
    """As its exponent: 0x0A is 1024 bytes."""
    called: bytes
    """Destination TSAP: connection type, then rack and slot."""
    calling: bytes


def parse_connect(tpdu: bytes) -> Connect:
    """Take a CR TPDU apart, length byte included.

    Raises:
        Broken: It ends in the middle of a parameter, or asks for another class than 0.
    """
    if len(tpdu) < 7 or tpdu[6] >> 4:
        raise Broken("not a class 0 connect request")
    found: dict[int, bytes] = {}
    rest = tpdu[7:]
    while rest:
        if len(rest) < 2 or len(rest) < 2 + rest[1]:
            raise Broken("connect request ends in a parameter")
        found[rest[0]] = rest[2 : 2 + rest[1]]
        rest = rest[2 + rest[1] :]
    size = found.get(0xC0, b"\x07")
    return Connect(tpdu[4:6], size[0] if size else 7, found.get(0xC2, b""), found.get(0xC1, b""))


def confirm(request: Connect, tpdu_size: int) -> bytes:
    """Accept a connection."""
    variable = b"\xc0\x01" + bytes((tpdu_size,))
    for code, tsap in ((0xC1, request.calling), (0xC2, request.called)):
        variable += bytes((code, len(tsap))) + tsap
    fixed = bytes((6 + len(variable), CONFIRM)) + request.reference + b"\x00\x03\x00"
    return TPKT.pack(3, 0, 4 + len(fixed) + len(variable)) + fixed + variable


def disconnect(request: Connect, reason: int) -> bytes:
    """Refuse a connection (ISO 8073 13.5: 1 congestion, 2 not attached, 3 address unknown)."""
    tpdu = bytes((6, DISCONNECT)) + request.reference + b"\x00\x00" + bytes((reason,))
    return TPKT.pack(3, 0, 4 + len(tpdu)) + tpdu
