"""A write-only collector whose disk fails, or whose machine loses power, at any step (issue 5).

Nothing that was reported is lost, nothing that was not reported appears but the one that was being
written, and the collector goes on without a reader; who has the reader's identity finds all whole.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest
from tests.core.collector_run import RUN, goes_on, seen
from tests.core.faulty_os import STEPS, FaultyOs
from tests.core.power_os import PowerOs, rebuilt
from tests.core.sealed_vault import CACHES, FACTS, SealedVault, snapshot

from goldcopy.errors import VaultUnavailable
from goldcopy.vault import Vault, folder


@pytest.fixture
async def sealed(tmp_path: Path) -> SealedVault:
    made = SealedVault(tmp_path / "vault")
    await made.night(0)
    return made


FAULTS = [errno.ENOSPC, errno.EIO]


@pytest.mark.parametrize("number", FAULTS, ids=["ENOSPC", "EIO"])
@pytest.mark.parametrize("at", range(1, len(RUN) * len(STEPS) + 1))
async def test_a_fault_at_every_call_of_a_run(
    sealed: SealedVault, monkeypatch: pytest.MonkeyPatch, at: int, number: int
) -> None:
    reported = seen(sealed.path, sealed.reader)
    failed = 0

    def fail(name: str) -> None:
        raise OSError(number, os.strerror(number))

    faulty = FaultyOs(at, fail)
    monkeypatch.setattr(folder, "os", faulty)
    vault = Vault.open(sealed.path)
    async with vault.writing() as writer:
        for step in RUN:
            try:
                reported.append(await step(writer))
            except VaultUnavailable:
                failed += 1
                assert seen(sealed.path, sealed.reader) == reported
    vault.close()
    monkeypatch.undo()
    assert failed == 1
    assert seen(sealed.path, sealed.reader) == reported
    await goes_on(sealed.path, sealed.reader, reported)


class FullAfter:
    """The ``os`` of a disk that takes so many bytes more, and then the half of what is written."""

    def __init__(self, room: int) -> None:
        self.room = room

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(os, name)

    def write(self, file: int, data: memoryview) -> int:
        if self.room <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        done = os.write(file, data[: max(1, min(len(data) // 2, self.room))])
        self.room -= done
        return done


@pytest.mark.parametrize("room", [1, 500, 700, 1500, 4000, 9000])
async def test_short_writes_on_a_disk_that_fills_up(
    sealed: SealedVault, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    reported = seen(sealed.path, sealed.reader)
    monkeypatch.setattr(folder, "os", FullAfter(room))
    vault = Vault.open(sealed.path)
    failed = 0
    async with vault.writing() as writer:
        for step in RUN * 3:
            try:
                reported.append(await step(writer))
            except VaultUnavailable as error:
                assert "no space" in str(error)  # noqa: PT017 - some are kept, some are not
                failed += 1
    vault.close()
    monkeypatch.undo()
    assert failed
    await goes_on(sealed.path, sealed.reader, reported)


@pytest.mark.parametrize("index", ["lost", "stale"])
async def test_a_loss_of_power_after_every_call(
    sealed: SealedVault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index: str
) -> None:
    reported = seen(sealed.path, sealed.reader)
    before = len(reported)
    stale = sealed.path / "index.sqlite"
    shutil.copy(stale, tmp_path / "stale")
    power = PowerOs(sealed.path, reported)
    monkeypatch.setattr(folder, "os", power)
    vault = Vault.open(sealed.path)
    async with vault.writing() as writer:
        for step in RUN:
            reported.append(await step(writer))
    vault.close()
    monkeypatch.undo()
    assert seen(sealed.path, sealed.reader) == reported
    assert len(reported) == before + len(RUN)
    assert len(power.disks) > 2 * 10 * len(RUN)
    done = set()
    for number, disk in enumerate(power.disks):
        state = (disk.reported, *sorted((str(k), v) for k, v in disk.files.items()))
        if state in done:
            continue
        done.add(state)
        path = tmp_path / f"after{number}"
        rebuilt(disk, sealed.path, path)
        if index == "stale":
            shutil.copy(tmp_path / "stale", path / "index.sqlite")
        found = seen(path, sealed.reader)
        assert found[: disk.reported] == reported[: disk.reported], number
        assert found == reported[: len(found)], number
        assert len(found) <= disk.reported + 1, number
        await goes_on(path, sealed.reader, found)
        assert not list((path / "packs").glob(".*"))
    assert len(done) > 2 * len(RUN)


async def test_a_collector_that_was_killed_before_it_could_remember(sealed: SealedVault) -> None:
    """The pack is there, and the index never heard what is in it: nothing is told against it."""
    shutil.copy(sealed.path / "index.sqlite", sealed.path / "old")
    await sealed.night(1)
    for name in CACHES:
        (sealed.path / name).unlink(missing_ok=True)
    (sealed.path / "old").rename(sealed.path / "index.sqlite")
    vault = Vault.open(sealed.path)
    assert len(vault.log("mixer")) == 1
    assert vault.sealed
    vault.close()
    before = seen(sealed.path, sealed.reader)
    assert len(before) == 4
    await goes_on(sealed.path, sealed.reader, before)


async def test_another_process_that_cannot_read_indexes_the_pack_first(
    sealed: SealedVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``goldcopy log`` between the pack's getting its name and the collector's taking it in."""
    before = seen(sealed.path, sealed.reader)
    real = folder.sync_folder
    other = Vault.open(sealed.path)

    def quicker(path: Path) -> None:
        real(path)
        if path.name == "packs":
            other.catalog.refresh()

    monkeypatch.setattr(folder, "sync_folder", quicker)
    vault = Vault.open(sealed.path)
    async with vault.writing() as writer:
        for night in (1, 2, 3):
            kept = await writer.keep(snapshot("mixer", night), FACTS)
            assert kept.entry.id == snapshot("mixer", night).id
            assert kept.entry.number == night + 1
            before.append(kept.entry.id)
    assert [entry.number for entry in other.log("mixer")] == [4, 3, 2, 1]
    rows = vault.catalog.read(lambda index: index.history("mixer"))
    assert [row.depth for row in rows] == [3, 2, 1, 0]  # it went on remembering
    other.close()
    vault.close()
    assert seen(sealed.path, sealed.reader) == before


async def test_nobody_else_can_read_what_a_collector_keeps(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        made = SealedVault(tmp_path / "vault")
        await made.fill()
    finally:
        os.umask(old)
    open_vault = made.open(reading=False)  # with its write-ahead log in place
    assert open_vault.devices()
    for path in [made.path, *made.path.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        public = path.suffix in (".pack", ".json")
        assert mode & 0o077 == (0o044 if public else 0), path  # sealed, or meant for others
        assert not public or mode & 0o222 == 0
    open_vault.close()
