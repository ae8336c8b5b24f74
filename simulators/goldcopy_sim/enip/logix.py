"""A Logix controller without a network: tags, programs, templates, tokens, clock."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Unpack

from goldcopy_sim.service import Value

from . import access, cip, listing, tags, values
from .cip import INSTANCE, LOGICAL_CLASS, Attributes, Refusal, Reply, Request
from .device import Device, Options, parse_path
from .identity import Identity
from .tags import Database, Place, Program, Scope, Symbol, Tag, parse_address
from .types import READ_WRITE, Structure

_SYMBOL: Final = b"\x20\x6b"
_READS: Final = {access.READ: access.read, access.READ_PART: access.read_part}
_WRITES: Final = {access.WRITE: access.write, access.WRITE_PART: access.write_part}


MICRO800: Final = Identity(product=0xBA, revision=(12, 11), name="2080-LC50-24QWB", mode_bits=False)
"""What a small controller says it is."""


class Setup(Options, total=False):
    """What a simulated controller can be told besides its program."""

    slot: int
    modules: Mapping[int, Identity] | None
    micro800: bool
    tag_version: bool
    audit: int | None


class Content(Setup, total=False):
    """Its program too."""

    tags: Iterable[Tag]
    programs: Iterable[Program]
    tasks: Sequence[str]
    name: str


class Logix(Device):
    """State and rules of one controller."""

    def __init__(
        self,
        *,
        tags: Iterable[Tag] = (),
        programs: Iterable[Program] = (),
        tasks: Sequence[str] = ("MainTask",),
        name: str = "MainProject",
        slot: int = 0,
        modules: Mapping[int, Identity] | None = None,
        micro800: bool = False,
        tag_version: bool = True,
        audit: int | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Set one up; see ``Device`` for the other options.

        Args:
            tags: Those of the controller, of modules (``Local:1:C``) among them.
            programs: With their tags and routines.
            tasks: By name.
            name: Of the project.
            slot: Its place in the backplane.
            modules: Others in the backplane, by slot; they tell their identity.
            micro800: No backplane, no instance numbers, no multiple service packet, no tokens.
            tag_version: Whether the tag-database version (class 0xAC) is served.
            audit: The audit value (class 0x8E); None is not served.
            options: What any device can be told.
        """
        if micro800:
            options["multiple"] = False
            options.setdefault("identity", MICRO800)
        super().__init__(**options)
        self.slot = None if micro800 else slot
        self.micro800 = micro800
        self.modules = modules or {}
        self.name = name
        self.audit = audit
        self.version = [1, 1, 0x5D0C1A2B, 0x5D0C1A2B, 0x0001F00D]
        """Attributes 1, 2, 3, 4 and 10 of the tag database: edits, edits, two times of download."""
        self.version_status = 0
        """What a question for the version is refused with: 0x05 in a download, 0x10 if locked."""
        self.templates = listing.Templates(lambda: self.fault)
        self._places: dict[bytes, Place] = {}
        self.objects |= {
            0x64: self._program_name,
            0x6B: self._symbols,
            0x6C: self.templates.serve,
            0x8B: self._clock,
        }
        if tag_version and not micro800:
            self.objects[0xAC] = self._version
        if audit is not None:
            self.objects[0x8E] = self._audit
        self._fill(tags, programs, tasks)

    def _fill(
        self, given: Iterable[Tag], programs: Iterable[Program], tasks: Sequence[str]
    ) -> None:
        given, programs = list(given), list(programs)
        self.database = base = Database()
        self.tasks = tuple(tasks)
        for program in programs:
            base.controller.add(Symbol(f"Program:{program.name}", word=tags.PROGRAM))
            base.programs[program.name.lower()] = Scope()
            base.titles[program.name.lower()] = program.name
        for task in tasks:
            base.controller.add(Symbol(f"Task:{task}", word=tags.TASK))
        for name, word in (("Map:Local", tags.MAP), ("Cxn:Standard:0", tags.CONNECTION)):
            base.controller.add(Symbol(name, word=word))
        for program in programs:
            scope = base.programs[program.name.lower()]
            for routine in program.routines:
                scope.add(Symbol(f"Routine:{routine}", word=tags.ROUTINE))
        everything = [(base.controller, tag) for tag in given]
        everything += [
            (base.programs[program.name.lower()], tag)
            for program in programs
            for tag in program.tags
        ]
        for aliases in (False, True):  # what an alias stands for must be there first
            for scope, tag in everything:
                if bool(tag.alias) is aliases:
                    scope.add(self._symbol(tag))
        self._number(tag for _, tag in everything)

    def _symbol(self, tag: Tag) -> Symbol:
        if tag.alias:
            target = self.database.find(parse_address(tag.alias))
            place = target._replace(access=tags.stricter(target.access, tag.access))
        else:
            place = tags.reserve(tag)
            if tag.value is not None:
                values.store(place, tag.value)
        return Symbol(tag.name, place, alias=bool(tag.alias), system=tag.system)

    def _number(self, declared: Iterable[Tag]) -> None:
        found = dict(self.templates.by_number)
        for kind in tags.structures(declared):
            if found.setdefault(kind.instance, kind) is not kind:
                other = found[kind.instance].name
                raise ValueError(f"{kind.name} and {other} share a number: give one an instance")
        self.templates.replace(found)
        for scope in (self.database.controller, *self.database.programs.values()):
            scope.number(self.version[0] + self.version[2])
        self._places.clear()

    def install(
        self, symbols: Iterable[tuple[str, Symbol]], structures: Iterable[Structure]
    ) -> None:
        """Take over tags, each with the program that has it, and the structures they are made of.

        Raises:
            KeyError: There is no such program.
        """
        for program, symbol in symbols:
            scope = self.database.programs[program.lower()] if program else self.database.controller
            scope.add(symbol)
        self.templates.replace({kind.instance: kind for kind in structures})
        for scope in (self.database.controller, *self.database.programs.values()):
            scope.number(self.version[0] + self.version[2])
        self._places.clear()

    def wipe(self) -> None:
        """Every tag that can be written from outside is zero or empty."""
        scopes = (self.database.controller, *self.database.programs.values())
        for symbol in (one for scope in scopes for one in scope.by_name.values()):
            place = symbol.place
            if place and not symbol.alias and place.access == READ_WRITE and not place.constant:
                place.memory[:] = bytes(len(place.memory))

    def edit(self, *new: Tag) -> None:
        """An online edit brings tags: numbers may move, the edit counters do."""
        for tag in new:
            self.database.controller.add(self._symbol(tag))
        self.version[0] += 1
        self.version[1] += 1
        self._audited()
        self._number(new)

    def download(
        self,
        tags: Iterable[Tag],
        programs: Iterable[Program] = (),
        tasks: Sequence[str] = ("MainTask",),
    ) -> None:
        """Another program, as a download brings it."""
        self.version[2] += 61
        self.version[3] += 61
        self._audited()
        self.templates.replace({})
        self._fill(tags, programs, tasks)

    def values(self) -> dict[str, tuple[str, Value]]:
        """All tags by leaf: ``Recipe.Steps[2].Time`` -> (IEC type, value)."""
        return {
            address: values.load(leaf)
            for name, place in self.database.tags()
            for address, leaf in values.leaves(name, place)
        }

    def change(self, address: str, value: Value) -> None:
        """Set a tag, a member, an element or a whole array.

        Raises:
            LookupError: There is no such tag.
            ValueError: The value does not fit.
        """
        try:
            place = self.database.find(parse_address(address))
        except Refusal:
            raise LookupError(f"there is no {address}") from None
        values.store(place, value)

    def serve(self, service: int, path: bytes, data: bytes, room: int) -> Reply:
        """Tags first: they are what is asked for most."""
        if path[:1] == b"\x91" or path[:2] == _SYMBOL:
            reading = _READS.get(service)
            if reading is not None:
                return reading(self._place(path), data, room, self.fault)
            writing = _WRITES.get(service)
            if writing is not None:
                extra = writing(self._place(path), data, self.keep)
                if extra:
                    self.violations.append(f"a write has {extra} bytes too many")
                return Reply()
            if service == access.MODIFY:
                access.modify(self._place(path), data, self.keep)
                return Reply()
            return self._symbols(Request(service, parse_path(path), data, room))
        return super().serve(service, path, data, room)

    def _place(self, path: bytes) -> Place:
        place = self._places.get(path)
        if place is None:
            place = self.database.find(parse_path(path), numbered=not self.micro800)
            self._places[path] = place
        return place

    def _symbols(self, request: Request) -> Reply:
        scope, rest = self.database.scope(request.path)
        if [segment.kind for segment in rest] != [LOGICAL_CLASS, INSTANCE]:
            raise Refusal(cip.BAD_PATH_SEGMENT, 0)
        if request.service != listing.LIST:
            raise Refusal(cip.NOT_SUPPORTED)
        start = int(rest[1].value)
        return listing.rows(scope, start, request.data, request.room, self.fault)

    def _program_name(self, request: Request) -> Reply:
        if request.service != cip.GET_ALL:
            raise Refusal(cip.NOT_SUPPORTED)
        return Reply(struct.pack("<H", len(self.name)) + self.name.encode("latin-1"))

    def _clock(self, request: Request) -> Reply:
        now = struct.pack("<Q", time.time_ns() // 1000)
        return Attributes({6: now, 0x0B: now}).serve(request)

    def _version(self, request: Request) -> Reply:
        if self.version_status:
            raise Refusal(self.version_status)
        if self.fault == "version-moves":
            self.version[0] += 1
        numbers, formats = (1, 2, 3, 4, 10), "hhiii"
        found = {
            number: struct.pack("<" + kind, part)
            for number, kind, part in zip(numbers, formats, self.version, strict=True)
        }
        return Attributes(found).serve(request)

    def edit_logic(self) -> None:
        """An online edit of a routine alone, which the tag database knows nothing of."""
        self._audited()

    def _audited(self) -> None:
        if self.audit is not None:
            self.audit += 1

    def _audit(self, request: Request) -> Reply:
        if self.fault == "audit-moves":
            self._audited()
        audit = struct.pack("<Q", self.audit or 0)
        return Attributes({0x1B: audit, 0x1C: b"\xff" * 8}).serve(request)
