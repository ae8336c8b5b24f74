"""A write-only collector whose disk fails, or whose machine loses power, at any step (issue 5).

Nothing that was reported is lost, nothing that was not reported appears but the one that was being
written, and the collector goes on without a reader; who has the reader's identity finds all whole.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.core.sealed_vault import FACTS, SealedVault, snapshot
from tests.core.test_vault_disk import STEPS, FaultyOs

from goldcopy.errors import VaultUnavailable
from goldcopy.vault import Reader, Vault, Writer, folder
from goldcopy.vault.index import Index
from goldcopy.vault.verify import verify

CACHES = ("index.sqlite", "index.sqlite-wal", "index.sqlite-shm")
Step = Callable[[Writer], Any]


async def snapshot_of(writer: Writer, device: str, night: int) -> str:
    return (await writer.keep(snapshot(device, night), FACTS)).entry.id


async def note_of(writer: Writer, number: int) -> str:
    return (await writer.note("receipt", "mixer", {"number": number})).id


RUN: list[Step] = [
    lambda writer: snapshot_of(writer, "mixer", 1),
    lambda writer: note_of(writer, 1),
    lambda writer: snapshot_of(writer, "mixer", 2),
    lambda writer: snapshot_of(writer, "press", 1),
]


def seen(path: Path, reader: Reader) -> list[str]:
    """Ids of all that the vault's files tell who can read them, in order; all of it is proved.

    The vault's own folder is left as it is: its collector must not learn from this.
    """
    with tempfile.TemporaryDirectory() as aside:
        copied = Path(aside) / "vault"
        shutil.copytree(path, copied, ignore=shutil.ignore_patterns(*CACHES, "collector"))
        vault = Vault.open(copied, reader)
        try:
            assert vault.doubts == []
            proof = verify(vault, "full")
            assert proof.findings == ()
            rows = [
                (row.place, row.entry.id)
                for device in vault.devices()
                for row in vault.catalog.read(partial(Index.history, device=device))
            ]
            places = vault.catalog.read(lambda index: index.notes(None, None))
            rows += [(place, note.id) for place, note in zip(places, vault.notes(), strict=True)]
            assert proof.snapshots + proof.notes == len(rows)
            return [id for _, id in sorted(rows)]
        finally:
            vault.close()


async def goes_on(path: Path, reader: Reader, before: list[str]) -> None:
    """The collector, which cannot read, keeps more; all is whole then, and nothing has gone."""
    vault = Vault.open(path)
    new = []
    async with vault.writing() as writer:
        assert writer.latest("mixer") is None
        for night in (2, 3):
            new += [await snapshot_of(writer, device, night) for device in ("mixer", "press")]
        new.append(await note_of(writer, 9))
    assert vault.doubts == []
    vault.close()
    assert seen(path, reader) == before + new


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


class Disk(NamedTuple):
    """What is on a disk when the power fails, and how much had been reported by then."""

    files: dict[Path, bytes]
    reported: int


class PowerOs:
    """The ``os`` of a machine that may lose power after each call.

    What was not synced is lost, as POSIX allows: of a file its content, of a folder its names. Or
    the names have reached the disk by themselves, and the content has not.
    """

    CALLS = ("open", "write", "fsync", "link", "unlink", "rename", "close", "mkdir")

    def __init__(self, root: Path, reported: list[str]) -> None:
        self._root = root
        self._reported = reported
        self._content: dict[int, bytes] = {}
        self._names: dict[Path, dict[str, int]] = {}
        self.disks: list[Disk] = []
        for path in [root, *root.rglob("*")]:
            self._sync(path)
        self._remember()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        real = getattr(os, name)
        if name not in self.CALLS:
            return real

        def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            done = real(*args, **kwargs)
            if name == "open" and args[1] & os.O_CREAT:
                self._content.pop(os.fstat(done).st_ino, None)
            if name == "fsync":
                self._sync(Path(f"/proc/self/fd/{args[0]}").resolve())
            self._remember()
            return done

        return call

    def is_safe(self, path: Path) -> bool:
        """Whether a file, and all folders above it, would be found after a loss of power."""
        return all(
            one.name in self._names.get(one.parent, {})
            for one in [path, *path.parents]
            if self._root in one.parents
        )

    def _sync(self, path: Path) -> None:
        if path.is_dir():
            self._names[path] = {one.name: one.stat().st_ino for one in path.iterdir()}
        else:
            self._content[path.stat().st_ino] = path.read_bytes()

    def _remember(self) -> None:
        now = {
            path: {one.name: one.stat().st_ino for one in path.iterdir()}
            for path in [self._root, *self._root.rglob("*")]
            if path.is_dir()
        }
        for names in (self._names, now):
            files = {
                path / name: self._content.get(inode, b"")
                for path, there in names.items()
                for name, inode in there.items()
                if not (path / name).is_dir() and name not in CACHES
            }
            self.disks.append(Disk(files, len(self._reported)))


def rebuilt(disk: Disk, root: Path, path: Path) -> None:
    """The folder as it is found after the power has come back."""
    for name in ("packs", "keyring", "collector"):
        (path / name).mkdir(parents=True)
    for file, data in disk.files.items():
        (path / file.relative_to(root)).write_bytes(data)


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


def touched(path: Path) -> Iterator[Path]:
    return (one for one in path.rglob("*") if one.is_file())


class Dying(FaultyOs):
    """The process ends at a call: what comes behind it is never done."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        if len(self.calls) >= self._at and name not in ("path", "O_CREAT"):
            real = getattr(os, name)
            if name in ("open", "write", "fsync", "link", "unlink", "rename", "listdir"):
                raise Killed
            return real
        return super().__getattr__(name)


