"""An SLC 5/05: data files, read and written by PCCC commands (1770-RM516) inside CIP."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterable
from typing import Final, NamedTuple, Self, Unpack

from goldcopy_sim.service import Service, Value

from . import amiss, cip
from .amiss import another, flipped
from .cip import Refusal, Reply, Request
from .data_file import KINDS, DataFile, parsed, text_element
from .device import Options
from .identity import Identity
from .server import Listener

_EXECUTE: Final = 0x4B
_CLASS: Final = b"\x20\x67"
_DIAGNOSE, _TYPED = 0x06, 0x0F
"""Commands: diagnostic status, and the protected typed logical ones by function."""
_READ_2, _READ_3, _WRITE_3, _MASKED_3 = 0xA1, 0xA2, 0xAA, 0xAB
"""Functions, by the number of address fields."""
_NAMES: Final = {
    (_DIAGNOSE, 0x03): "PCCC diagnostic status", (_TYPED, _READ_2): "PCCC typed read, 2 fields",
    (_TYPED, _READ_3): "PCCC typed read", (_TYPED, _WRITE_3): "PCCC typed write",
    (_TYPED, _MASKED_3): "PCCC masked write", (_TYPED, 0x00): "PCCC word range write",
    (_TYPED, 0x01): "PCCC word range read", (_TYPED, 0x26): "PCCC read-modify-write",
    (_TYPED, 0x68): "PCCC typed read of a PLC-5",
}  # fmt: skip
_READING: Final = frozenset(
    {(_DIAGNOSE, 0x03), (_TYPED, _READ_2), (_TYPED, _READ_3), (_TYPED, 0x01), (_TYPED, 0x68)}
)
"""What is not known is taken for a write."""
ILLEGAL, EXTENDED = 0x10, 0xF0
NOTHING_THERE, _TOO_LARGE, _NO_ACCESS, _WRONG_TYPE = 0x06, 0x09, 0x0B, 0x11
_MOST: Final = 236
_ROW, _LADDERS_AT, _FILES_AT = 10, 46, 52


class Directory(NamedTuple):
    """Where file 0 has what; one client's word for it, no public specification."""

    type: int
    """File type by which it is read."""
    size_at: int
    more: int
    """Its size is told with so much more."""
    rows_at: int


SLC: Final = Directory(0x01, 70, 0, 79)
MICROLOGIX_1100: Final = Directory(0x02, 80, 0x4E00, 233)
MICROLOGIX_1400: Final = Directory(0x03, 86, 0x4E00, 233)


