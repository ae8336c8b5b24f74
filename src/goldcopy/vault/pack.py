"""The pack: one write-once file, a clear signed header and a body of sealed, compressed records.

The body is a run of frames, each lines -> zstd -> age on its own, so any record is quick to reach,
and what the tools ``age`` and ``zstd`` open, frame after frame, gives the lines. Records share a
frame until it is FRAME bytes: that compresses well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
import pyrage  # type: ignore[import-untyped]
import zstandard

from goldcopy.errors import VaultDamaged, VaultSealed, VaultUnavailable
from goldcopy.vault import keys
from goldcopy.vault.folder import disk, pack_path, publish
from goldcopy.vault.keyring import Keyring
from goldcopy.vault.keys import Reader, SigningKey

FORMAT = "goldcopy-pack/1"
FRAME = 256 * 1024
"""Bytes of record lines after which a frame is closed."""
LEVEL = 15
_SIGNATURE = b',"signature":"'


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first line of a pack, readable without any key."""

    format: str = FORMAT
    vault: str
    """Id of the vault, from vault.json."""
    writer: str
    """``user@host``, for people."""
    key: str
    """Public key of the writer, base64."""
    keyring: int = 1
    """Number of the keyring in force, under which it was sealed and signed."""
    seq: int
    previous: str
    """SHA-256 of the whole file of the pack before; "" for the first."""
    time: datetime
    body: str
    """SHA-256 of all that follows the header line."""
    frames: list[int]
    """Length of each frame of the body, in order."""
    seal: Literal["age", "none"]
    """Whether each frame is encrypted."""
    signature: str = ""
    """Ed25519, over the bytes of the header line before ``,"signature":"``."""


class Trust(NamedTuple):
    """What it takes to judge a pack, and to open it."""

    vault: str
    ring: Keyring
    reader: Reader | None = None


_SEALED = (
    "the vault is sealed: what is in it takes the reader's identity; name its file with "
    "--identity, in GOLDCOPY_IDENTITY, or as identity: in the inventory"
)


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
    """Whether its header says that it belongs here; None: it has no header to be trusted."""
    sealed: bool = False
    """Whether nobody at hand can open it; ``records`` is empty then."""
    keyring: int = 0
    """Number of the keyring under which it was written; 0 if it has no header to be trusted."""


class Builder:
    """Collects the record lines of one pack."""

    def __init__(self, seq: int, trust: Trust) -> None:
        self.seq = seq
        self._trust = trust
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
        if self._trust.ring.recipients:
            frame = keys.seal(frame, self._trust.ring.recipients)
        start = 0
        for line in self._open:
            place = Place(self.seq, self._offset, len(frame), start, len(line))
            self._records.append((place, line))
            start += len(line) + 1
        self._frames.append(frame)
        self._offset += len(frame)
        self._open, self._size = [], 0

    def write(self, vault: Path, key: SigningKey, writer: str, previous: str) -> Pack:
        """Sign, write and sync the pack; when this returns it is on the disk for good."""
        if self._open:
            self._close_frame()
        body = b"".join(self._frames)
        header = Header(
            vault=self._trust.vault,
            writer=writer,
            key=key.public,
            keyring=self._trust.ring.number,
            seq=self.seq,
            previous=previous,
            time=datetime.now(UTC),
            body=hashlib.sha256(body).hexdigest(),
            frames=[len(frame) for frame in self._frames],
            seal="age" if self._trust.ring.recipients else "none",
        )
        signed = msgspec.json.encode(header).rpartition(_SIGNATURE)[0]
        line = signed + _SIGNATURE + key.sign(signed).encode() + b'"}'
        content = [line, b"\n", body]
        publish(pack_path(vault, self.seq), content)
        digest = hashlib.sha256(b"".join(content)).hexdigest()
        return Pack(self.seq, digest, previous, self._records, keyring=header.keyring)


def read_pack(vault: Path, trust: Trust, seq: int) -> Pack:
    """Read and check a whole pack. What is wrong with it is told in ``damage``, not raised."""
    path = pack_path(vault, seq)
    try:
        with disk(path):
            data = path.read_bytes()
    except VaultUnavailable as error:
        return Pack(seq, "", "", [], str(error), None)
    return judged(data, trust, seq)


