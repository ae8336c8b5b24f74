"""A replica in a folder: whole or not at all, never over another file, whatever the disk does."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.core.dying_os import Killed
from tests.core.faulty_os import CachingDrive, FaultyOs
from tests.core.replica_vault import is_unfinished, tree

from goldcopy.errors import GoldcopyError, VaultDamaged, VaultUnavailable
from goldcopy.replica import folder
from goldcopy.replica.contract import is_ours
from goldcopy.replica.folder import Folder
from goldcopy.vault import folder as vault_folder

NAME = "packs/00000001.pack"
VAULT = "0123456789abcdef0123456789abcdef"


MORE = ("mkdir", "unlink")
"""Calls of a replica that can fail, besides those of a vault."""

# Two folders are made and their parents synced; the file; the link; the temporary; its folder.
MADE = ["mkdir", "open", "fsync", "close"]
STEPS = [
    *MADE,
    *MADE,
    "open",
    "write",
    "fsync",
    "close",
    "link",
    "unlink",
    "open",
    "fsync",
    "close",
]


def through(patch: pytest.MonkeyPatch, system: FaultyOs) -> None:
    """All that a replica does with files goes through this ``os``."""
    patch.setattr(folder, "os", system)
    patch.setattr(vault_folder, "os", system)


def replica(root: Path, seconds: float = 30.0) -> Folder:
    root.mkdir(exist_ok=True)
    return Folder("nas", root, VAULT, seconds)


async def test_what_was_put_can_be_got_and_listed(tmp_path: Path) -> None:
    async with replica(tmp_path / "nas") as nas:
        assert await nas.list() == {}
        await nas.put("vault.json", b"{}")
        await nas.put(NAME, b"one")
        await nas.put(NAME, b"one")
        assert await nas.list() == {"vault.json": 2, NAME: 3}
        assert await nas.get(NAME) == b"one"
    assert tree(tmp_path / "nas") == {f"{VAULT}/vault.json": b"{}", f"{VAULT}/{NAME}": b"one"}


async def test_another_file_is_never_overwritten(tmp_path: Path) -> None:
    async with replica(tmp_path / "nas") as nas:
        await nas.put(NAME, b"one")
        with pytest.raises(VaultDamaged, match=r"replica nas holds another packs/00000001\.pack"):
            await nas.put(NAME, b"two")
        assert await nas.get(NAME) == b"one"


async def test_a_mount_point_is_never_made(tmp_path: Path) -> None:
    with pytest.raises(VaultUnavailable, match="is it mounted"):
        async with Folder("nas", tmp_path / "mnt", VAULT, 30.0):
            pass
    assert not (tmp_path / "mnt").exists()


async def test_a_mount_that_goes_away_meanwhile(tmp_path: Path) -> None:
    async with replica(tmp_path / "nas") as nas:
        (tmp_path / "nas").rmdir()
        with pytest.raises(VaultUnavailable, match="is it mounted"):
            await nas.put(NAME, b"one")
    assert not (tmp_path / "nas").exists()


async def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    async with replica(tmp_path / "nas") as nas:
        with pytest.raises(VaultDamaged, match="replica nas has no packs/00000001"):
            await nas.get(NAME)


async def test_the_steps_of_a_put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faulty = FaultyOs(0, lambda name: None, MORE)
    through(monkeypatch, faulty)
    async with replica(tmp_path / "nas") as nas:
        await nas.put(NAME, b"one")
    assert faulty.calls == STEPS


@pytest.mark.parametrize("at", range(1, len(STEPS) + 1), ids=lambda n: f"{n}-{STEPS[n - 1]}")
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EACCES])
async def test_a_disk_that_fails_at_a_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, number: int
) -> None:
    def fail(_: str) -> None:
        raise OSError(number, os.strerror(number))

    async with replica(tmp_path / "nas") as nas:
        with monkeypatch.context() as patch:
            through(patch, FaultyOs(at, fail, MORE))
            (error,) = await asyncio.gather(nas.put(NAME, b"one"), return_exceptions=True)
        # Only the temporary's removal may fail unseen: the file is whole, and kept.
        failed = STEPS[at - 1] != "unlink"
        assert isinstance(error, VaultUnavailable) == failed
        assert str(error or "replica nas: ").startswith("replica nas: ")
        there = await nas.list()
        assert (NAME in there) == (not failed)
        assert all(is_unfinished(name) for name in there if name != NAME)
        await nas.put(NAME, b"one")
        assert await nas.get(NAME) == b"one"


@pytest.mark.parametrize("at", range(1, len(STEPS) + 1), ids=lambda n: f"{n}-{STEPS[n - 1]}")
async def test_a_writer_that_dies_at_a_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    dead = False

    class Dying(FaultyOs):
        def __getattr__(self, name: str) -> Any:  # noqa: ANN401
            call = super().__getattr__(name)
            if not callable(call):
                return call

            def or_dead(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
                if dead:  # what would clean up does not run any more
                    if name == "close":
                        os.close(*args)
                    raise Killed
                return call(*args, **kwargs)

            return or_dead

    def die(_: str) -> None:
        nonlocal dead
        dead = True
        raise Killed

    async with replica(tmp_path / "nas") as nas:
        with monkeypatch.context() as patch:
            through(patch, Dying(at, die, MORE))
            with pytest.raises(Killed):
                await nas.put(NAME, b"one")
        there = await nas.list()
        assert there.get(NAME, 3) == 3, "a reader saw half a file"
        assert all(is_unfinished(name) for name in there if not is_ours(name))
        await nas.put(NAME, b"one")
        assert await nas.get(NAME) == b"one"


@pytest.mark.parametrize("share", [False, True])
async def test_a_drive_with_a_cache_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: bool
) -> None:
    drive = CachingDrive(refuses=share)
    faulty = FaultyOs(0, lambda name: None)
    through(monkeypatch, faulty)
    monkeypatch.setattr(vault_folder, "fcntl", drive)
    async with replica(tmp_path / "nas") as nas:
        await nas.put("vault.json", b"{}")
    assert [is_unfinished(name) for name in drive.synced] == [True]
    assert faulty.calls.count("fsync") == (3 if share else 2)  # of folders, and the file


async def test_a_disk_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoLinks(FaultyOs):
        def link(self, *_: object) -> None:
            raise OSError(errno.EPERM, "Operation not permitted")

    through(monkeypatch, NoLinks(0, lambda name: None))
    async with replica(tmp_path / "nas") as nas:
        await nas.put(NAME, b"one")
        with pytest.raises(VaultDamaged):
            await nas.put(NAME, b"two")
        assert await nas.list() == {NAME: 3}


@pytest.mark.parametrize("contents", [(b"one", b"one"), (b"one", b"two")], ids=["same", "fork"])
async def test_two_at_once(tmp_path: Path, contents: tuple[bytes, bytes]) -> None:
    async with replica(tmp_path / "nas") as first, replica(tmp_path / "nas") as second:
        for n in range(1, 30):
            name = f"packs/{n:08d}.pack"
            results = await asyncio.gather(
                first.put(name, contents[0]), second.put(name, contents[1]), return_exceptions=True
            )
            refused = [one for one in results if one is not None]
            assert len(refused) == len(set(contents)) - 1
            assert all(isinstance(one, VaultDamaged) for one in refused)
            winner = results.index(None)
            assert await first.get(name) == contents[winner]
    assert not [name for name in tree(tmp_path) if name.endswith(".tmp")]


async def test_a_mount_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def hang(_: str) -> None:
        release.wait(30)

    async with replica(tmp_path / "nas", 0.05) as nas:
        with monkeypatch.context() as patch:
            through(patch, FaultyOs(STEPS.index("write") + 1, hang, MORE))
            with pytest.raises(VaultUnavailable, match="replica nas: no answer for"):
                await nas.put(NAME, b"one")
            assert NAME not in await nas.list()
            release.set()
        for _ in range(200):  # the thread that hung ends by itself, and does no harm
            if NAME in await nas.list():
                break
            await asyncio.sleep(0.01)
        await nas.put(NAME, b"one")


async def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    async with replica(tmp_path / "nas") as nas:
        await nas.put(NAME, b"one")
        monkeypatch.setattr(Path, "read_bytes", refuse)
        with pytest.raises(GoldcopyError, match=r"replica nas: .*no permission"):
            await nas.get(NAME)
