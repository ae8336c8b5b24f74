"""``vault.json``: what makes a folder a vault, and which vault it is."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from goldcopy.errors import VaultDamaged, VaultUnavailable, Wrong
from goldcopy.vault.folder import disk, list_packs, publish, sweep

FORMAT = "goldcopy-vault/1"
NAME = "vault.json"


class _Marker(msgspec.Struct, frozen=True):
    format: str
    vault: str
    created: datetime


def make(path: Path) -> None:
    """Make an empty vault; the marker comes last. Raises ``Wrong`` for a folder with other things.

    The folder is for its owner alone, since packs can be read by anybody who reaches them.
    """
    with disk(path):
        if path.is_dir():
            _refuse_foreign(path)
            sweep(path)
        elif path.exists():
            raise Wrong(f"{path} is a file: a vault is a folder, choose another name")
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        (path / "packs").mkdir(mode=0o700, exist_ok=True)
    marker = _Marker(FORMAT, uuid.uuid4().hex, datetime.now(UTC))
    publish(path / NAME, [msgspec.json.encode(marker), b"\n"])


def _refuse_foreign(path: Path) -> None:
    names = {entry.name for entry in path.iterdir()}
    if NAME in names:
        raise Wrong(f"{path} is a vault already")
    # An empty packs folder is what a crash while making a vault leaves.
    foreign = names - {"packs", f".{NAME}.tmp"}
    if foreign or ("packs" in names and any(list_packs(path))):
        raise Wrong(f"{path} holds other files: choose a new or empty folder for the vault")


def read(path: Path) -> str:
    """The id of the vault in this folder. Raises ``Wrong`` or ``VaultDamaged`` if it is none."""
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
    try:
        found = msgspec.json.decode(data, type=_Marker)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise VaultDamaged(
            f"{marker} is damaged: make it anew from a pack's header, as docs/format.md says"
        ) from None
    if found.format != FORMAT:
        raise Wrong(f"{path} has the format {found.format!r}: this goldcopy is too old for it")
    return found.vault
