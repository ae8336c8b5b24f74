"""``vault.json``: what makes a folder a vault, and which vault it is."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec

from goldcopy.errors import VaultDamaged, VaultUnavailable, Wrong
from goldcopy.vault.folder import disk, list_packs, publish, sweep, sync_folder
from goldcopy.vault.keyring import FOLDER, Keyring, vault_id

FORMAT = "goldcopy-vault/1"
NAME = "vault.json"
COLLECTOR = "collector"
"""Folder of the keys of this machine; never copied anywhere."""


class Marker(msgspec.Struct, frozen=True):
    """What vault.json says."""

    format: str
    vault: str
    """Its id: made of ``owner``, so that nobody can put another owner under it."""
    owner: str
    """Public key that signs the keyring, base64."""
    created: datetime
    """The time of the first keyring, which is signed."""


def prepare(path: Path) -> None:
    """Make the folder of a new vault. Raises ``Wrong`` for a folder with other things.

    It is for this user alone, since it holds the writer's key.
    """
    with disk(path):
        if path.is_dir():
            _refuse_foreign(path)
            sweep(path)
            _forget(path)
        elif path.exists():
            raise Wrong(f"{path} is a file: a vault is a folder, choose another name")
        _make_folder(path)
        for folder in ("packs", FOLDER, COLLECTOR):
            (path / folder).mkdir(mode=0o700, exist_ok=True)


def _make_folder(path: Path) -> None:
    """With those above it, and so that a loss of power does not take them away again."""
    if not path.parent.exists():
        _make_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    sync_folder(path.parent)


def make(path: Path, ring: Keyring) -> None:
    """Write the marker, which comes last: from now on it is a vault."""
    publish(path / NAME, [_content(ring)])


def is_as_made(path: Path, ring: Keyring) -> bool:
    """Whether not a byte of it differs from what the first keyring tells."""
    with disk(path / NAME):
        return (path / NAME).read_bytes() == _content(ring)


def _content(ring: Keyring) -> bytes:
    return msgspec.json.encode(Marker(FORMAT, ring.vault, ring.owner, ring.time)) + b"\n"


def _refuse_foreign(path: Path) -> None:
    names = {entry.name for entry in path.iterdir()}
    if NAME in names:
        raise Wrong(f"{path} is a vault already")
    # These are what a crash while making a vault leaves.
    foreign = names - {"packs", FOLDER, COLLECTOR, f".{NAME}.tmp"}
    if foreign or ("packs" in names and any(list_packs(path))):
        raise Wrong(f"{path} holds other files: choose a new or empty folder for the vault")


def _forget(path: Path) -> None:
    """Remove the keys of a vault that was never finished: nothing was signed with them."""
    for folder in (FOLDER, COLLECTOR):
        if (path / folder).is_dir():
            for file in (path / folder).iterdir():
                file.unlink()


def read(path: Path) -> Marker:
    """What the vault in this folder says of itself.

    Raises ``Wrong`` if it is none, ``VaultDamaged`` if it is not what it was.
    """
    with disk(path):
        try:
            path.stat()
        except FileNotFoundError:
            raise VaultUnavailable(
                f"{path} is not there: is its disk mounted? goldcopy init makes a new vault"
            ) from None
    if not path.is_dir():
        raise Wrong(f"{path} is a file, not a vault")
    marker = path / NAME
    with disk(marker):
        try:
            data = marker.read_bytes()
        except FileNotFoundError:
            data = b""
    if not data:
        if (path / "packs").is_dir() and any(list_packs(path)):
            raise VaultDamaged(
                f"{marker} is missing, but there are packs: make it anew as docs/format.md says"
            )
        raise Wrong(f"{path} is not a vault: make one with goldcopy init")
    return parsed(marker, data)


def parsed(path: Path, data: bytes) -> Marker:
    """What the content of a marker says; ``path`` is for the words. Raises as ``read``."""
    try:
        found = msgspec.json.decode(data, type=Marker)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise VaultDamaged(
            f"{path} is damaged: make it anew from the keyring, as docs/format.md says"
        ) from None
    if found.format != FORMAT:
        raise Wrong(f"{path} has the format {found.format!r}: this goldcopy is too old for it")
    if found.vault != vault_id(found.owner):
        raise VaultDamaged(f"{path} names an owner that is not this vault's: it was changed")
    return found