def judged(data: bytes, trust: Trust, seq: int) -> Pack:
    """As ``read_pack``, of the content of a pack's file, wherever it came from."""
    digest = hashlib.sha256(data).hexdigest()
    try:
        header, body = parse(data)
        if header.vault != trust.vault or header.seq != seq:
            damage = "it is another vault's, or has another number"
            return Pack(seq, digest, "", [], damage, False)
        _check_signature(header, data, trust)
    except VaultDamaged as error:
        return Pack(seq, digest, "", [], str(error), None)
    damage = ""
    reader = trust.reader
    if hashlib.sha256(body).hexdigest() != header.body or sum(header.frames) != len(body):
        damage = "its content is not what its header says"
    records: list[tuple[Place, bytes]] = []
    offset = 0
    for length in header.frames:
        try:
            raw = _expand(body[offset : offset + length], header.seal, reader)
        except VaultSealed as error:
            if not damage:
                return Pack(seq, digest, header.previous, [], sealed=True, keyring=header.keyring)
            if reader is None:  # damaged, and sealed: nothing of it can be read here
                break
            damage = damage or str(error)
        except VaultDamaged as error:
            damage = damage or str(error)
        else:
            records += _records(seq, offset, length, raw)
        offset += length
    return Pack(seq, digest, header.previous, records, damage, keyring=header.keyring)


def read_record(vault: Path, trust: Trust, place: Place) -> bytes:
    """One record line. Raises ``VaultDamaged`` naming the pack, or ``VaultSealed``."""
    path = pack_path(vault, place.pack)
    try:
        with disk(path), path.open("rb") as file:
            header = _header(file.readline()[:-1])
            file.seek(place.offset, 1)
            frame = file.read(place.length)
        raw = _expand(frame, header.seal, trust.reader)
    except VaultSealed:
        if trust.reader is not None and read_pack(vault, trust, place.pack).damage:
            raise VaultDamaged(f"{path} is damaged: put a good copy of it in its place") from None
        raise
    except (VaultDamaged, VaultUnavailable) as error:
        raise VaultDamaged(
            f"{path} is damaged or missing ({error}): put a good copy of this file in its place"
        ) from None
    return raw[place.start : place.start + place.size]


def parse(data: bytes) -> tuple[Header, bytes]:
    """Header and body of a pack's file. Raises ``VaultDamaged`` if it has no header."""
    line, _, body = data.partition(b"\n")
    return _header(line), body


def _header(line: bytes) -> Header:
    try:
        header = msgspec.json.decode(line, type=Header)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise VaultDamaged("it has no header of a pack") from None
    if header.format != FORMAT:
        raise VaultDamaged(f"this version of goldcopy cannot read it ({header.format})")
    return header


def _check_signature(header: Header, data: bytes, trust: Trust) -> None:
    """Raise ``VaultDamaged`` unless a writer whose packs count at this number has signed it."""
    line = data.partition(b"\n")[0]
    signed = line.rpartition(_SIGNATURE)[0]
    # Not a byte more than what was written: what is not signed may not be changed either.
    exact = line == signed + _SIGNATURE + header.signature.encode() + b'"}'
    if not exact or not keys.verified(header.key, header.signature, signed):
        raise VaultDamaged("its header is not what its writer has signed")
    if header.keyring > trust.ring.number:
        raise VaultDamaged(
            f"it was written under keyring {header.keyring}, and the vault has only "
            f"{trust.ring.number}: put back the keyring that is missing"
        )
    if not any(one.key == header.key and one.may(header.seq) for one in trust.ring.writers):
        raise VaultDamaged(
            f"its writer ({header.writer}) is not one whose packs count at this number"
        )


def _expand(frame: bytes, seal: str, reader: Reader | None) -> bytes:
    if seal == "age":
        if reader is None:
            raise VaultSealed(_SEALED)
        try:
            frame = reader.open(frame)
        except pyrage.DecryptError as error:
            # Whether the key does not fit or the content is damaged only the words tell.
            if "matching" in str(error).lower():
                raise VaultSealed(
                    f"it is sealed to other keys than {reader.recipients[0]}"
                ) from None
            raise VaultDamaged(f"its content is damaged: {error}") from None
    try:
        return zstandard.ZstdDecompressor().decompress(frame)
    except (zstandard.ZstdError, MemoryError, OverflowError) as error:  # a flip in its size field
        raise VaultDamaged(f"its content is damaged: {error}") from None


def _records(seq: int, offset: int, length: int, raw: bytes) -> Iterator[tuple[Place, bytes]]:
    start = 0
    for line in raw.split(b"\n")[:-1]:
        yield Place(seq, offset, length, start, len(line)), line
        start += len(line) + 1
