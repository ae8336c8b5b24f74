"""Kinds of data files of SLC, MicroLogix and PLC-5 processors, and what an element is made of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from goldcopy.errors import Wrong
from goldcopy.snapshot import Access, Role


class Member(NamedTuple):
    """A word of an element, or one bit of it."""

    name: str
    type: str
    word: int
    bit: int = -1
    role: Role = "process"
    access: Access = "read"


class Kind(NamedTuple):
    """A kind of data file."""

    letter: str
    code: int
    """File type in SLC commands (1770-6.5.16, 7-17; 91 is how later processors tell a long)."""
    words: int
    """16-bit words of an element."""
    type: str = ""
    """IEC type of an element, if it is one value."""
    role: Role = "setting"
    access: Access = "read-write"
    members: tuple[Member, ...] = ()
    plc5: int = 0
    """Type of an element in the reply to a typed read of a PLC-5; 0: none of its own."""

    @property
    def size(self) -> int:
        """Bytes of an element."""
        return 2 * self.words


def _flags(*names: str) -> tuple[Member, ...]:
    """Bits of the control word, from bit 15 downwards."""
    return tuple(Member(name, "BOOL", 0, 15 - at) for at, name in enumerate(names))


def _counted(*flags: str, preset: str = "PRE", count: str = "ACC") -> tuple[Member, ...]:
    """Control word, preset and count: only the preset is set by people."""
    return (
        Member("CTL", "WORD", 0),
        Member(preset, "INT", 1, role="setting", access="read-write"),
        Member(count, "INT", 2),
        *_flags(*flags),
    )


_BITS = tuple(Member(str(bit), "BOOL", 0, bit, "process", "read-write") for bit in range(16))
_ALL = (
    Kind("S", 0x84, 1, "WORD", "diagnostic", "read"),
    Kind("B", 0x85, 1, members=_BITS),
    Kind("T", 0x86, 3, members=_counted("EN", "TT", "DN"), plc5=5),
    Kind("C", 0x87, 3, members=_counted("CU", "CD", "DN", "OV", "UN"), plc5=6),
    Kind(
        "R", 0x88, 3, plc5=7,
        members=_counted(
            "EN", "EU", "DN", "EM", "ER", "UL", "IN", "FD", preset="LEN", count="POS"
        ),
    ),
    Kind("N", 0x89, 1, "INT"), Kind("F", 0x8A, 2, "REAL", plc5=8), Kind("ST", 0x8D, 42, "STRING"),
    Kind("A", 0x8E, 1, "BYTES", access="read"), Kind("D", 0x8F, 1, "WORD"),
    Kind("L", 0x91, 2, "DINT"),
)  # fmt: skip
KINDS = {kind.letter: kind for kind in _ALL}
CODES = {kind.code: kind for kind in _ALL}
IMAGES = {0x82: "O", 0x83: "I", 0x8B: "O", 0x8C: "I"}
"""Outputs and inputs: the state of the plant at the moment, which is listed and not read."""
_LISTED = re.compile(r"([A-Z]{1,2})(\d{1,3}):(\d{1,5})")


class DataFile(NamedTuple):
    """One data file."""

    kind: Kind
    number: int
    elements: int

    @property
    def name(self) -> str:
        """``N7``."""
        return f"{self.kind.letter}{self.number}"

    @property
    def path(self) -> str:
        """Of the folder that its items are in."""
        return f"file/{self.name}"


def listed(texts: Sequence[str]) -> list[DataFile]:
    """``N7:256`` and so on. Raises ``Wrong`` for what is none, and for one number twice."""
    found: dict[int, DataFile] = {}
    for text in texts:
        match = _LISTED.fullmatch(text)
        kind = KINDS.get(match[1]) if match else None
        if not match or not kind or not int(match[3]):
            raise Wrong(
                f"{text!r} names no data file and how many elements it has, as N7:256 does; kinds "
                f"are {', '.join(KINDS)}"
            )
        file = DataFile(kind, int(match[2]), int(match[3]))
        if file.number in found:
            raise Wrong(f"{text!r}: a file {file.number} is listed twice")
        found[file.number] = file
    return [found[number] for number in sorted(found)]
