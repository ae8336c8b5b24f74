"""The index is a cache: whatever becomes of it, what the packs hold is what is answered."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goldcopy.snapshot import Blob, Identity, Item, Snapshot
from goldcopy.vault import Entry, Facts, Vault

FACTS = Facts(datetime(2026, 11, 24, tzinfo=UTC), 1.5, 7, 900)
BLOCK = bytes(1000)


def snapshot(value: int) -> Snapshot:
    items = [Item(f"db/{n:02d}", "tag", "DINT", n * value if n < 2 else n) for n in range(40)]
    items.append(Item("OB1", "block", "BYTES", BLOCK))
    return Snapshot.of("mixer", "s7", Identity(), items)


async def fill(path: Path) -> list[Entry]:
    vault = Vault.create(path)
    async with vault.writing() as writer:
        entries = [(await writer.keep(snapshot(value), FACTS)).entry for value in (1, 2, 2)]
    vault.close()
    return entries


def forget(path: Path) -> None:
    for name in ("index.sqlite", "index.sqlite-wal", "index.sqlite-shm"):
        (path / name).unlink(missing_ok=True)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE snapshots SET start = start + 1",
        "UPDATE snapshots SET pack = 1, offset = 0",
        "UPDATE snapshots SET length = length - 5",
        "UPDATE snapshots SET id = X'ff' WHERE number = 1",
        "UPDATE snapshots SET depth = 0",
        "UPDATE blobs SET start = 5",
        "DELETE FROM snapshots WHERE number = 1",
    ],
)
async def test_the_index_is_never_believed_over_the_packs(tmp_path: Path, change: str) -> None:
    entries = await fill(tmp_path / "vault")
    database = sqlite3.connect(tmp_path / "vault/index.sqlite")
    with database:
        database.execute(change)
    database.close()
    vault = Vault.open(tmp_path / "vault")
    for entry in entries:
        assert vault.load(entry).id == entry.id
    assert vault.blob(Blob.of(BLOCK).sha256) == BLOCK
    vault.close()


@pytest.mark.parametrize("how", ["gone", "garbage", "empty", "torn", "folder", "other", "version"])
async def test_any_index_is_made_anew(tmp_path: Path, how: str) -> None:
    path = tmp_path / "vault"
    entries = await fill(path)
    index = path / "index.sqlite"
    if how == "garbage":
        index.write_bytes(b"garbage" * 1000)
    elif how == "empty":
        index.write_bytes(b"")
    elif how == "torn":
        index.write_bytes(index.read_bytes()[:4096] + bytes(8192))
    elif how == "version":
        database = sqlite3.connect(index)
        database.execute("PRAGMA user_version = 99")
        database.close()
    else:
        forget(path)
    if how == "folder":  # no file can be made there: the index lives in memory
        index.mkdir()
    elif how == "other":
        await fill(tmp_path / "other")
        shutil.copy(tmp_path / "other/index.sqlite", index)
    vault = Vault.open(path)
    assert vault.doubts == []
    assert vault.log("mixer") == entries[::-1]
    async with vault.writing() as writer:
        entries.append((await writer.keep(snapshot(3), FACTS)).entry)
    vault.close()
    vault = Vault.open(path)
    assert vault.log("mixer") == entries[::-1]
    assert [vault.load(entry).id for entry in entries] == [entry.id for entry in entries]
    vault.close()


async def test_an_index_that_breaks_while_it_is_used(tmp_path: Path) -> None:
    entries = await fill(tmp_path / "vault")
    vault = Vault.open(tmp_path / "vault")
    vault.catalog.read(lambda index: index._all("DROP TABLE snapshots"))  # noqa: SLF001
    assert vault.log("mixer") == entries[::-1]
    assert vault.devices() == ["mixer"]
    vault.close()


async def test_an_index_that_is_behind_catches_up(tmp_path: Path) -> None:
    path = tmp_path / "vault"
    entries = await fill(path)
    shutil.copy(path / "index.sqlite", tmp_path / "old")
    vault = Vault.open(path)
    async with vault.writing() as writer:
        for value in (3, 4):
            entries.append((await writer.keep(snapshot(value), FACTS)).entry)
    vault.close()
    forget(path)
    shutil.copy(tmp_path / "old", path / "index.sqlite")
    vault = Vault.open(path)
    assert vault.log("mixer") == entries[::-1]
    vault.close()
