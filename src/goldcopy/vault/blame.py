"""The history of one item: at which snapshots it came, changed, could not be read, or went."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import UNSET

from goldcopy.snapshot import Gap, Item, parse_gap, parse_item
from goldcopy.snapshot.diff import Cover
from goldcopy.vault.records import Entry, SnapshotRecord
from goldcopy.vault.state import path_of

Seen = tuple[Entry, Item | Gap | None]


def trace(path: str, history: Iterable[tuple[Entry, SnapshotRecord]]) -> list[Seen]:
    """Each entry at which the item was not as before, newest first; ``history`` is oldest first."""
    seen: list[Seen] = []
    line: bytes | None = None
    gaps = Cover(())
    last: bytes | Gap | None = None
    for entry, record in history:
        if not record.base:
            line, gaps = None, Cover(())
        if path in record.drop:
            line = None
        for raw in record.set:
            if path_of(raw) == path:
                line = bytes(raw)
        if record.gaps is not UNSET:
            gaps = Cover(map(parse_gap, record.gaps))
        now = line if line is not None else gaps.of(path)
        if now != last:
            seen.append((entry, parse_item(now) if isinstance(now, bytes) else now))
            last = now
    return seen[::-1]
