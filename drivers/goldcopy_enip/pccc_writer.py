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
from goldcopy_enip.pccc_values import element, member_of
from goldcopy_enip.slc import MOST_SMALL, Dialect
from goldcopy_enip.types import ATOMS

_ADDRESS = re.compile(r"([A-Z]{1,2})(\d{1,3}):(\d{1,5})(?:[./](\w+))?")
_PROGRAMMING = ("PROG", "REMOTE PROG")
_ATOMS = {atom.name: atom for atom in ATOMS.values()}


class _Place(NamedTuple):
    """Where an item is written."""

    file: DataFile
    at: int
    member: Member | None

    @property
    def bit(self) -> bool:
        return self.member is not None and self.member.bit >= 0


class PcccWriter(PcccSession):
    """A session that may write data files."""

    _checked: frozenset[str] = frozenset()
    """Data files of which the type is known to be right."""

    def groups(self, items: Sequence[Item]) -> Sequence[Sequence[Item]]:
        """Elements that follow one another in a file, and bits of one word, go together."""
        found: list[list[Item]] = []
        last: _Place | None = None
        for item in items:
            place = _place(item)
            if last and place and self._joins(found[-1], last, place):
                found[-1].append(item)
            else:
                found.append([item])
            last = place
        return found

    def _joins(self, group: list[Item], last: _Place, place: _Place) -> bool:
        same = last.file.name == place.file.name
        if place.bit and last.bit:
            return same and last.at == place.at and len(group) < 16
        whole = last.member is None and place.member is None
        most = self._found.dialect.most if self._found else MOST_SMALL
        room = most // place.file.kind.size
        return same and whole and place.at == last.at + 1 and len(group) < room

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
    if item.access != "read-write" or item.role != "setting":
        raise Refused(f"{item.path} is not to be written: it is a live value, or it is read only")
    return place


def _command(dialect: Dialect, places: Sequence[_Place], items: Sequence[Item]) -> Command:
    """The one command for a group. Raises ``Wrong`` if one command cannot write these."""
    first = places[0]
    if first.bit:
        if any(
            (one.file.name, one.at, one.bit) != (first.file.name, first.at, True) for one in places
        ):
            raise Wrong(f"{items[0].path} and what goes with it are not bits of one word")
        mask = bits = 0
        for place, item in zip(places, items, strict=True):
            bit = 1 << place.member.bit if place.member else 0
            mask |= bit
            bits |= bit if encoded(_ATOMS["BOOL"], item.value) != b"\0" else 0
        return dialect.mask(first.file, first.at, mask, bits)
    if first.member:
        if len(places) > 1:
            raise Wrong(f"{items[0].path} and what goes with it are not one run of elements")
        octets = encoded(_ATOMS[first.member.type], items[0].value)
        return dialect.write(first.file, first.at, first.member.word, octets)
    numbers = [(one.file.name, one.at, one.member) for one in places]
    if numbers != [(first.file.name, first.at + n, None) for n in range(len(places))]:
        raise Wrong(f"{items[0].path} and what goes with it are not one run of elements")
    octets = b"".join(element(first.file.kind, one.path, one.value) for one in items)
    if len(octets) > max(dialect.most, first.file.kind.size):
        raise Wrong(f"{len(items)} elements from {items[0].path} on are too many for one command")
    return dialect.write(first.file, first.at, 0, octets)
