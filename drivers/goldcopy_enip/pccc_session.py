"""One pull of an SLC, MicroLogix or PLC-5: who it is, and what its data files hold."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import msgspec

from goldcopy.driver import Reading
from goldcopy.errors import Malformed
from goldcopy.snapshot import Gap, Identity, Item
from goldcopy_enip import identity, pccc_status, slc_directory
from goldcopy_enip.link import Link
from goldcopy_enip.options import Options
from goldcopy_enip.pccc import Answer, Pccc
from goldcopy_enip.pccc_files import DataFile, listed
from goldcopy_enip.pccc_values import items, joined
from goldcopy_enip.slc import Dialect, Plc5, Slc
from goldcopy_enip.status import CipRefused

_AT_ONCE = 32
"""Commands between two steps of the progress."""


class _Run(NamedTuple):
    """Elements that one command reads."""

    file: DataFile
    at: int
    elements: int

    @property
    def path(self) -> str:
        """Of the elements; of the file, if these are all it has."""
        if self.elements == self.file.elements:
            return self.file.path
        return f"{self.file.path}/{self.at}..{self.at + self.elements - 1}"


class _Known(NamedTuple):
    """What is found out once in a session."""

    identity: Identity
    processor: pccc_status.Processor
    dialect: Dialect
    items: list[Item]
    gaps: list[Gap]


class PcccSession:
    """An open link to one processor, for reading only."""

    def __init__(self, link: Link, options: Options) -> None:
        self._link = link
        self._options = options
        self._pccc = Pccc(link)
        self._found: _Known | None = None

    async def identify(self) -> Identity:
        """What the device and its processor say of themselves."""
        return (await self._known()).identity

    async def read(self) -> Reading:
        """All data files that the directory or the options list, but for inputs and outputs."""
        known = await self._known()
        found = list(known.items)
        gaps = list(known.gaps)
        meter = self._link.meter
        meter.total += 1
        files = listed(self._options.files)
        if not files:
            files, rows, more = await self._listed(known.processor)
            found += rows
            gaps += more
        amiss = await known.dialect.check(self._pccc, files)
        gaps += [Gap(file.path, amiss[file.number]) for file in files if file.number in amiss]
        runs = [
            run
            for file in files
            if file.number not in amiss
            for run in _runs(file, known.dialect.most)
        ]
        meter.total += len(runs)
        meter.done += 1
        answers = await self._answers(known.dialect, runs)
        for _, group in groupby(zip(runs, answers, strict=True), lambda pair: pair[0].file.number):
            values, more = _content(known.dialect, [*group])
            found += values
            gaps += more
        if (await pccc_status.read(self._pccc)).program != known.processor.program:
            raise Malformed("the program changed while it was read; nothing of it is kept")
        return Reading(found, gaps)

    async def _known(self) -> _Known:
        if self._found is None:
            processor = await pccc_status.read(self._pccc)
            gaps = []
            try:
                who = await identity.read(self._link, logix=False)
            except CipRefused as why:
                who = identity.Found(Identity(), [])
                gaps.append(Gap("identity", str(why)))
            told = msgspec.structs.replace(
                who.identity,
                order_code=processor.name,
                mode=processor.mode,
                protection=processor.protection,
            )
            room = self._pccc.room
            dialect = Plc5(room) if processor.plc5 else Slc(room, processor.name)
            about = [*who.items, *processor.items]
            self._found = _Known(told, processor, dialect, about, gaps)
        return self._found

    async def _listed(
        self, processor: pccc_status.Processor
    ) -> tuple[list[DataFile], list[Item], list[Gap]]:
        """What the directory lists, and that list as an item."""
        if processor.plc5:
            why = "no PLC-5 lists its data files by a public command; name them in options.files"
            return [], [], [Gap("file", why)]
        files, rows, gaps = await slc_directory.read(self._pccc, processor.name)
        kind = f"ARRAY[{len(rows)}] OF STRING"
        return files, [Item("files", "block", kind, rows)] if rows else [], gaps

    async def _answers(self, dialect: Dialect, runs: Sequence[_Run]) -> list[Answer]:
        """One for each run; progress is told in between."""
        answers: list[Answer] = []
        for at in range(0, len(runs), _AT_ONCE):
            some = runs[at : at + _AT_ONCE]
            answers += await self._pccc.ask_all([dialect.read(*run) for run in some])
            self._link.meter.done += len(some)
        return answers


def _runs(file: DataFile, most: int) -> list[_Run]:
    """The elements of a file, as many as fit in each command."""
    step = max(1, most // file.kind.size)
    places = range(0, file.elements, step)
    return [_Run(file, at, min(step, file.elements - at)) for at in places]


def _content(dialect: Dialect, read: Sequence[tuple[_Run, Answer]]) -> tuple[list[Item], list[Gap]]:
    """What one file holds. Runs of it that are refused are gaps."""
    file = read[0][0].file
    refused = [_amiss(run, answer) for run, answer in read]
    if all(refused) or (file.kind.type == "BYTES" and any(refused)):
        return [], [Gap(file.path, next(filter(None, refused)))]
    gaps = [Gap(run.path, why) for (run, _), why in zip(read, refused, strict=True) if why]
    good = [
        (run, dialect.content(file, answer.data))
        for (run, answer), why in zip(read, refused, strict=True)
        if not why
    ]
    if file.kind.type == "BYTES":
        return [joined(file, [octets for _, octets in good])], gaps
    found: list[Item] = []
    for run, octets in good:
        some, more = items(file, run.at, octets)
        found += some
        gaps += more
    return found, gaps


def _amiss(run: _Run, answer: Answer) -> str:
    """Why an answer does not hold the run; "" if it does."""
    if answer.status:
        return answer.words
    size = run.elements * run.file.kind.size
    came = len(answer.data)
    return f"{size} bytes were asked for, {came} came" if size != came else ""
