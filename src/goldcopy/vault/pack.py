"""The pack: one write-once file, a clear header line and a body of compressed record lines.

The body is a run of zstd frames, so ``tail -n +2 FILE | zstd -dc`` gives the lines. Records share
a frame until it is FRAME bytes: that compresses well, and any record is still quick to reach.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
import zstandard

from goldcopy.errors import VaultDamaged, VaultUnavailable
from goldcopy.vault.folder import disk, pack_path, publish

FORMAT = "goldcopy-pack/1"
FRAME = 256 * 1024
"""Bytes of record lines after which a frame is closed."""
LEVEL = 9


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first line of a pack, readable without any key."""

    format: str = FORMAT
    vault: str
    """Id of the vault, from vault.json."""
    writer: str
    seq: int
    previous: str
    """SHA-256 of the whole file of the pack before; "" for the first."""
    time: datetime
    body: str
    """SHA-256 of all that follows the header line."""
    frames: list[int]
    """Length of each zstd frame of the body, in order."""
    seal: str = "none"
    """How the body is encrypted. Only ``none`` so far."""
    signature: str = ""
    """Over the other fields. Packs are not signed so far."""


class Place(NamedTuple):
    """Where a record is: the frame in the body, and the line in what the frame expands to."""

    pack: int
    offset: int
    length: int
    start: int
    size: int


class Pack(NamedTuple):
    """A pack that has been written, or read from end to end."""

    seq: int
    hash: str
    """SHA-256 of the whole file."""
    previous: str
    records: list[tuple[Place, bytes]]
    damage: str = ""
    """What is wrong with it; ``records`` then has those that could still be read."""
    ours: bool | None = True
    """Whether its header says that it belongs here; None: it has no readable header."""


class Builder:
    """Collects the record lines of one pack."""

    def __init__(self, seq: int) -> None:
        self.seq = seq
        self._frames: list[bytes] = []
        self._open: list[bytes] = []
        self._size = 0
        self._records: list[tuple[Place, bytes]] = []
        self._offset = 0

    def add(self, line: bytes) -> None:
        """Add a record line, without its line end."""
        self._open.append(line)
        self._size += len(line) + 1
        if self._size >= FRAME:
            self._close_frame()

    def _close_frame(self) -> None:
        compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
        frame = compressor.compress(b"".join([line + b"\n" for line in self._open]))
        start = 0
        for line in self._open:
            place = Place(self.seq, self._offset, len(frame), start, len(line))
            self._records.append((place, line))
            start += len(line) + 1
        self._frames.append(frame)
        self._offset += len(frame)
        self._open, self._size = [], 0

    def write(self, vault: Path, vault_id: str, writer: str, previous: str) -> Pack:
        """Seal, write and sync the pack; when this returns it is on the disk for good."""
        if self._open:
            self._close_frame()
        body = b"".join(self._frames)
        header = msgspec.json.encode(
            Header(
                vault=vault_id,
                writer=writer,
                seq=self.seq,
                previous=previous,
                time=datetime.now(UTC),
                body=hashlib.sha256(body).hexdigest(),
                frames=[len(frame) for frame in self._frames],
            )
        )
        content = [header, b"\n", body]
        publish(pack_path(vault, self.seq), content)
        digest = hashlib.sha256(b"".join(content)).hexdigest()
        return Pack(self.seq, digest, previous, self._records)


def read_pack(vault: Path, vault_id: str, seq: int) -> Pack:
    """Read and check a whole pack. What is wrong with it is told in ``damage``, not raised."""
    path = pack_path(vault, seq)
    digest = ""
    try:
        with disk(path):
            data = path.read_bytes()
        line, _, body = data.partition(b"\n")
        digest = hashlib.sha256(data).hexdigest()
        header = _parse_header(line)
    except (VaultDamaged, VaultUnavailable) as error:
        return Pack(seq, digest, "", [], str(error), None)
    damage = ""
    if header.vault != vault_id or header.seq != seq:
        damage = "it is another vault's, or has another number"
        return Pack(seq, digest, "", [], damage, False)
    if hashlib.sha256(body).hexdigest() != header.body:
        damage = "its content is not what its header says"
    records: list[tuple[Place, bytes]] = []
    offset = 0
    for length in header.frames:
        try:
            raw = _expand(body[offset : offset + length])
        except VaultDamaged as error:
            damage = damage or str(error)
        else:
            records += _records(seq, offset, length, raw)
        offset += length
    return Pack(seq, digest, header.previous, records, damage)


def read_record(vault: Path, place: Place) -> bytes:
    """One record line. Raises ``VaultDamaged`` naming the pack."""
    path = pack_path(vault, place.pack)
    try:
        with disk(path), path.open("rb") as file:
            _parse_header(file.readline()[:-1])
            file.seek(place.offset, 1)
            frame = file.read(place.length)
        raw = _expand(frame)
    except (VaultDamaged, VaultUnavailable) as error:
        raise VaultDamaged(
            f"{path} is damaged or missing ({error}): put a good copy of this file in its place"
        ) from None
    return raw[place.start : place.start + place.size]


def _parse_header(line: bytes) -> Header:
    try:
        header = msgspec.json.decode(line, type=Header)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise VaultDamaged("it has no header of a pack") from None
    if header.format != FORMAT or header.seal != "none":
        what = f"{header.format}, sealed with {header.seal}"
        raise VaultDamaged(f"this version of goldcopy cannot read it ({what})")
    return header


def _expand(frame: bytes) -> bytes:
    try:
        return zstandard.ZstdDecompressor().decompress(frame)
    except (zstandard.ZstdError, MemoryError, OverflowError) as error:  # a flip in its size field
        raise VaultDamaged(f"its content is damaged: {error}") from None


def _records(seq: int, offset: int, length: int, raw: bytes) -> Iterator[tuple[Place, bytes]]:
    start = 0
    for line in raw.split(b"\n")[:-1]:
        yield Place(seq, offset, length, start, len(line)), line
        start += len(line) + 1
