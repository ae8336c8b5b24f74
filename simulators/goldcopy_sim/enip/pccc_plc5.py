"""A PLC-5: the same data files, by commands of its own and without a directory to read."""

from __future__ import annotations

import struct
from typing import Final

from .amiss import flipped
from .data_file import DataFile
from .pccc import (
    EXTENDED,
    ILLEGAL,
    NOTHING_THERE,
    Bad,
    PcccSimulator,
    another_of,
    fields,
)

_DIAGNOSIS: Final = (0x06, 0x03)
_TYPED: Final = 0x0F
_RANGE_WRITE, _RANGE_READ, _MODIFY, _TYPED_READ = 0x00, 0x01, 0x26, 0x68
_MOST: Final = 244
_SETS: Final = 243
"""Bytes of addresses and masks in one read-modify-write."""
_TYPES: Final = {"T": b"\x56", "C": b"\x66", "R": b"\x76", "F": b"\x94\x08", "A": b"\x31"}
"""Type/data parameter of an element, by kind of file; others are integers."""


class Plc5Simulator(PcccSimulator):
    """A simulated PLC-5/40E. Its mode: 0 program, 2 run, 4 remote program, 6 remote run."""

    revision = 0x41
    expansion = 0x4B
    """Which PLC-5 it is."""
    words = 49_152
    """Of memory."""
    tables: int | None = None
    """Data files that it says it has, if these are not those that it has here."""
    programs = 4
    """Program files."""
    forces = 0

    def diagnosis(self) -> bytes:
        """As 1770-6.5.16 has it on page 10-22: series C, revision B."""
        return struct.pack(
            "<BBBIBBBBHHBBB", self.mode | self.halted << 3, 0xEB, self.expansion, self.words,
            self.revision, 1, 0xFD, 0, len(self.files) if self.tables is None else self.tables,
            self.programs, self.forces, self.locked, 0,
        )  # fmt: skip

    def command(self, command: int, function: int, data: bytes) -> bytes:
        """Diagnostic status, word ranges, typed read and read-modify-write."""
        if (command, function) == _DIAGNOSIS:
            return self.diagnosis()
        if command != _TYPED:
            raise Bad(ILLEGAL)
        if function == _MODIFY:
            if not 0 < len(data) <= _SETS:
                raise Bad(ILLEGAL)
            while data:  # one word after the other: those before one that is refused are changed
                data = self._modify(data)
            return b""
        if function not in (_RANGE_WRITE, _RANGE_READ, _TYPED_READ) or len(data) < 4:
            raise Bad(ILLEGAL)
        offset, total = struct.unpack_from("<HH", data)
        file, start, rest = self._place(data[4:])
        if function == _TYPED_READ:
            return self._typed(file, start, int.from_bytes(rest[:2], "little"))
        start += 2 * offset
        size = rest[0] if function == _RANGE_READ and rest else len(rest)
        if not size or size > _MOST or size % 2 or 2 * offset + size > 2 * total:
            raise Bad(ILLEGAL)
        if start + size > len(file.memory):
            raise Bad(EXTENDED, NOTHING_THERE)
        if function == _RANGE_READ:
            return _turned(file, start, bytes(file.memory[start : start + size]))
        new = _turned(file, start, rest)
        self._store(file, start, new, another_of(file.kind.code, new))
        return b""

    def _modify(self, data: bytes) -> bytes:
        """Change one word by its masks; gives the sets behind it."""
        file, start, rest = self._place(data)
        if len(rest) < 4 or start + 2 > len(file.memory):
            raise Bad(ILLEGAL)
        held, keep, put = struct.unpack("<HHH", file.memory[start : start + 2] + rest[:4])
        new, mask = struct.pack("<H", held & keep | put), struct.pack("<H", ~keep & 0xFFFF | put)
        self._store(file, start, new, flipped(new, mask))
        return rest[4:]

    def _store(self, file: DataFile, start: int, new: bytes, other: bytes) -> None:
        where = slice(start, start + len(new))
        file.memory[where] = self.keep(new, bytes(file.memory[where]), other)

    def _typed(self, file: DataFile, start: int, count: int) -> bytes:
        """Elements behind their type; more than one are an array."""
        size = count * file.kind.size
        if not size or size > _MOST or start + size > len(file.memory):
            raise Bad(EXTENDED, NOTHING_THERE)
        kind = _TYPES.get(file.kind.letter, b"\x42")
        octets = _turned(file, start, bytes(file.memory[start : start + size]))
        if count == 1 and kind != b"\x42":
            return kind + octets
        return bytes((0x99, 0x09, len(kind) + size)) + kind + octets

    def _place(self, data: bytes) -> tuple[DataFile, int, bytes]:
        """The file, the byte in it, and what is behind a logical binary address."""
        if not data or data[0] not in (0x06, 0x07, 0x0E, 0x0F):
            raise Bad(ILLEGAL)
        levels = data[0].bit_count()
        *found, end = fields(b"\0" + data[1:], levels + 1)
        _, *found = found
        number, element, *word = found[1:] if data[0] & 1 else found
        file = self.files.get(number)
        if file is None:
            raise Bad(EXTENDED, NOTHING_THERE)
        return file, element * file.kind.size + 2 * sum(word), data[end:]


def _turned(file: DataFile, start: int, octets: bytes) -> bytes:
    """A REAL has its high word first. Raises ``Bad`` for half a one: not simulated."""
    if file.kind.letter != "F":
        return octets
    if start % 4 or len(octets) % 4:
        raise Bad(ILLEGAL)
    words = struct.unpack(f"<{len(octets) // 2}H", octets)
    turned = [word for at in range(0, len(words), 2) for word in (words[at + 1], words[at])]
    return struct.pack(f"<{len(turned)}H", *turned)
