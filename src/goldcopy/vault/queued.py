"""What waits to be kept: its records, and what whoever waits for it is told."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

from goldcopy.errors import GoldcopyError
from goldcopy.snapshot import Snapshot
from goldcopy.vault.draft import Draft, draft
from goldcopy.vault.histories import Histories
from goldcopy.vault.records import Facts, Kept, Note, NoteRecord, encode, read_note

K = TypeVar("K")


class Queued(Generic[K]):
    """Something that is to be kept, and the future of whoever waits for it."""

    device = ""
    size = 1000

    def __init__(self) -> None:
        self._kept: asyncio.Future[K] = asyncio.get_running_loop().create_future()

    def draft(self, vault: Histories, packed: set[str], secret: bytes) -> Draft:
        """Its records."""
        raise NotImplementedError

    def outcome(self, vault: Histories) -> K:
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
        """What ``tell`` is given. Raises what ``fail`` is given."""
        return await self._kept


class QueuedSnapshot(Queued[Kept]):
    """The snapshot of a device."""

    def __init__(self, snapshot: Snapshot, facts: Facts) -> None:
        super().__init__()
        self._snapshot = snapshot
        self._facts = facts
        self.device = snapshot.device
        blobs = (blob.size for blobs in snapshot.bulk.values() for blob in blobs)
        self.size = 200 * len(snapshot.items) + sum(blobs)

    def draft(self, vault: Histories, packed: set[str], secret: bytes) -> Draft:
        """See ``Queued``."""
        return draft(vault, self._snapshot, self._facts, packed, secret)

    def outcome(self, vault: Histories) -> Kept:
        """See ``Queued``."""
        row = vault.catalog.read(lambda index: index.latest(self.device))
        assert row is not None
        return Kept(row.entry, row.entry.unchanged)


class QueuedNote(Queued[Note]):
    """A note."""

    def __init__(self, record: NoteRecord) -> None:
        super().__init__()
        self._line = encode(record)

    def draft(self, vault: Histories, packed: set[str], secret: bytes) -> Draft:
        """See ``Queued``."""
        return Draft([self._line], None)

    def outcome(self, vault: Histories) -> Note:
        """See ``Queued``."""
        return read_note(self._line)
