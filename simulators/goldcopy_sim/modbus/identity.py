"""Who the controller is: device identification (6.21) and server id (6.13)."""

from __future__ import annotations

from collections.abc import Mapping

from .spec import MAX_PDU, ExceptionCode, Refusal

_MEI_TYPE = 14
_INDIVIDUAL = 4
_LAST_OBJECT = {1: 0x02, 2: 0x7F, 3: 0xFF}
"""Read device id code -> the last object of that category; a category includes those below it."""
_INDIVIDUAL_ALLOWED = 0x80
_HEAD = 7
MAX_OBJECT = MAX_PDU - _HEAD - 2
"""Bytes of the longest object that fits into one reply."""
MAX_SERVER_ID = MAX_PDU - 2


def check_objects(objects: Mapping[int, bytes]) -> None:
    """Raise ValueError for an object that no reply could carry."""
    for number, value in objects.items():
        if not 0 <= number <= 0xFF or len(value) > MAX_OBJECT:
            raise ValueError(
                f"identity object {number}: ids are 0..255, values {MAX_OBJECT} bytes at most"
            )


def conformity(objects: Mapping[int, bytes]) -> int:
    """The highest category that has an object, with individual access."""
    highest = max(objects, default=0)
    level = next(level for level, last in _LAST_OBJECT.items() if highest <= last)
    return _INDIVIDUAL_ALLOWED | level


def read_device_identification(objects: Mapping[int, bytes], pdu: bytes) -> bytes:
    """6.21: as many objects as fit, and where the next request must go on."""
    if len(pdu) < 2 or pdu[1] != _MEI_TYPE:
        raise Refusal(ExceptionCode.ILLEGAL_FUNCTION)  # 6.19: no other interface here
    if len(pdu) != 4:
        raise Refusal(ExceptionCode.ILLEGAL_DATA_VALUE)
    code, first = pdu[2], pdu[3]
    chosen = _individual(objects, first) if code == _INDIVIDUAL else _stream(objects, code, first)
    body, count, more, following = b"", 0, 0x00, 0x00
    for number in chosen:
        item = bytes((number, len(objects[number]))) + objects[number]
        if _HEAD + len(body) + len(item) > MAX_PDU:
            more, following = 0xFF, number
            break
        body += item
        count += 1
    head = bytes((pdu[0], _MEI_TYPE, code, conformity(objects), more, following, count))
    return head + body


def _individual(objects: Mapping[int, bytes], number: int) -> list[int]:
    if number not in objects:
        raise Refusal(ExceptionCode.ILLEGAL_DATA_ADDRESS)
    return [number]


def _stream(objects: Mapping[int, bytes], code: int, first: int) -> list[int]:
    if code not in _LAST_OBJECT:
        raise Refusal(ExceptionCode.ILLEGAL_DATA_VALUE)
    # A category above the conformity level gives what there is.
    category = sorted(number for number in objects if number <= _LAST_OBJECT[code])
    # An object that is not there restarts the stream.
    return category[category.index(first) :] if first in category else category


def report_server_id(server_id: bytes, pdu: bytes) -> bytes:
    """6.13: the bytes after the count are the vendor's own."""
    if len(pdu) != 1:
        raise Refusal(ExceptionCode.ILLEGAL_DATA_VALUE)
    return bytes((pdu[0], len(server_id))) + server_id
