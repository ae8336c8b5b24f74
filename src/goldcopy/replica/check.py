"""Comparing replicas with the vault, byte by byte, and saying which of two copies is good."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

from goldcopy.errors import GoldcopyError, VaultDamaged, VaultUnavailable
from goldcopy.replica import state
from goldcopy.replica.contract import (
    Locking,
    Opening,
    Replica,
    pack_number,
    strangers,
)
from goldcopy.replica.files import VaultFiles, newer
from goldcopy.replica.sync import Progress
from goldcopy.replica.waiting import in_thread

Kind = Literal[
    "behind", "missing", "damaged", "fork", "rollback", "unlocked", "foreign", "unreachable"
]
_HARMLESS = ("behind", "foreign")


class Finding(NamedTuple):
    """One thing that is not as it should be."""

    replica: str
    """"" for the vault itself."""
    name: str
    """Of the file; "" for all."""
    kind: Kind
    words: str

    @property
    def doubtful(self) -> bool:
        """Whether it puts the integrity of the vault or of a replica in doubt."""
        return self.kind not in (*_HARMLESS, "unreachable")


class Checked(NamedTuple):
    """What was found, and how much was looked at."""

    findings: list[Finding]
    compared: dict[str, int]
    """Files whose content was compared, by replica."""


async def check(
    vault: Path,
    replicas: Mapping[str, Opening],
    sample: int | None = None,
    progress: Progress = lambda *_: None,
) -> Checked:
    """Compare each replica with the vault.

    Args:
        vault: its folder.
        replicas: how to open each.
        sample: compare the content of so many files only, drawn anew each time, the newest pack
            among them; None compares all.
        progress: called with a replica's name, how many files were compared, and of how many.
    """
    files = await in_thread(VaultFiles, vault)
    checks = [_Check(files, name, sample, progress) for name in replicas]
    async with asyncio.TaskGroup() as tasks:
        for one in checks:
            tasks.create_task(one.run(replicas[one.name]))
    verified = [one.name for one in checks if one.whole]
    await in_thread(_note, vault, verified)
    found = dict.fromkeys(finding for one in checks for finding in one.findings)
    return Checked(list(found), {one.name: one.compared for one in checks})


def _note(vault: Path, verified: list[str]) -> None:
    for name in verified:
        state.note(vault, name, verified=datetime.now(UTC))


class _Check:
    def __init__(
        self, files: VaultFiles, name: str, sample: int | None, progress: Progress
    ) -> None:
        self.name = name
        self.findings: list[Finding] = []
        self.compared = 0
        self.whole = False
        """Whether every file was compared, and was the same."""
        self._files = files
        self._sample = sample
        self._progress = progress

    async def run(self, opening: Opening) -> None:
        try:
            async with opening() as replica:
                there = await replica.list()
                self._names(there)
                if isinstance(replica, Locking):
                    await self._require_locks(replica)
                both = [name for name in self._files.names if name in there]
                for name in self._drawn(both):
                    await self._compare(replica, name)
                    self.compared += 1
                    self._progress(self.name, self.compared, len(both))
        except GoldcopyError as error:
            damaged = isinstance(error, VaultDamaged)
            self._found("", "damaged" if damaged else "unreachable", str(error))
        doubts = [one for one in self.findings if one.kind not in _HARMLESS]
        self.whole = self._sample is None and not doubts

    async def _require_locks(self, replica: Locking) -> None:
        try:
            await replica.require_locks()
        except VaultUnavailable as error:
            self._found("", "unlocked", str(error))

    def _names(self, there: Mapping[str, int]) -> None:
        wanted = self._files.names
        newest = max(map(pack_number, there), default=0)
        if lost := newer(self._files, there):
            self._found("", "rollback", lost)
        missing = [name for name in wanted if name not in there]
        late = [name for name in missing if pack_number(name) > newest]
        if late:
            self._found("", "behind", f"it has not got the newest {len(late)} packs yet")
        for name in missing:
            if name not in late:
                self._found(name, "missing", "it is gone from there, or never came: run a sync")
        foreign, unfinished = strangers(there)
        for name in foreign:
            self._found(name, "foreign", "it is no file of the vault")
        for name in unfinished:
            self._found(name, "foreign", "half-written by a run that was stopped: harmless")

    def _drawn(self, names: list[str]) -> list[str]:
        if self._sample is None or self._sample >= len(names):
            return names
        newest = max(names, key=pack_number)
        rest = [name for name in names if name != newest]
        return [*random.sample(rest, max(0, self._sample - 1)), newest]

    async def _compare(self, replica: Replica, name: str) -> None:
        there = await replica.get(name)
        here = await in_thread(self._files.read, name)
        if isinstance(replica, Locking) and (why := await replica.unlocked(name)):
            self._found(name, "unlocked", why)
        fault_here = await in_thread(self._files.fault, name, here)
        if fault_here:
            path = self._files.path / name
            self.findings.append(
                Finding("", name, "damaged", f"{path} of the vault is damaged: {fault_here}")
            )
        if here == there:
            return
        fault = await in_thread(self._files.fault, name, there)
        if fault:
            self._found(name, "damaged", f"its copy is not the vault's: {fault}")
        elif not fault_here:
            self._found(
                name,
                "fork",
                "both copies are signed and whole, and they differ: two collectors wrote one "
                "vault, or it was rolled back and written on; keep both, and find out who wrote it",
            )

    def _found(self, name: str, kind: Kind, words: str) -> None:
        about = f"{name}: " if name else ""
        self.findings.append(Finding(self.name, name, kind, about + words))
