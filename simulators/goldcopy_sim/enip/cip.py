"""The Common Industrial Protocol without a network: services, status codes, replies.

Numbers are little-endian. "CIP 1" is volume 1 of the CIP Networks Library.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from .amiss import Keep, as_written

GET_ALL, GET_LIST, SET_LIST, RESET = 0x01, 0x03, 0x04, 0x05
MULTIPLE, GET_SINGLE, SET_SINGLE = 0x0A, 0x0E, 0x10
"""Common services (CIP 1, appendix A)."""

CONNECTION_FAILURE, NO_RESOURCES, BAD_PATH_SEGMENT, PATH_UNKNOWN, PARTIAL = 0x01, 0x02, 4, 5, 6
NOT_SUPPORTED, BAD_ATTRIBUTE_VALUE, ALREADY, STATE_CONFLICT, NOT_SETTABLE = 8, 9, 0x0B, 0x0C, 0x0E
DENIED, DEVICE_STATE, REPLY_TOO_LARGE, NOT_ENOUGH_DATA, NO_ATTRIBUTE = 0x0F, 0x10, 0x11, 0x13, 0x14
TOO_MUCH_DATA, EMBEDDED_ERROR, PATH_SIZE, GENERAL = 0x15, 0x1E, 0x26, 0xFF
"""General status codes (CIP 1, appendix B)."""
BEYOND_OFFSET, BEYOND_END, WRONG_TYPE = 0x2104, 0x2105, 0x2107
"""Extended status words of ``GENERAL`` in a Logix controller."""

SYMBOL, LOGICAL_CLASS, INSTANCE, ELEMENT, ATTRIBUTE, PORT, OTHER = range(7)
"""Kinds of path segments."""
_WIDE: Final[Mapping[int, tuple[int, int]]] = {
    base | width: (kind, width)
    for base, kind in ((0x20, LOGICAL_CLASS), (0x24, INSTANCE), (0x28, ELEMENT), (0x30, ATTRIBUTE))
    for width in range(3)
}


class Refusal(Exception):
    """A service is answered with an error: general status, extended words, perhaps some data."""

    def __init__(self, status: int, *extended: int, data: bytes = b"") -> None:
        super().__init__(f"status {status:#04x} {' '.join(map(hex, extended))}")
        self.status, self.extended, self.data = status, extended, data


class Reply(NamedTuple):
    """What a service came to."""

    data: bytes = b""
    status: int = 0


class Segment(NamedTuple):
    """One step of a path."""

    kind: int
    value: int | str


class Request(NamedTuple):
    """One service request."""

    service: int
    path: tuple[Segment, ...]
    data: bytes
    room: int
    """Bytes that the reply's data may have."""
    keep: Keep = as_written
    """How a value is stored that is in order."""

    @property
    def target(self) -> tuple[int, int, int | None]:
        """Class, instance and attribute of a plain path.

        Raises:
            Refusal: The path has another shape.
        """
        kinds = [segment.kind for segment in self.path]
        if kinds[:2] != [LOGICAL_CLASS, INSTANCE] or kinds[2:] not in ([], [ATTRIBUTE]):
            raise Refusal(BAD_PATH_SEGMENT)
        numbers = [int(segment.value) for segment in self.path]
        return numbers[0], numbers[1], numbers[2] if len(numbers) > 2 else None


Handler = Callable[[Request], Reply]


def parse_path(path: bytes) -> tuple[Segment, ...]:
    """Take a padded EPATH apart (CIP 1, C-1.4).

    Raises:
        Refusal: It holds something that is not understood.
    """
    found: list[Segment] = []
    at = 0
    try:
        while at < len(path):
            code = path[at]
            if code in _WIDE:
                kind, width = _WIDE[code]
                if width:
                    size = 2 * width
                    value = int.from_bytes(path[at + 2 : at + 2 + size], "little")
                    at += 2 + size
                else:
                    value = path[at + 1]
                    at += 2
                found.append(Segment(kind, value))
            elif code == 0x91:
                length = path[at + 1]
                name = path[at + 2 : at + 2 + length]
                found.append(Segment(SYMBOL, name.decode("ascii")))
                at += 2 + length + length % 2
            elif code < 0x10:
                found.append(Segment(PORT, code << 8 | path[at + 1]))
                at += 2
            else:
                raise Refusal(BAD_PATH_SEGMENT, 0)
    except (IndexError, UnicodeDecodeError):
        raise Refusal(BAD_PATH_SEGMENT, 0) from None
    if at != len(path):
        raise Refusal(BAD_PATH_SEGMENT, 0)
    return tuple(found)


def split(message: bytes) -> tuple[int, bytes, bytes]:
    """A message router request: service, path, data.

    Raises:
        Refusal: The path is longer than the message.
    """
    if len(message) < 2 or len(message) < 2 + 2 * message[1]:
        raise Refusal(PATH_SIZE)
    end = 2 + 2 * message[1]
    return message[0], message[2:end], message[end:]


def reply(service: int, status: int, data: bytes = b"", extended: tuple[int, ...] = ()) -> bytes:
    """A message router reply (CIP 1, 2-4.2)."""
    words = struct.pack(f"<{len(extended)}H", *extended) if extended else b""
    return bytes((service | 0x80, 0, status, len(extended))) + words + data


def short_string(text: str) -> bytes:
    """SHORT_STRING: length in one byte."""
    octets = text.encode("latin-1")
    return bytes((len(octets),)) + octets


class Attributes:
    """An object whose attributes are bytes by number, and the common services on them."""

    def __init__(self, values: Mapping[int, bytes], *, get_all: tuple[int, ...] = ()) -> None:
        self.values = dict(values)
        self.get_all = get_all

    def serve(self, request: Request) -> Reply:
        """Get all, get list, get single."""
        match request.service:
            case 0x01 if self.get_all:
                return Reply(b"".join(self.values[number] for number in self.get_all))
            case 0x03:
                return self.listed(request)
            case 0x0E:
                _, _, attribute = request.target
                if attribute not in self.values:
                    raise Refusal(NO_ATTRIBUTE)
                return Reply(self.values[attribute])
        raise Refusal(NOT_SUPPORTED)

    def listed(self, request: Request) -> Reply:
        """Get_Attribute_List: every attribute with a status of its own."""
        if len(request.data) < 2:
            raise Refusal(NOT_ENOUGH_DATA)
        (count,) = struct.unpack_from("<H", request.data)
        if len(request.data) < 2 + 2 * count:
            raise Refusal(NOT_ENOUGH_DATA)
        body, failed = bytearray(count.to_bytes(2, "little")), False
        for number in struct.unpack_from(f"<{count}H", request.data, 2):
            value = self.values.get(number)
            failed |= value is None
            status = NO_ATTRIBUTE if value is None else 0
            body += struct.pack("<HH", number, status) + (value or b"")
        if len(body) > request.room:
            raise Refusal(REPLY_TOO_LARGE)
        return Reply(bytes(body), 0x0A if failed else 0)
