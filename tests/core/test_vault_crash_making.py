"""The making of a vault: cut short, on a disk that fails, or by a loss of power; made again."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.core.dying_os import Killed
from tests.core.faulty_os import FaultyOs
from tests.core.power_os import PowerOs

from goldcopy.errors import VaultUnavailable
from goldcopy.vault import Reader, Vault, folder
from goldcopy.vault.verify import verify


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
