"""Bytes on the wire, without I/O: TPKT (RFC 1006), COTP class 0 (ISO 8073), the exchange's framer.

A frame, for the exchange, is a whole TSDU: a CPU whose transport is smaller than its PDU sends one
PDU in several DT packets (ISO 8073 6.3).
"""

from __future__ import annotations

from collections.abc import Hashable
from struct import Struct
from typing import NamedTuple

from goldcopy.errors import Malformed, Refused

TPKT = Struct(">BBH")  # version 3, reserved, length with this header
CONNECT, CONFIRM, DISCONNECT, ERROR, DATA = 0xE0, 0xD0, 0x80, 0x70, 0xF0
"""COTP TPDU codes (ISO 8073 13.1)."""
JOB, ACK, ACK_DATA, USERDATA = 1, 2, 3, 7
"""ROSCTR: what kind of S7 message this is."""

SETUP, READ_VAR, WRITE_VAR = 0xF0, 0x04, 0x05
REQUEST_DOWNLOAD, DOWNLOAD, DOWNLOAD_ENDED, PI_SERVICE = 0x1A, 0x1B, 0x1C, 0x28
START_UPLOAD, UPLOAD, END_UPLOAD = 0x1D, 0x1E, 0x1F
READ_JOBS = frozenset((SETUP, READ_VAR, START_UPLOAD, UPLOAD, END_UPLOAD))
LIST_BLOCKS, LIST_OF_TYPE, BLOCK_INFO, READ_SZL = (3, 1), (3, 2), (3, 3), (4, 1)
UNLOCK, READ_CLOCK = (5, 1), (7, 1)
READ_USERDATA = frozenset((LIST_BLOCKS, LIST_OF_TYPE, BLOCK_INFO, READ_SZL, READ_CLOCK))
"""The read list: function codes of jobs, group and sub-function of userdata."""

_ASKS = 4  # a userdata request, above its group
_DT = 7  # TPKT header, length 2, code, number with end-of-TSDU
_LAST = 0x80  # end of TSDU (ISO 8073 13.7)
_SHORTEST, _LONGEST = 7, 0x2000
_LONGEST_TSDU = 0x10000
_REFERENCE = slice(_DT + 4, _DT + 6)
_TPDU_1024 = (
    0x0A  # the largest that RFC 1006 class 0 peers must take is 65531; CPUs know up to 1024
)

_REASONS = {
    1: "no connection is free; close another client, or allow fewer here",
    2: "nothing is attached at this rack and slot",
    3: "there is no such address; check rack and slot, or the TSAPs",
    136: "congestion; try again later",
}
"""Reasons of a COTP disconnect (ISO 8073 13.5.3)."""


class S7Framer:
    """What the exchange must know of S7 over ISO-on-TCP."""

    def __init__(self, *, may_unlock: bool = False) -> None:
        self._read_userdata = READ_USERDATA | {UNLOCK} if may_unlock else READ_USERDATA

    def length(self, data: memoryview) -> int:
        """Bytes of the first TSDU; 0 while its last packet's header is not there."""
        at = 0
        while len(data) >= at + _SHORTEST:
            version, _, size = TPKT.unpack_from(data, at)
            if version != 3 or not _SHORTEST <= size <= _LONGEST:
                raise Malformed(
                    f"no ISO-on-TCP packet begins with {bytes(data[at : at + 7]).hex(' ')}; is "
                    "another protocol behind this port?"
                )
            ends = data[at + 5] != DATA or data[at + 6] & _LAST
            at += int(size)
            if ends:
                return at
            if at > _LONGEST_TSDU:
                raise Malformed("a message in more packets than any PDU needs")
        return 0

    def key(self, frame: bytes) -> Hashable:
        """The PDU reference; a connection's own reply answers to the code of the request."""
        code = frame[5] & 0xF0
        if code == DATA:
            return frame[_REFERENCE]
        if code in (CONFIRM, DISCONNECT, ERROR):
            return CONNECT
        return code

    def only_reads(self, request: bytes) -> bool:
        """Whether the request is one frame with a service of the read list, and nothing behind."""
        if not request or self.length(memoryview(request)) != len(request):
            return False
        if request[5] == CONNECT:
            return True
        pdu = unframed(request)
        if pdu[:2] == bytes((0x32, JOB)) and len(pdu) > 10:
            return pdu[10] in READ_JOBS
        if pdu[:2] == bytes((0x32, USERDATA)) and len(pdu) > 16:
            return pdu[15] >> 4 == _ASKS and (pdu[15] & 0x0F, pdu[16]) in self._read_userdata
        return False


