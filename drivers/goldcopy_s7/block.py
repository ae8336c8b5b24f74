"""A block of a classic S7 CPU: what its header and footer say, in an upload and in a block info.

Both hold the same 36 bytes of header and 36 bytes of footer. All numbers are big-endian.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from struct import Struct
from typing import NamedTuple

from goldcopy.errors import Refused

_HEADER = Struct(">HBBBBHIIIHIHHHHH")
_FOOTER = Struct(">8s8s8sBBH8x")
_MAGIC = 0x7070
_INFO, _INFO_HEADER = 78, 6
_EPOCH = datetime(1984, 1, 1)

TYPES = {"OB": 0x08, "FB": 0x0E, "FC": 0x0C, "DB": 0x0A, "SDB": 0x0B, "SFC": 0x0D, "SFB": 0x0F}
"""Block type -> how headers and requests number it."""
SYSTEM = ("SFC", "SFB")
"""Part of the operating system: they can be listed, never uploaded."""
LANGUAGES = {
    0: "", 1: "AWL", 2: "KOP", 3: "FUP", 4: "SCL", 5: "DB", 6: "GRAPH", 7: "SDB",
}  # fmt: skip


class Key(NamedTuple):
    """Which block."""

    type: str
    number: int

    def __str__(self) -> str:
        return f"{self.type}{self.number}"

    @property
    def name(self) -> bytes:
        """As a request has it: ``0A00005``."""
        return b"0%X%05d" % (TYPES[self.type], self.number)


class About(NamedTuple):
    """All that the CPU says of a block without its content."""

    flags: int
    language: int
    security: int
    load_size: int
    """Bytes of the whole block."""
    code_time: str
    interface_time: str
    interface_size: int
    """Bytes of the SBB, the declaration."""
    extra_size: int
    local_data: int
    body_size: int
    """Bytes of MC7 code, or of a data block's values."""
    author: str
    family: str
    name: str
    version: int
    checksum: int

    @property
    def is_token(self) -> bool:
        """Whether it can tell one state of the block from another: some servers give constants."""
        return self.checksum != 0

    def same_content(self, other: About) -> bool:
        """Whether both can speak of one block: sizes and time stamps are the same."""
        fields = ("load_size", "code_time", "interface_time", "interface_size", "body_size")
        return all(getattr(self, field) == getattr(other, field) for field in fields)


class Block(NamedTuple):
    """An upload, taken apart."""

    about: About
    image: bytes
    """The whole block, byte by byte as uploaded."""

    @property
    def frame(self) -> bytes:
        """The block without its body: header, interface, attributes, footer."""
        return self.image[: _HEADER.size] + self.image[_HEADER.size + self.about.body_size :]


def whole(frame: bytes, body: bytes) -> bytes:
    """The block that has this frame and this body."""
    return frame[: _HEADER.size] + body + frame[_HEADER.size :]


def from_info(key: Key, data: bytes) -> About:
    """Decode a block info. Raises ``Refused`` if it is none, or one of another block."""
    if len(data) != _INFO:
        raise Refused(f"a block info of {len(data)} bytes; {_INFO} are known")
    header = data[_INFO_HEADER : _INFO_HEADER + _HEADER.size]
    return _about(key, header, data[_INFO_HEADER + _HEADER.size :])


def from_upload(key: Key, image: bytes) -> Block:
    """Take an upload apart.

    Raises ``Refused`` unless it is this block, and the lengths in its header are its own.
    """
    if len(image) < _HEADER.size + _FOOTER.size:
        raise Refused(f"the upload has {len(image)} bytes, too few for a header and a footer")
    about = _about(key, image[: _HEADER.size], image[-_FOOTER.size :])
    if about.load_size != len(image):
        raise Refused(
            f"the header says {about.load_size} bytes, the upload has {len(image)}; not kept"
        )
    parts = about.body_size + about.interface_size + about.extra_size
    if parts + _HEADER.size + _FOOTER.size != len(image):
        raise Refused(
            f"the header's parts add up to {parts + _HEADER.size + _FOOTER.size} bytes, the upload "
            f"has {len(image)}; not kept"
        )
    return Block(about, image)


def _about(key: Key, header: bytes, footer: bytes) -> About:
    magic, _, flags, language, subtype, number, load, security, *rest = _HEADER.unpack(header)
    code_ms, code_day, interface_ms, interface_day, sbb, add, local, mc7 = rest
    if magic != _MAGIC:
        raise Refused(f"a block begins with {_MAGIC:04x}, this one with {magic:04x}")
    if (subtype, number) != (TYPES[key.type], key.number):
        raise Refused(f"the CPU answered with block type {subtype:02X}, number {number}")
    author, family, name, version, _, checksum = _FOOTER.unpack(footer)
    return About(
        flags=flags,
        language=language,
        security=security,
        load_size=load,
        code_time=moment(code_ms, code_day),
        interface_time=moment(interface_ms, interface_day),
        interface_size=sbb,
        extra_size=add,
        local_data=local,
        body_size=mc7,
        author=_text(author),
        family=_text(family),
        name=_text(name),
        version=version,
        checksum=checksum,
    )


def moment(milliseconds: int, days: int) -> str:
    """A time stamp as ISO 8601 text, to the millisecond."""
    when = _EPOCH + timedelta(days=days, milliseconds=milliseconds)
    return when.isoformat(sep=" ", timespec="milliseconds")


def _text(octets: bytes) -> str:
    return octets.rstrip(b"\0").decode("latin-1")
