"""File records, functions 20 and 21 (6.14, 6.15): one request names several groups of records."""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from .spec import ExceptionCode, Function, Refusal
from .tables import Registers, Unit

_GROUP = Struct(">BHHH")
_REFERENCE_TYPE = 6
_MAX_READ_BYTES = 0xF5  # 6.14, of the request as of the reply
_MAX_WRITE_BYTES = 0xFB  # 6.15


class Group(NamedTuple):
    """A run of records in one file."""

    kind: int
    file: int
    record: int
    length: int
    data: bytes = b""

    def records(self, unit: Unit) -> Registers:
        """The file it lies in; refuses one that is not there, or too short."""
        if self.kind != _REFERENCE_TYPE or self.file not in unit.files:
            raise Refusal(ExceptionCode.ILLEGAL_DATA_ADDRESS)
        unit.files[self.file].require(self.record, self.length)
        return unit.files[self.file]


def groups(pdu: bytes) -> list[Group]:
    """The groups of a request of either function; refuses what does not add up."""
    body, writes = pdu[2:], pdu[0] == Function.WRITE_FILE_RECORD
    most = _MAX_WRITE_BYTES if writes else _MAX_READ_BYTES
    if len(pdu) < 2 or pdu[1] != len(body) or not _GROUP.size <= len(body) <= most:
        raise Refusal(ExceptionCode.ILLEGAL_DATA_VALUE)
    found, at = [], 0
    while at < len(body):
        if len(body) - at < _GROUP.size:
            raise Refusal(ExceptionCode.ILLEGAL_DATA_VALUE)
        kind, file, record, length = _GROUP.unpack_from(body, at)
        at += _GROUP.size
        size = 2 * length if writes else 0
        if length == 0 or len(body) - at < size:
            raise Refusal(ExceptionCode.ILLEGAL_DATA_VALUE)
        found.append(Group(kind, file, record, length, body[at : at + size]))
        at += size
    return found


def read_file_record(unit: Unit, pdu: bytes) -> bytes:
    """6.14."""
    asked = groups(pdu)
    if sum(2 + 2 * group.length for group in asked) > _MAX_READ_BYTES:
        raise Refusal(ExceptionCode.ILLEGAL_DATA_VALUE)
    reply = b""
    for group in asked:
        words = group.records(unit).read(group.record, group.length)
        reply += bytes((1 + len(words), _REFERENCE_TYPE)) + words
    return bytes((pdu[0], len(reply))) + reply


def write_file_record(unit: Unit, pdu: bytes) -> bytes:
    """6.15: all groups are checked before the first is stored."""
    for group, records in [(group, group.records(unit)) for group in groups(pdu)]:
        records.write(group.record, group.length, group.data)
    return pdu
