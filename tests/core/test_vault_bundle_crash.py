"""Bundles: killed, or a disk that fails, at any step; never half a file, and done again."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.core.bundled_site import Site, exported, wanted
from tests.core.dying_os import DyingOs, Killed
from tests.core.faulty_os import FaultyOs
from tests.core.replica_vault import tree

from goldcopy.errors import VaultUnavailable
from goldcopy.vault import Vault, folder
from goldcopy.vault.bundle import prove
from goldcopy.vault.merge import import_


def steps_until_done(tmp_path: Path, bundle: Path, prepared: Path | None) -> Iterator[Path]:
    """A folder for each step at which an import can be killed; the last one was not."""
    for at in range(1, 400):
        there = tmp_path / f"there{at}"
        if prepared is not None:
            shutil.copytree(prepared, there)
        with pytest.MonkeyPatch.context() as patch, contextlib.suppress(Killed):
            patch.setattr(folder, "os", dying := DyingOs(at))
            import_(bundle, there)
        yield there
        if dying.left > 0:
            assert at > 20
            return
    raise AssertionError


@pytest.mark.parametrize(
    ("before", "span", "end"),
    [
        (None, (1, 2), 2),
        ((1, 3), (2, 7), 7),
        (None, (3, 5), 0),  # waits
        ((3, 5), (1, 2), 5),  # what has waited follows
    ],
)
def test_killed_at_any_step(
    site: Site,
    tmp_path: Path,
    before: tuple[int, int] | None,
    span: tuple[int, int],
    end: int,
) -> None:
    prepared = tmp_path / "prepared" if before else None
    if before and prepared:
        import_(site.bundles[before], prepared)
    source = wanted(site.path)
    for there in steps_until_done(tmp_path, site.bundles[span], prepared):
        assert wanted(there).items() <= source.items()  # never half a file
        if (there / "vault.json").exists():
            vault = Vault.open(there)
            assert vault.doubts == []
            vault.close()
        receipt = import_(site.bundles[span], there)
        assert (receipt.after[0], receipt.trouble) == (end, ())
        import_(site.bundles[1, 7], there)
        assert wanted(there) == source
        assert not [name for name in tree(there) if name.endswith((".tmp", ".bundle"))]
        shutil.rmtree(there)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_fails_at_any_step(site: Site, tmp_path: Path, number: int) -> None:
    def fail(name: str) -> None:
        raise OSError(number, os.strerror(number))

    said: list[str] = []
    for at in range(1, 400):
        there = tmp_path / f"there{at}"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(folder, "os", faulty := FaultyOs(at, fail))
            try:
                import_(site.bundles[1, 2], there)
            except VaultUnavailable as error:
                said.append(str(error))
        assert wanted(there).items() <= wanted(site.path).items()
        assert not [name for name in tree(there) if name.endswith(".tmp")]
        assert import_(site.bundles[1, 2], there).after[0] == 2
        shutil.rmtree(there)
        if len(faulty.calls) < at:
            assert at > 30
            assert all(str(tmp_path) in words and "\n" not in words for words in said)
            assert len(said) == at - 1
            return
    raise AssertionError


def test_an_export_that_was_killed_is_done_again(site: Site, tmp_path: Path) -> None:
    for at in range(1, 200):
        out = tmp_path / f"out{at}"
        out.mkdir()
        done = True
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(folder, "os", DyingOs(at))
            try:
                exported(site.path, out, 4)
            except Killed:
                done = False
        if not done and not list(out.glob("*.bundle")):
            exported(site.path, out, 4)
        (bundle,) = out.iterdir() if not list(out.glob(".*")) else out.glob("*.bundle")
        assert prove(bundle).manifest.last == 7
        if done:
            break
    assert at > 10
