"""Block functions of userdata group 3: how many, which, and what each block's header says."""

from __future__ import annotations

import struct
from typing import Final

from .block import FOOTER, HEADER, SYSTEM, Key, Kind
from .cpu import NONE_AVAILABLE, NOT_FOUND, Refusal
from .session import Session

_ORDER: Final = (Kind.OB, Kind.FB, Kind.FC, Kind.DB, Kind.SDB, Kind.SFC, Kind.SFB)
_ENTRY: Final = struct.Struct(">HBB")
_USER, _BUILT_IN = 0x22, 0x42
"""Status flags of a list entry, as an S7-300 shows them."""
_KINDS: Final = frozenset(Kind)
SYNTAX: Final = 0xD201
"""Syntax error in the block name."""


def list_blocks(session: Session, data: bytes) -> bytes:
    """Sub-function 1: the number of blocks of each type."""
    session.note("list blocks")
    return b"".join(
        struct.pack(">BBH", 0x30, kind, len(session.cpu.numbers(kind))) for kind in _ORDER
    )


def list_blocks_of_type(session: Session, data: bytes) -> bytes:
    """Sub-function 2: number, flags and language of each block of one type."""
    kind = _kind(data[:2])
    session.note("list blocks of type", kind.name if kind else data.hex())
    if kind is None:
        raise Refusal(SYNTAX)
    numbers = session.cpu.numbers(kind)
    if not numbers:
        raise Refusal(NONE_AVAILABLE)
    flags = _BUILT_IN if kind in SYSTEM else _USER
    images = session.cpu.images
    return b"".join(_ENTRY.pack(n, flags, images[Key(kind, n)][4]) for n in numbers)


def block_info(session: Session, data: bytes) -> bytes:
    """Sub-function 3: 78 bytes, the block's header and footer in another order."""
    name = data[:8]
    key = parse_name(name[:7])
    session.note("block info", str(key or name.hex()))
    if key is None:
        raise Refusal(SYNTAX)
    image = find(session, key, name[7:8])
    if image is None:
        raise Refusal(NOT_FOUND)
    status = b"\x42\x30" if key.kind in SYSTEM else b"\x22\x00"
    footer = image[-FOOTER:]
    return b"\x01\x00\x00\x4a" + status + image[:HEADER] + footer


def find(session: Session, key: Key, where: bytes) -> bytes | None:
    """A block by name and place: A active, P passive, B either, the active one first."""
    found: bytes | bytearray | None = None
    if where in (b"A", b"B"):
        found = session.cpu.images.get(key)
    if found is None and where in (b"P", b"B"):
        found = session.cpu.passive.get(key)
    return None if found is None else bytes(found)


def parse_name(name: bytes) -> Key | None:
    """``0A00005``: type and number in ASCII."""
    kind = _kind(name[:2])
    if kind is None or len(name) != 7 or not name[2:].isdigit():
        return None
    number = int(name[2:])
    return Key(kind, number) if number < 0x10000 else None


def _kind(code: bytes) -> Kind | None:
    if len(code) == 2 and code[0] == 0x30 and code[1] in _KINDS:
        return Kind(code[1])
    return None
