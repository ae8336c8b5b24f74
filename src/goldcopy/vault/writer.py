"""The vault for writing: snapshots of one run gather in packs, and are kept once these are synced.

All work on files is done by one thread, so the event loop never waits for the disk, and a write
that was begun is finished before the lock is let go, also when the run is cancelled.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

import msgspec

from goldcopy.errors import GoldcopyError, VaultDamaged, VaultSealed, VaultUnavailable, Wrong
from goldcopy.snapshot import Snapshot
from goldcopy.vault.folder import disk, pack_path, sweep
from goldcopy.vault.histories import Histories
from goldcopy.vault.keyring import path_of
from goldcopy.vault.keys import WRITER, SigningKey, digest_secret
from goldcopy.vault.lock import Lock
from goldcopy.vault.marker import COLLECTOR
from goldcopy.vault.me import me
from goldcopy.vault.memory import Memory
from goldcopy.vault.pack import Builder, parse
from goldcopy.vault.queued import Queued, QueuedNote, QueuedSnapshot
from goldcopy.vault.records import Facts, Kept, Note, NoteRecord

T = TypeVar("T")
K = TypeVar("K")

PACK = 32 * 1024 * 1024
"""A pack is written at once when snapshots of about so many bytes are waiting for it."""


@contextlib.asynccontextmanager
async def writing(vault: Histories, by: str, linger: float) -> AsyncIterator[Writer]:
    """See ``Vault.writing``."""
    by = by or me()
    lock = Lock(vault.path)
    with ThreadPoolExecutor(1, "goldcopy-vault") as thread:
        in_thread = partial(asyncio.get_running_loop().run_in_executor, thread)
        try:
            key = await in_thread(partial(_begin, vault, lock, by))
            writer = Writer(vault, key, by, linger, thread)
            packing = asyncio.create_task(writer.run())
            try:
                yield writer
            finally:
                writer.finish()
                await packing
        finally:
            await in_thread(lock.release)


def _begin(vault: Histories, lock: Lock, by: str) -> SigningKey:
    """Under the lock nobody changes the keyring: what it says now holds for the whole run."""
    lock.take(by)
    sweep(vault.path / "packs")
    vault.catalog.refresh()
    refuse_old_keyring(vault)
    return own_key(vault)


def refuse_old_keyring(vault: Histories) -> None:
    """A keyring that was put back would seal to recipients that were removed since."""
    path = pack_path(vault.path, vault.head()[0])
    number = 0
    with contextlib.suppress(VaultDamaged, VaultUnavailable), disk(path), path.open("rb") as file:
        number = parse(file.readline())[0].keyring
    if number > vault.ring.number:
        raise VaultDamaged(
            f"{path} was written under keyring {number}, and the newest here is "
            f"{vault.ring.number}: put back {path_of(vault.path, number)}, goldcopy vault repair "
            "takes it from a replica"
        )


def own_key(vault: Histories) -> SigningKey:
    """This collector's key. Raises ``Wrong`` if there is none, or if it does not count."""
    path = vault.path / COLLECTOR / WRITER
    with disk(path):
        there = path.exists()
    if not there:
        raise Wrong(
            f"{vault.path} has no key to sign with, so it is for reading: goldcopy vault admit "
            "makes one, with the owner's key"
        )
    key = SigningKey.load(path)
    if not any(one.key == key.public and not one.until for one in vault.ring.writers):
        raise Wrong(
            f"{path} is no longer a key whose packs count: goldcopy vault admit makes a new one, "
            "with the owner's key"
        )
    return key


class Writer:
    """Keeps snapshots and notes. Made by ``Vault.writing``; one at a time in the whole vault."""

    def __init__(
        self, vault: Histories, key: SigningKey, by: str, linger: float, thread: ThreadPoolExecutor
    ) -> None:
        self._vault = vault
        self._key = key
        self._secret = digest_secret(vault.path / COLLECTOR)
        self._by = by
        self._linger = linger
        self._thread = thread
        self._queue: list[Queued[Any]] = []
        self._pulling = 0
        self._finished = False
        self._news = asyncio.Event()

    def latest(self, device: str) -> Snapshot | None:
        """The newest snapshot of a device; None if there is none, or if it cannot be read here.

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
        except VaultSealed:
            return None
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
        if not facts.by:
            facts = msgspec.structs.replace(facts, by=self._by)
        return await self._kept(QueuedSnapshot(snapshot, facts))

    async def note(self, kind: str, device: str, body: Mapping[str, object]) -> Note:
        """Keep what is said about a device (or "" for none); return when it is on the disk.

        ``body`` is what JSON can tell. Raises as ``keep``.
        """
        record = NoteRecord(kind, device, datetime.now(UTC), self._by, dict(body))
        return await self._kept(QueuedNote(record))

    async def _kept(self, waiting: Queued[K]) -> K:
        if self._finished:
            raise VaultUnavailable(f"{self._vault.path}: this run has ended, it keeps no more")
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

    def _take(self) -> list[Queued[Any]]:
        """What goes into the next pack: each device once, for its next snapshot builds on that."""
        batch: list[Queued[Any]] = []
        devices: set[str] = set()
        size = 0
        self._queue = [one for one in self._queue if one.is_wanted()]
        for one in self._queue:
            if size < PACK and one.device not in devices:
                batch.append(one)
                devices.update([one.device] if one.device else [])
                size += one.size
        self._queue = [one for one in self._queue if one not in batch]
        return batch

    def _write(self, batch: list[Queued[Any]]) -> list[object]:
        """Write one pack; what became of each. Runs in the writer's thread."""
        catalog = self._vault.catalog
        seq, previous = catalog.last()
        builder = Builder(seq + 1, catalog.trust)
        packed: set[str] = set()
        memories: dict[str, Memory] = {}
        refused: dict[int, GoldcopyError] = {}
        for place, one in enumerate(batch):
            try:
                lines, memory = one.draft(self._vault, packed, self._secret)
            except GoldcopyError as error:
                refused[place] = error
                continue
            if memory is not None:
                memories[one.device] = memory
            for line in lines:
                builder.add(line)
        if len(refused) < len(batch):
            catalog.add(builder.write(self._vault.path, self._key, self._by, previous), memories)
        return [refused.get(place) or one.outcome(self._vault) for place, one in enumerate(batch)]