class PcccSimulator(Listener):
    """A simulated SLC 5/05: data files and their directory."""

    slot = 0
    """It has no backplane to route over, yet takes the route that clients put in front."""
    revision = 0x42
    """Series in the upper three bits, A is 0; release in the others, the first is 0."""

    def __init__(
        self, *, port: int = 0, files: Iterable[DataFile] = (), **options: Unpack[Options]
    ) -> None:
        """Set one up with its data files; see ``Device`` for the other options."""
        options.setdefault("identity", IDENTITY)
        super().__init__(**options)
        self.files = {file.number: file for file in files}
        self.bulletin = "1747-L553"
        self.layout = SLC
        self.mode = 0x06
        """Five bits: 0 download, 1 remote program, 6 remote run, 17 program, 30 run."""
        self.halted = self.locked = False
        self.error: int | None = None
        """The major error, if it is another than that it is halted."""
        self.program = 0x1F2E
        """A number that is another after each download."""
        self.objects[0x67] = self._pccc
        self.listen_at(port)

    @classmethod
    def demo(cls, name: str, *, port: int = 0, fault: str | None = None) -> Self:
        """A strapping machine; the same name gives the same state."""
        chance = random.Random(name)
        sizes = (("O", 4), ("I", 4), ("S", 83), ("B", 16), ("T", 8), ("C", 4), ("R", 2), ("N", 60))
        files = [
            DataFile(letter, number, count, chance.randbytes(KINDS[letter].size * count))
            for number, (letter, count) in enumerate(sizes)
        ]
        numbers = [chance.uniform(-50, 500) for _ in range(20)]
        files += [
            DataFile("F", 8, 20, struct.pack("<20f", *numbers)),
            DataFile("ST", 9, 3, b"".join(text_element(f"RECIPE {at}") for at in range(3))),
            DataFile("N", 20, 256, chance.randbytes(512)),
        ]
        return cls(port=port, fault=fault, files=files)

    def values(self) -> dict[str, tuple[str, Value]]:
        """``N7`` as an array, ``T4:0.PRE`` by word, ``ST9:1`` as text."""
        found = (row for _, file in sorted(self.files.items()) for row in file.values())
        return {address: (iec, value) for address, iec, value in found}

    def change(self, address: str, value: Value) -> None:
        """Set ``N7:3``, ``B3:1/5``, ``T4:0.PRE`` or ``ST9:1``.

        Raises:
            LookupError: There is no such element.
            ValueError: The value does not fit.
        """
        name, at, part = parsed(address)
        for file in self.files.values():
            if file.name == name and at < file.elements:
                file.store(at, part, value)
                return
        raise LookupError(f"there is no {address}")

    def wipe(self) -> None:
        """All that a programming device may set is zero: what people set, and no live values."""
        for file in self.files.values():
            file.wipe()

    def directory(self) -> bytes:
        """File 0, which says what files there are; a number that is left out has a row too."""
        count = max(self.files, default=-1) + 1
        image = bytearray(self.layout.rows_at + _ROW * count)
        image[_LADDERS_AT], image[_FILES_AT] = 3, len(self.files)
        struct.pack_into("<H", image, self.layout.size_at, len(image) + self.layout.more)
        for number in range(count):
            file = self.files.get(number)
            code, size = (file.kind.code, len(file.memory)) if file else (0x81, 0)
            struct.pack_into("<BH", image, self.layout.rows_at + _ROW * number, code, size)
        return bytes(image)

    def diagnosis(self) -> bytes:
        """Diagnostic status of a 1747-L553, series C, as 1770-6.5.16 has it on page 10-4."""
        flags = self.mode | self.halted << 13 | self.locked << 14
        error = self.halted if self.error is None else self.error
        head = bytes((0x00, 0xEE, 0x34, 0x5B, self.revision)) + self.bulletin.ljust(11).encode()
        return head + struct.pack("<HHHBB", error, flags, self.program, 64, 0xFC)

    def keep(self, new: bytes, held: bytes, other: bytes) -> bytes:
        """The processor says no in its own words."""
        return amiss.kept(self.mishap, Bad(EXTENDED, _NO_ACCESS), new, held, other)

    def described(self, service: int, path: bytes, data: bytes) -> Service:
        """A PCCC command by its own name."""
        if service != _EXECUTE or path[:2] != _CLASS or not _whole(data):
            return super().described(service, path, data)
        packet = data[data[0] :]
        command, function = packet[0], packet[4]
        name = _NAMES.get((command, function), f"PCCC {command:#04x}/{function:#04x}")
        return Service(name, (command, function) not in _READING, packet[5:].hex())

    def _pccc(self, request: Request) -> Reply:
        """The requestor's id, then a PCCC packet; the answer has the same in front."""
        if request.service != _EXECUTE:
            raise Refusal(cip.NOT_SUPPORTED)
        if not _whole(data := request.data):
            raise Refusal(cip.NOT_ENOUGH_DATA)
        requestor, packet = data[: data[0]], data[data[0] :]
        command, _, transaction, function = struct.unpack_from("<BBHB", packet)
        try:
            body, status = self.command(command, function, packet[5:]), 0
        except Bad as bad:
            body, status = bad.extended, bad.status
        return Reply(requestor + struct.pack("<BBH", command | 0x40, status, transaction) + body)

    def command(self, command: int, function: int, data: bytes) -> bytes:
        """Do one PCCC command; gives what is behind the head of its reply.

        Raises:
            Bad: The processor refuses it.
        """
        if (command, function) == (_DIAGNOSE, 0x03):
            return self.diagnosis()
        if command != _TYPED or function not in (_READ_2, _READ_3, _WRITE_3, _MASKED_3):
            raise Bad(ILLEGAL)
        size, number, code, element, *rest = fields(data, 4 if function == _READ_2 else 5)
        body = data[rest.pop() :]
        if size > _MOST:
            raise Bad(EXTENDED, _TOO_LARGE)
        if number == 0 and code == self.layout.type:
            memory, start = bytearray(self.directory()), 2 * element
        else:
            file = self.files.get(number)
            if file is None:
                raise Bad(EXTENDED, NOTHING_THERE)
            if file.kind.code != code:
                raise Bad(EXTENDED, _WRONG_TYPE)
            start = element * file.kind.size + 2 * (rest[0] if rest else 0)
            memory = file.memory
        if not size or start + size > len(memory):
            raise Bad(EXTENDED, NOTHING_THERE)
        if function in (_READ_2, _READ_3):
            return bytes(memory[start : start + size])
        mask = b"\xff\xff"
        if function == _MASKED_3:
            mask, body = body[:2], body[2:]
        if len(body) != size:
            raise Bad(ILLEGAL)
        where = slice(start, start + size)
        held = bytes(memory[where])
        masks = (mask * size)[:size]
        new = bytes(
            old & ~keep & 0xFF | byte & keep
            for old, byte, keep in zip(held, body, masks, strict=True)
        )
        other = another_of(code, new) if function == _WRITE_3 else flipped(new, masks)
        memory[where] = self.keep(new, held, other)
        return b""


def another_of(code: int, new: bytes) -> bytes:
    """Another value for the elements of a file: of the first text, if they are texts."""
    return another(new, count=2 if code == KINDS["ST"].code else 0)


def _whole(data: bytes) -> bool:
    """Whether there are the requestor's id and the head of a PCCC packet."""
    return bool(data) and len(data) >= data[0] + 5


class Bad(Exception):
    """A command is refused, with STS and perhaps EXT STS."""

    def __init__(self, status: int, extended: int | None = None) -> None:
        super().__init__(status)
        self.status, self.extended = status, b"" if extended is None else bytes((extended,))


def fields(data: bytes, count: int) -> list[int]:
    """Address fields: a byte each, or FF and two bytes. The last one is where they end."""
    found, at = [], 0
    for _ in range(count):
        if at < len(data) and data[at] == 0xFF and at:
            field, step = data[at + 1 : at + 3], 3
        else:
            field, step = data[at : at + 1], 1
        if at + step > len(data):
            raise Bad(ILLEGAL)
        found.append(int.from_bytes(field, "little"))
        at += step
    return [*found, at]


IDENTITY: Final = Identity(product=0x59, revision=(10, 2), name="1747-L553/C", mode_bits=False)
