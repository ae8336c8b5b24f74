"""The read list: which CIP messages change nothing, by service and by the class they go to.

A service code alone says little: 0x4C reads a tag or a template, 0x4E changes bits of a tag or
closes a connection, 0x4B reads a text of a parameter or carries any PCCC command.
"""

from __future__ import annotations

import struct
from itertools import pairwise

from goldcopy_enip.epath import SYMBOL_CLASS, class_of, logical

GET_ALL, GET_LIST, GET_SINGLE = 0x01, 0x03, 0x0E
MULTIPLE, UNCONNECTED_SEND = 0x0A, 0x52
READ, READ_PART, LIST = 0x4C, 0x52, 0x55
OPEN, LARGE_OPEN, CLOSE = 0x54, 0x5B, 0x4E
ENUM_STRING, UPLOAD, TRANSFER = 0x4B, 0x4B, 0x4F
ROUTER, MANAGER, PARAMETER, FILE, TEMPLATE = 0x02, 0x06, 0x0F, 0x37, 0x6C
PCCC, EXECUTE = 0x67, 0x4B
DIAGNOSE, TYPED = 0x06, 0x0F
STATUS, READ_2, READ_3, RANGE_READ, TYPED_READ = 0x03, 0xA1, 0xA2, 0x01, 0x68
"""PCCC commands, and functions of them (1770-6.5.16, chapter 7)."""

WRITE, MODIFY, WRITE_PART, SET_SINGLE = 0x4D, 0x4E, 0x53, 0x10
ASSEMBLY, DPI = 0x04, 0x93

_REQUESTOR = 7
_PCCC_OBJECT = logical(PCCC, 1)
_ANYWHERE = frozenset((GET_ALL, GET_LIST, GET_SINGLE))
_SPECIFIC = frozenset((
    (SYMBOL_CLASS, READ), (SYMBOL_CLASS, READ_PART), (SYMBOL_CLASS, LIST), (TEMPLATE, READ),
    (MANAGER, OPEN), (MANAGER, LARGE_OPEN), (MANAGER, CLOSE), (PARAMETER, ENUM_STRING),
    (FILE, UPLOAD), (FILE, TRANSFER),
))  # fmt: skip
_PCCC = frozenset((
    (DIAGNOSE, STATUS), (TYPED, READ_2), (TYPED, READ_3), (TYPED, RANGE_READ), (TYPED, TYPED_READ),
))  # fmt: skip


def only_reads(message: bytes, depth: int = 0) -> bool:
    """Whether a message router request, and all that it carries, only reads."""
    if len(message) < 2 or depth > 2:
        return False
    end = 2 + 2 * message[1]
    if end > len(message):
        return False
    service, number, data = message[0], class_of(message[2:end]), message[end:]
    if number is None:
        return False
    if service in _ANYWHERE or (number, service) in _SPECIFIC:
        return True
    if (number, service) == (ROUTER, MULTIPLE):
        inner = _packed(data)
        return bool(inner) and all(only_reads(one, depth + 1) for one in inner)
    if (number, service) == (MANAGER, UNCONNECTED_SEND):
        size = int.from_bytes(data[2:4], "little")
        return len(data) >= 4 + size and only_reads(data[4 : 4 + size], depth + 1)
    if (number, service) == (PCCC, EXECUTE):
        return message[2:end] == _PCCC_OBJECT and _command(data) in _PCCC
    return False


_TAGS = frozenset((WRITE, MODIFY, WRITE_PART))
_SETTABLE = {ASSEMBLY: b"\x30\x03", PARAMETER: b"\x30\x01", DPI: b"\x30\x09"}
"""The attribute that may be set: data, value, value in non-volatile memory."""
_WHOLE = b"\x24\x00"
"""Instance 0: the class itself, of which commands for the whole device are attributes."""


def only_restores(message: bytes) -> bool:
    """Whether it reads, or writes what a restore may write: values and nothing that is done.

    What PCCC commands write is for their own writer to say.
    """
    if only_reads(message):
        return True
    end = 2 + 2 * message[1] if len(message) > 1 else 0
    if not 2 < end <= len(message):
        return False
    service, path, data = message[0], message[2:end], message[end:]
    number = class_of(path)
    if (number, service) == (ROUTER, MULTIPLE):
        inner = _packed(data)
        return bool(inner) and all(map(only_restores, inner))
    if number == SYMBOL_CLASS:
        return service in _TAGS
    if number in _SETTABLE:
        of_all = path[2:4] == _WHOLE
        return service == SET_SINGLE and path[-2:] == _SETTABLE[number] and not of_all
    return (number, service) == (PCCC, EXECUTE)


def _command(data: bytes) -> tuple[int, int] | None:
    """Command and function of a PCCC packet behind a requestor of seven bytes, the usual one."""
    if len(data) < _REQUESTOR + 5 or data[0] != _REQUESTOR or data[_REQUESTOR + 1]:
        return None
    return data[_REQUESTOR], data[_REQUESTOR + 4]


def _packed(data: bytes) -> list[bytes]:
    """The messages in a multiple service packet; none if its offsets are not in order."""
    count = int.from_bytes(data[:2], "little")
    if len(data) < 2 + 2 * count:
        return []
    offsets = [*struct.unpack_from(f"<{count}H", data, 2), len(data)]
    if offsets[0] != 2 + 2 * count or sorted(offsets) != offsets:
        return []
    return [data[one:other] for one, other in pairwise(offsets)]
