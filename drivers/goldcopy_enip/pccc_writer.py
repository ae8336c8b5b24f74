"""Putting elements of data files back: contiguous ones in one command, bits by a mask."""

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
from goldcopy_enip.slc import MOST_SMALL, Dialect

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
    def word(self) -> tuple[str, int]:
        """The file, and of a member the element: what it can share a command with."""
        return self.file.name, self.at if self.member else -1


class PcccWriter(PcccSession):
    """A session that may write data files."""

    _checked: frozenset[str] = frozenset()
    """Data files of which the type is known to be right."""

    def groups(self, items: Sequence[Item]) -> Sequence[Sequence[Item]]:
        """Elements that make one run in a file, in whichever order, and bits of one word."""
        most = self._found.dialect.most if self._found else MOST_SMALL
        places = [_place(item) if _may(item) else None for item in items]
        found: list[Sequence[Item]] = []
        at = 0
        while at < len(items):
            size = _together(places[at : at + most], most)
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
        file = places[0].file
        if file.name not in self._checked:
            amiss = await known.dialect.check(self._pccc, [file])
            if amiss:
                raise Refused(f"{file.name} is not written: {amiss[file.number]}")
            self._checked |= {file.name}
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
    """How many of these, from the first one on, one command writes."""
    first = places[0]
    if first is None or (first.member and not first.bit):
        return 1
    seen: set[int] = set()
    best = 1
    low = high = first.at
    for size, place in enumerate(places, 1):
        if place is None or place.word != first.word:
            break
        number = place.member.bit if place.member else place.at
        low, high = min(low, place.at), max(high, place.at)
        if number in seen or (high - low + 1) * first.file.kind.size > most:
            break
        seen.add(number)
        if first.bit or high - low + 1 == size:
            best = size
    return best


def _command(dialect: Dialect, places: Sequence[_Place], items: Sequence[Item]) -> Command:
    """The one command for a group. Raises ``Wrong`` if one command cannot write these."""
    first = places[0]
    if _together(places, max(dialect.most, first.file.kind.size)) != len(places):
        raise Wrong(f"one command does not write {items[0].path} and what goes with it")
    if first.bit:
        mask = bits = 0
        for place, item in zip(places, items, strict=True):
            bit = 1 << place.member.bit if place.member else 0
            mask |= bit
            if not isinstance(item.value, bool):
                raise Wrong(f"{item.path} is a bit, and {item.value!r} is neither true nor false")
            bits |= bit if item.value else 0
        return dialect.mask(first.file, first.at, mask, bits)
    if first.member:
        octets = encoded(BY_NAME[first.member.type], items[0].value)
        return dialect.write(first.file, first.at, first.member.word, octets)
    run = sorted(zip(places, items, strict=True), key=lambda pair: pair[0].at)
    octets = b"".join(element(first.file.kind, item.path, item.value) for _, item in run)
    return dialect.write(first.file, run[0][0].at, 0, octets)
