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
from typing import Any, Generic, TypeVar

import msgspec

from goldcopy.errors import GoldcopyError, VaultDamaged, VaultSealed, VaultUnavailable, Wrong
from goldcopy.snapshot import Snapshot
from goldcopy.vault.draft import Draft, draft
from goldcopy.vault.folder import disk, pack_path, sweep
from goldcopy.vault.keyring import path_of
from goldcopy.vault.keys import WRITER, SigningKey, digest_secret
from goldcopy.vault.lock import Lock
from goldcopy.vault.marker import COLLECTOR
from goldcopy.vault.memory import Memory
from goldcopy.vault.pack import Builder, parse
from goldcopy.vault.records import Facts, Kept, Note, NoteRecord, encode, read_note
from goldcopy.vault.store import Vault, me

T = TypeVar("T")
K = TypeVar("K")

PACK = 32 * 1024 * 1024
"""A pack is written at once when snapshots of about so many bytes are waiting for it."""


@contextlib.asynccontextmanager
async def writing(vault: Vault, by: str, linger: float) -> AsyncIterator[Writer]:
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


def _begin(vault: Vault, lock: Lock, by: str) -> SigningKey:
    """Under the lock nobody changes the keyring: what it says now holds for the whole run."""
    lock.take(by)
    sweep(vault.path / "packs")
    vault.catalog.refresh()
    refuse_old_keyring(vault)
    return own_key(vault)


def refuse_old_keyring(vault: Vault) -> None:
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


def own_key(vault: Vault) -> SigningKey:
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
        self, vault: Vault, key: SigningKey, by: str, linger: float, thread: ThreadPoolExecutor
    ) -> None:
        self._vault = vault
        self._key = key
        self._secret = digest_secret(vault.path / COLLECTOR)
        self._by = by
        self._linger = linger
        self._thread = thread
        self._queue: list[_Waiting[Any]] = []
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
        return await self._kept(_Snapshot(snapshot, facts))

    async def note(self, kind: str, device: str, body: Mapping[str, object]) -> Note:
        """Keep what is said about a device (or "" for none); return when it is on the disk.

        ``body`` is what JSON can tell. Raises as ``keep``.
        """
        return await self._kept(_Note(NoteRecord(kind, device, _now(), self._by, dict(body))))

    async def _kept(self, waiting: _Waiting[K]) -> K:
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

    def _take(self) -> list[_Waiting[Any]]:
        """What goes into the next pack: each device once, for its next snapshot builds on that."""
        batch: list[_Waiting[Any]] = []
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

    def _write(self, batch: list[_Waiting[Any]]) -> list[object]:
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


class _Waiting(Generic[K]):
    """Something that is to be kept, and the future of whoever waits for it."""

    device = ""
    size = 1000

    def __init__(self) -> None:
        self._kept: asyncio.Future[K] = asyncio.get_running_loop().create_future()

    def draft(self, vault: Vault, packed: set[str], secret: bytes) -> Draft:
        """Its records."""
        raise NotImplementedError

    def outcome(self, vault: Vault) -> K:
        """What to tell who waits, once the records are on the disk."""
        raise NotImplementedError

    def is_wanted(self) -> bool:
        """Whether anybody still waits for it."""
        return not self._kept.done()

    def tell(self, outcome: K | GoldcopyError) -> None:
        """Say what became of it, unless nobody waits any more."""
        if isinstance(outcome, GoldcopyError):
            self.fail(outcome)
        elif self.is_wanted():
            self._kept.set_result(outcome)

    def fail(self, error: Exception) -> None:
        """Say that it is not kept."""
        if self.is_wanted():
            self._kept.set_exception(error)

    async def wait(self) -> K:
        return await self._kept


class _Snapshot(_Waiting[Kept]):
    """The snapshot of a device."""

    def __init__(self, snapshot: Snapshot, facts: Facts) -> None:
        super().__init__()
        self._snapshot = snapshot
        self._facts = facts
        self.device = snapshot.device
        blobs = (blob.size for blobs in snapshot.bulk.values() for blob in blobs)
        self.size = 200 * len(snapshot.items) + sum(blobs)

    def draft(self, vault: Vault, packed: set[str], secret: bytes) -> Draft:
        return draft(vault, self._snapshot, self._facts, packed, secret)

    def outcome(self, vault: Vault) -> Kept:
        row = vault.catalog.read(lambda index: index.latest(self.device))
        assert row is not None
        return Kept(row.entry, row.entry.unchanged)


class _Note(_Waiting[Note]):
    """A note."""

    def __init__(self, record: NoteRecord) -> None:
        super().__init__()
        self._line = encode(record)

    def draft(self, vault: Vault, packed: set[str], secret: bytes) -> Draft:
        return Draft([self._line], None)

    def outcome(self, vault: Vault) -> Note:
        return read_note(self._line)


def _now() -> datetime:
    return datetime.now(UTC)
