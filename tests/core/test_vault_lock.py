"""One process writes at a time; it is known who; nobody who reads has to wait."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goldcopy.errors import VaultUnavailable
from goldcopy.snapshot import Identity, Item, Snapshot
from goldcopy.vault import Facts, Vault

FACTS = Facts(datetime(2026, 11, 24, tzinfo=UTC), 1.5, 7, 900)
HOLD = """
import asyncio, sys
from goldcopy.vault import Vault

async def main():
    async with Vault.open(sys.argv[1]).writing(by="anna@night") as writer:
        print("held", flush=True)
        await asyncio.to_thread(sys.stdin.readline)

asyncio.run(main())
"""


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault.create(tmp_path / "vault")


@pytest.fixture
def other(vault: Vault) -> Iterator[subprocess.Popen[str]]:
    """A second process that has the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(vault.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()
    process.stdin.close()


async def one(vault: Vault) -> None:
    async with vault.writing() as writer:
        item = Item("a", "tag", "DINT", 1)
        await writer.keep(Snapshot.of("mixer", "s7", Identity(), [item]), FACTS)


async def test_a_second_process_is_told_who_writes(
    vault: Vault, other: subprocess.Popen[str]
) -> None:
    today = datetime.now().astimezone().strftime("%Y-%m-%d")
    said = rf"written by process {other.pid} \(anna@night\) since {today} \d\d:\d\d:\d\d: wait"
    with pytest.raises(VaultUnavailable, match=said) as held:
        await one(vault)
    assert "\n" not in str(held.value)
    assert vault.devices() == []
    Vault.open(vault.path).close()
    assert other.poll() is None


READ = """
import sys
from goldcopy.vault import Vault

seen = 0
while seen < 60:  # the writer's last
    vault = Vault.open(sys.argv[1])
    assert vault.doubts == [], vault.doubts
    for device in vault.devices():
        entries = vault.log(device)
        assert [entry.number for entry in entries] == list(range(len(entries), 0, -1))
        assert vault.load(entries[0]).by_path["a"].value == entries[0].number
        assert entries[0].number >= seen
        seen = entries[0].number
    vault.close()
"""


@pytest.fixture
def readers(vault: Vault) -> Iterator[list[subprocess.Popen[str]]]:
    command = [sys.executable, "-c", READ, str(vault.path)]
    some = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    yield some
    for reader in some:
        reader.kill()
        reader.communicate()


async def test_others_read_while_one_writes(
    vault: Vault, readers: list[subprocess.Popen[str]]
) -> None:
    """Several at once, who also make the index anew while it is being written to."""
    async with vault.writing() as writer:
        for value in range(1, 61):
            snapshot = Snapshot.of("mixer", "s7", Identity(), [Item("a", "tag", "DINT", value)])
            await writer.keep(snapshot, FACTS)
            if value % 20 == 10:
                for name in ("index.sqlite", "index.sqlite-wal", "index.sqlite-shm"):
                    (vault.path / name).unlink(missing_ok=True)
            await asyncio.sleep(0.01)
    for reader in readers:
        _, errors = await asyncio.to_thread(reader.communicate, timeout=50)
        assert (reader.returncode, errors) == (0, "")
    assert len(vault.log("mixer")) == 60


async def test_the_lock_of_a_process_that_was_killed_is_free(
    vault: Vault, other: subprocess.Popen[str]
) -> None:
    os.kill(other.pid, signal.SIGKILL)
    await asyncio.to_thread(other.wait)
    await one(vault)
    assert vault.devices() == ["mixer"]


async def test_two_writers_in_one_process_exclude_each_other(vault: Vault) -> None:
    async with vault.writing(by="me@here"):
        with pytest.raises(VaultUnavailable, match=rf"process {os.getpid()} \(me@here\)"):
            await one(Vault.open(vault.path))
    await one(vault)


async def test_who_holds_it_but_has_not_said_so_yet(vault: Vault) -> None:
    async with vault.writing():
        (vault.path / "writer.lock").write_bytes(b"{")
        with pytest.raises(VaultUnavailable, match="written by another process: wait"):
            await one(vault)
