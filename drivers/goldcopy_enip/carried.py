"""A file that was kept for the next pull, in the previous snapshot."""

from __future__ import annotations

import hashlib

from goldcopy.snapshot import Blob, Item, Snapshot


def content_of(item: Item, previous: Snapshot) -> bytes | None:
    """What a file of ``previous`` holds, proved by its hash; None if that is not at hand.

    A collector that cannot read its own backups has none.
    """
    value = item.value
    content = previous.blobs.get(value.sha256) if isinstance(value, Blob) else value
    if not isinstance(content, bytes):
        return None
    if isinstance(value, Blob) and hashlib.sha256(content).hexdigest() != value.sha256:
        return None
    return content


def blobs_of(item: Item, content: bytes) -> dict[str, bytes]:
    """The content by its hash, as ``Reading`` has it of what is carried over."""
    return {item.value.sha256: content} if isinstance(item.value, Blob) else {}
