"""The keyring: to whom packs are sealed, and whose packs count. Signed by the vault's owner.

``keyring/0001.json`` … are write-once and chained, in the clear, and copied wherever packs are. The
owner's public key is in vault.json, and its hash is the vault's id: who knows the id can judge all.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from goldcopy.errors import VaultDamaged, Wrong
from goldcopy.vault.folder import disk, publish
from goldcopy.vault.keys import SigningKey, check_recipient, verified
from goldcopy.vault.signed import parts, signed

FORMAT = "goldcopy-keyring/1"
FOLDER = "keyring"
_NAME = re.compile(r"(\d{4,})\.json", re.ASCII)


class Writer(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whose packs count, from one number on, until another."""

    name: str
    key: str
    """Public Ed25519 key, base64."""
    since: int = 1
    """Number of the first pack that it may have written."""
    until: int = 0
    """Of the last; 0 while it is in use."""

    def may(self, seq: int) -> bool:
        """Whether a pack with this number may be its work."""
        return self.since <= seq and (not self.until or seq <= self.until)


class Keyring(msgspec.Struct, frozen=True, kw_only=True):
    """One statement of the owner."""

    format: str = FORMAT
    vault: str
    owner: str
    """Public key of the owner, base64; ``vault`` is made of it."""
    number: int
    previous: str
    """SHA-256 of the whole file before; "" for the first."""
    time: datetime
    recipients: tuple[str, ...]
    """Public keys of age to whom packs are sealed; none: they are not sealed."""
    writers: tuple[Writer, ...]
    since: int = 1
    """Number of the first pack sealed to all of ``recipients``: nothing from there on is told
    against what is before."""


def vault_id(owner: str) -> str:
    """The id of the vault with this owner (public key, base64)."""
    return hashlib.sha256(owner.encode()).hexdigest()[:32]


def path_of(vault: Path, number: int) -> Path:
    """Where a keyring is."""
    return vault / FOLDER / name_of(number)


def name_of(number: int) -> str:
    """The name of a keyring's file."""
    return f"{number:04d}.json"


def read(vault: Path, owner: str) -> tuple[Keyring, str]:
    """The keyring in force and the hash of its file. Raises ``VaultDamaged``."""
    folder = vault / FOLDER
    with disk(folder):
        names = [path.name for path in folder.iterdir() if _NAME.fullmatch(path.name)]
    names.sort(key=lambda name: int(name[:-5]))
    if not names:
        raise VaultDamaged(f"{folder} is empty: put back a good copy of the keyring")
    content = {}
    for name in names:
        with disk(folder / name):
            content[folder / name] = (folder / name).read_bytes()
    return chained(content, owner)


def first(vault: Path) -> Keyring:
    """The first keyring, which ``read`` has proved."""
    path = path_of(vault, 1)
    with disk(path):
        data = path.read_bytes()
    return msgspec.json.decode(parts(data)[0], type=Keyring)


def chained(files: Mapping[Path, bytes], owner: str) -> tuple[Keyring, str]:
    """The last of these keyrings and its hash, all of them proved. Raises ``VaultDamaged``."""
    found: Keyring | None = None
    previous = ""
    for number, (path, data) in enumerate(files.items(), 1):
        found = _checked(path, data, owner)
        if (found.number, found.previous, path.name) != (number, previous, name_of(number)):
            raise VaultDamaged(f"{path} does not follow the keyring before: one is missing")
        previous = hashlib.sha256(data).hexdigest()
    assert found is not None
    return found, previous


def _checked(path: Path, data: bytes, owner: str) -> Keyring:
    try:
        statement, signature = parts(data)
        found = msgspec.json.decode(statement, type=Keyring)
    except (msgspec.DecodeError, UnicodeDecodeError, VaultDamaged):
        raise VaultDamaged(f"{path} is damaged: put a good copy in its place") from None
    if (found.format, found.vault, found.owner) != (FORMAT, vault_id(owner), owner):
        raise VaultDamaged(f"{path} is no keyring of this vault")
    if not verified(owner, signature, statement):
        raise VaultDamaged(f"{path} is not signed by the owner of the vault: it is not to be used")
    return found


def write(
    vault: Path,
    owner: SigningKey,
    recipients: Sequence[str],
    writers: Sequence[Writer],
    since: int = 1,
) -> Keyring:
    """Publish the next keyring. Raises ``Wrong`` for what is no recipient."""
    for recipient in recipients:
        check_recipient(recipient)
    number, previous = 1, ""
    if path_of(vault, 1).exists():
        before, previous = read(vault, owner.public)
        number = before.number + 1
    found = Keyring(
        vault=vault_id(owner.public),
        owner=owner.public,
        number=number,
        previous=previous,
        time=datetime.now(UTC),
        recipients=tuple(dict.fromkeys(recipients)),
        writers=tuple(writers),
        since=since,
    )
    publish(path_of(vault, number), [signed(found, owner)])
    return found


def admit(ring: Keyring, name: str, key: str, since: int) -> list[Writer]:
    """The writers when a new one takes over with pack ``since``; those before it end there."""
    if any(one.key == key and not one.until for one in ring.writers):
        raise Wrong(f"the writer {name} has this key already")
    return [*ended(ring, since - 1), Writer(name, key, since)]


def ended(ring: Keyring, last: int) -> list[Writer]:
    """The writers when those in use end with pack ``last``; who never wrote is left out."""
    writers = [
        one if one.until else msgspec.structs.replace(one, until=last) for one in ring.writers
    ]
    return [one for one in writers if one.until >= one.since]
