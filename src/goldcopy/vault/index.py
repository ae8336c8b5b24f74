"""The index: where each record is, and the history of each device, in SQLite.

It is a cache. All of it comes from the packs, in their order, so it may be deleted at any time;
what a collector remembers of what it cannot read (``memory``) is then lost, and stored anew.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from goldcopy.vault.memory import Memory
from goldcopy.vault.pack import Pack, Place
from goldcopy.vault.records import BlobMeta, NoteMeta, SnapshotMeta, meta
from goldcopy.vault.rows import COLUMNS, Row, columns, read

_VERSION = 2
# Small on purpose: a vault's size is told with its index. Ids are bytes, words have numbers, rows
# lie in the order in which they came.
_TABLES = """
CREATE TABLE packs (seq INTEGER PRIMARY KEY, hash TEXT, damage TEXT, sealed INTEGER);
CREATE TABLE words (number INTEGER PRIMARY KEY, word TEXT UNIQUE);
CREATE TABLE blobs (sha256 BLOB PRIMARY KEY, depth, pack, offset, length, start, size)
    WITHOUT ROWID;
CREATE TABLE notes (kind, device, pack, offset, length, start, size);
CREATE TABLE snapshots (
    device, number, id BLOB, taken, millis, requests, bytes, by, version, carried,
    items, gaps, unchanged, depth, weight, pack, offset, length, start, size);
