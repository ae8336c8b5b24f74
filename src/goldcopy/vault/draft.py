"""From a snapshot to its records: what is new of it, against the snapshot before."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC
from functools import partial
from typing import NamedTuple

import msgspec
from msgspec import UNSET, Raw

from goldcopy.errors import VaultDamaged, VaultSealed, Wrong
from goldcopy.snapshot import Blob, Snapshot
from goldcopy.snapshot.canonical import value_of
from goldcopy.vault.histories import Histories
from goldcopy.vault.index import Index
from goldcopy.vault.memory import PAGE, Memory, changed, only_values, pages_of, remember
from goldcopy.vault.records import BASE, Facts, SnapshotRecord, blob_line, encode, patch_line
from goldcopy.vault.rows import Row
from goldcopy.vault.state import NOTHING, Changes, State

CHANGESETS = 120
"""After so many a keyframe is written: it bounds the time to rebuild, and what one damaged pack
can cost."""
WEIGHT = 4
"""Changesets since a keyframe may be so many times as long as it."""
PATCHES = 30
"""So often at most big content is told against other content, one upon the other."""


class Draft(NamedTuple):
    """What is to be kept of a snapshot."""

    lines: list[bytes]
    """Its records."""
    memory: Memory | None
    """What is remembered of it once these are kept; None where it is no snapshot."""


def draft(
    vault: Histories, snapshot: Snapshot, facts: Facts, packed: set[str], secret: bytes
) -> Draft:
    """The records of a snapshot; ``packed`` has the blobs that are in this pack already.

    Raises ``Wrong`` if content is missing, or if facts could not be read back.
    """
    facts = _checked(facts)
    last = vault.catalog.read(partial(_last, device=snapshot.device))
    before = vault.catalog.read(lambda index: index.memory(snapshot.device))
    if last is None or before is None or before.id.hex() != last.entry.id:
        before = None
    wanted = {blob.sha256: blob for blobs in snapshot.bulk.values() for blob in blobs}
    stored = _stored(vault, wanted)
    new = [
        blob
        for sha256, blob in wanted.items()
        if sha256 not in packed and not (sha256 in stored and vault.has(sha256))
    ]
    content = {blob.sha256: _content(snapshot, blob) for blob in new}
    now = remember(snapshot, secret, before)
    lines = [_blob_line(vault, blob, content[blob.sha256], before, now) for blob in new]
    packed.update(content)
    lines.append(_record(vault, snapshot, facts, last, before, now))
    return Draft(lines, now)


def _last(index: Index, device: str) -> Row | None:
    """The device's record before; None if one may be behind it in a pack that could not be read.

    A collector that was killed, or lost power, may have written a pack that it does not remember.
    """
    last = index.latest(device)
    return last if last is not None and index.all_known_after(last.place.pack) else None


def _checked(facts: Facts) -> Facts:
    try:
        if facts.taken.tzinfo is None:
            raise Wrong("the time of a pull needs its offset from UTC")
        taken, seconds = facts.taken.astimezone(UTC), round(facts.seconds, 3)
        facts = msgspec.structs.replace(facts, taken=taken, seconds=seconds)
        return msgspec.json.decode(encode(facts), type=Facts)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise Wrong(f"these facts of a pull cannot be kept: {error}") from None


def _content(snapshot: Snapshot, blob: Blob) -> bytes:
    try:
        content = snapshot.blobs.get(blob.sha256)
    except VaultDamaged:  # carried over from a snapshot whose content is lost
        content = None
    if content is None or Blob.of(content) != blob:
        at = next(at for at, blobs in snapshot.bulk.items() if blob in blobs)
        path = snapshot.items[at].path
        raise Wrong(f"{snapshot.device}: the content of {path} is missing: pull it in full")
    return content


def _stored(vault: Histories, wanted: Collection[str]) -> dict[str, int]:
    """Of this content what all recipients can open, and how many others it is told against."""
    found = vault.catalog.read(lambda index: index.blobs(wanted))
    since = vault.ring.since
    return {sha256: depth for sha256, (depth, place) in found.items() if place.pack >= since}


def _blob_line(
    vault: Histories, blob: Blob, content: bytes, before: Memory | None, now: Memory
) -> bytes:
    """The content whole, or as the pages that have changed since it was stored last."""
    for base, old, new in _predecessors(blob, before, now):
        cut = pages_of(content)
        pages = [(page * PAGE, cut[page]) for page in changed(old, new)]
        upon = _stored(vault, [base]).get(base)
        small = 2 * sum(len(page) for _, page in pages) < blob.size
        if small and upon is not None and upon < PATCHES and not vault.doubts:
            return patch_line(blob, base, pages)
    return blob_line(blob, content)


def _predecessors(
    blob: Blob, before: Memory | None, now: Memory
) -> Iterator[tuple[str, bytes, bytes]]:
    """What stood in the same place before: its hash, the digests of its pages, and of ours."""
    if before is None or before.paths != now.paths:
        return
    for position, found in now.blobs.items():
        for (new, ours), (old, theirs) in zip(found, before.blobs.get(position, []), strict=False):
            if new.hex() == blob.sha256:
                yield old.hex(), theirs, ours


def _record(
    vault: Histories,
    snapshot: Snapshot,
    facts: Facts,
    last: Row | None,
    before: Memory | None,
    now: Memory,
) -> bytes:
    unchanged = _settings_before(vault, last, before) == now.settings

    def record(base: str, changes: Changes) -> bytes:
        return encode(
            SnapshotRecord(
                device=snapshot.device,
                id=snapshot.id,
                items=len(snapshot.items),
                facts=facts,
                unchanged=unchanged,
                base=base,
                head=changes.head,
                gaps=changes.gaps,
                drop=changes.drop,
                set=changes.set,
                values=changes.values,
            )
        )

    since = vault.ring.since  # what is told against older packs, not all recipients could read
    if last is not None and last.place.pack >= since and 0 <= last.depth < CHANGESETS:
        changes = _changes(vault, last, before, snapshot, now)
        if changes is not None:
            changeset = record(last.entry.id[:BASE], changes)
            whole = sum(map(len, snapshot.form.items))
            small = len(changeset) < whole and last.weight + len(changeset) < WEIGHT * whole
            if small or last.entry.id == snapshot.id:
                return changeset
    return record("", NOTHING.changes(State.of(snapshot)))


def _settings_before(vault: Histories, last: Row | None, before: Memory | None) -> bytes:
    if before is not None:
        return before.settings
    if last is None:
        return b""
    try:
        return bytes.fromhex(vault.load(last.entry).settings)
    except (VaultDamaged, VaultSealed):
        return b""


def _changes(
    vault: Histories, last: Row, before: Memory | None, snapshot: Snapshot, now: Memory
) -> Changes | None:
    """What is new since the last snapshot; None if that cannot be told: then all is kept anew."""
    if before is not None and before.paths == now.paths and not vault.doubts:
        form = snapshot.form
        return Changes(
            UNSET if before.head == now.head else Raw(form.head),
            UNSET if before.gaps == now.gaps else [Raw(line) for line in form.gaps],
            [],
            *_told(snapshot, before, now),
        )
    try:
        return vault.state(last.entry).changes(State.of(snapshot))
    except VaultSealed:
        return None
    except VaultDamaged as error:
        vault.catalog.doubt(str(error))
        return None


def _told(
    snapshot: Snapshot, before: Memory, now: Memory
) -> tuple[list[Raw], list[tuple[str, Raw]]]:
    """Of the items that moved, the lines of some and the values alone of the others."""
    lines: list[Raw] = []
    values: list[tuple[str, Raw]] = []
    for position in changed(before.lines, now.lines):
        line = snapshot.form.items[position]
        if only_values(position, before, now):
            values.append((snapshot.items[position].path, value_of(line)))
        else:
            lines.append(Raw(line))
    return lines, values
