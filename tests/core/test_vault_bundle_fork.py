"""Bundles of two histories, or of writers and keyrings that do not count: no vault is mixed."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path

import pytest
from tests.core.bundled_site import Site, exported, keep, refused, wanted
from tests.core.replica_vault import VaultOfPacks

from goldcopy.errors import VaultDamaged
from goldcopy.vault import Vault, bundle, keyring, rotation
from goldcopy.vault.bundle import export
from goldcopy.vault.merge import import_


async def test_a_fork_is_refused(site: Site, tmp_path: Path, there: Path) -> None:
    fork = tmp_path / "fork"
    Vault.create(tmp_path / "vault", site.owner).close()
    await keep(tmp_path / "vault", 1)
    await keep(tmp_path / "vault", 2)
    shutil.copytree(tmp_path / "vault", fork)
    for path, value in ((tmp_path / "vault", 3), (fork, 4)):
        await keep(path, value)
        await keep(path, value + 2)
    import_(exported(tmp_path / "vault", tmp_path / "a"), there)
    for since in (0, 1, 2, 3):
        bundle = exported(fork, tmp_path / f"b{since}", since)
        assert "which is signed and whole as well: two collectors" in refused(bundle, there)
    # What waits is refused when its turn comes, and is left for a person to see.
    late = tmp_path / "late"
    import_(exported(fork, tmp_path / "c", 3), late)
    vault = Vault.open(tmp_path / "vault")
    assert vault.head()[0] == 4
    vault.close()
    receipt = import_(tmp_path / "a", late)
    assert receipt.after[0] == 4
    (trouble,) = receipt.trouble
    assert "two collectors" in trouble
    assert "it is left there" in trouble
    assert wanted(late) == wanted(tmp_path / "vault")


def two_histories(root: Path) -> tuple[VaultOfPacks, VaultOfPacks]:
    """One writer's two vaults, which have pack 1 in common; 4 packs in each."""
    one = VaultOfPacks(root / "one", 1)
    two = copy.copy(one)
    two.path = root / "two"
    shutil.copytree(one.path, two.path)
    for text in ("b", "c", "d"):
        one.write(text)
        two.write(text + text)
    return one, two


def span(vault: VaultOfPacks, root: Path, since: int) -> Path:
    opened = Vault.open(vault.path)
    try:
        return export(opened, root / f"{vault.path.name}-{since}", since, vault.writer).path
    finally:
        opened.close()


def test_a_history_does_not_go_on_as_another(tmp_path: Path, there: Path) -> None:
    one, two = two_histories(tmp_path)
    import_(span(one, tmp_path, 0), there)
    (there / "packs/00000004.pack").unlink()
    assert "00000003.pack, which is signed and whole" in refused(span(two, tmp_path, 3), there)
    # And a hole is not filled with what does not lead to what comes after it.
    for path in (two.pack(3), two.pack(4), *two.path.glob("index.*")):
        path.unlink()
    (there / "packs/00000002.pack").unlink()
    assert "00000003.pack, which is signed and whole" in refused(span(two, tmp_path, 1), there)


def test_a_bundle_of_two_histories(tmp_path: Path, there: Path) -> None:
    """As who has the writer's key could make it."""
    one, two = two_histories(tmp_path)
    (one.path / "packs/00000003.pack").unlink()
    shutil.copy(two.pack(3), one.pack(3))
    with pytest.raises(VaultDamaged, match="pack 3 does not follow the pack before it"):
        span(one, tmp_path, 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle, "_chain", lambda *_: None)
        made = span(one, tmp_path, 0)
    assert "pack 3 does not follow the pack before it" in refused(made, there)


def test_packs_of_a_writer_that_was_ended_do_not_come_in(site: Site, tmp_path: Path) -> None:
    """A bundle made by a thief with the old collector's key, or one that the owner disowned."""
    old = VaultOfPacks(tmp_path / "old", 2)
    new = tmp_path / "new"
    shutil.copytree(old.path, new)
    rotation.admit(new, old.owner, "new@host")
    old.write()
    vault = Vault.open(old.path)
    bundle = export(vault, tmp_path / "late", 2, old.writer).path
    vault.close()
    assert "by keyring 2 its pack 3 does not count" in refused(bundle, new)
    disowning = exported(new, tmp_path / "disowning")
    assert f"by its keyring 2 pack 3 of {old.path} does not count" in refused(disowning, old.path)
    ring, _ = keyring.read(old.path, old.owner.public)
    assert ring.number == 1


def test_two_keyrings_with_one_number(tmp_path: Path, there: Path) -> None:
    one = VaultOfPacks(tmp_path / "one", 2)
    two = tmp_path / "two"
    shutil.copytree(one.path, two)
    for path in (one.path, two):
        keyring.write(path, one.owner, [], [keyring.Writer("collector", one.writer.public)])
    vault = Vault.open(one.path)
    import_(export(vault, tmp_path / "a", 0, one.writer).path, there)
    vault.close()
    vault = Vault.open(two)
    bundle = export(vault, tmp_path / "b", 0, one.writer).path
    vault.close()
    assert "or the owner has signed both" in refused(bundle, there)
