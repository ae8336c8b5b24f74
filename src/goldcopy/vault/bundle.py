"""A bundle: packs of a vault, and what it takes to judge them, in one file for a medium or a diode.

It is a tar of files as they are in the vault's folder, behind a manifest that the writer's key has
signed. All bytes of it follow from the manifest, so there is nothing in it that is not proved.
docs/format.md, section 10.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from goldcopy.errors import VaultDamaged, Wrong
from goldcopy.vault import keyring, marker
from goldcopy.vault.folder import disk, pack_path, publish
from goldcopy.vault.keyring import Keyring
from goldcopy.vault.keys import SigningKey, verified
from goldcopy.vault.marker import Marker
from goldcopy.vault.me import me
from goldcopy.vault.pack import Trust, judged, parse, read_pack
from goldcopy.vault.signed import parts, signed
from goldcopy.vault.store import Vault
from goldcopy.vault.writer import own_key

FORMAT = "goldcopy-bundle/1"
MANIFEST = "manifest.json"
_BLOCK = tarfile.BLOCKSIZE
_LARGEST = 64 * 1024 * 1024
"""Bytes of a manifest; one of a hundred years has fewer."""


class File(msgspec.Struct, frozen=True):
    """A file in a bundle."""

    name: str
    """As in the vault's folder."""
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True, rename={"first": "from", "last": "to"}):
    """What is in a bundle."""

    format: str = FORMAT
    vault: str
    first: int
    """Number of the first pack."""
    last: int
    previous: str
    """Hash of the pack before the first; "" if there is none."""
    head: str
    """Hash of the last pack."""
    time: datetime
    by: str
    """``user@host``."""
    key: str
    """Public key of the writer who signed it, base64."""
    files: list[File]
    """``vault.json``, all keyrings, the packs; in this order."""


class Linked(NamedTuple):
    """A pack in its chain."""

    key: str
    """Of its writer."""
    previous: str
    hash: str


class Bundle(NamedTuple):
    """A bundle that has been proved from end to end."""

    path: Path
    manifest: Manifest
    marker: Marker
    ring: Keyring
    frame: dict[str, bytes]
    """What is not packs, by name: keyrings, then the marker."""
    packs: dict[int, Linked]


class Exported(NamedTuple):
    """A bundle that was written."""

    path: Path
    manifest: Manifest


def export(vault: Vault, target: Path, since: int = 0, key: SigningKey | None = None) -> Exported:
    """Write what the vault has got after pack ``since`` into one new file.

    Args:
        vault: open; its packs need not be readable here.
        target: the file, or a folder that gets ``goldcopy-<vault>-<from>-<to>.bundle``.
        since: number of the last pack that the other side has; 0 for none.
        key: signs the manifest; this machine's own if left out.

    Raises ``Wrong`` if there is nothing new or the file is there already, ``VaultDamaged`` for a
    pack that is not good, ``VaultUnavailable`` if the target cannot be written.
    """
    key = key or own_key(vault)
    vault.catalog.refresh()
    last, _ = vault.head()
    if not 0 <= since < last:
        raise Wrong(f"{vault.path} ends with pack {last}: there is nothing after pack {since}")
    with disk(target):
        if target.is_dir():
            target /= f"goldcopy-{vault.id[:8]}-{since + 1}-{last}.bundle"
        if target.exists():
            raise Wrong(f"{target} is there already: a bundle is never overwritten")
        # What an export that was stopped has left.
        target.with_name(f".{target.name}.tmp").unlink(missing_ok=True)
    manifest = _described(vault, since + 1, last, key)
    publish(target, _laid_out(manifest, signed(manifest, key), vault.path))
    return Exported(target, manifest)


def _described(vault: Vault, first: int, last: int, key: SigningKey) -> Manifest:
    trust = vault.catalog.trust._replace(reader=None)
    previous = read_pack(vault.path, trust, first - 1).hash if first > 1 else ""
    packs: dict[int, Linked] = {}
    for seq in range(first, last + 1):
        path = pack_path(vault.path, seq)
        packs[seq] = _linked(path, _read(path), trust, seq)
    _chain(vault.path, packs, previous)
    return Manifest(
        vault=vault.id,
        first=first,
        last=last,
        previous=previous,
        head=packs[last].hash,
        time=datetime.now(UTC),
        by=me(),
        key=key.public,
        files=[_file(vault.path, name) for name in names(vault.ring.number, first, last)],
    )


def names(rings: int, first: int, last: int) -> list[str]:
    """The files of a bundle with so many keyrings and these packs."""
    return [
        marker.NAME,
        *(f"{keyring.FOLDER}/{keyring.name_of(n)}" for n in range(1, rings + 1)),
        *(pack_path(Path(), seq).as_posix() for seq in range(first, last + 1)),
    ]


def _file(vault: Path, name: str) -> File:
    data = _read(vault / name)
    return File(name, len(data), hashlib.sha256(data).hexdigest())


def _read(path: Path) -> bytes:
    with disk(path):
        return path.read_bytes()