def is_job(frame: bytes) -> bool:
    """Whether a CPU asks something, instead of answering."""
    return frame[5] == DATA and frame[_DT : _DT + 2] == bytes((0x32, JOB))


class Confirmed(NamedTuple):
    """What a connection may carry."""

    tpdu: int
    """Bytes of the largest TPDU."""


def connect_request(local: int, remote: int) -> bytes:
    """A COTP CR (ISO 8073 13.3) from one TSAP to another."""
    variable = b"".join(
        bytes((code, len(value))) + value
        for code, value in (
            (0xC0, bytes((_TPDU_1024,))),
            (0xC1, local.to_bytes(2, "big")),
            (0xC2, remote.to_bytes(2, "big")),
        )
    )
    fixed = bytes((6 + len(variable), CONNECT, 0, 0, 0, 1, 0))
    return TPKT.pack(3, 0, 4 + len(fixed) + len(variable)) + fixed + variable


def connect_confirm(frame: bytes) -> Confirmed:
    """Read the reply to a CR.

    Raises ``Refused`` if the controller disconnects instead, ``Malformed`` if it is no reply.
    """
    code = frame[5] & 0xF0
    if code in (DISCONNECT, ERROR):
        reason = frame[10] if code == DISCONNECT and len(frame) > 10 else 0
        words = _REASONS.get(reason, "it gives no reason; check rack, slot and free connections")
        raise Refused(f"the controller refused the connection (COTP reason {reason}): {words}")
    if code != CONFIRM or len(frame) < 11 or frame[4] != len(frame) - 5:
        raise Malformed(f"no reply to a connect request: {frame[:16].hex(' ')}")
    size, rest = 7, frame[11:]  # ISO 8073 13.3.4: 128 bytes if nothing is said
    while rest:
        if len(rest) < 2 or len(rest) < 2 + rest[1]:
            raise Malformed("the reply to the connect request ends in a parameter")
        if rest[0] == 0xC0 and rest[1] == 1:
            size = rest[2]
        rest = rest[2 + rest[1] :]
    if not 7 <= size <= 13:
        raise Malformed(f"a TPDU size of code {size}; 7 to 13 are defined")
    return Confirmed(1 << size)


def framed(pdu: bytes, tpdu: int) -> bytes:
    """A PDU in one DT packet, or in several where the transport carries less at once."""
    room = tpdu - 3
    if len(pdu) <= room:
        return TPKT.pack(3, 0, len(pdu) + _DT) + b"\x02\xf0\x80" + pdu
    parts = [pdu[at : at + room] for at in range(0, len(pdu), room)]
    marks = [0] * (len(parts) - 1) + [_LAST]
    return b"".join(
        TPKT.pack(3, 0, len(part) + _DT) + bytes((2, DATA, mark)) + part
        for part, mark in zip(parts, marks, strict=True)
    )


def unframed(frame: bytes) -> bytes:
    """The PDU of a TSDU.

    Raises ``Malformed`` if a packet of it is not data.
    """
    size = int.from_bytes(frame[2:4], "big")
    if size == len(frame):
        return _payload(frame)
    parts, at = [], 0
    while at < len(frame):
        size = int.from_bytes(frame[at + 2 : at + 4], "big")
        parts.append(_payload(frame[at : at + size]))
        at += size
    return b"".join(parts)


def _payload(packet: bytes) -> bytes:
    if packet[4] != 2 or packet[5] != DATA:
        raise Malformed(f"COTP {packet[4:7].hex(' ')} where data was due")
    return packet[_DT:]
