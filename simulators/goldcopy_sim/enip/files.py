"""The file object 0x37 (CIP 1, 5A-42): one file in the device, to be uploaded."""

from __future__ import annotations

import struct
from typing import Final

from . import cip
from .cip import Attributes, Refusal, Reply, Request, short_string

EDS: Final = 0xC8
"""Instance of the electronic data sheet."""
_INITIATE, _TRANSFER = 0x4B, 0x4F
_LOADED, _UPLOADING = 2, 3
_FIRST, _MIDDLE, _LAST, _ONLY = 0, 1, 2, 4
"""Kinds of transfer packet."""
_MOST: Final = 240


class EdsFile:
    """The electronic data sheet; its transfer counts packets modulo 256."""

    def __init__(self, content: bytes, name: str = "EDS.txt") -> None:
        self.content, self.name = content, name
        self._size = 0
        self._number = -1

    def serve(self, request: Request) -> Reply:
        """Attributes, upload."""
        _, instance, _ = request.target
        if instance != EDS:
            raise Refusal(cip.PATH_UNKNOWN, 0)
        if request.service == _INITIATE:
            return self._initiate(request)
        if request.service == _TRANSFER:
            return self._transfer(request.data)
        values = {
            1: bytes((_UPLOADING if self._size else _LOADED,)),
            4: short_string(self.name),
            5: b"\x01\x01",
            6: struct.pack("<I", len(self.content)),
            7: struct.pack("<H", checksum(self.content)),
            10: b"\x01",
            11: b"\x00",
        }
        return Attributes(values).serve(request)

    def _initiate(self, request: Request) -> Reply:
        if not request.data:
            raise Refusal(cip.NOT_ENOUGH_DATA)
        self._size = min(request.data[0], _MOST, request.room - 2)
        if self._size < 1:
            raise Refusal(cip.BAD_ATTRIBUTE_VALUE)
        self._number = -1
        return Reply(struct.pack("<IB", len(self.content), self._size))

    def _transfer(self, data: bytes) -> Reply:
        if not self._size:
            raise Refusal(cip.STATE_CONFLICT)
        if not data:
            raise Refusal(cip.NOT_ENOUGH_DATA)
        if data[0] == (self._number + 1) & 0xFF:
            self._number += 1
        elif self._number < 0 or data[0] != self._number & 0xFF:  # the last one may be repeated
            self._size = 0
            raise Refusal(cip.BAD_ATTRIBUTE_VALUE)
        start = self._number * self._size
        part = self.content[start : start + self._size]
        last = start + self._size >= len(self.content)
        first = self._number == 0
        kind = _ONLY if first and last else _FIRST if first else _LAST if last else _MIDDLE
        body = bytes((data[0], kind)) + part
        if last:
            body += struct.pack("<H", checksum(self.content))
        return Reply(body)


def checksum(content: bytes) -> int:
    """Two's complement of the sum of all bytes, in 16 bits."""
    return -sum(content) & 0xFFFF
