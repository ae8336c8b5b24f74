"""The index: where each record is, and the history of each device, in SQLite.

It is a cache. All of it comes from the packs, in their order, so it may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

from goldcopy.vault.pack import Pack, Place
from goldcopy.vault.records import BlobMeta, Entry, Facts, SnapshotMeta, meta

_VERSION = 1
_TABLES = """
CREATE TABLE packs (seq INTEGER PRIMARY KEY, hash TEXT, damage TEXT);
CREATE TABLE blobs (sha256 TEXT PRIMARY KEY, pack, offset, length, start, size) WITHOUT ROWID;
CREATE TABLE snapshots (
    device TEXT, number INTEGER, id TEXT, settings TEXT, facts BLOB, items INTEGER, gaps INTEGER,
    unchanged INTEGER, base TEXT, depth INTEGER, weight INTEGER,
    pack, offset, length, start, size, PRIMARY KEY (device, number));
CREATE INDEX snapshots_by_id ON snapshots (id);
"""
_COLUMNS = (
    "device, id, settings, facts, items, gaps, unchanged, number, base, depth, weight, "
    "pack, offset, length, start, size"
)


class Row(NamedTuple):
    """An entry, and what it takes to rebuild its snapshot."""

    entry: Entry
    base: str
    depth: int
    """Changesets since the keyframe."""
    weight: int
    """Bytes of those changesets."""
    place: Place


class Index:
    """The index of one vault. Several processes may use its file; threads take turns."""

    def __init__(self, path: Path | None) -> None:
        """Open or make the index file; None makes one in memory. Raises ``sqlite3.Error``."""
        self._facts = msgspec.json.Decoder(Facts).decode
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
        """Forget everything."""
        with self._writing():
            self._make()

    def _version(self) -> int:
        return int(self._all("PRAGMA user_version")[0][0])

    def _make(self) -> None:
        for table in ("packs", "blobs", "snapshots"):
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

    # packs

    def packs(self) -> dict[int, tuple[str, str]]:
        """Of each pack that is indexed: its hash, and what is wrong with it ("" for nothing)."""
        rows = self._all("SELECT seq, hash, damage FROM packs")
        return {int(seq): (str(digest), str(damage)) for seq, digest, damage in rows}

    def last(self) -> tuple[int, str]:
        """Number and hash of the last pack; (0, "") if there is none."""
        rows = self._all("SELECT seq, hash FROM packs ORDER BY seq DESC LIMIT 1")
        return rows[0] if rows else (0, "")

    def add(self, pack: Pack, after: int) -> bool:
        """Take in the pack that comes after pack ``after`` (0 for none).

        False if the index is not there: another process has added to it or begun it anew.
        """
        with self._writing() as db:
            if self.last()[0] != after:
                return False
            damage = pack.damage or self._chain_damage(pack)
            for place, line in pack.records:
                try:
                    found = meta(line)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    damage = damage or f"it holds a line that is no record: {error}"
                    continue
                if isinstance(found, BlobMeta):
                    values = (found.sha256, *place)
                    db.execute("INSERT OR REPLACE INTO blobs VALUES (?,?,?,?,?,?)", values)
                elif found is not None:
                    self._add_snapshot(found, place)
            db.execute("INSERT INTO packs VALUES (?,?,?)", (pack.seq, pack.hash, damage))
            return True

    def _chain_damage(self, pack: Pack) -> str:
        before = self._all("SELECT hash FROM packs WHERE seq = ?", pack.seq - 1)
        if before and before[0][0] != pack.previous:
            return "it does not follow the pack before: one of the two is not the original"
        return ""

    def _add_snapshot(self, new: SnapshotMeta, place: Place) -> None:
        before = self.latest(new.device)
        base = self.find(new.device, new.base) if new.base else None
        number = before.entry.number + 1 if before else 1
        row = (
            new.device,
            new.id,
            new.settings,
            msgspec.json.encode(new.facts),
            new.items,
            len(new.gaps) if new.gaps is not UNSET else base.entry.gaps if base else 0,
            before is not None and before.entry.settings == new.settings,
            number,
            new.base,
            base.depth + 1 if base else 0,
            base.weight + (place.size if new.id != new.base else 0) if base else 0,
            *place,
        )
        marks = ",".join("?" * len(row))
        self._db.execute(f"INSERT INTO snapshots ({_COLUMNS}) VALUES ({marks})", row)

    # blobs

    def blob(self, sha256: str) -> Place | None:
        """Where this content is."""
        rows = self._all("SELECT * FROM blobs WHERE sha256 = ?", sha256)
        return Place(*rows[0][1:]) if rows else None

    # snapshots

    def devices(self) -> list[str]:
        """The devices that have a snapshot, by name."""
        rows = self._all("SELECT DISTINCT device FROM snapshots ORDER BY device")
        return [str(row[0]) for row in rows]

    def history(self, device: str) -> list[Row]:
        """All snapshots of a device, newest first."""
        return self._rows("device = ? ORDER BY number DESC", device)

    def latest(self, device: str) -> Row | None:
        """The newest snapshot of a device."""
        return _first(self._rows("device = ? ORDER BY number DESC LIMIT 1", device))

    def find(self, device: str, id: str, before: int = 2**62) -> Row | None:
        """The newest snapshot of a device with this id, of those with a smaller number."""
        where = "id = ? AND device = ? AND number < ? ORDER BY number DESC LIMIT 1"
        return _first(self._rows(where, id, device, before))

    def at(self, device: str, number: int) -> Row | None:
        """The snapshot with this number."""
        return _first(self._rows("device = ? AND number = ?", device, number))

    def with_prefix(self, prefix: str) -> list[Row]:
        """The newest snapshot of each id that begins so, at most 10 of them."""
        where = "id >= ? AND id < ? GROUP BY id HAVING number = MAX(number) LIMIT 10"
        return self._rows(where, prefix, prefix + "g")

    def _rows(self, where: str, *values: object) -> list[Row]:
        return [
            self._row(*row)
            for row in self._all(f"SELECT {_COLUMNS} FROM snapshots WHERE {where}", *values)
        ]

    def _row(
        self,
        device: str,
        id: str,
        settings: str,
        facts: bytes,
        items: int,
        gaps: int,
        unchanged: int,
        number: int,
        base: str,
        depth: int,
        weight: int,
        *place: int,
    ) -> Row:
        read = self._facts(facts)
        entry = Entry(device, id, settings, read, items, gaps, bool(unchanged), number)
        return Row(entry, base, depth, weight, Place(*place))


def _first(rows: list[Row]) -> Row | None:
    return rows[0] if rows else None
