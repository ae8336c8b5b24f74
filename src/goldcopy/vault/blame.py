"""The history of items: at which snapshots each came, changed, could not be read, or went.

And that of the heads: who the controller said it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from msgspec import UNSET

from goldcopy.snapshot import Gap, Item, parse_gap, parse_item
from goldcopy.snapshot.canonical import Head, parse_head, with_value
from goldcopy.snapshot.diff import Cover
from goldcopy.vault.records import Entry, SnapshotRecord
from goldcopy.vault.state import path_of

Seen = tuple[Entry, Item | Gap | None]


def trace(
    paths: Collection[str], history: Iterable[tuple[Entry, SnapshotRecord]]
) -> dict[str, list[Seen]]:
    """For each path each entry at which it was not as before, newest first.

    ``history`` is oldest first.
    """
    seen: dict[str, list[Seen]] = {path: [] for path in paths}
    last: dict[str, bytes | Gap | None] = dict.fromkeys(paths)
    lines: dict[str, bytes] = {}
    gaps = Cover(())
    for entry, record in history:
        if not record.base:
            lines, gaps = {}, Cover(())
        for path in record.drop:
            lines.pop(path, None)
        for raw in record.set:
            path = path_of(raw)
            if path in seen:
                lines[path] = bytes(raw)
        for path, value in record.values:
            if path in lines:
                lines[path] = with_value(lines[path], value)
        if record.gaps is not UNSET:
            gaps = Cover(map(parse_gap, record.gaps))
        for path, before in last.items():
            now = lines.get(path) or gaps.of(path)
            if now != before:
                seen[path].append((entry, parse_item(now) if isinstance(now, bytes) else now))
                last[path] = now
    return {path: found[::-1] for path, found in seen.items()}


def heads(history: Iterable[tuple[Entry, SnapshotRecord]]) -> list[tuple[Entry, Head]]:
    """Each entry at which the head was not as before, newest first; ``history`` is oldest first."""
    seen: list[tuple[Entry, Head]] = []
    for entry, record in history:
        if record.head is not UNSET:
            head = parse_head(record.head)
            if not seen or head != seen[-1][1]:
                seen.append((entry, head))
    return seen[::-1]
