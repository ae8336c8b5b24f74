"""Bytes of data files as items, and values as bytes."""

from __future__ import annotations

from collections.abc import Sequence

from goldcopy.errors import Wrong
from goldcopy.snapshot import Gap, Item, Value
from goldcopy_enip.encode import encoded
from goldcopy_enip.pccc_files import DataFile, Kind, Member
from goldcopy_enip.types import ATOMS, Atom, decode

BY_NAME: dict[str, Atom] = {atom.name: atom for atom in ATOMS.values()}
LONGEST = 82
"""Characters of a string."""


def items(file: DataFile, at: int, data: bytes) -> tuple[list[Item], list[Gap]]:
    """What some elements hold, from a number on."""
    found: list[Item] = []
    gaps: list[Gap] = []
    kind = file.kind
    for place in range(0, len(data), kind.size):
        path, address = f"{file.path}/{at}", f"{file.name}:{at}"
        octets = data[place : place + kind.size]
        at += 1
        if kind.members:
            found += [_member(one, path, address, octets) for one in kind.members]
            continue
        length = int.from_bytes(octets[:2], "little")
        if kind.type == "STRING" and length > LONGEST:
            gaps.append(Gap(path, f"it claims {length} characters; a string has {LONGEST} at most"))
            continue
        value = text(octets) if kind.type == "STRING" else decode(BY_NAME[kind.type], (), octets)
        item = Item(path, "tag", kind.type, value, kind.role, kind.access, address=address)
        found.append(item)
    return found, gaps


def _member(member: Member, path: str, address: str, octets: bytes) -> Item:
    word = octets[2 * member.word : 2 * member.word + 2]
    value: Value
    if member.bit < 0:
        value = decode(BY_NAME[member.type], (), word)
    else:
        value = int.from_bytes(word, "little") >> member.bit & 1 == 1
    place = f"{address}{'.' if member.bit < 0 else '/'}{member.name}"
    return Item(
        f"{path}/{member.name}", "tag", member.type, value, member.role, member.access,
        address=place,
    )  # fmt: skip


def text(octets: bytes) -> str:
    """Characters behind their count; in each word the first one is the high byte."""
    length = int.from_bytes(octets[:2], "little")
    return swapped(octets[2:])[:length].decode("latin-1")


def swapped(octets: bytes) -> bytes:
    """The bytes of each word in the other order."""
    found = bytearray(octets)
    found[::2], found[1::2] = octets[1::2], octets[::2]
    return bytes(found)


def element(kind: Kind, name: str, value: Value) -> bytes:
    """An element as the processor holds it. Raises ``Wrong`` for a value that is none."""
    if kind.type != "STRING":
        return encoded(BY_NAME[kind.type], value)
    if not isinstance(value, str):
        raise Wrong(f"{name} is a string, and {value!r} is none")
    octets = value.encode("latin-1", "replace")
    if octets.decode("latin-1") != value:
        raise Wrong(f"{name} holds characters of Latin-1 only")
    if len(octets) > LONGEST:
        raise Wrong(f"{name} has no room for {len(octets)} characters; {LONGEST} at most")
    return len(octets).to_bytes(2, "little") + swapped(octets.ljust(LONGEST, b"\0"))


def member_of(kind: Kind, name: str) -> Member | None:
    """The member that has this name."""
    return next((one for one in kind.members if one.name == name), None)


def words_swapped(file: DataFile, octets: bytes) -> bytes:
    """As a PLC-5 holds it: the high word of a REAL is the first one."""
    if file.kind.type != "REAL":
        return octets
    pairs = range(0, len(octets), 4)
    return b"".join(octets[at + 2 : at + 4] + octets[at : at + 2] for at in pairs)


def joined(file: DataFile, parts: Sequence[bytes]) -> Item:
    """A file of characters, whole."""
    value = swapped(b"".join(parts))
    kind = file.kind
    return Item(file.path, "tag", kind.type, value, kind.role, kind.access, address=file.name)
