"""What a vault holds: devices, their histories, and snapshots rebuilt and proved by their id."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from goldcopy.errors import VaultDamaged, VaultSealed, Wrong
from goldcopy.snapshot import Gap, Item, Snapshot
from goldcopy.snapshot.canonical import Head
from goldcopy.vault import blame
from goldcopy.vault.blame import Seen
from goldcopy.vault.catalog import Catalog
from goldcopy.vault.folder import pack_path
from goldcopy.vault.index import Index
from goldcopy.vault.keyring import Keyring
from goldcopy.vault.near import near
from goldcopy.vault.pack import read_record
from goldcopy.vault.records import (
    Entry,
    Note,
    SnapshotRecord,
    read_blob,
    read_note,
    read_snapshot,
)
from goldcopy.vault.rows import Row
from goldcopy.vault.state import State


class Histories:
    """The packs of one vault, as its catalog knows them.

    All methods block on the disk, for milliseconds. They may be called from any thread.
    """

    def __init__(self, path: Path, catalog: Catalog) -> None:
        """``path`` is the vault's folder."""
        self.path = path
        self.catalog = catalog

    @property
    def id(self) -> str:
        """Its id; made of the owner's key, so it cannot be put on another vault."""
        return self.catalog.trust.vault

    @property
    def ring(self) -> Keyring:
        """To whom it is sealed, and whose packs count."""
        return self.catalog.trust.ring

    @property
    def sealed(self) -> bool:
        """Whether there are packs that cannot be opened here: then histories may lack something."""
        return bool(self.catalog.read(lambda index: index.sealed()))

    def refuse_sealed(self, what: str) -> None:
        """Raise ``VaultSealed`` if a pack that cannot be opened here may hold some of this.

        Who was added as a recipient later is not to open what was there before, and does without.
        """
        since = self.ring.since if self.catalog.trust.reader is not None else 0
        sealed = [seq for seq in self.catalog.read(lambda index: index.sealed()) if seq >= since]
        if sealed:
            raise VaultSealed(
                f"{self.path}: {len(sealed)} packs (the first is {sealed[0]}) cannot be opened "
                f"here, so {what} is not known: give the reader's identity of their time"
            )

    def head(self) -> tuple[int, str]:
        """Number and hash of the last pack: kept elsewhere, they show a vault that was put back."""
        return self.catalog.last()

    @property
    def doubts(self) -> list[str]:
        """What is wrong with the packs, a line each. What it does not touch can still be read."""
        return self.catalog.doubts

    def devices(self) -> list[str]:
        """The devices that have a snapshot, by name."""
        return self.catalog.read(lambda index: index.devices())

    def log(self, device: str) -> list[Entry]:
        """The history of a device, newest first. Raises ``Wrong`` if there is none."""
        history = self.catalog.read(lambda index: index.history(device))
        if not history:
            raise self.unknown(device)
        return [row.entry for row in history]

    def unknown(self, device: str) -> Wrong | VaultDamaged:
        """The error for a device that is not here; raises ``VaultSealed`` if it may be."""
        devices = self.devices()
        self.refuse_sealed(f"what there is of {device}")
        if self.doubts:
            return VaultDamaged(f"no snapshot of {device} can be found; {self.doubts[0]}")
        if not devices:
            return Wrong(f"there is no snapshot of {device}: the vault is empty; run goldcopy pull")
        return Wrong(f"there is no snapshot of {device}: {near(device, devices, 'the vault has')}")

    def by_id(self, prefix: str) -> list[Entry]:
        """The entries whose id begins so; the newest one where an id occurs several times."""
        return [row.entry for row in self.catalog.read(lambda index: index.with_prefix(prefix))]

    def load(self, entry: Entry) -> Snapshot:
        """Rebuild a snapshot and prove it by its id. Raises ``VaultDamaged``.

        Its ``blobs`` are fetched when they are asked for, so not after ``close``.
        """
        try:
            return self.state(entry).snapshot(self.blob)
        except Wrong as error:
            raise VaultDamaged(f"snapshot {entry.id[:12]} of {entry.device}: {error}") from None

    def state(self, entry: Entry) -> State:
        """As ``load``, the lines only."""
        return self.catalog.read(lambda index: self._state(index, entry))

    def blob(self, sha256: str) -> bytes:
        """Big content by its hash, proved by it. Raises ``Wrong`` if the vault does not have it."""
        return self.catalog.read(lambda index: self._blob(index, sha256))

    def has(self, sha256: str) -> bool:
        """Whether the vault has this content; where there are doubts, it is read to see."""
        if not self.doubts:
            return self.catalog.read(lambda index: index.blob(sha256)) is not None
        try:
            self.blob(sha256)
        except (VaultDamaged, VaultSealed, Wrong):
            return False
        return True

    def notes(self, kind: str | None = None, device: str | None = None) -> list[Note]:
        """What was noted, oldest first; of one kind, or about one device, if asked for.

        Raises ``VaultSealed`` also where a pack that cannot be opened may hold some of them, and
        ``VaultDamaged``.
        """
        self.refuse_sealed("what was noted")
        return self.catalog.read(
            lambda index: [
                read_note(read_record(self.path, self.catalog.trust, place))
                for place in index.notes(kind, device)
            ]
        )

    def blame(self, device: str, path: str) -> list[tuple[Entry, Item | Gap | None]]:
        """Each entry at which one item was not as before, newest first; None: it was gone.

        Raises ``Wrong`` if the device never had this item.
        """
        latest = self.log(device)[0]
        try:
            found = self.traces(device, [path])[path]
        except Wrong as error:
            raise VaultDamaged(f"the history of {device} cannot be read: {error}") from None
        if not any(what is not None and what.path == path for _, what in found):
            known = self.state(latest).items
            raise Wrong(f"{device} has never had {path}: {near(path, known, 'it has')}")
        return found

    def traces(self, device: str, paths: Collection[str]) -> dict[str, list[Seen]]:
        """As ``blame`` for many items, in one walk through the history. Raises as ``load``."""
        return self.catalog.read(lambda index: blame.trace(paths, self._records(index, device)))

    def heads(self, device: str) -> list[tuple[Entry, Head]]:
        """When the device was another, by what it said of itself; newest first. As ``load``."""
        return self.catalog.read(lambda index: blame.heads(self._records(index, device)))

    def _state(self, index: Index, entry: Entry) -> State:
        row = next(iter(index.span(entry.device, entry.number, entry.number)), None)
        if row is None or row.entry.id != entry.id:
            row = index.find(entry.device, entry.id)
        if row is None:
            raise VaultDamaged(f"the vault has no snapshot {entry.id[:12]} of {entry.device}")
        chain = self._chain(index, row)
        try:
            state = State.rebuilt([self._record(link) for link in chain])
            if state.digest() != entry.id:
                raise Wrong("it does not rebuild to its id")
        except Wrong as error:
            packs = sorted({pack_path(self.path, link.place.pack).name for link in chain})
            raise VaultDamaged(
                f"snapshot {entry.id[:12]} of {entry.device}: {error}; "
                f"one of these packs is not the original: {', '.join(packs)}"
            ) from None
        return state

    def _chain(self, index: Index, row: Row) -> list[Row]:
        """The rows from a keyframe up to this one that change anything."""
        if row.depth < 0:
            raise self._baseless(row)
        device, number = row.entry.device, row.entry.number
        rows = index.span(device, number - row.depth, number)
        return [
            one
            for before, one in zip([None, *rows], rows, strict=False)
            if before is None or one.depth == 0 or before.entry.id != one.entry.id
        ]

    def _baseless(self, row: Row) -> VaultDamaged:
        return VaultDamaged(
            f"{row.entry.device}: the snapshot that {row.entry.id[:12]} builds on is not there; "
            f"{'; '.join(self.doubts) or 'a pack is missing'}"
        )

    def _record(self, row: Row) -> SnapshotRecord:
        return read_snapshot(read_record(self.path, self.catalog.trust, row.place))

    def _records(self, index: Index, device: str) -> Iterator[tuple[Entry, SnapshotRecord]]:
        """The records of a device, oldest first, of the entries that are not as the one before."""
        before = ""
        for row in reversed(index.history(device)):
            if row.depth < 0:
                raise self._baseless(row)
            if row.entry.id != before:
                yield row.entry, self._record(row)
            before = row.entry.id

    def _blob(self, index: Index, sha256: str) -> bytes:
        found = index.blob(sha256)
        if found is None:
            said = f"the vault has no content with the hash {sha256}"
            raise VaultDamaged(f"{said}; {self.doubts[0]}") if self.doubts else Wrong(said)
        line = read_record(self.path, self.catalog.trust, found[1])
        try:
            return read_blob(line, sha256, lambda base: self._blob(index, base))
        except Wrong as error:
            path = pack_path(self.path, found[1].pack)
            raise VaultDamaged(f"{path} is damaged: {error}") from None
