"""A block of a classic S7 CPU, as bytes: header, MC7 body, interface, attributes, footer.

All numbers are big-endian. The layout was checked against a block that a real S7-300 took over
the network; the meaning of the checksum is not public, so it is an opaque word here.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Final, NamedTuple, Self

EPOCH: Final = datetime(1984, 1, 1)
_HEADER: Final = struct.Struct(">HBBBBHIIIHIHHHHH")
_FOOTER: Final = struct.Struct(">8s8s8sBBH8x")
HEADER: Final = _HEADER.size
FOOTER: Final = _FOOTER.size
_MAGIC: Final = 0x7070
LENGTH_AT: Final = slice(8, 12)
"""Where the header tells the length of the whole block."""

AWL, KOP, FUP, SCL, DATA, GRAPH, SYSTEM_DATA = 1, 2, 3, 4, 5, 6, 7
"""Languages that a block can be written in, as the header numbers them."""


class Kind(IntEnum):
    """Block types, by the second character of their code in a request."""

    OB = ord("8")
    DB = ord("A")
    SDB = ord("B")
    FC = ord("C")
    SFC = ord("D")
    FB = ord("E")
    SFB = ord("F")

    @property
    def subtype(self) -> int:
        """How a block's own header names it."""
        return int(chr(self), 16)


SYSTEM: Final = frozenset({Kind.SFC, Kind.SFB})
"""Part of the operating system: they can be listed, never uploaded, replaced or deleted."""


class Key(NamedTuple):
    """Which block."""

    kind: Kind
    number: int

    def __str__(self) -> str:
        return f"{self.kind.name}{self.number}"


@dataclass(frozen=True)
class Block:
    """One block; ``pack`` gives the bytes that an upload gives."""

    kind: Kind
    number: int
    body: bytes
    """MC7 code, or a data block's values."""
    interface: bytes = b""
    """The SBB: the declaration of parameters or data."""
    attributes: bytes = b""
    """The part counted by AddLen."""
    local_data: int = 0
    """Bytes of local stack it needs."""
    language: int = AWL
    flags: int = 1
    """Bit 0 linked, bit 1 standard block, bit 3 not retentive."""
    key: int = 0
    """Block security: 0 none, 3 know-how protected."""
    code_time: datetime = EPOCH
    interface_time: datetime = EPOCH
    author: str = ""
    family: str = ""
    name: str = ""
    version: int = 0x01
    """BCD-like, 0x12 is 1.2."""
    checksum: int | None = None
    """None lets ``pack`` work one out."""

    def __str__(self) -> str:
        return f"{self.kind.name}{self.number}"

    @property
    def load_size(self) -> int:
        """Bytes of load memory: the whole block."""
        parts = self.body, self.interface, self.attributes
        return HEADER + sum(map(len, parts)) + FOOTER

    def pack(self) -> bytes:
        """Compose the block."""
        header = _HEADER.pack(
            _MAGIC,
            1,
            self.flags,
            self.language,
            self.kind.subtype,
            self.number,
            self.load_size,
            self.key,
            *stamp(self.code_time),
            *stamp(self.interface_time),
            len(self.interface),
            len(self.attributes),
            self.local_data,
            len(self.body),
        )
        checksum = self.checksum
        if checksum is None:
            checksum = zlib.crc32(self.body + self.interface) & 0xFFFF
        texts = (text.encode("latin-1") for text in (self.author, self.family, self.name))
        footer = _FOOTER.pack(*texts, self.version, 0, checksum)
        return header + self.body + self.interface + self.attributes + footer

    @classmethod
    def parse(cls, image: bytes) -> Self:
        """Take a block apart.

        Raises:
            ValueError: It is not a block, or its lengths contradict one another.
        """
        if len(image) < HEADER + FOOTER:
            raise ValueError(f"a block has at least {HEADER + FOOTER} bytes, this has {len(image)}")
        magic, _, flags, language, subtype, number, size, key, *rest = _HEADER.unpack_from(image)
        code_ms, code_day, interface_ms, interface_day, sbb, add, local, mc7 = rest
        if magic != _MAGIC:
            raise ValueError(f"a block starts with {_MAGIC:04x}, this one with {magic:04x}")
        parts = HEADER + mc7 + sbb + add + FOOTER
        if not size == len(image) == parts:
            raise ValueError(
                f"the header says {size} bytes, its parts add up to {parts}, there are {len(image)}"
            )
        kinds = {kind.subtype: kind for kind in Kind}
        if subtype not in kinds:
            raise ValueError(f"no block type has the code {subtype:02x}")
        author, family, name, version, _, checksum = _FOOTER.unpack(image[-FOOTER:])
        end = HEADER + mc7
        return cls(
            kind=kinds[subtype],
            number=number,
            body=bytes(image[HEADER:end]),
            interface=bytes(image[end : end + sbb]),
            attributes=bytes(image[end + sbb : end + sbb + add]),
            local_data=local,
            language=language,
            flags=flags,
            key=key,
            code_time=moment(code_ms, code_day),
            interface_time=moment(interface_ms, interface_day),
            author=_text(author),
            family=_text(family),
            name=_text(name),
            version=version,
            checksum=checksum,
        )


def body_of(image: bytearray) -> memoryview:
    """The MC7 part of a block's image, writable: a data block's work memory."""
    (mc7,) = struct.unpack_from(">H", image, HEADER - 2)
    return memoryview(image)[HEADER : HEADER + mc7]


def stamp(when: datetime) -> tuple[int, int]:
    """Milliseconds since midnight and days since 1984-01-01."""
    since = when - EPOCH
    return since.seconds * 1000 + since.microseconds // 1000, since.days


def moment(milliseconds: int, days: int) -> datetime:
    """The inverse of ``stamp``."""
    return EPOCH + timedelta(days=days, milliseconds=milliseconds)


def declaration(kind: Kind, members: list[tuple[int, int]]) -> bytes:
    """An interface part: (data type code, parameter kind) for each member.

    Follows the form of a data block's SBB seen from STEP 7: a code, lengths little-endian, then
    one structure that holds the members.
    """
    listed = b"".join(bytes(member) for member in members)
    content = bytes((0x11, 0x04, len(members))) + listed
    return struct.pack("<BHHH", 0x05 if kind is Kind.DB else 0x01, 1, len(content), 0) + content


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode("latin-1")
