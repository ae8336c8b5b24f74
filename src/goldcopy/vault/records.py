"""What a pack holds, one JSON object a line: blobs and snapshots, and what is known about them.

A record says what it is in its field ``record``; a reader passes over kinds that it does not know,
so gold copies, approvals, plans and receipts find their place here. docs/format.md specifies them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, Raw, UnsetType

from goldcopy.errors import Wrong
from goldcopy.snapshot import Blob


class Facts(msgspec.Struct, frozen=True, omit_defaults=True):
    """About the pull, not about the controller: no part of the id."""

    taken: datetime
    """When the pull began, in UTC."""
    seconds: float
    requests: int
    bytes: int
    """Sent and received."""
    carried: tuple[str, ...] = ()
    """Paths taken over from the previous snapshot because a change token covers them."""
    by: str = ""
    """``user@host``."""
    version: str = ""
    """Of goldcopy."""


class Entry(msgspec.Struct, frozen=True):
    """One snapshot in the history of a device."""

    device: str
    id: str
    facts: Facts
    items: int
    gaps: int
    unchanged: bool
    """Whether the settings are those of the entry before."""
    number: int
    """Position in the device's history; the first is 1."""


class Kept(NamedTuple):
    """What became of a snapshot: it is on the disk, and this is its entry."""

    entry: Entry
    unchanged: bool


class Note(msgspec.Struct, frozen=True):
    """What people and goldcopy say about devices and snapshots: a gold copy, a plan, a receipt."""

    kind: str
    """``gold.approval``, ``receipt`` …; what ``body`` holds is its own business."""
    device: str
    """"" where it is about none, or many."""
    id: str
    """SHA-256 of the record's line."""
    time: datetime
    by: str
    """``user@host``."""
    body: dict[str, Any]


class NoteRecord(msgspec.Struct, frozen=True, tag_field="record", tag="note"):
    """A note as it is kept; its id is the hash of its line."""

    kind: str
    device: str
    time: datetime
    by: str
    body: dict[str, Any]


class BlobRecord(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="record", tag="blob"):
    """Big content, once in a vault: whole, or as the pages in which it differs from another."""

    sha256: str
    size: int
    data: str = ""
    """Base64 (RFC 4648 section 4) of the whole."""
    base: str = ""
    """Hash of the content to which the pages are told; "" where it is whole."""
    pages: list[tuple[int, str]] = []
    """Offset, and base64 of what stands there instead."""


class SnapshotRecord(
    msgspec.Struct, frozen=True, omit_defaults=True, tag_field="record", tag="snapshot"
):
    """A snapshot: whole (a keyframe), or as changes to the one with the id ``base``."""

    device: str
    id: str
    items: int
    """How many items the snapshot has; not how many are set here."""
    facts: Facts
    unchanged: bool = False
    """Whether its settings digest is that of the device's record before."""
    base: str = ""
    """First BASE digits of the id of the device's record before; "" for a keyframe."""
    head: Raw | UnsetType = UNSET
    """The head line; left out if it is the base's."""
    gaps: list[Raw] | UnsetType = UNSET
    """All gap lines; left out if they are the base's."""
    drop: list[str] = []
    """Paths of the base that are gone."""
    set: list[Raw] = []
    """Lines of items that are new or differ from the base."""
    values: list[tuple[str, Raw]] = []
    """Path and value of items that differ from the base in nothing but their value."""


class BlobMeta(msgspec.Struct, frozen=True, tag_field="record", tag="blob"):
    """A blob record without its content."""

    sha256: str
    size: int
    base: str = ""


class SnapshotMeta(msgspec.Struct, frozen=True, tag_field="record", tag="snapshot"):
    """A snapshot record without its items."""

    device: str
    id: str
    items: int
    facts: Facts
    unchanged: bool = False
    base: str = ""
    gaps: list[Raw] | UnsetType = UNSET


class NoteMeta(msgspec.Struct, frozen=True, tag_field="record", tag="note"):
    """A note record without its body."""

    kind: str
    device: str


Meta = BlobMeta | SnapshotMeta | NoteMeta


BASE = 8
"""Hexadecimal digits of ``base``: enough to see that a record is missing."""


class _Kind(msgspec.Struct, frozen=True):
    record: str


encode = msgspec.json.Encoder().encode
_decode_kind = msgspec.json.Decoder(_Kind).decode
_decode_meta = msgspec.json.Decoder(Meta).decode
_decode_snapshot = msgspec.json.Decoder(SnapshotRecord).decode
_decode_blob = msgspec.json.Decoder(BlobRecord).decode
_decode_note = msgspec.json.Decoder(NoteRecord).decode


def blob_line(blob: Blob, content: bytes) -> bytes:
    """The record of a blob, whole."""
    return encode(BlobRecord(blob.sha256, blob.size, _text(content)))


def patch_line(blob: Blob, base: str, pages: Iterable[tuple[int, bytes]]) -> bytes:
    """The record of a blob, told against another."""
    texts = [(at, _text(page)) for at, page in pages]
    return encode(BlobRecord(blob.sha256, blob.size, base=base, pages=texts))


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def meta(line: bytes) -> Meta | None:
    """What the index needs of a record; None for a kind that this version does not know.

    Raises ``msgspec.DecodeError`` or ``UnicodeDecodeError`` if it is no record.
    """
    if _decode_kind(line).record not in ("blob", "snapshot", "note"):
        return None
    known: Meta = _decode_meta(line)
    return known


def read_snapshot(line: bytes) -> SnapshotRecord:
    """Decode a snapshot record. Raises ``Wrong`` if it is none."""
    try:
        return _decode_snapshot(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Wrong(f"not a snapshot record: {error}") from None


def read_blob(line: bytes, sha256: str, content: Callable[[str], bytes]) -> bytes:
    """The content of a blob record, proved by its hash; ``content`` fetches its base.

    Raises ``Wrong``.
    """
    try:
        record = _decode_blob(line)
        if record.base:
            found = bytearray(content(record.base)[: record.size].ljust(record.size, b"\0"))
            for at, page in record.pages:
                data = base64.b64decode(page, validate=True)
                found[at : at + len(data)] = data
        else:
            found = bytearray(base64.b64decode(record.data, validate=True))
    except (msgspec.DecodeError, UnicodeDecodeError, binascii.Error) as error:
        raise Wrong(f"not a blob record: {error}") from None
    if Blob.of(bytes(found)) != Blob(sha256, record.size):
        raise Wrong(f"the content of blob {sha256[:12]} has another hash")
    return bytes(found)


def read_note(line: bytes) -> Note:
    """Decode a note record. Raises ``Wrong`` if it is none."""
    try:
        record = _decode_note(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Wrong(f"not a note record: {error}") from None
    id = hashlib.sha256(line).hexdigest()
    return Note(record.kind, record.device, id, record.time, record.by, record.body)