def _laid_out(manifest: Manifest, first: bytes, vault: Path) -> Iterator[bytes]:
    yield from _member(MANIFEST, first, manifest.time)
    for file in manifest.files:
        data = _read(vault / file.name)
        if hashlib.sha256(data).hexdigest() != file.sha256:
            raise VaultDamaged(f"{vault / file.name} has changed just now: see who writes to it")
        yield from _member(file.name, data, manifest.time)
    yield _END


def _member(name: str, data: bytes, time: datetime) -> Iterable[bytes]:
    return _header(name, len(data), time), data, bytes(-len(data) % _BLOCK)


_END = bytes(2 * _BLOCK)


def _header(name: str, size: int, time: datetime) -> bytes:
    """The header block of a file in a tar (POSIX.1-1988, ustar)."""
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, int(time.timestamp()), 0o444
    return info.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict")


def prove(path: Path) -> Bundle:
    """Read a bundle from end to end. Raises ``VaultDamaged`` unless all of it is as it was made.

    That the vault with its id is the right one, only who knows the id can tell.
    """
    manifest, signature = _manifest(path)
    rings = len(manifest.files) - 1 - (manifest.last - manifest.first + 1)
    if not (0 < manifest.first <= manifest.last and rings > 0) or (
        [file.name for file in manifest.files] != names(rings, manifest.first, manifest.last)
    ):
        raise _damaged(path, "its manifest lists other files than those of a bundle")
    files = contents(path, manifest)
    name, data = next(files)
    mark = marker.parsed(path / name, data)
    if mark.vault != manifest.vault:
        raise _damaged(path, "its manifest is of another vault than what is in it")
    frame = dict(next(files) for _ in range(rings))
    ring, _ = keyring.chained({path / one: text for one, text in frame.items()}, mark.owner)
    writers = [one.key for one in ring.writers]
    if manifest.key not in writers or not verified(manifest.key, signature[1], signature[0]):
        raise _damaged(path, "its manifest is not signed by a writer of the vault")
    trust = Trust(mark.vault, ring)
    packs = {
        seq: _linked(path / pack, content, trust, seq)
        for seq, (pack, content) in enumerate(files, manifest.first)
    }
    _chain(path, packs, manifest.previous)
    if packs[manifest.last].hash != manifest.head:
        raise _damaged(path, "its last pack is not the one that its manifest names")
    return Bundle(path, manifest, mark, ring, {**frame, name: data}, packs)


def contents(path: Path, manifest: Manifest) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file of a bundle, in order, each proved by the manifest.

    Raises ``VaultDamaged`` at the first byte that is not as the manifest says.
    """
    with disk(path), path.open("rb") as file:
        size = _size(path, file)
        file.seek(size + -size % _BLOCK, 1)
        for one in manifest.files:
            header = file.read(_BLOCK)
            data = file.read(one.size)
            if header != _header(one.name, one.size, manifest.time) or (
                hashlib.sha256(data).hexdigest() != one.sha256
            ):
                raise _damaged(path, f"{one.name} in it is not what its manifest says")
            padding = -one.size % _BLOCK
            if file.read(padding) != bytes(padding):
                raise _damaged(path, f"there is something behind {one.name}")
            yield one.name, data
        if file.read(len(_END) + 1) != _END:
            raise _damaged(path, "its end is missing, or something was put behind it")


def _manifest(path: Path) -> tuple[Manifest, tuple[bytes, str]]:
    """The manifest, its line and its signature, which is not verified yet."""
    with disk(path), path.open("rb") as file:
        size = _size(path, file)
        data = file.read(size)
        padding = file.read(-size % _BLOCK)
    try:
        line, signature = parts(data)
        found = msgspec.json.decode(line, type=Manifest)
        head = _header(MANIFEST, size, found.time)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, OverflowError, VaultDamaged):
        raise _damaged(path, "its manifest cannot be read") from None
    if found.format != FORMAT:
        raise Wrong(f"{path} has the format {found.format!r}: this goldcopy is too old for it")
    with disk(path), path.open("rb") as file:
        if file.read(_BLOCK) != head or padding != bytes(-size % _BLOCK):
            raise _damaged(path, "its beginning is not as it was made")
    return found, (line, signature)


def _size(path: Path, file: BinaryIO) -> int:
    """The size of the manifest, from the first header."""
    try:
        info = tarfile.TarInfo.frombuf(file.read(_BLOCK), "ascii", "strict")
    except (tarfile.HeaderError, UnicodeDecodeError):
        info = tarfile.TarInfo("")
    if info.name != MANIFEST or not 0 < info.size <= _LARGEST:
        raise Wrong(f"{path} is no bundle of goldcopy, or its beginning is damaged")
    return info.size


def _linked(path: Path, data: bytes, trust: Trust, seq: int) -> Linked:
    pack = judged(data, trust, seq)
    if pack.damage:
        raise VaultDamaged(f"{path}: {pack.damage}")
    return Linked(parse(data)[0].key, pack.previous, pack.hash)


def _chain(path: Path, packs: dict[int, Linked], previous: str) -> None:
    for seq, pack in packs.items():
        if pack.previous != previous:
            raise VaultDamaged(f"{path}: pack {seq} does not follow the pack before it")
        previous = pack.hash


def _damaged(path: Path, why: str) -> VaultDamaged:
    return VaultDamaged(f"{path}: {why}; nothing was taken from it: bring a good copy of it")
