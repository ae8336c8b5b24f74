"""What a collector remembers of what it stored last: keyed digests, which tell only "the same".

So it stores just what has changed, and need not be able to read what it has stored (issue 5). A
digest is short: that two different lines have one is as likely as 1 in 2^48 for each change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b

import msgspec

from goldcopy.snapshot import Snapshot
from goldcopy.snapshot.canonical import frame

SIZE = 6
"""Bytes of the digest of a line, or of a page."""
PAGE = 256
"""Bytes of big content that are told apart; of a block that changed, only such pages are stored."""
GROUP = 32
"""Lines that have a digest together too: most groups are as they were, and are not looked into."""
_WHOLE = 16


class Memory(msgspec.Struct, frozen=True, array_like=True):
    """The digests of one snapshot."""

    id: bytes
    paths: bytes
    """Of all paths: while it is the same, items have neither come nor gone."""
    head: bytes
    gaps: bytes
    lines: bytes
    """Of each item, in their order."""
    groups: bytes
    """Of each GROUP items."""
    frames: bytes
    """Of each GROUP items but for their values: while it is the same, nothing else has moved."""
    settings: bytes
    blobs: dict[int, list[tuple[bytes, bytes]]]
    """For each item with big content, by its position: hash, and the digests of its pages."""


def remember(snapshot: Snapshot, secret: bytes, before: Memory | None) -> Memory:
    """The digests of a snapshot.

    Args:
        snapshot: what is stored now.
        secret: this collector's own.
        before: of the snapshot before, made with the same secret: what is as it was is taken over.
    """

    def short(data: bytes, size: int = SIZE) -> bytes:
        return blake2b(data, digest_size=size, key=secret).digest()

    form = snapshot.form
    paths = short("\n".join([item.path for item in snapshot.items]).encode(), _WHOLE)
    if before is not None and before.paths != paths:
        before = None
    lines, groups, frames = _lines(snapshot, before, short)
    return Memory(
        bytes.fromhex(snapshot.id),
        paths,
        short(form.head, _WHOLE),
        short(b"\n".join(form.gaps), _WHOLE),
        lines,
        groups,
        frames,
        bytes.fromhex(snapshot.settings),
        {at: _pages(snapshot, at, before, short) for at in snapshot.bulk},
    )


def _lines(
    snapshot: Snapshot, before: Memory | None, short: Callable[[bytes], bytes]
) -> tuple[bytes, bytes, bytes]:
    lines, groups, frames = [], [], []
    for first in range(0, len(snapshot.items), GROUP):
        group = snapshot.form.items[first : first + GROUP]
        at = first // GROUP * SIZE
        groups.append(short(b"\n".join(group)))
        if before is not None and groups[-1] == before.groups[at : at + SIZE]:
            lines.append(before.lines[first * SIZE : (first + GROUP) * SIZE])
            frames.append(before.frames[at : at + SIZE])
        else:
            lines += map(short, group)
            frames.append(short(frame(snapshot.items[first : first + GROUP])))
    return b"".join(lines), b"".join(groups), b"".join(frames)


def _pages(
    snapshot: Snapshot, at: int, before: Memory | None, short: Callable[[bytes], bytes]
) -> list[tuple[bytes, bytes]]:
    known = dict(before.blobs.get(at, ())) if before is not None else {}
    found = []
    for blob in snapshot.bulk[at]:
        sha256 = bytes.fromhex(blob.sha256)
        pages = known.get(sha256)
        if pages is None:
            pages = b"".join(map(short, pages_of(snapshot.blobs.get(blob.sha256, b""))))
        found.append((sha256, pages))
    return found


def pages_of(content: bytes) -> Sequence[bytes]:
    """Big content, cut."""
    return [content[at : at + PAGE] for at in range(0, len(content), PAGE)]


def changed(old: bytes, new: bytes) -> list[int]:
    """Positions at which two runs of digests differ."""
    span = GROUP * SIZE
    return [
        at // SIZE
        for group in range(0, len(new), span)
        if old[group : group + span] != new[group : group + span]
        for at in range(group, min(group + span, len(new)), SIZE)
        if old[at : at + SIZE] != new[at : at + SIZE]
    ]


def only_values(position: int, before: Memory, now: Memory) -> bool:
    """Whether of the items around this position nothing but values has moved."""
    at = position // GROUP * SIZE
    return before.frames[at : at + SIZE] == now.frames[at : at + SIZE]
