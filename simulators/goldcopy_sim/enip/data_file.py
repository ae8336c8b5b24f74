"""Data files of an SLC, a MicroLogix or a PLC-5: kinds, memory, values."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from goldcopy_sim.service import Value

from .types import ATOMS

_ADDRESS: Final = re.compile(r"([A-Z]+\d+):(\d+)(?:[./](\w+))?")
_LIVE: Final = ("CTL", "ACC", "POS")
"""Words of an element that the program makes."""
_NOT_SET: Final = "OISA"
"""Kinds of which nothing is set by people."""
_BITS: Final = tuple(map(str, range(16)))


@dataclass(frozen=True)
class Kind:
    """A kind of data file."""

    letter: str
    code: int
    size: int
    """Bytes of an element."""
    iec: str = ""
    format: str = ""
    words: tuple[str, ...] = ()
    """Names of the words of an element, where it is a structure."""


KINDS: Final = {
    kind.letter: kind
    for kind in (
        Kind("O", 0x82, 2, "WORD", "H"), Kind("I", 0x83, 2, "WORD", "H"),
        Kind("S", 0x84, 2, "WORD", "H"), Kind("B", 0x85, 2, "WORD", "H"),
        Kind("T", 0x86, 6, words=("CTL", "PRE", "ACC")),
        Kind("C", 0x87, 6, words=("CTL", "PRE", "ACC")),
        Kind("R", 0x88, 6, words=("CTL", "LEN", "POS")), Kind("N", 0x89, 2, "INT", "h"),
        Kind("F", 0x8A, 4, "REAL", "f"), Kind("ST", 0x8D, 84), Kind("L", 0x91, 4, "DINT", "i"),
        Kind("A", 0x8E, 2, "WORD", "H"), Kind("D", 0x8F, 2, "WORD", "H"),
    )
}  # fmt: skip


class DataFile:
    """One data file and its memory."""

    def __init__(self, kind: str | Kind, number: int, elements: int, data: bytes = b"") -> None:
        self.kind = KINDS[kind] if isinstance(kind, str) else kind
        self.number, self.elements = number, elements
        self.memory = bytearray(data.ljust(self.kind.size * elements, b"\0"))

    @property
    def name(self) -> str:
        """``N7``."""
        return f"{self.kind.letter}{self.number}"

    def values(self) -> Iterable[tuple[str, str, Value]]:
        """Address, IEC type and value of all it holds."""
        kind = self.kind
        if kind.format:
            found = struct.unpack(f"<{self.elements}{kind.format}", self.memory)
            yield self.name, f"ARRAY[{self.elements}] OF {kind.iec}", found
            return
        for at in range(self.elements):
            start = at * kind.size
            if not kind.words:
                yield (
                    f"{self.name}:{at}",
                    "STRING",
                    _text(bytes(self.memory[start : start + kind.size])),
                )
            for word, name in enumerate(kind.words):
                octets = self.memory[start + 2 * word : start + 2 * word + 2]
                iec = "WORD" if name == "CTL" else "INT"
                number = int.from_bytes(octets, "little", signed=iec == "INT")
                yield f"{self.name}:{at}.{name}", iec, number

    def store(self, at: int, part: str, value: Value) -> None:
        """Set an element, or a part of one: a word by its name, a bit by its number.

        Raises:
            LookupError: It has no such part.
            ValueError: The value does not fit.
        """
        kind, start = self.kind, at * self.kind.size
        if part and part not in kind.words and (kind.letter != "B" or part not in _BITS):
            raise LookupError(f"{self.name}:{at} has no {part}")
        try:
            if part in kind.words:
                start += 2 * kind.words.index(part)
                octets = struct.pack("<H" if part == "CTL" else "<h", value)
            elif part:
                held, bit = self.memory[start : start + 2], 1 << int(part)
                word = int.from_bytes(held, "little") & ~bit | (bit if value else 0)
                octets = word.to_bytes(2, "little")
            elif kind.format:
                octets = ATOMS[kind.iec].pack(value)
            else:
                octets = text_element(str(value))
        except struct.error as error:
            raise ValueError(f"{self.name}:{at} takes no {value!r}: {error}") from None
        self.memory[start : start + len(octets)] = octets

    def wipe(self) -> None:
        """What people set in it is zero."""
        kind = self.kind
        if kind.words:
            for at in range(self.elements):
                for word in kind.words:
                    if word not in _LIVE:
                        self.store(at, word, 0)
        elif kind.letter not in _NOT_SET:
            self.memory[:] = bytes(len(self.memory))


def parsed(address: str) -> tuple[str, int, str]:
    """``T4:0.PRE`` in its parts. Raises ``LookupError`` for what is no address of an element."""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise LookupError(f"there is no {address}")
    return found[1], int(found[2]), found[3] or ""


def text_element(text: str) -> bytes:
    """A length, then 82 characters, the two of each word swapped."""
    octets = text.encode("latin-1")[:82].ljust(82, b"\0")
    swapped = b"".join(octets[at + 1 : at + 2] + octets[at : at + 1] for at in range(0, 82, 2))
    return struct.pack("<H", min(len(text), 82)) + swapped


def _text(element: bytes) -> str:
    (length,) = struct.unpack_from("<H", element)
    swapped = element[2:]
    octets = b"".join(swapped[at + 1 : at + 2] + swapped[at : at + 1] for at in range(0, 82, 2))
    return octets[:length].decode("latin-1")
