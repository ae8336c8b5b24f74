"""The symbol and template objects: what tags there are, and how structures are laid out."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Final

from . import cip
from .cip import Attributes, Refusal, Reply, Request
from .tags import Scope, Symbol
from .types import Atomic, Structure, type_word

LIST: Final = 0x55
_BASE_TAG: Final = 1 << 26
"""Bit of the software control attribute that an alias does not have."""
_SYSTEM: Final = 0x1000
_FUTURE: Final = 0xEE
_ENDLESS: Final = 64
"""Invented rows at a time."""


def word(symbol: Symbol, fault: str | None = None) -> int:
    """The type word: structure, dimensions, system, template number or type code."""
    place = symbol.place
    if place is None:
        return symbol.word
    kind = type_word(place.type)
    if fault == "future-type" and isinstance(place.type, Atomic) and place.type.name == "DINT":
        kind = _FUTURE
    if place.bit is not None:
        kind |= place.bit << 8
    return kind | len(place.dims) << 13 | (_SYSTEM if symbol.system else 0)


def _name(symbol: Symbol) -> bytes:
    return struct.pack("<H", len(symbol.name)) + symbol.name.encode("ascii")


def _address(symbol: Symbol) -> int:
    return 0x40000000 + 64 * symbol.number


def _size(symbol: Symbol) -> int:
    return symbol.place.type.size if symbol.place else 0


def _dims(symbol: Symbol) -> bytes:
    dims = symbol.place.dims if symbol.place else ()
    return struct.pack("<3I", *dims, *(0,) * (3 - len(dims)))


_ATTRIBUTES: Final[Mapping[int, Callable[[Symbol], bytes]]] = {
    1: _name,
    3: lambda symbol: struct.pack("<I", _address(symbol)),
    5: lambda symbol: struct.pack("<I", _address(symbol) + 0x1000000),
    6: lambda symbol: struct.pack("<I", 0 if symbol.alias else _BASE_TAG),
    7: lambda symbol: struct.pack("<H", _size(symbol) & 0xFFFF),
    8: _dims,
    10: lambda symbol: bytes((symbol.place.access if symbol.place else 0,)),
}


def rows(scope: Scope, start: int, data: bytes, room: int, fault: str | None) -> Reply:
    """0x55: the symbols from a number on, as many as fit."""
    if len(data) < 2 or len(data) < 2 + 2 * (data[0] | data[1] << 8):
        raise Refusal(cip.NOT_ENOUGH_DATA)
    wanted = struct.unpack_from(f"<{data[0] | data[1] << 8}H", data, 2)
    if unknown := [number for number in wanted if number != 2 and number not in _ATTRIBUTES]:
        raise Refusal(cip.NO_ATTRIBUTE, *unknown[:1])
    body = bytearray()
    symbols = [symbol for number, symbol in scope.by_number.items() if number >= start]
    endless = fault == "endless-list"
    if endless and not symbols:
        symbols = [
            Symbol(f"Endless{number}", word=0xC4, number=number)
            for number in range(start, start + _ENDLESS)
        ]
    for symbol in symbols:
        row = struct.pack("<I", symbol.number)
        for number in wanted:
            if number == 2:
                row += struct.pack("<H", word(symbol, fault))
            else:
                row += _ATTRIBUTES[number](symbol)
        if len(body) + len(row) > room:
            if not body:
                raise Refusal(cip.REPLY_TOO_LARGE)
            return Reply(bytes(body), cip.PARTIAL)
        body += row
    return Reply(bytes(body), cip.PARTIAL if endless else 0)


class Templates:
    """The template object; its instances are the structures in use."""

    def __init__(self, fault: Callable[[], str | None]) -> None:
        self._fault = fault
        self.by_number: dict[int, Structure] = {}
        self._images: dict[int, tuple[int, bytes]] = {}

    def replace(self, structures: Mapping[int, Structure]) -> None:
        """Take over another set."""
        self.by_number = dict(structures)
        self._images = {number: image(kind) for number, kind in structures.items()}

    def serve(self, request: Request) -> Reply:
        """Attributes, and 0x4C: some bytes of the definition."""
        _, number, _ = request.target
        kind = self.by_number.get(number)
        if kind is None or self._fault() == "unknown-template":
            raise Refusal(cip.PATH_UNKNOWN, 0)
        if request.service == 0x4C:
            return self._read(number, request)
        words, members = self._images[number][0], len(kind.slots)
        if self._fault() == "lying-template":
            words, members = words * 3 + 40, members + 7
        values = {
            1: struct.pack("<H", kind.handle),
            2: struct.pack("<H", members),
            3: bytes(2),
            4: struct.pack("<I", words),
            5: struct.pack("<I", kind.size),
        }
        return Attributes(values).serve(request)

    def _read(self, number: int, request: Request) -> Reply:
        if len(request.data) < 6:
            raise Refusal(cip.NOT_ENOUGH_DATA)
        offset, count = struct.unpack_from("<IH", request.data)
        octets = self._images[number][1]
        if offset >= len(octets):
            raise Refusal(cip.GENERAL, cip.BEYOND_OFFSET)
        asked = octets[offset : offset + count]
        fits = request.room - request.room % 4
        if len(asked) > fits:
            return Reply(asked[:fits], cip.PARTIAL)
        return Reply(asked)


def image(kind: Structure) -> tuple[int, bytes]:
    """The size that a template tells, in words, and its bytes.

    The size counts 23 bytes that are not served; clients take off 20 to 23 and round up, so the
    bytes are padded to what the greediest of them asks for.
    """
    octets = kind.template()
    words = -(-(len(octets) + 23) // 4)
    return words, octets.ljust(4 * words - 20, b"\0")
