"""From a snapshot to its records: what is new of it, against the snapshot before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC

import msgspec

from goldcopy.errors import VaultDamaged, Wrong
from goldcopy.snapshot import Blob, Snapshot
from goldcopy.snapshot.whole import form, settings_digest
from goldcopy.vault.index import Row
from goldcopy.vault.records import Facts, SnapshotRecord, blob_line, encode
from goldcopy.vault.state import NOTHING, Changes, State, blobs_of
from goldcopy.vault.store import Vault

CHANGESETS = 30
"""After so many a keyframe is written: it bounds the time to rebuild, and what one damaged pack
can cost."""


def draft(vault: Vault, snapshot: Snapshot, facts: Facts, packed: set[str]) -> list[bytes]:
    """The record lines of a snapshot; ``packed`` has the blobs that are in this pack already.

    Raises ``Wrong`` if content is missing, or if facts could not be read back.
    """
    record = _record(vault, snapshot, _checked(facts))
    blobs = list(_new_blobs(vault, snapshot, packed))
    packed.update(blob.sha256 for blob, _ in blobs)
    return [*(blob_line(blob, content) for blob, content in blobs), record]


def _checked(facts: Facts) -> Facts:
    try:
        if facts.taken.tzinfo is None:
            raise Wrong("the time of a pull needs its offset from UTC")
        facts = msgspec.structs.replace(facts, taken=facts.taken.astimezone(UTC))
        return msgspec.json.decode(encode(facts), type=Facts)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise Wrong(f"these facts of a pull cannot be kept: {error}") from None


def _new_blobs(vault: Vault, snapshot: Snapshot, packed: set[str]) -> Iterator[tuple[Blob, bytes]]:
    wanted = {b.sha256: (b, item.path) for item in snapshot.items for b in blobs_of(item)}
    for sha256, (blob, path) in wanted.items():
        if sha256 in packed or vault.has(sha256):
            continue
        try:
            content = snapshot.blobs.get(sha256)
        except VaultDamaged:  # carried over from a snapshot whose content is lost
            content = None
        if content is None or Blob.of(content) != blob:
            raise Wrong(f"{snapshot.device}: the content of {path} is missing: pull it in full")
        yield blob, content


def _record(vault: Vault, snapshot: Snapshot, facts: Facts) -> bytes:
    lines = form(snapshot)
    new = State.of(snapshot, lines)
    identifier = lines.digest()
    settings = settings_digest(snapshot, lines.items)

    def record(base: str, changes: Changes) -> bytes:
        return encode(
            SnapshotRecord(
                device=snapshot.device,
                id=identifier,
                settings=settings,
                items=len(new.items),
                facts=facts,
                base=base,
                head=changes.head,
                gaps=changes.gaps,
                drop=changes.drop,
                set=changes.set,
            )
        )

    base = vault.catalog.read(lambda index: index.latest(snapshot.device))
    if base is not None and base.depth < CHANGESETS:
        changes = _changes(vault, base, new, identifier)
        if changes is not None:
            changeset = record(base.entry.id, changes)
            if base.entry.id == identifier or base.weight + len(changeset) < new.size():
                return changeset
    return record("", NOTHING.changes(new))


def _changes(vault: Vault, base: Row, new: State, identifier: str) -> Changes | None:
    """What is new against the base; None if that cannot be read: then all of it is kept anew."""
    if base.entry.id == identifier and not vault.doubts:
        return new.changes(new)
    try:
        return vault.state(base.entry).changes(new)
    except VaultDamaged as error:
        vault.catalog.doubt(str(error))
        return None
