"""What the disk may say: one clear line, nothing lost of what was kept, nothing half-kept seen."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.core.faulty_os import STEPS, FaultyOs

from goldcopy.errors import GoldcopyError, VaultDamaged, VaultUnavailable, Wrong
from goldcopy.snapshot import Identity, Item, Snapshot
from goldcopy.vault import Facts, Vault, folder

FACTS = Facts(datetime(2026, 11, 24, tzinfo=UTC), 1.5, 7, 900)


def snapshot(value: int) -> Snapshot:
    return Snapshot.of("mixer", "s7", Identity(), [Item("a", "tag", "DINT", value)])


def test_the_steps_of_a_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faulty = FaultyOs(0, lambda name: None)
    monkeypatch.setattr(folder, "os", faulty)
    folder.publish(tmp_path / "x", [b"1", b"2", b"3"])
    assert faulty.calls == STEPS
    assert (tmp_path / "x").read_bytes() == b"123"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT])
@pytest.mark.parametrize("step", range(1, len(STEPS) + 1))
async def test_a_fault_at_any_step_of_a_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int, number: int
) -> None:
    vault = Vault.create(tmp_path / "vault")
    async with vault.writing() as writer:
        first = (await writer.keep(snapshot(1), FACTS)).entry

        def fail(name: str) -> None:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(folder, "os", FaultyOs(step, fail))
        with pytest.raises(VaultUnavailable, match=r"00000002\.pack: ") as failed:
            await writer.keep(snapshot(2), FACTS)
        assert "\n" not in str(failed.value)
        monkeypatch.undo()
        # What was not reported does not appear, neither here nor to others; no debris is left.
        assert [path.name for path in (vault.path / "packs").iterdir()] == ["00000001.pack"]
        reader = Vault.open(vault.path)
        assert (reader.log("mixer"), reader.doubts) == ([first], [])
        reader.close()
        # The disk has recovered: the same run goes on.
        third = (await writer.keep(snapshot(3), FACTS)).entry
    assert vault.log("mixer") == [third, first]
    assert vault.doubts == []
    assert vault.load(third).id == snapshot(3).id


async def test_short_writes_are_written_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Short:
        def __getattr__(self, name: str) -> Any:  # noqa: ANN401
            return getattr(os, name)

        def write(self, file: int, data: memoryview) -> int:
            return os.write(file, data[:7])

    vault = Vault.create(tmp_path / "vault")
    monkeypatch.setattr(folder, "os", Short())
    async with vault.writing() as writer:
        await writer.keep(snapshot(1), FACTS)
    (vault.path / "index.sqlite").unlink()
    again = Vault.open(vault.path)
    assert again.load("mixer").id == snapshot(1).id
    assert again.doubts == []


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP])
async def test_a_disk_without_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    class NoLinks:
        def __getattr__(self, name: str) -> Any:  # noqa: ANN401
            return getattr(os, name)

        def link(self, *_: Path) -> None:
            raise OSError(number, "no links")

    vault = Vault.create(tmp_path / "vault")
    monkeypatch.setattr(folder, "os", NoLinks())
    async with vault.writing() as writer:
        await writer.keep(snapshot(1), FACTS)
        await writer.keep(snapshot(2), FACTS)
    assert sorted(p.name for p in (vault.path / "packs").iterdir()) == [
        "00000001.pack",
        "00000002.pack",
    ]
    assert vault.load("mixer").id == snapshot(2).id


async def test_a_temporary_that_cannot_be_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(name: str) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    vault = Vault.create(tmp_path / "vault")
    async with vault.writing() as writer:
        with monkeypatch.context() as patch:
            at = STEPS.index("link") + 2
            patch.setattr(folder, "os", FaultyOs(at, refuse, ["unlink"]))
            await writer.keep(snapshot(1), FACTS)
        await writer.keep(snapshot(2), FACTS)
    packs = vault.path / "packs"
    assert (packs / ".00000001.pack.tmp").exists()
    assert (vault.load("mixer").id, vault.doubts) == (snapshot(2).id, [])
    async with vault.writing():  # the next writer clears it away
        assert sorted(path.name for path in packs.iterdir()) == ["00000001.pack", "00000002.pack"]


async def test_a_share_that_cannot_sync_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def invalid(name: str) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    vault = Vault.create(tmp_path / "vault")
    async with vault.writing() as writer:
        monkeypatch.setattr(folder, "os", FaultyOs(STEPS.index("fsync", 5) + 1, invalid))
        await writer.keep(snapshot(1), FACTS)
    assert vault.load("mixer").id == snapshot(1).id


async def test_a_pack_is_never_overwritten(tmp_path: Path) -> None:
    vault = Vault.create(tmp_path / "vault")
    async with vault.writing() as writer:
        await writer.keep(snapshot(1), FACTS)
        stranger = vault.path / "packs/00000002.pack"
        shutil.copy(vault.path / "packs/00000001.pack", stranger)  # an own pack, renamed
        with pytest.raises(VaultDamaged, match=r"00000002\.pack is there already.*move it out"):
            await writer.keep(snapshot(2), FACTS)
        assert stranger.read_bytes() == (vault.path / "packs/00000001.pack").read_bytes()
        assert len(vault.log("mixer")) == 1
        assert vault.doubts == [f"{stranger} is no part of this vault: move it away"]
        stranger.unlink()
        await writer.keep(snapshot(2), FACTS)
    assert len(vault.log("mixer")) == 2


FULL = """
import asyncio, resource, sys
from datetime import datetime, UTC
from goldcopy.errors import VaultUnavailable
from goldcopy.snapshot import Identity, Item, Snapshot
from goldcopy.vault import Facts, Vault

