"""Bundles that were changed, cut, signed by someone else, or of another vault: refused in words."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tests.core.bundled_site import Site, refused
from tests.core.replica_vault import VaultOfPacks

from goldcopy.errors import VaultDamaged, Wrong
from goldcopy.vault import SigningKey, Vault, waiting
from goldcopy.vault.bundle import export, prove
from goldcopy.vault.merge import import_


def test_every_flipped_bit_is_found(site: Site, tmp_path: Path, there: Path) -> None:
    good = site.bundles[2, 5].read_bytes()
    import_(site.bundles[1, 1], there)
    chance = random.Random(5)
    manifest = int(good[124:136].rstrip(b"\0 "), 8) + 1024
    spots = [*range(512), *chance.sample(range(512, manifest), 150)]
    spots += [
        *chance.sample(range(manifest, len(good) - 1024), 250),
        *range(len(good) - 20, len(good)),
    ]
    for at in spots:
        bad = bytearray(good)
        bad[at] ^= 1 << chance.randrange(8)
        (tmp_path / "bad").write_bytes(bad)
        with pytest.raises((VaultDamaged, Wrong)):
            prove(tmp_path / "bad")
    refused(tmp_path / "bad", there)
    signature = good.index(b'"signature":"', 512) + 13
    for at in range(signature, signature + 88):  # base64 has bits without meaning at its end
        for bit in range(8):
            bad = bytearray(good)
            bad[at] ^= 1 << bit
            (tmp_path / "bad").write_bytes(bad)
            with pytest.raises((VaultDamaged, Wrong)):
                prove(tmp_path / "bad")


def test_a_cut_or_longer_bundle(site: Site, tmp_path: Path, there: Path) -> None:
    good = site.bundles[1, 3].read_bytes()
    lengths = [0, 1, 511, 512, 513, len(good) - 1, len(good) - 512, len(good) - 1024]
    for length in [*lengths, *random.Random(1).sample(range(len(good)), 60)]:
        (tmp_path / "cut").write_bytes(good[:length])
        refused(tmp_path / "cut", there)
    for more in (b"\0", b"x" * 512, bytes(512)):
        (tmp_path / "long").write_bytes(good + more)
        assert "its end is missing, or something was put behind it" in refused(
            tmp_path / "long", there
        )
    (tmp_path / "other").write_bytes(b"PK\x03\x04" * 1000)
    assert "is no bundle of goldcopy" in refused(tmp_path / "other", there)


def test_a_bundle_signed_by_someone_else(site: Site, tmp_path: Path, there: Path) -> None:
    vault = Vault.open(site.path)
    forged = export(vault, tmp_path / "forged", 0, SigningKey()).path
    vault.close()
    assert "its manifest is not signed by a writer of the vault" in refused(forged, there)


def test_another_vaults_bundle(site: Site, tmp_path: Path, there: Path) -> None:
    other = VaultOfPacks(tmp_path / "other", 2)
    vault = Vault.open(other.path)
    bundle = export(vault, tmp_path, 0, other.writer).path
    vault.close()
    assert bundle.name == f"goldcopy-{other.id[:8]}-1-2.bundle"
    import_(site.bundles[1, 2], there)
    assert f"is of the vault {other.id}" in refused(bundle, there)


def test_a_copy_that_waits_is_proved(
    site: Site, there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stick that gives other bytes the second time."""
    import_(site.bundles[1, 1], there)
    data = site.bundles[4, 5].read_bytes()
    monkeypatch.setattr(waiting, "_chunks", lambda path: [data[:-1] + b"x"])
    with pytest.raises(VaultDamaged, match="its end is missing"):
        import_(site.bundles[4, 5], there)
    assert list((there / "waiting").iterdir()) == []
    monkeypatch.undo()
    assert import_(site.bundles[4, 5], there).waiting == ((4, 5),)


def test_a_damaged_pack_is_not_taken_for_a_fork(site: Site, there: Path) -> None:
    import_(site.bundles[1, 3], there)
    pack = there / "packs/00000002.pack"
    pack.chmod(0o644)
    good = pack.read_bytes()
    pack.write_bytes(good[:-1])
    assert f"{pack} is damaged (its content is not what its header says)" in refused(
        site.bundles[1, 4], there
    )
    pack.unlink()
    receipt = import_(site.bundles[1, 4], there)  # a hole is filled
    assert receipt.new == ("packs/00000002.pack", "packs/00000004.pack")
    assert pack.read_bytes() == good