CREATE INDEX snapshots_of_device ON snapshots (device, number);
CREATE TABLE IF NOT EXISTS memories (device TEXT PRIMARY KEY, memory BLOB);
"""
_AT_ONCE = 500
"""Values in one query; SQLite takes 999 and more."""


class Index:
    """The index of one vault. Several processes may use its file; threads take turns."""

    def __init__(self, path: Path | None) -> None:
        """Open or make the index file; None makes one in memory. Raises ``sqlite3.Error``."""
        if path is not None:
            # Not readable by others than the vault is: it names devices and what they are.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        self._db = sqlite3.connect(
            path or ":memory:", timeout=30, isolation_level=None, check_same_thread=False
        )
        try:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            if self._version() != _VERSION:
                with self._writing():
                    if self._version() != _VERSION:  # no other process has made it meanwhile
                        self._make()
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def clear(self) -> None:
        """Forget all that the packs tell; what only this collector knows stays."""
        with self._writing():
            self._make()

    def _version(self) -> int:
        return int(self._all("PRAGMA user_version")[0][0])

    def _make(self) -> None:
        for table in ("packs", "words", "blobs", "notes", "snapshots"):
            self._db.execute(f"DROP TABLE IF EXISTS {table}")
        for statement in _TABLES.split(";"):
            self._db.execute(statement)
        self._db.execute(f"PRAGMA user_version = {_VERSION}")

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._db
            self._db.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            raise

    def _all(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return self._db.execute(query, values).fetchall()

    # words

    def _number(self, word: str) -> int:
        """The number of a word, which gets one now if it has none. Only while writing."""
        self._db.execute("INSERT OR IGNORE INTO words (word) VALUES (?)", (word,))
        return self._known(word)

    def _known(self, word: str) -> int:
        rows = self._all("SELECT number FROM words WHERE word = ?", word)
        return int(rows[0][0]) if rows else -1

    # packs

    def packs(self) -> dict[int, tuple[str, str]]:
        """Of each pack that is indexed: its hash, and what is wrong with it ("" for nothing)."""
        rows = self._all("SELECT seq, hash, damage FROM packs")
        return {int(seq): (str(digest), str(damage)) for seq, digest, damage in rows}

    def sealed(self) -> list[int]:
        """The packs that could not be opened when they were indexed."""
        return [int(seq) for (seq,) in self._all("SELECT seq FROM packs WHERE sealed")]

    def last(self) -> tuple[int, str]:
        """Number and hash of the last pack; (0, "") if there is none."""
        rows = self._all("SELECT seq, hash FROM packs ORDER BY seq DESC LIMIT 1")
        return rows[0] if rows else (0, "")

    def add(self, pack: Pack, after: int, memories: Mapping[str, Memory] | None = None) -> bool:
        """Take in the pack that comes after pack ``after`` (0 for none).

        ``memories`` are of the devices whose snapshots are in it, if this collector wrote it.
        False if the index is not there: another process has added to it or begun it anew.
        """
        with self._writing() as db:
            if self.last()[0] != after and not self._opens(pack):
                return False
            damage = pack.damage or self.chain_damage(pack)
            for place, line in pack.records:
                try:
                    found = meta(line)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    damage = damage or f"it holds a line that is no record: {error}"
                    continue
                self._add_record(found, place)
            for device, memory in (memories or {}).items():
                self._insert("OR REPLACE INTO memories", (device, msgspec.msgpack.encode(memory)))
            values = (pack.seq, pack.hash, damage, pack.sealed)
            db.execute("INSERT OR REPLACE INTO packs VALUES (?,?,?,?)", values)
            return True

    def _opens(self, pack: Pack) -> bool:
        """Whether this is the last pack, which another process found here and could not open."""
        rows = self._all("SELECT seq, hash, sealed FROM packs ORDER BY seq DESC LIMIT 1")
        return not pack.sealed and rows == [(pack.seq, pack.hash, True)]

    def all_known_after(self, seq: int) -> bool:
        """Whether all packs behind this one are there, and were read."""
        query = "SELECT count(*) FROM packs WHERE seq > ? AND NOT sealed AND damage = ''"
        return int(self._all(query, seq)[0][0]) == self.last()[0] - seq

    def chain_damage(self, pack: Pack) -> str:
        """What is wrong with its place behind the pack before; "" for nothing."""
        before = self._all("SELECT hash FROM packs WHERE seq = ?", pack.seq - 1)
        if before and before[0][0] != pack.previous:
            return "it does not follow the pack before: one of the two is not the original"
        return ""

    def _add_record(self, found: BlobMeta | SnapshotMeta | NoteMeta | None, place: Place) -> None:
        match found:
            case BlobMeta():
                base = self.blob(found.base) if found.base else None
                row = (bytes.fromhex(found.sha256), base[0] + 1 if base else 0, *place)
                self._insert("OR REPLACE INTO blobs", row)
            case NoteMeta():
                self._insert("INTO notes", (self._number(found.kind), found.device, *place))
            case SnapshotMeta():
                self._add_snapshot(found, place)

    def _insert(self, into: str, row: tuple[object, ...]) -> None:
        self._db.execute(f"INSERT {into} VALUES ({','.join('?' * len(row))})", row)

    def _add_snapshot(self, new: SnapshotMeta, place: Place) -> None:
        before = self.latest(new.device)
        self._insert("INTO snapshots", columns(new, place, before, self._number))

    # blobs, notes, memories

    def blob(self, sha256: str) -> tuple[int, Place] | None:
        """How many others this content is told against, and where it is."""
        return self.blobs([sha256]).get(sha256)

    def blobs(self, wanted: Collection[str]) -> dict[str, tuple[int, Place]]:
        """As ``blob``, of all this content that is there."""
        found: dict[str, tuple[int, Place]] = {}
        hashes = [bytes.fromhex(sha256) for sha256 in wanted]
        for first in range(0, len(hashes), _AT_ONCE):
            some = hashes[first : first + _AT_ONCE]
            marks = ",".join("?" * len(some))
            for row in self._all(f"SELECT * FROM blobs WHERE sha256 IN ({marks})", *some):
                found[row[0].hex()] = (int(row[1]), Place(*row[2:]))
        return found

    def notes(self, kind: str | None, device: str | None) -> list[Place]:
        """Where the notes are, in their order; of one kind, or about one device, if asked for."""
        rows = self._all(
            "SELECT pack, offset, length, start, size FROM notes "
            "WHERE (?1 IS NULL OR kind = ?1) AND (?2 IS NULL OR device = ?2) ORDER BY rowid",
            None if kind is None else self._known(kind),
            device,
        )
        return [Place(*row) for row in rows]

    def memory(self, device: str) -> Memory | None:
        """What this collector remembers of the newest snapshot of a device."""
        rows = self._all("SELECT memory FROM memories WHERE device = ?", device)
        return msgspec.msgpack.decode(rows[0][0], type=Memory) if rows else None

    # snapshots

    def devices(self) -> list[str]:
        """The devices that have a snapshot, by name."""
        rows = self._all(
            "SELECT word FROM words WHERE number IN (SELECT DISTINCT device FROM snapshots) "
            "ORDER BY word"
        )
        return [str(row[0]) for row in rows]

    def history(self, device: str) -> list[Row]:
        """All snapshots of a device, newest first."""
        return self._of(device, "ORDER BY s.number DESC")

    def latest(self, device: str) -> Row | None:
        """The newest snapshot of a device."""
        return _first(self._of(device, "ORDER BY s.number DESC LIMIT 1"))

    def find(self, device: str, id: str) -> Row | None:
        """The newest snapshot of a device with this id."""
        where = "AND id = ? ORDER BY s.number DESC LIMIT 1"
        return _first(self._of(device, where, bytes.fromhex(id)))

    def span(self, device: str, first: int, last: int) -> list[Row]:
        """The snapshots with these numbers, oldest first."""
        return self._of(device, "AND s.number BETWEEN ? AND ? ORDER BY s.number", first, last)

    def with_prefix(self, prefix: str) -> list[Row]:
        """The newest snapshot of each id that begins so, at most 10 of them."""
        low = bytes.fromhex(prefix.ljust(64, "0"))
        high = bytes.fromhex(prefix.ljust(64, "f"))
        where = "id BETWEEN ? AND ? GROUP BY device, id HAVING s.number = MAX(s.number) LIMIT 10"
        return self._rows(where, low, high)

    def _of(self, device: str, where: str, *values: object) -> list[Row]:
        return self._rows(f"device = ? {where}", self._known(device), *values)

    def _rows(self, where: str, *values: object) -> list[Row]:
        query = (
            f"SELECT {COLUMNS} FROM snapshots s JOIN words d ON d.number = device "
            f"JOIN words b ON b.number = by JOIN words v ON v.number = version WHERE {where}"
        )
        return [read(*row) for row in self._all(query, *values)]


def _first(rows: list[Row]) -> Row | None:
    return rows[0] if rows else None
