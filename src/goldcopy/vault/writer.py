"""The vault for writing: snapshots of one run gather in packs, and are kept once these are synced.

All work on files is done by one thread, so the event loop never waits for the disk, and a write
that was begun is finished before the lock is let go, also when the run is cancelled.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import msgspec

from goldcopy.errors import GoldcopyError, VaultDamaged, VaultUnavailable
from goldcopy.snapshot import Snapshot
from goldcopy.vault.draft import draft
from goldcopy.vault.folder import sweep
from goldcopy.vault.lock import Lock
from goldcopy.vault.pack import Builder
from goldcopy.vault.records import Facts, Kept
from goldcopy.vault.state import blobs_of
from goldcopy.vault.store import Vault

T = TypeVar("T")

PACK = 32 * 1024 * 1024
"""A pack is written at once when snapshots of about so many bytes are waiting for it."""


@contextlib.asynccontextmanager
async def writing(vault: Vault, by: str, linger: float) -> AsyncIterator[Writer]:
    """See ``Vault.writing``."""
    by = by or _me()
    lock = Lock(vault.path)
    with ThreadPoolExecutor(1, "goldcopy-vault") as thread:
        writer = Writer(vault, by, linger, thread)
        try:
            await writer.in_thread(lambda: _begin(vault, lock, by))
            packing = asyncio.create_task(writer.run())
            try:
                yield writer
            finally:
                writer.finish()
                await packing
        finally:
            await writer.in_thread(lock.release)


def _begin(vault: Vault, lock: Lock, by: str) -> None:
    lock.take(by)
    sweep(vault.path / "packs")
    vault.catalog.refresh()


class Writer:
    """Keeps snapshots. Made by ``Vault.writing``; one at a time in the whole vault."""

    def __init__(self, vault: Vault, by: str, linger: float, thread: ThreadPoolExecutor) -> None:
        self._vault = vault
        self._by = by
        self._linger = linger
        self._thread = thread
        self._queue: list[_Waiting] = []
        self._pulling = 0
        self._finished = False
        self._news = asyncio.Event()

    def latest(self, device: str) -> Snapshot | None:
        """The newest snapshot of a device; None if there is none, or if it cannot be read.

        It blocks on the disk for milliseconds, and may be called from any thread.
        """
        row = self._vault.catalog.read(lambda index: index.latest(device))
        if row is None:
            return None
        try:
            snapshot = self._vault.load(row.entry)
            if self._vault.doubts:  # what is carried over from it must not be lost
                all(snapshot.blobs.values())
            return snapshot
        except VaultDamaged as error:
            self._vault.catalog.doubt(str(error))
            return None

    @contextlib.contextmanager
    def pulling(self) -> Iterator[None]:
        """While a pull is on its way, snapshots of others wait a little for it, to share a pack.

        It ends before ``keep`` is called for what was pulled.
        """
        self._pulling += 1
        try:
            yield
        finally:
            self._pulling -= 1
            self._news.set()

    async def keep(self, snapshot: Snapshot, facts: Facts) -> Kept:
        """Keep a snapshot; return when it is on the disk for good.

        Raises ``VaultUnavailable`` if it could not be written: it is not kept then, and may be
        tried again; ``Wrong`` if it lacks content.
        """
        if self._finished:
            raise VaultUnavailable(f"{self._vault.path}: this run has ended, it keeps no more")
        if not facts.by:
            facts = msgspec.structs.replace(facts, by=self._by)
        waiting = _Waiting(snapshot, facts)
        self._queue.append(waiting)
        self._news.set()
        try:
            return await waiting.wait()
        finally:
            if waiting in self._queue:
                self._queue.remove(waiting)

    def finish(self) -> None:
        """Write what is waiting, then end ``run``."""
        self._finished = True
        self._news.set()

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Do work on files in the writer's thread, after all that was begun before."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def run(self) -> None:
        """Write pack after pack until ``finish``."""
        while not self._finished or self._queue:
            await self._gather()
            batch = self._take()
            if not batch:
                continue
            try:
                outcomes = await self.in_thread(partial(self._write, batch))
            except Exception as error:  # goes to whoever waits, expected or not
                for waiting in batch:
                    waiting.fail(error)
                continue
            for waiting, outcome in zip(batch, outcomes, strict=True):
                waiting.tell(outcome)

    async def _gather(self) -> None:
        """Wait until a pack is due: at once if nobody else is pulling, else for a little while."""
        while not self._queue and not self._finished:
            self._news.clear()
            await self._news.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._linger):
                while not self._is_due():
                    self._news.clear()
                    await self._news.wait()

    def _is_due(self) -> bool:
        size = sum(one.size for one in self._queue)
        return self._finished or not self._pulling or size >= PACK

    def _take(self) -> list[_Waiting]:
        """What goes into the next pack: each device once, for its next snapshot builds on that."""
        batch: dict[str, _Waiting] = {}
        size = 0
        self._queue = [one for one in self._queue if one.is_wanted()]
        for one in self._queue:
            if size < PACK and one.snapshot.device not in batch:
                batch[one.snapshot.device] = one
                size += one.size
        self._queue = [one for one in self._queue if batch.get(one.snapshot.device) is not one]
        return list(batch.values())

    def _write(self, batch: list[_Waiting]) -> list[Kept | GoldcopyError]:
        """Write one pack. Runs in the writer's thread."""
        catalog = self._vault.catalog
        seq, previous = catalog.last()
        builder = Builder(seq + 1)
        packed: set[str] = set()
        refused: dict[str, GoldcopyError] = {}
        for one in batch:
            try:
                for line in draft(self._vault, one.snapshot, one.facts, packed):
                    builder.add(line)
            except GoldcopyError as error:
                refused[one.snapshot.device] = error
        if len(refused) < len(batch):
            catalog.add(builder.write(self._vault.path, catalog.vault_id, self._by, previous))
        devices = [one.snapshot.device for one in batch]
        return [refused.get(device) or self._kept(device) for device in devices]

    def _kept(self, device: str) -> Kept:
        row = self._vault.catalog.read(lambda index: index.latest(device))
        assert row is not None
        return Kept(row.entry, row.entry.unchanged)


class _Waiting:
    """A snapshot that is to be kept, and the future of whoever waits for it."""

    def __init__(self, snapshot: Snapshot, facts: Facts) -> None:
        self.snapshot = snapshot
        self.facts = facts
        blobs = [blob.size for item in snapshot.items for blob in blobs_of(item)]
        self.size = 200 * len(snapshot.items) + sum(blobs)
        self._kept: asyncio.Future[Kept] = asyncio.get_running_loop().create_future()

    def is_wanted(self) -> bool:
        """Whether anybody still waits for it."""
        return not self._kept.done()

    def tell(self, outcome: Kept | GoldcopyError) -> None:
        """Say what became of it, unless nobody waits any more."""
        if isinstance(outcome, GoldcopyError):
            self.fail(outcome)
        elif self.is_wanted():
            self._kept.set_result(outcome)

    def fail(self, error: Exception) -> None:
        """Say that it is not kept."""
        if self.is_wanted():
            self._kept.set_exception(error)

    async def wait(self) -> Kept:
        return await self._kept


def _me() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