class Killed(BaseException):
    """Stands for ``kill -9``: no ``except`` of ours catches it."""


def test_a_vault_whose_making_is_cut_short_anywhere_can_be_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(name: str) -> None:
        raise Killed

    whole = 0
    for at in range(1, 100):
        path = tmp_path / f"vault{at}"
        dying = Dying(at, die)
        monkeypatch.setattr(folder, "os", dying)
        reader = Reader()
        try:
            Vault.create(path, recipients=reader.recipients).close()
            break
        except Killed:
            pass
        finally:
            monkeypatch.undo()
        if (path / "vault.json").exists():  # then all of it is there
            vault = Vault.open(path)
            whole += 1
        else:
            vault = Vault.create(path, recipients=reader.recipients)
        assert vault.doubts == []
        assert verify(vault, "quick").findings == ()
        vault.close()
        made = sorted(one.relative_to(path).as_posix() for one in touched(path))
        assert [name for name in made if not name.startswith(("index", ".vault.json"))] == [
            "collector/digests.key",
            "collector/writer.key",
            "keyring/0001.json",
            "vault.json",
        ]
    assert at > 30  # four files, and the folders
    assert whole


def test_a_disk_that_fails_while_a_vault_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(name: str) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    for at in range(1, 100):
        path = tmp_path / f"vault{at}"
        monkeypatch.setattr(folder, "os", FaultyOs(at, fail))
        try:
            Vault.create(path).close()
            break
        except VaultUnavailable:
            pass
        finally:
            monkeypatch.undo()
        Vault.create(path).close()
    assert at > 30


def test_a_loss_of_power_takes_no_vault_that_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    power = PowerOs(tmp_path, [])
    monkeypatch.setattr(folder, "os", power)
    Vault.create(tmp_path / "deep/vault").close()
    monkeypatch.undo()
    durable = power.disks[-2].files  # the last but one: only what was synced
    for name in (
        "vault.json",
        "keyring/0001.json",
        "collector/writer.key",
        "collector/digests.key",
    ):
        path = tmp_path / "deep/vault" / name
        assert power.is_safe(path), name
        assert durable[path] == path.read_bytes()


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
