"""The vault's own side: which files a replica should have, and whether one of them is good."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

import msgspec

from goldcopy.errors import VaultDamaged, VaultUnavailable
from goldcopy.replica.contract import pack_number, ring_number
from goldcopy.vault import keyring, marker
from goldcopy.vault.folder import disk, list_packs
from goldcopy.vault.keys import verified
from goldcopy.vault.pack import Header, parse

_SIGNATURE = b',"signature":"'


class VaultFiles:
    """The write-once files of a vault. All methods block on the disk."""

    def __init__(self, vault: Path) -> None:
        """Raises ``VaultUnavailable``, ``VaultDamaged`` or ``Wrong`` if there is no sound vault."""
        self.path = vault
        self.marker = marker.read(vault)
        self.ring, _ = keyring.read(vault, self.marker.owner)
        self.packs, _ = list_packs(vault)
        self._hashes: dict[str, str] = {}
        """Of the pack that was found good last: the next one asks for it. Threads share it."""

    @property
    def names(self) -> list[str]:
        """In the order in which they are sent: what is needed to judge a file comes before it."""
        rings = range(1, self.ring.number + 1)
        return [marker.NAME, *map(ring_name, rings), *map(pack_name, self.packs)]

    @property
    def last(self) -> int:
        """The number of the newest pack; 0 if there is none."""
        return max(self.packs, default=0)

    def size(self, name: str) -> int:
        """In bytes."""
        with disk(self.path / name):
            return (self.path / name).stat().st_size

    def read(self, name: str) -> bytes:
        """The content, whatever it is."""
        with disk(self.path / name):
            return (self.path / name).read_bytes()

    def good(self, name: str) -> bytes:
        """The content. Raises ``VaultDamaged`` if it is not what it was: nobody shall have that."""
        data = self.read(name)
        if fault := self.fault(name, data):
            raise VaultDamaged(
                f"{self.path / name}: {fault}; it was not sent: put a good copy in its place, "
                "goldcopy vault repair takes one from a replica"
            )
        return data

    def fault(self, name: str, data: bytes) -> str:
        """What is wrong with ``data`` as the content of this file; "" for nothing."""
        seq = pack_number(name)
        if ring := ring_number(name):
            return ring_fault(self.marker, ring, data)
        if not seq:
            return "" if data == self.read(name) else "it is not the vault's"
        try:
            header, body = parse(data)
        except VaultDamaged as error:
            return str(error)
        signed = data.partition(b"\n")[0].rpartition(_SIGNATURE)[0]
        if (header.vault, header.seq) != (self.marker.vault, seq):
            return "it is another vault's, or has another number"
        if hashlib.sha256(body).hexdigest() != header.body or sum(header.frames) != len(body):
            return "its content is not what its header says"
        if not verified(header.key, header.signature, signed) or not any(
            one.key == header.key and one.may(seq) for one in self.ring.writers
        ):
            return "it is not signed by a writer whose packs count at this number"
        fault = self._chain_fault(header, data)
        if not fault:
            self._hashes = {pack_name(header.seq): hashlib.sha256(data).hexdigest()}
        return fault

    def _chain_fault(self, header: Header, data: bytes) -> str:
        """Whether it is the pack that its neighbours here are chained to.

        Of a neighbour that is itself damaged nothing follows.
        """
        before, after = pack_name(header.seq - 1), pack_name(header.seq + 1)
        if header.seq == 1:
            chained = header.previous == ""
        elif (digest := self._sound_hash(before)) is not None:
            chained = header.previous == digest
        else:
            chained = True
        if not chained:
            return f"it does not follow {before}"
        following = self._header(after)
        if following and following.previous != hashlib.sha256(data).hexdigest():
            return f"{after} does not follow it"
        return ""

    def _sound_hash(self, name: str) -> str | None:
        digest = self._hashes.get(name)
        if digest is None:
            try:
                data = self.read(name)
                header, body = parse(data)
            except (VaultDamaged, VaultUnavailable):
                return None
            if hashlib.sha256(body).hexdigest() == header.body:
                digest = hashlib.sha256(data).hexdigest()
        return digest

    def _header(self, name: str) -> Header | None:
        try:
            with disk(self.path / name), (self.path / name).open("rb") as file:
                return parse(file.readline())[0]
        except (VaultDamaged, VaultUnavailable):
            return None

    def time(self, seq: int) -> datetime | None:
        """When a pack was written; None if it does not say."""
        header = self._header(pack_name(seq))
        return header.time if header else None


def ring_fault(mark: marker.Marker, number: int, data: bytes) -> str:
    """What is wrong with ``data`` as this keyring of a vault; "" for nothing."""
    statement, _, rest = data.partition(b"\n")
    try:
        signature = msgspec.json.decode(rest, type=dict[str, str]).get("signature", "")
        found = msgspec.json.decode(statement, type=keyring.Keyring)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "it is no keyring"
    if (found.vault, found.number) != (mark.vault, number):
        return "it is another vault's, or has another number"
    return "" if verified(mark.owner, signature, statement) else "the vault's owner did not sign it"


def newer(files: VaultFiles, there: Collection[str]) -> str:
    """That a replica has what the vault has lost, or never had; "" if it has not."""
    packs = max(map(pack_number, there), default=0)
    rings = max(map(ring_number, there), default=0)
    if packs > files.last:
        what = f"packs up to {packs}, and the vault up to {files.last}"
    elif rings > files.ring.number:
        what = f"keyrings up to {rings}, and the vault up to {files.ring.number}"
    else:
        return ""
    return (
        f"it has {what}: the vault was rolled back, or another collector writes it too; goldcopy "
        "vault repair fetches what the vault has lost"
    )


def ring_name(number: int) -> str:
    """The name of a keyring."""
    return f"{keyring.FOLDER}/{number:04d}.json"


def pack_name(seq: int) -> str:
    """The name of a pack."""
    return f"packs/{seq:08d}.pack"
