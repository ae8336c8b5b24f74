"""A snapshot as a row of the index, and back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec
from msgspec import UNSET

from goldcopy.vault.pack import Place
from goldcopy.vault.records import Entry, Facts, SnapshotMeta

COLUMNS = (
    "d.word, s.number, id, taken, millis, requests, bytes, b.word, v.word, carried, "
    "items, gaps, unchanged, depth, weight, pack, offset, length, start, size"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Row(NamedTuple):
    """An entry, and what it takes to rebuild its snapshot."""

    entry: Entry
    depth: int
    """Changesets since the keyframe; 0 for a keyframe."""
    weight: int
    """Bytes of those changesets."""
    place: Place


def columns(
    new: SnapshotMeta, place: Place, before: Row | None, number: Callable[[str], int]
) -> tuple[object, ...]:
    """What is told of a snapshot that comes after ``before`` of its device.

    ``number`` is that of a word.
    """
    base = before if new.base and before and before.entry.id.startswith(new.base) else None
    facts = new.facts
    return (
        number(new.device),
        before.entry.number + 1 if before else 1,
        bytes.fromhex(new.id),
        (facts.taken - _EPOCH) // _MICROSECOND,
        round(facts.seconds * 1000),
        facts.requests,
        facts.bytes,
        number(facts.by),
        number(facts.version),
        msgspec.json.encode(facts.carried) if facts.carried else None,
        new.items,
        len(new.gaps) if new.gaps is not UNSET else base.entry.gaps if base else 0,
        new.unchanged,
        # A changeset whose base is not there can never be rebuilt: its depth says so.
        base.depth + (base.depth >= 0) if base else -1 if new.base else 0,
        base.weight + (place.size if new.id != base.entry.id else 0) if base else 0,
        *place,
    )


def read(
    device: str,
    number: int,
    id: bytes,
    taken: int,
    millis: int,
    requests: int,
    bytes_: int,
    by: str,
    version: str,
    carried: bytes | None,
    items: int,
    gaps: int,
    unchanged: int,
    depth: int,
    weight: int,
    *place: int,
) -> Row:
    """The row that lies in ``COLUMNS``."""
    facts = Facts(
        _EPOCH + taken * _MICROSECOND,
        millis / 1000,
        requests,
        bytes_,
        msgspec.json.decode(carried, type=tuple[str, ...]) if carried else (),
        by,
        version,
    )
    entry = Entry(device, id.hex(), facts, items, gaps, bool(unchanged), number)
    return Row(entry, depth, weight, Place(*place))
