"""Packs of strangers and of writers that have left, and keyrings that nobody has signed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.core.sealed_vault import SealedVault
from tests.core.tampered_vault import PACKS, findings, forge, own_key, put

from goldcopy.errors import VaultDamaged
from goldcopy.vault import SigningKey, Vault, keyring


async def test_a_pack_of_a_stranger(sealed: SealedVault) -> None:
    for key in (SigningKey(), sealed.owner):  # the owner says who may write, and may not itself
        forged = forge(sealed, key, PACKS + 1)
        (said,) = findings(sealed.path)
        assert "not one whose packs count" in said
        forged.unlink()
    forge(sealed, own_key(sealed), PACKS + 1)
    assert findings(sealed.path) == []


async def test_a_pack_that_names_the_writers_key_and_is_signed_by_another(
    sealed: SealedVault,
) -> None:
    class Borrowed(SigningKey):
        """Signs with its own key, and shows another's."""

        def __init__(self, shown: str) -> None:
            super().__init__()
            self.public = shown

    forge(sealed, Borrowed(own_key(sealed).public), PACKS + 1)
    (said,) = findings(sealed.path)
    assert "not what its writer has signed" in said


async def test_packs_of_a_writer_that_has_left(sealed: SealedVault) -> None:
    """A key that was stolen after it was retired can add nothing, and change nothing."""
    key = own_key(sealed)
    vault = sealed.open(reading=False)
    keyring.write(
        sealed.path, sealed.owner, vault.ring.recipients, keyring.ended(vault.ring, PACKS)
    )
    vault.close()
    assert findings(sealed.path) == []
    forge(sealed, key, PACKS + 1)
    assert any("not one whose packs count" in finding for finding in findings(sealed.path))


async def test_another_owner_put_under_the_same_packs(sealed: SealedVault, tmp_path: Path) -> None:
    """Marker, keyring and owner made anew: the packs still say whose vault they are of."""
    theirs = SealedVault(tmp_path / "theirs")
    for name in ("vault.json", "keyring/0001.json"):
        put(sealed.path / name, (theirs.path / name).read_bytes())
    (sealed.path / "keyring/0002.json").unlink()
    found = findings(sealed.path)
    assert all(any(file.name in finding for finding in found) for file in sealed.packs())
    # With the old id in vault.json it cannot even be opened.
    marker = json.loads((theirs.path / "vault.json").read_text())
    vault_id = json.loads(sealed.packs()[0].read_bytes().partition(b"\n")[0])["vault"]
    put(sealed.path / "vault.json", json.dumps({**marker, "vault": vault_id}).encode() + b"\n")
    with pytest.raises(VaultDamaged, match="names an owner that is not this vault's"):
        Vault.open(sealed.path)


async def test_a_keyring_that_was_put_back(sealed: SealedVault) -> None:
    second = sealed.path / "keyring/0002.json"
    aside = second.read_bytes()
    second.unlink()
    found = findings(sealed.path)
    assert any("written under keyring 2" in finding for finding in found)
    vault = sealed.open(reading=False)
    with pytest.raises(VaultDamaged, match="keyring 2"):
        async with vault.writing():
            pass  # it would seal to a recipient that was removed
    vault.close()
    put(second, aside)
    assert findings(sealed.path) == []


async def test_a_keyring_that_nobody_has_signed(sealed: SealedVault) -> None:
    second = sealed.path / "keyring/0002.json"
    statement, _, _ = second.read_bytes().partition(b"\n")
    fields = json.loads(statement)
    thief = SigningKey()
    fields["writers"].append({"name": "thief", "key": thief.public})
    line = json.dumps(fields, separators=(",", ":")).encode()
    put(second, line + b"\n" + json.dumps({"signature": thief.sign(line)}).encode() + b"\n")
    assert findings(sealed.path)
    # As a third one, by another owner.
    fields |= {"number": 3}
    third = sealed.path / "keyring/0003.json"
    put(second, statement + b"\n" + line)
    put(third, line + b"\n" + json.dumps({"signature": thief.sign(line)}).encode() + b"\n")
    assert findings(sealed.path)
