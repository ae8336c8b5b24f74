"""Putting elements of data files back: those in a row in one command, bits by a mask."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from goldcopy.errors import Refused, Unsupported, Wrong
from goldcopy.snapshot import Item
from goldcopy_enip.encode import encoded
from goldcopy_enip.pccc import Command
from goldcopy_enip.pccc_files import KINDS, DataFile, Member
from goldcopy_enip.pccc_session import PcccSession
from goldcopy_enip.pccc_values import BY_NAME, element, member_of
from goldcopy_enip.slc import MOST_SMALL, Dialect, Masked

_ADDRESS = re.compile(r"([A-Z]{1,2})(\d{1,3}):(\d{1,5})(?:[./](\w+))?")
_PROGRAMMING = ("PROG", "REMOTE PROG")


class _Place(NamedTuple):
    """Where an item is written."""

    file: DataFile
    at: int
    member: Member | None

    @property
    def bit(self) -> bool:
        return self.member is not None and self.member.bit >= 0

    @property
    def one_word(self) -> bool:
        return self.member is not None or self.file.kind.words == 1

    @property
    def mask(self) -> int:
        return 1 << self.member.bit if self.member and self.bit else 0xFFFF

    def masked(self, bits: int) -> Masked:
        """Of an item of one word: that word, and what of it."""
        return Masked(self.file, self.at, self.member.word if self.member else 0, self.mask, bits)


class PcccWriter(PcccSession):
    """A session that may write data files."""

    _checked: frozenset[str] = frozenset()
    """Data files of which the type is known to be right."""

    def groups(self, items: Sequence[Item]) -> Sequence[Sequence[Item]]:
        """What one command writes: elements in a row, bits of a word; for a PLC-5 single words too.

        Those in a row may come in any order.
        """
        dialect = self._found.dialect if self._found else None
        most = dialect.most if dialect else MOST_SMALL
        places = [_place(item) if _may(item) else None for item in items]
        found: list[Sequence[Item]] = []
        at = 0
        while at < len(items):
            ahead = places[at : at + 8 * most]  # an item is a bit at least
            size = _together(ahead, most)
            if dialect and dialect.sets:
                size = max(size, _scattered(ahead, dialect))
            found.append(items[at : at + size])
            at += size
        return found

    async def write(self, group: Sequence[Item]) -> None:
        """Write the items of one group with one command, which the processor acknowledges.

        Raises ``Refused`` for what may not be written, and in any mode but programming unless
        ``options.write_in_run`` is set; ``Wrong`` for a value that is not of the element's type;
        ``Unsupported`` for what is no element of a data file.
        """
        places = [_checked(item) for item in group]
        known = await self._known()
        command = _command(known.dialect, places, group)
        mode = known.identity.mode
        if mode.split(",")[0] not in _PROGRAMMING and not self._options.write_in_run:
            raise Refused(
                f"the processor is in {mode or 'an unknown mode'}: turn it to PROG, or set "
                "options.write_in_run; nothing was written"
            )
        files = {place.file.name: place.file for place in places}
        unknown = [file for name, file in files.items() if name not in self._checked]
        amiss = await known.dialect.check(self._pccc, unknown) if unknown else {}
        for file in unknown:
            if file.number in amiss:
                raise Refused(f"{file.name} is not written: {amiss[file.number]}")
        self._checked |= files.keys()
        (await self._pccc.ask(command)).good()


def _place(item: Item) -> _Place | None:
    """Where it is; None if it is nothing that this driver writes."""
    match = _ADDRESS.fullmatch(item.address)
    kind = KINDS.get(match[1]) if match else None
    if not match or not kind:
        return None
    member = member_of(kind, match[4]) if match[4] else None
    access = member.access if member else kind.access
    if bool(match[4]) != bool(member) or bool(kind.members) != bool(member):
        return None
    at = int(match[3])
    return _Place(DataFile(kind, int(match[2]), at + 1), at, member) if access != "read" else None


def _checked(item: Item) -> _Place:
    place = _place(item)
    if place is None:
        raise Unsupported(
            f"{item.path}: of data files, elements of N, F, L, D and ST, bits of B, and PRE or LEN "
            "are written"
        )
    if not _may(item):
        raise Refused(f"{item.path} is not to be written: it is a live value, or it is read only")
    return place


def _may(item: Item) -> bool:
    return item.access == "read-write" and item.role == "setting"


def _together(places: Sequence[_Place | None], most: int) -> int:
    """How many of these, from the first one on, are in a row, or bits of one word."""
    first = places[0]
    if first is None or (first.member and not first.bit):
        return 1
    whole = 16 if first.bit else 1
    seen: set[tuple[int, int]] = set()
    best = 1
    low = high = first.at
    for size, place in enumerate(places, 1):
        if place is None or place.file.name != first.file.name or place.bit != first.bit:
            break
        low, high = min(low, place.at), max(high, place.at)
        if (place.at, place.mask) in seen or (high - low + 1) * first.file.kind.size > most:
            break
        seen.add((place.at, place.mask))
        if (first.bit and low == high) or (high - low + 1) * whole == size:
            best = size
    return best


def _scattered(places: Sequence[_Place | None], dialect: Dialect) -> int:
    """How many of these, from the first one on, are words with masks that one command holds."""
    room = dialect.sets
    held: dict[tuple[str, int, int], int] = {}
    for size, place in enumerate(places):
        if place is None or not place.one_word:
            return size
        one = place.masked(0)
        key = one.file.name, one.at, one.word
        room -= 0 if key in held else len(dialect.masks([one]).data)
        if room < 0 or held.get(key, 0) & one.mask:
            return size
        held[key] = held.get(key, 0) | one.mask
    return len(places)


def _command(dialect: Dialect, places: Sequence[_Place], items: Sequence[Item]) -> Command:
    """The one command for a group. Raises ``Wrong`` if one command cannot write these."""
    first = places[0]
    if _together(places, max(dialect.most, first.file.kind.size)) == len(places):
        if first.bit and len({place.at for place in places}) == 1:
            return dialect.masks(_words(places, items))
        if first.member and not first.bit:
            (octets,) = map(_word, places, items)
            return dialect.write(first.file, first.at, first.member.word, octets)
        if first.bit:  # every bit of every word
            words = sorted(_words(places, items), key=lambda one: one.at)
            octets = b"".join(one.bits.to_bytes(2, "little") for one in words)
            return dialect.write(first.file, words[0].at, 0, octets)
        run = sorted(zip(places, items, strict=True), key=lambda pair: pair[0].at)
        octets = b"".join(element(first.file.kind, item.path, item.value) for _, item in run)
        return dialect.write(first.file, run[0][0].at, 0, octets)
    if dialect.sets and _scattered(places, dialect) == len(places):
        return dialect.masks(_words(places, items))
    raise Wrong(f"one command does not write {items[0].path} and what goes with it")


def _words(places: Sequence[_Place], items: Sequence[Item]) -> list[Masked]:
    """The words of these, each once, with what is written of it."""
    found: dict[tuple[str, int, int], Masked] = {}
    for place, item in zip(places, items, strict=True):
        one = place.masked(int.from_bytes(_word(place, item), "little"))
        key = one.file.name, one.at, one.word
        if before := found.get(key):
            one = one._replace(mask=before.mask | one.mask, bits=before.bits | one.bits)
        found[key] = one
    return list(found.values())


def _word(place: _Place, item: Item) -> bytes:
    """An item of one word. Raises ``Wrong`` for a value that is not of its type."""
    if place.member is None:
        return element(place.file.kind, item.path, item.value)
    if not place.bit:
        return encoded(BY_NAME[place.member.type], item.value)
    if not isinstance(item.value, bool):
        raise Wrong(f"{item.path} is a bit, and {item.value!r} is neither true nor false")
    return (place.mask if item.value else 0).to_bytes(2, "little")
