"""Bringing replicas up to date: store and forward, several at once.

Each gets vault.json, then the keyrings, then the packs in their order. What a link that is down has
missed is sent the next time. Two runs at once do each other no harm: a file is created whole, once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from goldcopy.errors import GoldcopyError, VaultDamaged, VaultUnavailable
from goldcopy.replica import state
from goldcopy.replica.contract import (
    Locking,
    Opening,
    Replica,
    conflict,
    strangers,
)
from goldcopy.replica.files import VaultFiles, newer, pack_name
from goldcopy.replica.state import Lag, Seen
from goldcopy.replica.waiting import in_thread
from goldcopy.vault import marker

Progress = Callable[[str, int, int], None]
"""Called with a replica's name, how many files were sent to it, and of how many."""


class Synced(NamedTuple):
    """What became of one replica."""

    replica: str
    sent: int
    """Files."""
    lag: Lag
    trouble: GoldcopyError | None
    """Why it is not up to date. ``VaultDamaged``: its integrity, or the vault's, is in doubt."""
    notes: tuple[str, ...]
    """What a person should know, and what stops nothing."""


async def sync(
    vault: Path, replicas: Mapping[str, Opening], progress: Progress = lambda *_: None
) -> list[Synced]:
    """Send to each replica what it does not have, in the order given.

    Trouble with one replica is told in its result, and stops no other. Raises what there is to say
    about the vault itself.
    """
    files = await in_thread(VaultFiles, vault)
    syncs = [_Sync(files, name, progress) for name in replicas]
    async with asyncio.TaskGroup() as tasks:
        for one in syncs:
            tasks.create_task(one.run(replicas[one.name]))
    return await in_thread(lambda: [one.result() for one in syncs])


class _Sync:
    """The sync of one replica."""

    def __init__(self, files: VaultFiles, name: str, progress: Progress) -> None:
        self._files = files
        self.name = name
        self._progress = progress
        self._last = state.read(files.path).get(name, Seen())
        self._there: set[str] = set()
        self._notes: list[str] = [doubt] if (doubt := state.clock_doubt(self._last)) else []
        self._sent = 0
        self._trouble: GoldcopyError | None = None

    async def run(self, opening: Opening) -> None:
        try:
            async with opening() as replica:
                await self._bring(replica)
        except GoldcopyError as error:
            self._trouble = error

    async def _bring(self, replica: Replica) -> None:
        there = await replica.list()
        self._look(there)
        if isinstance(replica, Locking):
            await replica.require_locks()
        self._there = {name for name in self._files.names if name in there}
        missing = [name for name in self._files.names if name not in there]
        await self._refuse_other(replica, there)
        if missing and self._common():
            await self._same(replica, pack_name(self._common()))
        for name in missing:
            self._progress(self.name, self._sent, len(missing))
            await replica.put(name, await in_thread(self._files.good, name))
            self._there.add(name)
            self._sent += 1
        self._progress(self.name, self._sent, len(missing))

    def _look(self, there: Mapping[str, int]) -> None:
        """Refuse a place that is not the one it was; note what does not belong there."""
        if self._last.packs and marker.NAME not in there:
            raise VaultUnavailable(
                f"replica {self.name} is empty, and had {self._last.packs} packs: is its disk "
                "mounted? For a new disk, give the replica a new name in the inventory"
            )
        foreign, unfinished = strangers(there)
        if foreign:
            self._notes.append(f"there are files that are not the vault's: {_some(foreign)}")
        if unfinished:
            self._notes.append(
                f"{len(unfinished)} half-written files of a stopped run, harmless; remove them "
                f"when none is at work: {_some(unfinished)}"
            )

    async def _refuse_other(self, replica: Replica, there: Mapping[str, int]) -> None:
        """Raise ``VaultDamaged`` if the replica has another history than the vault."""
        if lost := newer(self._files, there):
            raise VaultDamaged(f"replica {self.name}: nothing was sent: {lost}")
        sizes = await in_thread(lambda: {name: self._files.size(name) for name in self._there})
        for name in sorted(self._there):
            if there[name] != sizes[name]:
                raise conflict(self.name, name)

    async def _same(self, replica: Replica, name: str) -> None:
        """The last pack that both have stands for all before it: they are chained by hash."""
        if await replica.get(name) != await in_thread(self._files.good, name):
            raise conflict(self.name, name)

    def _common(self) -> int:
        """All packs up to this number are there."""
        last = 0
        for seq in self._files.packs:
            if pack_name(seq) not in self._there:
                break
            last = seq
        return last

    def result(self) -> Synced:
        """What became of it; noted in the vault's folder. Blocks on the disk."""
        news: dict[str, object] = {"trouble": str(self._trouble or "")}
        if self._there:
            news |= {"packs": self._common(), "seen": datetime.now(UTC)}
        try:
            seen = state.note(self._files.path, self.name, **news)
        except VaultUnavailable as error:  # it is a cache: the replica has what it has
            self._notes.append(str(error))
            seen = Seen(self._common(), trouble=str(self._trouble or ""))
        lag = state.lag(self._files, self.name, seen)
        return Synced(self.name, self._sent, lag, self._trouble, tuple(self._notes))


def _some(names: list[str]) -> str:
    return ", ".join(sorted(names)[:3]) + (" …" if len(names) > 3 else "")
