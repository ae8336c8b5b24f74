"""Bundles: a vault crosses a gap, whole, and nothing secret does."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.core.bundled_site import SECRET, Site, exported, keep, snapshot, wanted
from tests.core.replica_vault import tree

from goldcopy.errors import GoldcopyError, VaultDamaged, VaultUnavailable, Wrong
from goldcopy.vault import Vault
from goldcopy.vault.bundle import export, prove
from goldcopy.vault.lock import Lock
from goldcopy.vault.merge import import_
from goldcopy.vault.verify import verify


def test_a_vault_crosses_a_gap(site: Site, there: Path) -> None:
    receipt = import_(site.bundles[1, 7], there)
    vault = Vault.open(site.path)
    assert (receipt.vault, receipt.first, receipt.last) == (vault.id, 1, 7)
    assert (receipt.before, receipt.after) == ((0, ""), vault.head())
    assert (list(receipt.new), receipt.there) == (
        [
            *(f"keyring/000{n}.json" for n in (1, 2, 3)),
            "vault.json",
            *(f"packs/0000000{n}.pack" for n in range(1, 8)),
        ],
        0,
    )
    assert (receipt.waiting, receipt.missing, receipt.trouble) == ((), None, ())
    vault.close()
    assert wanted(there) == wanted(site.path)
    assert {name for name in tree(there)} - set(wanted(there)) == {"writer.lock"}
    copy = Vault.open(there, site.reader)
    assert [entry.id for entry in copy.log("mixer")] == [
        snapshot(value).id for value in (9, 3, 2, 1, 0)
    ]
    assert all(copy.load(entry).id == entry.id for entry in copy.log("mixer"))
    assert verify(copy).findings == ()
    copy.close()


async def test_a_copy_is_for_reading(site: Site, there: Path) -> None:
    import_(site.bundles[1, 7], there)
    with pytest.raises(Wrong, match="it is for reading"):
        await keep(there, 1)
    with pytest.raises(Wrong, match="it is for reading"):
        exported(there, site.root)


def test_nothing_secret_is_in_a_bundle(site: Site) -> None:
    data = site.bundles[1, 7].read_bytes()
    assert SECRET.encode() not in data
    for secret in (site.path / "collector").iterdir():
        assert secret.read_bytes() not in data
    names = [file.name for file in prove(site.bundles[1, 7]).manifest.files]
    assert set(names) == set(wanted(site.path))


def test_what_is_not_exported(site: Site, tmp_path: Path) -> None:
    target = exported(site.path, tmp_path / "x.bundle")
    vault = Vault.open(site.path)
    for since in (7, 8, -1):
        with pytest.raises(Wrong, match="ends with pack 7: there is nothing after pack"):
            export(vault, tmp_path, since)
    with pytest.raises(Wrong, match="a bundle is never overwritten"):
        export(vault, target)
    with pytest.raises(VaultUnavailable, match="is it"):
        export(vault, tmp_path / "no/such/folder/x")
    vault.close()
    copy = tmp_path / "copy"
    shutil.copytree(site.path, copy)
    (copy / "packs/00000003.pack").chmod(0o644)
    (copy / "packs/00000003.pack").write_bytes(b"x")
    with pytest.raises(VaultDamaged, match=r"00000003\.pack"):
        exported(copy, tmp_path / "y")
    assert not [name for name in tree(tmp_path) if ".tmp" in name or name == "y"]


def test_where_a_bundle_may_go(site: Site, tmp_path: Path, there: Path) -> None:
    there.mkdir()
    (there / "letter.txt").write_text("hello")
    with pytest.raises(Wrong, match="holds other files: choose the vault's, or a new or empty"):
        import_(site.bundles[1, 2], there)
    assert tree(there) == {"letter.txt": b"hello"}
    with pytest.raises(Wrong, match="is a file: a vault is a folder"):
        import_(site.bundles[1, 2], there / "letter.txt")
    with pytest.raises(VaultUnavailable, match="is not there"):
        import_(tmp_path / "none", tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_nobody_else_writes_meanwhile(site: Site, there: Path) -> None:
    import_(site.bundles[1, 2], there)
    lock = Lock(there)
    lock.take("anna@night")
    try:
        with pytest.raises(GoldcopyError, match="anna@night"):
            import_(site.bundles[1, 3], there)
    finally:
        lock.release()
    assert import_(site.bundles[1, 3], there).after[0] == 3
