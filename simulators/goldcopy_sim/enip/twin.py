"""A Logix controller out of a backup of it: its tag database, its templates, its values.

A backup's ``database/symbols`` is JSON: the version, programs, tasks, routines by program, the tags
as ``[program, name, number, type word, dimensions, External Access, alias]``, and the templates by
number as ``[name, handle, bytes, [[member, type word, elements or bit, offset]]]``. Without it only
tags of elementary types can be made anew.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from goldcopy_sim.service import Recorded

from . import values
from .cip import Refusal
from .logix import Content, Logix
from .recorded import identity
from .tags import Place, Program, Symbol, parse_address
from .types import ATOMS, STRUCTURE, Atomic, Slot, Structure, Type

_DIMENSIONS: Final = 0x6000
_NUMBER: Final = 0x0FFF
_OWN: Final = ("ZZZZZZZZZZ", "__")
_ATOMS: Final = {kind.code: kind for kind in ATOMS.values()}
_ARRAY: Final = re.compile(r"ARRAY\[([\d,]+)\] OF (.+)")
_UNTOLD: Final = "how its structure lies is not in the backup (database/symbols)"
_ALIAS: Final = "which tag the alias stands for is not in a backup: it holds values of its own"


class Loaded:
    """What is made of a backup, before there is a controller."""

    def __init__(self, items: Iterable[Recorded], who: Mapping[str, str]) -> None:
        """Raises ``ValueError`` for a controller that cannot be simulated."""
        self.items = {item.path: item for item in items}
        self.lacks: dict[str, str] = {}
        self._who = who
        symbols = self.items.get("database/symbols")
        content = symbols.value if symbols else None
        self._database: list[Any] | None = None
        if isinstance(content, bytes):
            self._database = json.loads(content)
        self._structures: dict[int, Structure] = {}

    def content(self) -> Content:
        """What the controller is made with: all but its tags."""
        version, audit = self.items.get("database/version"), self.items.get("database/audit")
        return Content(
            programs=[
                Program(name, (), self._names(f"routines/{name}"))
                for name in self._names("programs")
            ],
            tasks=self._names("tasks"),
            name=self._who.get("name", ""),
            identity=identity(self.items, self._who),
            tag_version=version is not None,
            audit=int(audit.value) if audit else None,  # type: ignore[arg-type]
        )

    def fill(self, made: Logix) -> None:
        """Bring in tags, templates and values."""
        version = self.items.get("database/version")
        if version is not None and isinstance(version.value, tuple):
            made.version = [int(part) for part in version.value]  # type: ignore[arg-type]
        symbols = self._symbols() if self._database else self._elementary()
        made.install(symbols, self._structures.values())
        for item in self.items.values():
            if item.kind == "tag":
                self._store(made, item)

    def _store(self, made: Logix, item: Recorded) -> None:
        try:
            values.store(made.database.find(parse_address(item.address)), item.value)
        except (Refusal, ValueError, LookupError, TypeError) as error:
            why = str(error) or "its place is not in the tag database of the backup"
            self.lacks.setdefault(item.path, why)

    def _names(self, path: str) -> tuple[str, ...]:
        item = self.items.get(path)
        return tuple(map(str, item.value)) if item and isinstance(item.value, tuple) else ()

    # -- its tags ------------------------------------------------------------------------------

    def _symbols(self) -> Iterable[tuple[str, Symbol]]:
        assert self._database is not None
        *_, symbols, templates = self._database
        for number in templates:
            self._structure(int(number), templates)
        for program, name, _, word, dims, access, alias in symbols:
            path = f"program/{program}/{name}" if program else f"tag/{name}"
            kind: Type | None = _ATOMS.get(word & 0xFF)
            if word & STRUCTURE:
                kind = self._structures.get(word & _NUMBER)
            if kind is None:
                self.lacks[path] = f"its type {word:#06x} cannot be simulated"
                continue
            if alias:
                self.lacks[path] = _ALIAS
            bit = word >> 8 & 7 if kind is _ATOMS[0xC1] and not dims else None
            yield program, Symbol(name, _place(kind, tuple(dims), access, bit), alias=alias)

    def _structure(self, number: int, templates: Mapping[str, list[Any]]) -> Structure | None:
        if number in self._structures:
            return self._structures[number]
        name, handle, size, members = templates.get(str(number), (f"{number:#x}", 0, 0, None))
        slots = self._slots(members or [], templates)
        if not members or slots is None:
            self.lacks[f"type/{name}"] = "a member's type cannot be simulated"
            return None
        made = Structure(name, (), instance=number, handle=handle, slots=slots)
        made.size = size
        if any(not word & STRUCTURE and info > 7 for _, word, info, _ in members if word == 0xC1):
            self.lacks[f"type/{name}"] = "its bits are told by another byte of the same word"
        self._structures[number] = made
        return made

    def _slots(
        self, members: list[list[Any]], templates: Mapping[str, list[Any]]
    ) -> tuple[Slot, ...] | None:
        bits = {offset + info // 8 for _, word, info, offset in members if word & 0xFF == 0xC1}
        slots = []
        for name, word, info, offset in members:
            kind: Type | None = _ATOMS.get(word & 0xFF)
            if word & STRUCTURE:
                kind = self._structure(word & _NUMBER, templates)
            if kind is None:
                return None
            length = info if word & _DIMENSIONS else 0
            if kind is _ATOMS[0xC1]:
                slots.append(Slot(name, kind, 0, offset + info // 8, info % 8))
                continue
            hosts = not length and not bits.isdisjoint(range(offset, offset + kind.size))
            own = name.startswith(_OWN) or (hosts and isinstance(kind, Atomic))
            slots.append(Slot(name, kind, length, offset, hidden=own))
        return tuple(slots)

    def _elementary(self) -> Iterable[tuple[str, Symbol]]:
        """Without the tag database: tags whose type is told by their item."""
        for item in self.items.values():
            if item.path.startswith("type/"):
                self.lacks[item.path] = _UNTOLD
            if item.kind != "tag":
                continue
            program, _, name = item.address.rpartition(".")
            found = _ARRAY.fullmatch(item.type)
            dims = tuple(map(int, found[1].split(","))) if found else ()
            type_ = found[2] if found else item.type
            if found and type_ == "BOOL":
                dims, type_ = (dims[0] // 32,), "DWORD"
            kind = next((one for one in _ATOMS.values() if one.name == type_), None)
            plain = not program or re.fullmatch(r"Program:[^.]+", program)
            if kind is None or not plain or "[" in name:
                self.lacks[item.path] = _UNTOLD
                continue
            bit = 0 if kind.name == "BOOL" else None
            access = 0 if item.access == "read-write" else 2
            place = _place(kind, dims, access, bit)
            alias = item.label == "alias"
            yield program.removeprefix("Program:"), Symbol(name, place, alias=alias)


def _place(kind: Type, dims: tuple[int, ...], access: int, bit: int | None) -> Place:
    count = math.prod(dims)
    return Place(bytearray(count * kind.size), 0, kind, dims, count, bit, access)
