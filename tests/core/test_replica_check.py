"""Comparing replicas, and mending the vault from them: nothing is believed without proof."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.core.replica_vault import Fake, VaultOfPacks, tree

from goldcopy.errors import VaultUnavailable
from goldcopy.replica import state
from goldcopy.replica.check import Checked, check
from goldcopy.replica.repair import Repaired, repair
from goldcopy.replica.sync import sync
from goldcopy.vault.lock import Lock


@pytest.fixture
async def vault(tmp_path: Path) -> VaultOfPacks:
    return VaultOfPacks(tmp_path / "vault", 5)


@pytest.fixture
async def fake(vault: VaultOfPacks) -> Fake:
    fake = Fake()
    await sync(vault.path, {"fake": fake.opened})
    return fake


async def checked(vault: VaultOfPacks, fake: Fake, sample: int | None = None) -> Checked:
    return await check(vault.path, {"fake": fake.opened}, sample)


def kinds(found: Checked) -> list[tuple[str, str, str]]:
    return [(one.replica, one.name, one.kind) for one in found.findings]


def flip(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def spoil(vault: VaultOfPacks, seq: int) -> bytes:
    path = vault.pack(seq)
    path.chmod(0o644)
    path.write_bytes(flip(path.read_bytes()))
    return path.read_bytes()


async def mended(vault: VaultOfPacks, *fakes: Fake) -> list[Repaired]:
    return await repair(vault.path, {one.name: one.opened for one in fakes}, "me@here")


async def test_all_is_well_and_noted(vault: VaultOfPacks, fake: Fake) -> None:
    found = await checked(vault, fake)
    assert found == Checked([], {"fake": 7})
    assert state.lags(vault.path, ["fake"])[0].last.verified is not None


async def test_a_sample_has_the_newest_pack_and_is_not_called_verified(
    vault: VaultOfPacks, fake: Fake
) -> None:
    fake.files["packs/00000005.pack"] = flip(fake.files["packs/00000005.pack"])
    found = await checked(vault, fake, 1)
    assert kinds(found) == [("fake", "packs/00000005.pack", "damaged")]
    assert found.compared == {"fake": 1}
    fake.files = vault.content()
    assert await checked(vault, fake, 6) == Checked([], {"fake": 6})
    assert state.lags(vault.path, ["fake"])[0].last.verified is None


@pytest.mark.parametrize("name", ["vault.json", "keyring/0001.json", "packs/00000003.pack"])
async def test_a_copy_that_was_changed(vault: VaultOfPacks, fake: Fake, name: str) -> None:
    fake.files[name] = flip(fake.files[name])
    found = await checked(vault, fake)
    assert kinds(found) == [("fake", name, "damaged")]
    assert found.findings[0].doubtful
    assert state.lags(vault.path, ["fake"])[0].last.verified is None


async def test_it_is_the_vault_that_was_changed(vault: VaultOfPacks, fake: Fake) -> None:
    spoil(vault, 3)
    assert kinds(await checked(vault, fake)) == [("", "packs/00000003.pack", "damaged")]


async def test_behind_is_no_doubt_and_a_hole_is(vault: VaultOfPacks, fake: Fake) -> None:
    vault.write()
    found = await checked(vault, fake)
    assert kinds(found) == [("fake", "", "behind")]
    assert not found.findings[0].doubtful
    del fake.files["packs/00000002.pack"]
    found = await checked(vault, fake)
    assert ("fake", "packs/00000002.pack", "missing") in kinds(found)


async def test_rolled_back(vault: VaultOfPacks, fake: Fake) -> None:
    vault.pack(5).unlink()
    vault.pack(4).unlink()
    assert kinds(await checked(vault, fake)) == [("fake", "", "rollback")]


async def test_a_fork_of_one_writer(vault: VaultOfPacks, fake: Fake, tmp_path: Path) -> None:
    """The vault was put back from an old copy of its disk, and written on."""
    shutil.copytree(vault.path, tmp_path / "old")
    vault.write("one future")
    await sync(vault.path, {"fake": fake.opened})
    there = fake.files["packs/00000006.pack"]
    vault.pack(6).unlink()
    vault.seq, vault.last = 5, _hash_of(vault.pack(5))
    vault.write("another one")
    found = await checked(vault, fake)
    assert kinds(found) == [("fake", "packs/00000006.pack", "fork")]
    assert await mended(vault, fake) == []
    assert vault.pack(6).read_bytes() != there


def _hash_of(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


async def test_foreign_files_are_told(vault: VaultOfPacks, fake: Fake) -> None:
    fake.files |= {"note.txt": b"", "packs/.x.0a1b2c3d.tmp": b""}
    found = await checked(vault, fake)
    assert [(one.name, one.doubtful) for one in found.findings] == [
        ("note.txt", False),
        ("packs/.x.0a1b2c3d.tmp", False),
    ]


async def test_one_that_cannot_be_reached(vault: VaultOfPacks, tmp_path: Path) -> None:
    replicas = vault.in_folder(tmp_path / "nas")
    (tmp_path / "nas").rmdir()
    found = await check(vault.path, replicas)
    assert kinds(found) == [("nas", "", "unreachable")]
    assert not found.findings[0].doubtful
    with pytest.raises(VaultUnavailable, match="is it mounted"):
        await repair(vault.path, replicas, "me@here")


@pytest.mark.parametrize("seq", [1, 3, 5])
async def test_a_damaged_pack_is_mended_and_kept_aside(
    vault: VaultOfPacks, fake: Fake, seq: int
) -> None:
    whole = vault.content()
    bad = spoil(vault, seq)
    (done,) = await mended(vault, fake)
    assert (done.pack, done.replica) == (f"packs/{seq:08d}.pack", "fake")
    assert vault.content() == whole
    ((name, kept),) = tree(vault.path / "damaged").items()
    assert name.startswith(f"{seq:08d}.pack.")
    assert kept == bad
    assert name in done.words
    assert await mended(vault, fake) == []


@pytest.mark.parametrize("gone", [{1}, {3}, {4, 5}, {1, 2, 3, 4, 5}])
async def test_what_is_missing_is_fetched_the_end_too(
    vault: VaultOfPacks, fake: Fake, gone: set[int]
) -> None:
    whole = vault.content()
    for seq in gone:
        vault.pack(seq).unlink()
    done = await mended(vault, fake)
    assert [one.pack for one in done] == [f"packs/{seq:08d}.pack" for seq in sorted(gone)]
    assert vault.content() == whole
    assert not (vault.path / "damaged").exists()


async def test_a_bad_copy_is_never_taken(vault: VaultOfPacks, fake: Fake) -> None:
    bad = spoil(vault, 3)
    good = Fake("good")
    good.files = dict(fake.files)
    fake.files["packs/00000003.pack"] = bad
    (done,) = await mended(vault, fake)
    assert done.replica == ""
    assert "no replica has a good copy" in done.words
    assert vault.pack(3).read_bytes() == bad
    (done,) = await mended(vault, fake, good)
    assert done.replica == "good"


async def test_an_old_pack_under_the_newest_name_is_not_taken(
    vault: VaultOfPacks, fake: Fake
) -> None:
    vault.pack(5).unlink()
    fake.files["packs/00000005.pack"] = fake.files["packs/00000004.pack"]
    (done,) = await mended(vault, fake)
    assert done.replica == ""
    assert not vault.pack(5).exists()


async def test_a_pack_from_another_future_is_replaced_by_the_one_that_fits(
    vault: VaultOfPacks, fake: Fake
) -> None:
    """Signed by the right writer, in the right place, and yet the pack after it tells."""
    whole = vault.content()
    vault.pack(4).unlink()
    vault.seq, vault.last = 3, _hash_of(vault.pack(3))
    vault.write("written by a thief of the key")
    (done,) = await mended(vault, fake)
    assert (done.pack, done.replica) == ("packs/00000004.pack", "fake")
    vault.seq = 5
    assert vault.content() == whole


async def test_a_header_that_was_changed_is_no_fork(vault: VaultOfPacks, fake: Fake) -> None:
    name = "packs/00000005.pack"
    fake.files[name] = fake.files[name].replace(b"me@here", b"me@home")
    found = await checked(vault, fake)
    assert kinds(found) == [("fake", name, "damaged")]
    assert "not signed by a writer" in found.findings[0].words


async def test_a_pack_that_does_not_follow_is_not_taken(vault: VaultOfPacks, fake: Fake) -> None:
    """Signed, whole, with the right number, but of another history."""
    vault.pack(5).unlink()
    vault.seq, vault.last = 4, "0" * 64
    vault.write()
    fake.files["packs/00000005.pack"] = vault.pack(5).read_bytes()
    vault.pack(5).unlink()
    (done,) = await mended(vault, fake)
    assert done.replica == ""
    assert "does not follow packs/00000004.pack" in done.words
    assert not vault.pack(5).exists()


async def test_a_good_pack_is_not_blamed_for_the_one_after_it(
    vault: VaultOfPacks, fake: Fake
) -> None:
    whole = vault.content()
    vault.pack(5).unlink()
    vault.seq, vault.last = 4, "0" * 64
    vault.write()
    done = await mended(vault, fake)
    assert [(one.pack, one.replica) for one in done] == [("packs/00000005.pack", "fake")]
    assert vault.content() == whole


async def test_nobody_may_write_meanwhile(vault: VaultOfPacks, fake: Fake) -> None:
    lock = Lock(vault.path)
    lock.take("the night run")
    try:
        with pytest.raises(VaultUnavailable, match="the night run"):
            await mended(vault, fake)
    finally:
        lock.release()
    assert await mended(vault, fake) == []


def second_ring(vault: VaultOfPacks) -> None:
    """A new writer takes over, and writes."""
    from goldcopy.vault import keyring
    from goldcopy.vault.keys import SigningKey
    from goldcopy.vault.pack import Trust

    ring, _ = keyring.read(vault.path, vault.owner.public)
    vault.writer = SigningKey()
    writers = keyring.admit(ring, "new", vault.writer.public, vault.seq + 1)
    vault._trust = Trust(vault.id, keyring.write(vault.path, vault.owner, [], writers))  # noqa: SLF001
    vault.write()


async def test_a_vault_from_before_a_new_keyring(vault: VaultOfPacks, fake: Fake) -> None:
    second_ring(vault)
    await sync(vault.path, {"fake": fake.opened})
    whole = tree(vault.path / "packs") | tree(vault.path / "keyring")
    vault.pack(6).unlink()
    (vault.path / "keyring/0002.json").unlink()
    assert kinds(await checked(vault, fake)) == [("fake", "", "rollback")]
    done = await mended(vault, fake)
    assert [one.pack for one in done] == ["keyring/0002.json", "packs/00000006.pack"]
    assert tree(vault.path / "packs") | tree(vault.path / "keyring") == whole


async def test_a_lost_keyring_alone_is_told(vault: VaultOfPacks, fake: Fake) -> None:
    second_ring(vault)
    await sync(vault.path, {"fake": fake.opened})
    (vault.path / "keyring/0002.json").unlink()
    found = await checked(vault, fake)
    assert ("fake", "", "rollback") in kinds(found)
    (synced,) = await sync(vault.path, {"fake": fake.opened})
    assert "keyrings up to 2, and the vault up to 1" in str(synced.trouble)


async def test_a_damaged_keyring_is_mended(vault: VaultOfPacks, fake: Fake) -> None:
    path = vault.path / "keyring/0001.json"
    good = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(good.replace(b"collector", b"collecter"))
    (done,) = await mended(vault, fake)
    assert done.pack == "keyring/0001.json"
    assert path.read_bytes() == good


async def test_a_forged_keyring_is_never_taken(vault: VaultOfPacks, fake: Fake) -> None:
    forged = fake.files["keyring/0001.json"].replace(b'"number":1', b'"number":2')
    fake.files["keyring/0002.json"] = forged
    (done,) = await mended(vault, fake)
    assert (done.pack, done.replica) == ("keyring/0002.json", "")
    assert "did not sign it" in done.words
    assert not (vault.path / "keyring/0002.json").exists()
