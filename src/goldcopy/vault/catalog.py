"""The index and the packs it stands for, kept in step; and what is wrong with the packs."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from goldcopy.errors import VaultDamaged, VaultUnavailable
from goldcopy.vault import keyring
from goldcopy.vault.folder import list_packs, pack_path
from goldcopy.vault.index import Index
from goldcopy.vault.memory import Memory
from goldcopy.vault.pack import Pack, Trust, read_pack

T = TypeVar("T")
_NAME = "index.sqlite"


class Catalog:
    """Answers from the index, which it brings up to date, mends or makes anew as needed."""

    def __init__(self, path: Path, trust: Trust, file: Path | None = None) -> None:
        """Open the index of the vault in this folder; its ``file`` is there, if not elsewhere.

        Raises ``VaultUnavailable``.
        """
        self.path = path
        self._file = file or path / _NAME
        self.trust = trust
        self.doubts: list[str] = []
        """What is wrong with the packs, a line each."""
        self._last = 0
        self._closed = self._mended = False
        self._lock = threading.RLock()
        self._index = _open(self._file)
        self._sure(self._unseal)
        self._sure(self.refresh)

    def close(self) -> None:
        """Let go of the index."""
        with self._lock:
            self._closed = True
            self._index.close()

    def read(self, get: Callable[[Index], T]) -> T:
        """An answer from an index that knows all packs."""
        with self._lock:
            if self._closed:
                raise VaultUnavailable(f"{self.path} has been closed already")
            if pack_path(self.path, self._last + 1).exists():
                self._sure(self.refresh)
            try:
                return self._sure(lambda: get(self._index))
            except VaultDamaged:
                if self._mended or not self._packs_are_good():
                    raise
                self._mended = True
                self._renew()
                return get(self._index)

    def last(self) -> tuple[int, str]:
        """Number and hash of the pack that the next one follows."""
        return self.read(lambda index: index.last())

    def add(self, pack: Pack, memories: Mapping[str, Memory]) -> None:
        """Take in a pack that was just written: it is safe, whatever becomes of the index."""
        with self._lock:
            after = self._last
            if not self._sure(lambda: self._index.add(pack, after, memories)):
                self._sure(self.refresh)
                # Who was quicker may have been unable to open it.
                self._sure(lambda: self._index.add(pack, after, memories))
            self._last = max(self._last, pack.seq)

    def doubt(self, text: str) -> None:
        """Note something that is wrong with the packs."""
        if text not in self.doubts:
            self.doubts.append(text)

    def renew(self) -> None:
        """Make the index anew from the packs; what only this collector knows is kept."""
        with self._lock:
            self._sure(self._index.clear)
            self._sure(self.refresh)

    def refresh(self) -> None:
        """Take in packs that others have written, and look the folder over."""
        with self._lock:
            self._heed()
            before = self._index.packs().keys()
            packs, foreign = list_packs(self.path)
            damage = self._look_again(packs)
            while (strangers := self._catch_up(packs)) is None:
                pass  # another process was quicker
            known = self._index.packs()
            damage |= {seq: text for seq, (_, text) in known.items() if text}
            # What others have put into the index since the listing is there, though not listed.
            there = set(packs).union(known.keys() - before).intersection(known)
            self._judge(sorted(there), damage)
            names = foreign + [pack_path(self.path, seq).name for seq in strangers]
            for path in (self.path / "packs" / name for name in names):
                self.doubt(f"{path} is no part of this vault: move it away")

    def _heed(self) -> None:
        """Take in a keyring that has come since: whose packs count is its word."""
        ring = self.trust.ring
        if keyring.path_of(self.path, ring.number + 1).exists():
            ring, _ = keyring.read(self.path, ring.owner)
            self.trust = self.trust._replace(ring=ring)

    def _unseal(self) -> None:
        """Begin anew if packs that could not be opened before can be opened now."""
        sealed = self._index.sealed()
        # The oldest and the newest: recipients may have changed between them.
        if self.trust.reader is not None and any(
            self._read(seq).records for seq in {*sealed[:1], *sealed[-1:]}
        ):
            self._index.clear()

    def _look_again(self, packs: list[int]) -> dict[int, str]:
        """Damage of packs that are indexed; begins anew if the index stands for other packs.

        The last pack is looked at, and those that were damaged: someone may have mended them.
        """
        known = self._index.packs()
        last = max(known, default=0)
        damage: dict[int, str] = {}
        late = (self._read(seq) for seq in packs if seq < last and seq not in known)
        stale = any(pack.ours for pack in late)
        for seq in {seq for seq in packs if seq in known and (known[seq][1] or seq == last)}:
            pack = self._read(seq)
            was, fault = known[seq]
            if pack.damage:
                damage[seq] = pack.damage
            elif pack.hash != was or (fault and not self._index.chain_damage(pack)):
                stale = True  # it was mended, or its writer was not known yet
        if not stale:
            return damage
        self._index.clear()
        return {}

    def _catch_up(self, packs: list[int]) -> list[int] | None:
        """The packs that do not belong here; None if another process has changed the index."""
        self._last, _ = self._index.last()
        known = self._index.packs()
        strangers = []
        for seq in packs:
            if seq in known:
                continue
            pack = self._read(seq)
            if seq < self._last or not (pack.ours or (pack.ours is None and seq == self._last + 1)):
                strangers.append(seq)
            elif not self._index.add(pack, self._last):
                return None
            else:
                self._last = seq
        return strangers

    def _judge(self, packs: list[int], damage: Mapping[int, str]) -> None:
        """Put into words what is wrong with the sequence of packs."""
        self.doubts = []
        before = 0
        for seq in [*packs, self._last + 1]:
            if seq > before + 1:
                first, last = (pack_path(self.path, n) for n in (before + 1, seq - 1))
                span = f"{first} is" if first == last else f"{first} to {last.name} are"
                self.doubt(f"{span} missing: put back a good copy")
            if seq in damage:
                path = pack_path(self.path, seq)
                self.doubt(f"{path} is damaged: {damage[seq]}; put a good copy in its place")
            before = seq

    def _read(self, seq: int) -> Pack:
        return read_pack(self.path, self.trust, seq)

    def _packs_are_good(self) -> bool:
        """Whether all packs are whole: if so, it is the index that is wrong."""
        known = self._index.packs()
        return not self.doubts and all(
            self._read(seq).hash == digest for seq, (digest, _) in known.items()
        )

    def _sure(self, act: Callable[[], T]) -> T:
        """Do something with the index; if SQLite cannot, with a new one, at last in memory."""
        try:
            return act()
        except sqlite3.Error:
            with contextlib.suppress(sqlite3.Error):
                self._renew()
                return act()
            self._use(Index(None))
            self.refresh()
            return act()

    def _renew(self) -> None:
        with contextlib.suppress(OSError):
            _forget(self._file)
        self._use(_open(self._file))
        self.refresh()

    def _use(self, index: Index) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._index.close()
        self._index = index


def _open(file: Path) -> Index:
    """In its file, anew if that is broken; in memory where none can be made (a read-only disk)."""
    try:
        try:
            return Index(file)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            _forget(file)
            return Index(file)
    except (sqlite3.Error, OSError):
        return Index(None)


def _forget(file: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