async def main():
    # No file may grow beyond this: the index hits it first, then a pack.
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    vault = Vault.open(sys.argv[1])
    facts = Facts(datetime(2026, 11, 24, tzinfo=UTC), 1.5, 7, 900)
    async with vault.writing() as writer:
        for n in range(300):
            import random
            block = random.Random(n).randbytes(400 * n)
            items = [Item("a", "tag", "DINT", n), Item("OB1", "block", "BYTES", block)]
            snapshot = Snapshot.of("mixer", "s7", Identity(), items)
            try:
                kept = await writer.keep(snapshot, facts)
            except VaultUnavailable as error:
                print("error", error)
                return
            print("kept", kept.entry.id)

asyncio.run(main())
"""


def test_a_real_limit_of_the_disk(tmp_path: Path) -> None:
    Vault.create(tmp_path / "vault").close()
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "vault")],
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
    )
    *kept, error = done.stdout.splitlines()
    assert len(kept) > 100
    assert error.startswith("error ")
    assert "the limit on file sizes (ulimit -f) is reached" in error
    vault = Vault.open(tmp_path / "vault")
    assert vault.doubts == []
    assert [f"kept {entry.id}" for entry in reversed(vault.log("mixer"))] == kept
    assert all(vault.load(entry).id == entry.id for entry in vault.log("mixer"))


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A folder that another user can reach, which pytest's own are not."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@contextlib.contextmanager
def without_rights() -> Iterator[None]:
    """As a user to whom permissions apply: root steps down."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


async def test_a_vault_that_may_not_be_written_can_still_be_read(open_path: Path) -> None:
    vault = Vault.create(open_path / "vault")
    async with vault.writing() as writer:
        await writer.keep(snapshot(1), FACTS)
    vault.close()
    for path in (open_path / "vault", open_path / "vault/packs", open_path / "vault/keyring"):
        path.chmod(0o555)
    for name in ("vault.json", "index.sqlite", "writer.lock"):
        (open_path / "vault" / name).chmod(0o444)
    with without_rights():
        reader = Vault.open(open_path / "vault")
        assert reader.load("mixer").id == snapshot(1).id
        with pytest.raises(VaultUnavailable, match="no permission: run goldcopy as the owner"):
            async with reader.writing():
                pass
        with pytest.raises(VaultUnavailable, match="no permission"):
            Vault.create(open_path / "vault/inner")
    for path in (open_path / "vault", open_path / "vault/packs"):
        path.chmod(0o755)


async def test_a_vault_is_closed_to_other_users(open_path: Path) -> None:
    vault = Vault.create(open_path / "vault")
    vault.close()
    assert (open_path / "vault").stat().st_mode & 0o077 == 0
    if os.geteuid() == 0:
        with without_rights(), pytest.raises(VaultUnavailable, match="no permission"):
            Vault.open(open_path / "vault")


def make(path: Path, *files: str) -> Path:
    for name in files:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text("{}")
    return path


def test_what_is_no_vault(tmp_path: Path) -> None:
    cases: list[tuple[Path, type[GoldcopyError], str]] = [
        (tmp_path / "none", VaultUnavailable, "is not there: is its disk mounted"),
        (make(tmp_path / "a", "file") / "file", Wrong, "is a file, not a vault"),
        (make(tmp_path / "b", "file"), Wrong, "is not a vault: make one with goldcopy init"),
        (make(tmp_path / "c", "packs/00000001.pack"), VaultDamaged, "vault.json is missing"),
        (make(tmp_path / "d", "vault.json"), VaultDamaged, "vault.json is damaged"),
    ]
    for path, error, said in cases:
        with pytest.raises(error, match=said) as found:
            Vault.open(path)
        assert str(path) in str(found.value)
        assert "\n" not in str(found.value)


def test_a_vault_of_a_later_format(tmp_path: Path) -> None:
    Vault.create(tmp_path / "vault").close()
    marker = tmp_path / "vault/vault.json"
    marker.chmod(0o644)
    marker.write_text(marker.read_text().replace("goldcopy-vault/1", "goldcopy-vault/2"))
    with pytest.raises(Wrong, match="too old"):
        Vault.open(tmp_path / "vault")


def test_where_a_vault_can_be_made(tmp_path: Path) -> None:
    Vault.create(tmp_path / "new/deep").close()
    (tmp_path / "empty").mkdir()
    Vault.create(tmp_path / "empty").close()
    (tmp_path / "crashed/packs").mkdir(parents=True)  # a crash while it was made
    (tmp_path / "crashed/.vault.json.tmp").write_text("{")
    Vault.create(tmp_path / "crashed").close()
    for path, said in {
        tmp_path / "empty": "is a vault already",
        make(tmp_path / "home", "letter.txt"): "holds other files",
        make(tmp_path / "old", "packs/00000001.pack"): "holds other files",
        make(tmp_path / "x", "file") / "file": "is a file",
    }.items():
        with pytest.raises(Wrong, match=said):
            Vault.create(path)
    assert (tmp_path / "home/letter.txt").read_text() == "{}"
