"""Changing a vault's keys: each change is the next keyring, signed with the owner's key.

It holds from the next pack on: what was kept before stays signed and sealed as it was. Where this
machine has a key to sign with, the change is noted in a pack as well, so that from then on the
head tells whether the keyring was put back.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from goldcopy.errors import Wrong
from goldcopy.vault import keyring, marker
from goldcopy.vault.folder import disk, sweep, sync_folder
from goldcopy.vault.keyring import Keyring
from goldcopy.vault.keys import WRITER, SigningKey, digest_secret
from goldcopy.vault.lock import Lock
from goldcopy.vault.me import me
from goldcopy.vault.pack import Builder
from goldcopy.vault.records import NoteRecord, encode
from goldcopy.vault.store import Vault
from goldcopy.vault.writer import own_key, refuse_old_keyring

NOTE = "keys.changed"
_NEXT = "writer.next.key"
"""A key that the keyring may not name yet."""


class Changed(NamedTuple):
    """What holds from now on."""

    ring: Keyring
    head: tuple[int, str]
    """Number and hash of the last pack, to be noted elsewhere."""
    noted: bool
    """Whether the head covers this keyring. If not, note the keyring's number too."""


def admit(path: Path, owner: SigningKey, name: str = "") -> Changed:
    """Give this machine a new key to sign packs with; whoever wrote before ends with the last pack.

    For a collector whose key is lost, and for a new machine with a copy of the vault, which must
    have all packs that shall count. Stopped half-way, it is finished by doing it again.

    Args:
        path: the vault.
        owner: the key that signs the keyring.
        name: of the writer, for people; ``user@host`` if "".

    Raises ``Wrong`` for another key than the owner's, ``VaultUnavailable``, ``VaultDamaged``.
    """
    with _changing(path, owner) as vault:
        return _admit(vault, owner, name or me())


def rotate(path: Path, owner: SigningKey) -> Changed:
    """As ``admit``, for the machine that writes now: under its name, a new key for the old one."""
    with _changing(path, owner) as vault:
        mine = own_key(vault).public
        name = next(one.name for one in vault.ring.writers if one.key == mine)
        return _admit(vault, owner, name)


def retire(path: Path, owner: SigningKey) -> Changed:
    """End whoever writes now with the last pack: no pack counts until one is admitted.

    Raises as ``admit``, and ``Wrong`` if nobody is in use.
    """
    with _changing(path, owner) as vault:
        ring = vault.ring
        if all(one.until for one in ring.writers):
            raise Wrong(f"{path} has no writer that is in use: there is none to retire")
        writers = keyring.ended(ring, vault.head()[0])
        keyring.write(path, owner, ring.recipients, writers, ring.since)
        return _changed(vault, {"change": "retire"})


def recipients(
    path: Path, owner: SigningKey, add: Sequence[str] = (), remove: Sequence[str] = ()
) -> Changed:
    """Change to whom packs are sealed from the next one on.

    What was sealed before stays so: who is added cannot open it, who is removed still can. The
    next snapshot of each device is kept whole, so that who is added can read it.

    Raises as ``admit``, and ``Wrong`` for a recipient that is there already or is not, and if none
    would be left.
    """
    if not add and not remove:
        raise Wrong("name whom to add, or whom to remove")
    with _changing(path, owner) as vault:
        ring = vault.ring
        for one in add:
            if one in ring.recipients:
                raise Wrong(f"{one} is a recipient already")
        for one in remove:
            if one not in ring.recipients:
                raise Wrong(f"{one} is no recipient: there are {', '.join(ring.recipients)}")
        left = [*(one for one in ring.recipients if one not in remove), *add]
        if not left:
            raise Wrong("no recipient would be left, and packs not sealed: add another one first")
        since = vault.head()[0] + 1 if add else ring.since
        keyring.write(path, owner, left, ring.writers, since)
        return _changed(vault, {"change": "recipients", "added": add, "removed": remove})


@contextlib.contextmanager
def _changing(path: Path, owner: SigningKey) -> Iterator[Vault]:
    """The vault, while nobody writes it."""
    if owner.public != marker.read(path).owner:
        raise Wrong(f"this is not the key of the owner of {path}: its keyring takes that one")
    lock = Lock(path)
    lock.take(me())
    try:
        for folder in (keyring.FOLDER, "packs", marker.COLLECTOR):
            if (path / folder).is_dir():
                sweep(path / folder)
        vault = Vault.open(path)
        try:
            refuse_old_keyring(vault)
            yield vault
        finally:
            vault.close()
    finally:
        lock.release()


def _admit(vault: Vault, owner: SigningKey, name: str) -> Changed:
    folder = vault.path / marker.COLLECTOR
    digest_secret(folder)
    key = _next_key(folder / _NEXT)
    ring = vault.ring
    if not any(one.key == key.public for one in ring.writers):
        writers = keyring.admit(ring, name, key.public, vault.head()[0] + 1)
        keyring.write(vault.path, owner, ring.recipients, writers, ring.since)
    with disk(folder):
        os.replace(folder / _NEXT, folder / WRITER)
        sync_folder(folder)
    return _changed(vault, {"change": "admit", "writer": name, "key": key.public})


def _next_key(path: Path) -> SigningKey:
    """A new key, or the one with which this was begun before."""
    with disk(path):
        if path.exists():
            with contextlib.suppress(Wrong):  # it was being written when the machine went down
                return SigningKey.load(path)
            path.unlink()
    key = SigningKey()
    key.save(path)
    return key


def _changed(vault: Vault, body: dict[str, object]) -> Changed:
    """Note the change in a pack, if this machine can sign one."""
    vault.catalog.refresh()
    try:
        key = own_key(vault)
    except Wrong:
        return Changed(vault.ring, vault.head(), noted=False)
    body = {"keyring": vault.ring.number, **body}
    seq, previous = vault.head()
    builder = Builder(seq + 1, vault.catalog.trust)
    builder.add(encode(NoteRecord(NOTE, "", datetime.now(UTC), me(), body)))
    vault.catalog.add(builder.write(vault.path, key, me(), previous), {})
    return Changed(vault.ring, vault.head(), noted=True)
