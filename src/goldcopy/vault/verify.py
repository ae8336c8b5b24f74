"""Proving a vault: that nothing in it was changed, lost, put in, or put back to an earlier state.

quick     the files only, no reader's identity: names, chain, signatures, hashes
sample    the same, and some snapshots, other ones each time, rebuilt to their ids
full      everything opened; every snapshot rebuilt to its id, all big content to its hash
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

import msgspec
from msgspec import UNSET

from goldcopy.errors import VaultDamaged, VaultSealed, VaultUnavailable, Wrong
from goldcopy.snapshot.canonical import parse_head
from goldcopy.vault import keyring, marker
from goldcopy.vault.folder import list_packs, pack_path
from goldcopy.vault.pack import Pack, read_pack
from goldcopy.vault.records import (
    BlobMeta,
    SnapshotMeta,
    SnapshotRecord,
    meta,
    read_blob,
    read_note,
    read_snapshot,
)
from goldcopy.vault.state import State
from goldcopy.vault.store import Vault

Level = Literal["quick", "sample", "full"]
Progress = Callable[[int, int], None]
"""Called with packs done, of how many."""

_HASH = re.compile(rb'\{"sha256":"([0-9a-f]{64})"')  # a text cannot look so: its quotes are escaped
_HELD = 64 * 1024 * 1024
SAMPLE = 20
"""Snapshots that a sample rebuilds."""


class Proof(msgspec.Struct, frozen=True):
    """What was found."""

    level: Level
    packs: int
    snapshots: int
    """Rebuilt to their id."""
    blobs: int
    """Proved by their hash."""
    notes: int
    head: int
    """Number of the last pack."""
    hash: str
    """Of the last pack."""
    findings: tuple[str, ...]
    """What is wrong, a line each; none: all is proved that this level proves."""


def verify(
    vault: Vault,
    level: Level = "full",
    heads: Mapping[int, str] | None = None,
    progress: Progress = lambda done, total: None,
    seed: int | None = None,
) -> Proof:
    """Prove a vault.

    Args:
        vault: opened with the reader's identity, unless the level is ``quick``.
        level: see above.
        heads: numbers and hashes of packs, as noted elsewhere (on paper, by a replica).
        progress: told after each pack.
        seed: which snapshots a sample takes; left out: others each time.

    Raises ``VaultSealed`` if a level asks for what cannot be opened here.
    """
    packs, foreign = list_packs(vault.path)
    walk = _Walk(vault, deep=level == "full")
    walk.findings += _frame(vault)
    for done, seq in enumerate(packs, 1):
        walk.take(seq)
        progress(done, len(packs))
    walk.findings += [f"packs/{name} is no part of this vault" for name in foreign]
    walk.findings += _behind(walk, {**_remembered(vault), **(heads or {})})
    snapshots = walk.snapshots
    if level == "sample":
        snapshots = _sample(vault, walk.findings, random.Random(seed))
    return Proof(
        level,
        len(packs),
        snapshots,
        walk.blobs,
        walk.notes,
        walk.seq,
        walk.previous,
        tuple(dict.fromkeys(walk.findings)),
    )


class _Walk:
    """All packs in order, and what they hold so far."""

    def __init__(self, vault: Vault, deep: bool) -> None:
        self._vault = vault
        self._trust = vault.catalog.trust if deep else vault.catalog.trust._replace(reader=None)
        self._deep = deep
        self._states: dict[str, tuple[State, str]] = {}
        self._known: set[str] = set()
        self._contents = _Contents(vault.blob)
        self.hashes: dict[int, str] = {}
        self.seq = self._keyring = 0
        self.previous = ""
        self.snapshots = self.blobs = self.notes = 0
        self.findings: list[str] = []

    def take(self, seq: int) -> None:
        """Prove one pack, and what is in it."""
        name = pack_path(self._vault.path, seq).name
        pack = read_pack(self._vault.path, self._trust, seq)
        if seq != self.seq + 1:
            self.findings.append(f"packs {self.seq + 1} to {seq - 1} are missing")
        elif pack.previous != self.previous and pack.ours:
            self.findings.append(f"{name} does not follow the pack before it")
        if pack.damage:
            self.findings.append(f"{name}: {pack.damage}")
        elif pack.keyring < self._keyring:
            self.findings.append(
                f"{name} was written under keyring {pack.keyring}, and the pack before it under "
                f"{self._keyring}: the keyring was put back to an earlier state"
            )
        self._keyring = max(self._keyring, pack.keyring)
        if self._deep and pack.sealed:
            raise VaultSealed(
                f"{name} is sealed to others: a full proof takes the reader's identity"
            )
        self.seq, self.previous = seq, pack.hash
        self.hashes[seq] = pack.hash
        if self._deep:
            self.findings += [f"{name}: {text}" for text in self._records(pack)]

    def _records(self, pack: Pack) -> Iterator[str]:
        for _, line in pack.records:
            try:
                self._record(line)
            except (Wrong, VaultDamaged) as error:
                yield str(error)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                yield f"a line that is no record: {error}"

    def _record(self, line: bytes) -> None:
        match meta(line):
            case BlobMeta(sha256=sha256):
                self._contents.put(sha256, read_blob(line, sha256, self._contents.get))
                self._known.add(sha256)
                self.blobs += 1
            case SnapshotMeta() as found:
                self._snapshot(found, line)
                self.snapshots += 1
            case None:
                pass
            case _:
                read_note(line)
                self.notes += 1

    def _snapshot(self, found: SnapshotMeta, line: bytes) -> None:
        what = f"snapshot {found.id[:12]} of {found.device}"
        state, before = self._states.get(found.device, (State(b"", {}, []), ""))
        if found.base and not before.startswith(found.base):
            raise VaultDamaged(f"{what} builds on one that is not there")
        record = read_snapshot(line)
        try:
            state.apply(record)
        except Wrong as error:
            raise VaultDamaged(f"{what} cannot be rebuilt: {error}") from None
        self._states[found.device] = state, found.id
        as_before = found.id == before and record == SnapshotRecord(
            record.device, record.id, record.items, record.facts, record.unchanged, record.base
        )
        if not as_before and state.digest() != found.id:
            raise VaultDamaged(f"{what} does not rebuild to its id")
        if found.items != len(state.items):
            raise VaultDamaged(f"{what} has {len(state.items)} items, and not {found.items}")
        if record.head is not UNSET and parse_head(record.head).device != found.device:
            raise VaultDamaged(f"{what} is the snapshot of another device")
        for item in (*record.set, *(value for _, value in record.values)):
            for sha256 in _HASH.findall(bytes(item)):
                if sha256.decode() not in self._known:
                    raise VaultDamaged(f"{what} lacks the content {sha256.decode()[:12]}")


class _Contents:
    """Big content that was read lately: the next is often told against it."""

    def __init__(self, fetch: Callable[[str], bytes]) -> None:
        self._fetch = fetch
        self._held: dict[str, bytes] = {}
        self._size = 0

    def put(self, sha256: str, content: bytes) -> None:
        self._held[sha256] = content
        self._size += len(content)
        while self._size > _HELD and len(self._held) > 1:
            self._size -= len(self._held.pop(next(iter(self._held))))

    def get(self, sha256: str) -> bytes:
        return self._held.get(sha256) or self._fetch(sha256)


def _frame(vault: Vault) -> Iterator[str]:
    """What is wrong with vault.json and the keyring."""
    try:
        found = marker.read(vault.path)
        ring, _ = keyring.read(vault.path, found.owner)
        if found.vault != vault.id or ring.number < vault.ring.number:
            yield "vault.json or the keyring was exchanged since the vault was opened"
        if not marker.is_as_made(vault.path, keyring.first(vault.path)):
            yield f"{marker.NAME} is not as it was made: make it anew, as docs/format.md says"
    except (VaultDamaged, VaultUnavailable, Wrong) as error:
        yield str(error)


def _remembered(vault: Vault) -> dict[int, str]:
    """The head that the index knows; nothing if it was made anew since."""
    seq, digest = vault.head()
    return {seq: digest} if seq else {}


def _behind(walk: _Walk, heads: Mapping[int, str]) -> Iterator[str]:
    """Whether the vault has what others have seen of it."""
    for seq, digest in heads.items():
        if seq > walk.seq:
            yield (
                f"the vault ends with pack {walk.seq}, and had {seq}: it was put back to an "
                "earlier state"
            )
        elif walk.hashes.get(seq) != digest:
            yield f"pack {seq} is not the one that was noted as head: the history is another one"


def _sample(vault: Vault, findings: list[str], chance: random.Random) -> int:
    """Rebuild some snapshots, with their content, to their ids."""
    entries = [entry for device in vault.devices() for entry in vault.log(device)]
    done = 0
    for entry in chance.sample(entries, min(SAMPLE, len(entries))):
        try:
            snapshot = vault.load(entry)
            for sha256, content in snapshot.blobs.items():
                if hashlib.sha256(content).hexdigest() != sha256:
                    raise VaultDamaged(f"content {sha256[:12]} has another hash")
        except (VaultDamaged, Wrong) as error:
            findings.append(str(error))
        else:
            done += 1
    return done
