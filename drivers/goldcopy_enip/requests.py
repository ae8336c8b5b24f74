"""The services that write tags: whole, in parts, single bits; and how many go in a packet."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence

from goldcopy.errors import Wrong
from goldcopy.snapshot import Item
from goldcopy.snapshot.values import array_of
from goldcopy_enip import guard
from goldcopy_enip.encode import Place, encoded
from goldcopy_enip.epath import element
from goldcopy_enip.messages import PACK_HEAD, request
from goldcopy_enip.types import ATOMS, BOOL, DWORD, Atom

OFFSET = 2
"""Bytes that a service costs in a packet beside its own."""
_SIZES = {atom.name: atom.size for atom in ATOMS.values()}
_WORD = 32
_TEXT = 82
"""Characters that a string has room for, as far as can be told beforehand."""


def cost(item: Item, place: Place) -> int:
    """Bytes that an item takes in a packet, at most; of a string, if its type is the usual one.

    Of an array of BOOL, if none of its words is right already.
    """
    head = OFFSET + 2 + len(place.path)
    if place.at >= 0:
        return head + len(element(place.at // _WORD)) + 2 + 2 * DWORD.size
    if place.bit >= 0:
        return head + 2 + 2 * 8
    if item.type == "STRING" and isinstance(item.value, str):
        size = 4 + max(_TEXT, len(item.value))
        return head + 4 + 2 + size + -size % 4
    array = array_of(item.type)
    count, kind = array or (1, item.type)
    if array and kind == "BOOL":
        several = range(count // _WORD)
        return sum(head + len(element(at)) + 2 + 2 * DWORD.size for at in several)
    return head + 2 + 2 + count * _SIZES.get(kind, 8)


def whole(path: bytes, kind: bytes, content: bytes, count: int, room: int) -> Iterator[bytes]:
    """A value in one service, or in as many parts as it needs: those are not written at once."""
    data = kind + count.to_bytes(2, "little") + content
    if 2 + len(path) + len(data) <= room:
        yield request(guard.WRITE, path, data)
        return
    room -= 2 + len(path) + len(kind) + 6
    room -= room % 8
    for at in range(0, len(content), room):
        part = kind + struct.pack("<HI", count, at) + content[at : at + room]
        yield request(guard.WRITE_PART, path, part)


def values(path: bytes, atom: Atom, item: Item, room: int) -> Iterator[bytes]:
    """A number, or an array of them. Raises ``Wrong`` for a value that is not of this type."""
    several = item.value if isinstance(item.value, tuple) else (item.value,)
    content = b"".join(encoded(atom, one) for one in several)
    return whole(path, bytes((atom.code, 0)), content, len(several), room)


def bit(place: Place, atom: Atom, item: Item) -> bytes:
    """One bit by read-modify-write: the others stay what they are, whoever writes them meanwhile.

    Raises ``Wrong`` if the type has no such bit.
    """
    path, number = place.path, place.bit
    if place.at >= 0:
        if atom is BOOL:
            path += element(place.at)
            return next(values(path, BOOL, item, 1 << 16))
        word, number = divmod(place.at, _WORD)
        path += element(word)
    if atom.format in "fd" or atom is BOOL or number >= 8 * atom.size:
        raise Wrong(f"{item.path}: {atom.name} has no bit {number}")
    if place.at >= 0 and atom is not DWORD:
        raise Wrong(f"{item.path} is BOOL, and the controller's tag is an array of {atom.name}")
    return _modify(path, atom.size, bool(item.value) << number, 1 << number)


def bits(path: bytes, held: bytes, item: Item) -> Iterator[bytes]:
    """An array of BOOL: the bits that differ from what is held, word by word."""
    wanted = item.value if isinstance(item.value, tuple) else ()
    if len(wanted) != 8 * len(held):
        raise Wrong(f"{item.path}: {8 * len(held)} BOOLs are there, and {len(wanted)} are to be")
    for at in range(0, len(held), 4):
        now = int.from_bytes(held[at : at + 4], "little")
        several = wanted[8 * at : 8 * at + _WORD]
        then = sum(bool(one) << number for number, one in enumerate(several))
        if now != then:
            yield _modify(path + element(at // 4), 4, then & ~now, now ^ then)


def _modify(path: bytes, size: int, on: int, which: int) -> bytes:
    """Of the bits ``which``, those in ``on`` are set and the others cleared."""
    off = ~(which & ~on) & (1 << 8 * size) - 1
    masks = on.to_bytes(size, "little") + off.to_bytes(size, "little")
    return request(guard.MODIFY, path, size.to_bytes(2, "little") + masks)


def groups(
    items: Sequence[Item], cost: Callable[[Item], int], size: int, *, multiple: bool
) -> list[list[Item]]:
    """Items in their order, as many as a packet of so many bytes carries at what each costs."""
    found: list[list[Item]] = []
    room = 0
    for item in items:
        one = cost(item)
        if not found or one > room:
            found.append([])
            room = size - PACK_HEAD
        found[-1].append(item)
        room = room - one if multiple else 0
    return found


def packets(size: int, requests: Sequence[bytes]) -> list[list[bytes]]:
    """Services in their order, in as few packets of so many bytes as that allows."""
    found: list[list[bytes]] = []
    room = 0
    for one in requests:
        room -= OFFSET + len(one)
        if not found or room < 0:
            found.append([])
            room = size - PACK_HEAD - OFFSET - len(one)
        found[-1].append(one)
    return found
