"""An SLC, a MicroLogix or a PLC-5 out of a backup of it: data files, and what it says of itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from goldcopy_sim.service import Recorded

from .data_file import KINDS, DataFile, Kind, parsed
from .identity import Identity
from .pccc import MICROLOGIX_1100, MICROLOGIX_1400, SLC, PcccSimulator
from .pccc_plc5 import Plc5Simulator
from .recorded import identity, number

_ROW: Final = re.compile(r"([A-Z]{1,2}|0x[0-9a-f]{2}/)(\d+):(\d+)")
"""A file as the list of a backup has it; of a kind that nobody knows, its code."""
_DIRECTORIES: Final = {"1763": MICROLOGIX_1100, "1766": MICROLOGIX_1400}
_HALTED, _LOCKED = 1 << 13, 1 << 14
_FAULT: Final = 1 << 3
_UNKNOWN: Final = re.compile(r"PLC-5 \((0x[0-9a-f]+)\)")
_EXPANSIONS: Final = {
    "PLC-5/12": 0x13, "PLC-5/25": 0x14, "PLC-5/40": 0x15, "PLC-5/10": 0x22, "PLC-5/60": 0x23,
    "PLC-5/40L": 0x28, "PLC-5/60L": 0x29, "PLC-5/11": 0x31, "PLC-5/20": 0x32, "PLC-5/30": 0x33,
    "PLC-5/20E": 0x4A, "PLC-5/40E": 0x4B, "PLC-5/80": 0x55, "PLC-5/80E": 0x59,
}  # fmt: skip
"""Expansion byte of the diagnostic status (1770-6.5.16, 10-21)."""


class LoadedPccc:
    """What is made of a backup, before there is a processor."""

    def __init__(self, items: Iterable[Recorded], who: Mapping[str, str]) -> None:
        """Raises ``ValueError`` for a processor that cannot be simulated."""
        self.items = {item.path: item for item in items}
        self.lacks: dict[str, str] = {}
        self._who = who
        # A processor behind an old interface says nothing of itself but its diagnostic status.
        self._identity = identity(self.items, who) if who["vendor"] else None

    def made(self, port: int) -> PcccSimulator:
        """The processor."""
        plc5 = self._who["order_code"].startswith("PLC-5")
        kind = Plc5Simulator if plc5 else PcccSimulator
        found = kind(port=port, files=self._files(), identity=self._identity or Identity())
        if self._identity is None:
            del found.objects[0x01]
        self._describe(found)
        return found

    # -- data files ------------------------------------------------------------------------------

    def _files(self) -> list[DataFile]:
        """Those that are listed, and those that something is known of."""
        sizes: dict[str, tuple[Kind, int, int]] = {}
        listed = self.items.get("files")
        rows = listed.value if listed and isinstance(listed.value, tuple) else ()
        for row in rows:
            if found := _ROW.fullmatch(str(row)):
                sizes[f"{found[1]}{found[2]}"] = _kind(found[1]), int(found[2]), int(found[3])
        content = [item for item in self.items.values() if item.path.startswith("file/")]
        for item in content:
            name = item.address.partition(":")[0]
            letter = name.rstrip("0123456789")
            if letter in KINDS:
                before = sizes[name][2] if name in sizes else 0
                sizes[name] = KINDS[letter], int(name[len(letter) :]), max(before, _last(item))
        made = {name: DataFile(*about) for name, about in sizes.items()}
        for item in content:
            self._store(made, item)
        return list(made.values())

    def _store(self, made: Mapping[str, DataFile], item: Recorded) -> None:
        """One element, or part of one; a flag of a timer is a bit of its control word."""
        try:
            if isinstance(item.value, bytes):
                octets = bytearray(item.value)
                octets[::2], octets[1::2] = item.value[1::2], item.value[::2]
                made[item.address].memory[: len(octets)] = octets
                return
            name, at, part = parsed(item.address)
            if made[name].kind.words and part not in made[name].kind.words:
                return
            made[name].store(at, part, item.value)
        except (LookupError, ValueError) as error:
            self.lacks[item.path] = f"it has no place in a data file: {error}"

    # -- the processor ---------------------------------------------------------------------------

    def _describe(self, made: PcccSimulator) -> None:
        items, name = self.items, self._who["order_code"]
        series = items.get("processor/series")
        if series is not None and isinstance(series.value, str):
            release = number(items, "processor/release", 1) - 1
            made.revision = ord(series.value) - ord("A") << 5 | release
        made.locked = bool(self._who["protection"])
        status = number(items, "processor/status", -1)
        if isinstance(made, Plc5Simulator):
            unknown = _UNKNOWN.fullmatch(name)
            made.expansion = (
                int(unknown[1], 16) if unknown else _EXPANSIONS.get(name, made.expansion)
            )
            made.words = number(items, "processor/memory", made.words)
            made.tables = number(items, "processor/data-files", len(made.files))
            made.programs = number(items, "processor/program-files", made.programs)
            made.forces = number(items, "processor/forces", 0)
            if status >= 0:
                made.halted, made.mode = bool(status & _FAULT), status & ~_FAULT
            return
        made.bulletin = name
        made.layout = _DIRECTORIES.get(name[:4], SLC)
        made.program = number(items, "processor/program", made.program)
        made.error = number(items, "processor/major-error", 0)
        if status >= 0:
            made.halted, made.mode = bool(status & _HALTED), status & ~(_HALTED | _LOCKED)


def _last(item: Recorded) -> int:
    """How many elements there are up to this one; of a file of characters, all of them."""
    if isinstance(item.value, bytes):
        return len(item.value) // 2
    return parsed(item.address)[1] + 1


def _kind(letter: str) -> Kind:
    """A kind of data file; one that nobody knows holds words."""
    return KINDS.get(letter) or Kind(letter, int(letter[:-1], 16), 2, "WORD", "H")
