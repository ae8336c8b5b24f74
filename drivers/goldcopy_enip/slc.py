"""How data files are reached: typed logical commands of SLC and MicroLogix, word ranges of PLC-5.

Commands are those of 1770-6.5.16, chapter 7. In both dialects an element is addressed by file,
element and word; an address field above 254 takes three bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from goldcopy.errors import Refused
from goldcopy_enip import guard
from goldcopy_enip.pccc import Command, Pccc
from goldcopy_enip.pccc_files import DataFile
from goldcopy_enip.pccc_values import words_swapped

_WRITE, _MASKED = 0xAA, 0xAB
_RANGE_WRITE, _MODIFY = 0x00, 0x26
_MOST, MOST_SMALL, _ADDRESS = 222, 82, 14
"""Bytes of data that all processors take, those with an internetwork header among them (7-17); that
the small ones take; and of the longest address."""
_SMALL = ("1761", "5/01", "5/02", "500-")
_FILE_ELEMENT, _FILE_ELEMENT_WORD = b"\x06", b"\x0e"
"""Which levels of a PLC-5 address are there (13-11)."""
_STRUCTURES = frozenset((5, 6, 7, 8))
_ARRAY = 9


_SETS = 243
"""Bytes of addresses and masks in one read-modify-write (1770-KF2, 5-48)."""


class Masked(NamedTuple):
    """Some bits of a word, or all of them."""

    file: DataFile
    at: int
    word: int
    mask: int
    bits: int


class Dialect(Protocol):
    """The commands of one family of processors."""

    most: int
    """Bytes of data in one command or answer."""
    sets: int
    """Bytes of several words with their masks in one command; 0 if it takes one word alone."""

    async def check(self, pccc: Pccc, files: Sequence[DataFile]) -> dict[int, str]:
        """Numbers of files that are of another kind, and why."""
        ...

    def read(self, file: DataFile, at: int, count: int) -> Command:
        """Read elements."""
        ...

    def write(self, file: DataFile, at: int, word: int, octets: bytes) -> Command:
        """Write from a word of an element on."""
        ...

    def masks(self, words: Sequence[Masked]) -> Command:
        """Write some bits of words; the processor keeps the others."""
        ...

    def content(self, file: DataFile, octets: bytes) -> bytes:
        """What was read, low word first."""
        ...


class Slc:
    """SLC 500 and MicroLogix: commands bear the type of the file, which the processor checks."""

    def __init__(self, room: int, name: str) -> None:
        most = MOST_SMALL if name.startswith(_SMALL) else _MOST
        self.most = min(most, room - _ADDRESS) & ~1
        self.sets = 0

    async def check(self, pccc: Pccc, files: Sequence[DataFile]) -> dict[int, str]:
        """None is: the processor refuses to read what is of another type."""
        return {}

    def read(self, file: DataFile, at: int, count: int) -> Command:
        """Protected typed logical read with three address fields (7-17)."""
        return Command(guard.TYPED, guard.READ_3, _address(count * file.kind.size, file, at, 0))

    def write(self, file: DataFile, at: int, word: int, octets: bytes) -> Command:
        """Protected typed logical write with three address fields (7-18)."""
        return Command(guard.TYPED, _WRITE, _address(len(octets), file, at, word) + octets)

    def masks(self, words: Sequence[Masked]) -> Command:
        """Protected typed logical write with mask, of one word: bits of 1 are written."""
        ((file, at, word, mask, bits),) = words
        tail = struct.pack("<HH", mask, bits)
        return Command(guard.TYPED, _MASKED, _address(2, file, at, word) + tail)

    def content(self, file: DataFile, octets: bytes) -> bytes:
        """As it is."""
        return octets


class Plc5:
    """PLC-5: commands bear no type, so the type of each file is asked for first."""

    def __init__(self, room: int) -> None:
        self.most = min(_MOST, room - _ADDRESS) & ~1
        self.sets = min(_SETS, room)

    async def check(self, pccc: Pccc, files: Sequence[DataFile]) -> dict[int, str]:
        """A typed read of one element tells the type (7-28)."""
        asked = [
            Command(guard.TYPED, guard.TYPED_READ, b"\0\0\1\0" + _plc5(file, 0) + b"\1\0")
            for file in files
        ]
        amiss: dict[int, str] = {}
        for file, answer in zip(files, await pccc.ask_all(asked), strict=True):
            try:
                found = _type(answer.good())
            except Refused as why:
                amiss[file.number] = f"of which type it is cannot be read: {why}"
                continue
            kind = file.kind
            if found != kind.plc5 if kind.plc5 else found in _STRUCTURES:
                amiss[file.number] = f"it is no {kind.letter} file: its type is {found}"
        return amiss

    def read(self, file: DataFile, at: int, count: int) -> Command:
        """Word range read: offset, total, address, size."""
        words = count * file.kind.words
        data = struct.pack("<HH", 0, words) + _plc5(file, at) + bytes((2 * words,))
        return Command(guard.TYPED, guard.RANGE_READ, data)

    def write(self, file: DataFile, at: int, word: int, octets: bytes) -> Command:
        """Word range write: offset, total, address, data."""
        octets = words_swapped(file, octets)
        head = struct.pack("<HH", 0, len(octets) // 2)
        return Command(guard.TYPED, _RANGE_WRITE, head + _plc5(file, at, word) + octets)

    def masks(self, words: Sequence[Masked]) -> Command:
        """Read-modify-write: bits of 0 in the first mask are reset, of 1 in the second set."""
        sets = (
            _plc5(one.file, one.at, one.word) + struct.pack("<HH", ~one.mask & 0xFFFF, one.bits)
            for one in words
        )
        return Command(guard.TYPED, _MODIFY, b"".join(sets))

    def content(self, file: DataFile, octets: bytes) -> bytes:
        """REALs with their words in order."""
        return words_swapped(file, octets)


def field(number: int) -> bytes:
    """One field of an address."""
    return bytes((number,)) if number < 0xFF else b"\xff" + number.to_bytes(2, "little")


def _address(size: int, file: DataFile, at: int, word: int) -> bytes:
    kind = bytes((file.kind.code,))
    return bytes((size,)) + field(file.number) + kind + field(at) + field(word)


def _plc5(file: DataFile, at: int, word: int = 0) -> bytes:
    levels = _FILE_ELEMENT_WORD if word else _FILE_ELEMENT
    return levels + field(file.number) + field(at) + (field(word) if word else b"")


def _type(data: bytes) -> int:
    """The type in a type/data parameter (7-29), of the elements if it is an array."""
    found, rest = _flagged(data)
    return _flagged(rest)[0] if found == _ARRAY else found


def _flagged(data: bytes) -> tuple[int, bytes]:
    """Type, and what is behind type and size. Each is in half a byte, or in bytes that follow."""
    if not data:
        raise Refused("a reply without a type")
    flag = data[0]
    more = flag >> 4 & 7 if flag & 0x80 else 0
    size = flag & 7 if flag & 8 else 0
    if len(data) < 1 + more + size:
        raise Refused(f"a type that ends too soon ({data[:8].hex(' ')})")
    number = int.from_bytes(data[1 : 1 + more], "little") if flag & 0x80 else flag >> 4
    return number, data[1 + more + size :]
