"""The identity object (CIP 1, 5A-2) and how a device announces itself."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from enum import IntEnum

from .cip import (
    GET_ALL,
    GET_LIST,
    GET_SINGLE,
    NOT_SUPPORTED,
    Attributes,
    Refusal,
    Reply,
    Request,
    short_string,
)


class Keyswitch(IntEnum):
    """Position of the key, as bits 12 and 13 of the status word tell it."""

    NONE = 0
    RUN = 1
    PROG = 2
    REMOTE = 3


@dataclass
class Identity:
    """Who the device says it is."""

    vendor: int = 1
    type: int = 0x0E
    product: int = 0xA6
    revision: tuple[int, int] = (32, 11)
    serial: int = 0x00C0FFEE
    name: str = "1756-L83E/B LOGIX5583E"
    keyswitch: Keyswitch = Keyswitch.REMOTE
    running: bool = True
    fault: int = 0
    """Bits 8 to 11: minor recoverable, minor, major recoverable, major."""
    mode_bits: bool = True
    """Whether extended status and keyswitch are told, or only that it is configured."""
    word: int | None = None
    """The status word itself, where it is known better than from all these."""

    @property
    def status(self) -> int:
        """The status word: extended status 6 (run), 7 (idle) or 5 (major fault); keyswitch."""
        if self.word is not None:
            return self.word
        word = (self.fault & 0xF) << 8
        if not self.mode_bits:
            return word | 0x0004
        extended = 5 if self.fault & 0xC else 6 if self.running else 7
        return word | extended << 4 | self.keyswitch << 12

    def attributes(self) -> Attributes:
        """Attributes 1 to 7."""
        values = {
            1: struct.pack("<H", self.vendor),
            2: struct.pack("<H", self.type),
            3: struct.pack("<H", self.product),
            4: bytes(self.revision),
            5: struct.pack("<H", self.status),
            6: struct.pack("<I", self.serial),
            7: short_string(self.name),
        }
        return Attributes(values, get_all=tuple(values))

    def serve(self, request: Request) -> Reply:
        """Reading is all that is served: a reset is noted and refused."""
        if request.service not in (GET_ALL, GET_LIST, GET_SINGLE):
            raise Refusal(NOT_SUPPORTED)
        return self.attributes().serve(request)

    def item(self, host: str, port: int) -> bytes:
        """The item of a ListIdentity reply; its socket address alone is big-endian."""
        address = struct.pack(">hH4s8x", socket.AF_INET, port, socket.inet_aton(host))
        state = 3 if self.running else 2
        values = self.attributes().values
        body = struct.pack("<H", 1) + address + b"".join(values[at] for at in range(1, 8))
        body += bytes((state,))
        return struct.pack("<HHH", 1, 0x0C, len(body)) + body
