"""The encapsulation of EtherNet/IP (CIP volume 2, chapter 2): headers and packet items."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

NOP, LIST_SERVICES, LIST_IDENTITY, LIST_INTERFACES = 0x00, 0x04, 0x63, 0x64
REGISTER, UNREGISTER, SEND_RR_DATA, SEND_UNIT_DATA = 0x65, 0x66, 0x6F, 0x70

UNKNOWN_COMMAND, NO_MEMORY, BAD_DATA = 0x01, 0x02, 0x03
BAD_SESSION, BAD_LENGTH, BAD_REVISION = 0x64, 0x65, 0x69
"""Status of an encapsulation reply."""

NULL_ITEM, CONNECTED_ADDRESS, CONNECTED_DATA, UNCONNECTED_DATA = 0x00, 0xA1, 0xB1, 0xB2
HEADER: Final = struct.Struct("<HHII8sI")
LARGEST: Final = 65511
"""Most bytes that may follow a header."""
_UNIT: Final = struct.Struct("<IHHHHIHHH")
_RR: Final = struct.Struct("<IHHHHHH")


class Packet(NamedTuple):
    """One encapsulation packet."""

    command: int
    session: int
    context: bytes
    data: bytes


class Broken(Exception):
    """What came in is not this protocol, or not what its lengths say."""


def pack(packet: Packet, status: int = 0) -> bytes:
    """The bytes of a reply."""
    head = HEADER.pack(packet.command, len(packet.data), packet.session, status, packet.context, 0)
    return head + packet.data


def items(data: bytes) -> dict[int, bytes]:
    """The items of a common packet, by type; interface handle and timeout are not looked at.

    Raises:
        Broken: Its lengths do not add up.
    """
    if len(data) < 8:
        raise Broken("no common packet")
    (count,) = struct.unpack_from("<H", data, 6)
    found: dict[int, bytes] = {}
    at = 8
    for _ in range(count):
        if at + 4 > len(data):
            raise Broken("the packet ends in an item")
        kind, length = struct.unpack_from("<HH", data, at)
        at += 4
        if at + length > len(data):
            raise Broken("the packet ends in an item")
        found[kind] = data[at : at + length]
        at += length
    return found


def unconnected(message: bytes) -> bytes:
    """The data of a SendRRData reply."""
    return _RR.pack(0, 0, 2, NULL_ITEM, 0, UNCONNECTED_DATA, len(message)) + message


def connected(connection: int, sequence: int, message: bytes) -> bytes:
    """The data of a SendUnitData reply."""
    head = _UNIT.pack(
        0, 0, 2, CONNECTED_ADDRESS, 4, connection, CONNECTED_DATA, 2 + len(message), sequence
    )
    return head + message
