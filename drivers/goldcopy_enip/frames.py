"""Bytes on the wire, without I/O: the encapsulation (CIP volume 2, chapter 2) and its framer."""

from __future__ import annotations

from collections.abc import Hashable
from struct import Struct

from goldcopy.errors import Malformed
from goldcopy_enip import guard

HEADER = Struct("<HHII8sI")  # command, length behind the header, session, status, context, options
REGISTER, UNREGISTER, LIST_IDENTITY, SEND_RR, SEND_UNIT = 0x65, 0x66, 0x63, 0x6F, 0x70
_COMMANDS = frozenset((REGISTER, UNREGISTER, LIST_IDENTITY, SEND_RR, SEND_UNIT))
_UNIT = Struct("<IHHHHIHHH")  # handle, timeout, 2 items: A1 4 connection, B1 length sequence
_RR = Struct("<IHHHHHH")  # handle, timeout, 2 items: 00 0, B2 length
_UNIT_MESSAGE = HEADER.size + _UNIT.size
_RR_MESSAGE = HEADER.size + _RR.size
_REPLY = 0x80
_CONNECTION = slice(HEADER.size + 12, HEADER.size + 16)
_SEQUENCE = slice(HEADER.size + 20, HEADER.size + 22)

REFUSALS = {
    0x01: "the command is not supported",
    0x02: "it has no memory for another session",
    0x03: "the data of the request was not accepted",
    0x64: "the session is not known",
    0x65: "the length of the request was not accepted",
    0x69: "the version of the protocol is not supported",
}
"""Status of an encapsulation reply (CIP volume 2, table 2-3.3)."""


class EnipFramer:
    """What the exchange must know of EtherNet/IP."""

    def __init__(self) -> None:
        self.ours = b""
        """The connection id that replies bear, once a connection is open."""
        self.theirs = b""
        """The one that requests bear."""

    def length(self, data: memoryview) -> int:
        """Bytes of the first frame; 0 while its header is not complete."""
        if len(data) < HEADER.size:
            return 0
        command, length = data[0] | data[1] << 8, data[2] | data[3] << 8
        if command not in _COMMANDS:
            raise Malformed(
                f"no EtherNet/IP packet begins with {bytes(data[:8]).hex(' ')}; is another "
                "protocol behind this port?"
            )
        return HEADER.size + length

    def key(self, frame: bytes) -> Hashable:
        """Connection and sequence of a connected message, session and context of another."""
        command = frame[0]
        if command == SEND_UNIT:
            connection = frame[_CONNECTION]
            if len(frame) > _UNIT_MESSAGE and not frame[_UNIT_MESSAGE] & _REPLY:
                # A request: its reply bears our id, and a reply under theirs matches nothing.
                connection = self.ours if connection == self.theirs else b"?"
            return command, frame[4:8], connection, frame[_SEQUENCE]
        if command == SEND_RR:
            return command, frame[4:8], frame[12:20]
        return command, frame[12:20]  # the session is what the reply to RegisterSession brings

    def only_reads(self, request: bytes) -> bool:
        """Whether the request is one that no device can take for a write."""
        if request[0] == SEND_UNIT:
            return guard.only_reads(request[_UNIT_MESSAGE:])
        if request[0] == SEND_RR:
            return guard.only_reads(request[_RR_MESSAGE:])
        return request[0] in _COMMANDS


def register() -> bytes:
    """RegisterSession; some devices take it with no sender context but zeros."""
    return HEADER.pack(REGISTER, 4, 0, 0, bytes(8), 0) + b"\x01\0\0\0"


def unregister(session: int) -> bytes:
    """UnRegisterSession, which has no reply: the device closes the connection."""
    return HEADER.pack(UNREGISTER, 0, session, 0, bytes(8), 0)


def unconnected(session: int, context: int, message: bytes) -> bytes:
    """SendRRData with one message."""
    size, mark = _RR.size + len(message), context.to_bytes(8, "little")
    head = HEADER.pack(SEND_RR, size, session, 0, mark, 0)
    return head + _RR.pack(0, 0, 2, 0, 0, 0xB2, len(message)) + message


def connected(session: int, connection: int, sequence: int, message: bytes) -> bytes:
    """SendUnitData with one message."""
    head = HEADER.pack(SEND_UNIT, _UNIT.size + len(message), session, 0, bytes(8), 0)
    size = 2 + len(message)
    return head + _UNIT.pack(0, 0, 2, 0xA1, 4, connection, 0xB1, size, sequence) + message


def message(frame: bytes) -> bytes:
    """The CIP message of a reply. Raises ``Malformed`` if lengths or items are other than these."""
    command, _, _, status, _, _ = HEADER.unpack_from(frame)
    if status:
        why = REFUSALS.get(status, f"status {status:#x}")
        raise Malformed(f"the device refused a packet: {why}")
    if command == SEND_UNIT and len(frame) >= _UNIT_MESSAGE:
        _, _, count, address, size, _, kind, length, _ = _UNIT.unpack_from(frame, HEADER.size)
        items, content, start = (count, address, size, kind), frame[_UNIT_MESSAGE:], 2
        expected = (2, 0xA1, 4, 0xB1)
    elif command == SEND_RR and len(frame) >= _RR_MESSAGE:
        _, _, count, address, size, kind, length = _RR.unpack_from(frame, HEADER.size)
        items, content, start = (count, address, size, kind), frame[_RR_MESSAGE:], 0
        expected = (2, 0, 0, 0xB2)
    else:
        raise Malformed(f"a reply that holds no message ({frame[:32].hex(' ')}…)")
    if items != expected or length != start + len(content):
        raise Malformed(f"a reply whose items do not add up ({frame[24:48].hex(' ')}…)")
    return content
