"""Store and forward: every replica gets everything, in order, and what stops one stops no other."""

from __future__ import annotations

import asyncio
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.replica_vault import Fake, VaultOfPacks, tree

from goldcopy.errors import VaultDamaged, VaultUnavailable, Wrong
from goldcopy.inventory import InFolder
from goldcopy.replica import state
from goldcopy.replica.opening import openings
from goldcopy.replica.sync import Synced, sync


async def one(vault: VaultOfPacks, fake: Fake) -> Synced:
    (synced,) = await sync(vault.path, {fake.name: fake.opened})
    return synced


async def test_all_that_is_write_once_goes_there_in_order(tmp_path: Path) -> None:
    vault, fake = VaultOfPacks(tmp_path / "vault"), Fake()
    (vault.path / "index.sqlite").write_bytes(b"a cache")
    (vault.path / "collector" / "writer.key").write_bytes(b"a secret")
    (vault.path / "packs" / ".00000009.pack.tmp").write_bytes(b"half")
    synced = await one(vault, fake)
    assert (synced.sent, synced.lag.behind, synced.trouble, synced.notes) == (5, 0, None, ())
    assert fake.puts == vault.names()
    assert fake.files == vault.content()
    assert (await one(vault, fake)).sent == 0
    vault.write()
    assert (await one(vault, fake)).sent == 1


async def test_into_a_folder_below_the_vaults_id(tmp_path: Path) -> None:
    first, second = VaultOfPacks(tmp_path / "a"), VaultOfPacks(tmp_path / "b", 1)
    root = tmp_path / "nas"
    for vault in (first, second):
        (synced,) = await sync(vault.path, vault.in_folder(root))
        assert synced.trouble is None
    assert tree(root / first.id) == first.content()
    assert tree(root / second.id) == second.content()


@settings(deadline=None)
@given(fail_at=st.integers(1, 7), more=st.integers(0, 2))
def test_a_replica_that_is_full_goes_on_where_it_stopped(fail_at: int, more: int) -> None:
    async def run(tmp: Path) -> None:
        vault, fake = VaultOfPacks(tmp / "vault", 5), Fake()
        fake.fail_at = fail_at
        synced = await one(vault, fake)
        assert isinstance(synced.trouble, VaultUnavailable)
        assert "full" in str(synced.trouble)
        assert synced.sent == fail_at - 1
        assert list(fake.files) == vault.names()[: fail_at - 1]
        (lag,) = state.lags(vault.path, ["fake"])
        assert lag.behind == 5 - max(0, fail_at - 3)
        assert lag.since is not None
        assert "full" in lag.last.trouble
        for _ in range(more):
            vault.write()
        again = await one(vault, fake)
        assert again.trouble is None
        assert fake.files == vault.content()
        assert fake.puts == [*vault.names()[:fail_at], *vault.names()[fail_at - 1 :]]
        assert state.lags(vault.path, ["fake"])[0].last.trouble == ""

    with tempfile.TemporaryDirectory() as tmp:
        asyncio.run(run(Path(tmp)))


async def test_one_that_hangs_delays_no_other(tmp_path: Path) -> None:
    vault, slow, quick = VaultOfPacks(tmp_path / "vault"), Fake("slow"), Fake("quick")
    slow.hang_at = 3
    done = asyncio.Event()

    def progress(name: str, sent: int, of: int) -> None:
        if name == "quick" and sent == of:
            done.set()

    task = asyncio.create_task(
        sync(vault.path, {"slow": slow.opened, "quick": quick.opened}, progress)
    )
    await done.wait()
    assert quick.files == vault.content()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert list(slow.files) == vault.names()[:2]


async def test_progress_is_told(tmp_path: Path) -> None:
    vault, fake, told = VaultOfPacks(tmp_path / "vault"), Fake(), list[tuple[str, int, int]]()
    await sync(vault.path, {"fake": fake.opened}, lambda *args: told.append(args))
    assert told == [("fake", n, 5) for n in range(6)]


async def test_a_link_that_is_down_is_told_and_stops_no_other(tmp_path: Path) -> None:
    vault, fake = VaultOfPacks(tmp_path / "vault"), Fake()
    places = openings([InFolder("usb", tmp_path / "usb")], vault.id)
    down, up = await sync(vault.path, {**places, "fake": fake.opened})
    assert isinstance(down.trouble, VaultUnavailable)
    assert down.lag.behind == 3
    assert up.trouble is None
    assert fake.files == vault.content()


async def test_two_syncs_at_once_lose_nothing(tmp_path: Path) -> None:
    vault, root = VaultOfPacks(tmp_path / "vault", 30), tmp_path / "nas"
    both = await asyncio.gather(*(sync(vault.path, vault.in_folder(root)) for _ in range(2)))
    assert [synced.trouble for (synced,) in both] == [None, None]
    assert tree(root / vault.id) == vault.content()


@pytest.mark.parametrize("more_here", [0, 1])
async def test_a_fork_is_refused_and_nothing_is_sent(tmp_path: Path, more_here: int) -> None:
    """Another collector with the same vault has written pack 4 as well, of the same size."""
    vault, fake = VaultOfPacks(tmp_path / "vault"), Fake()
    await one(vault, fake)
    vault.write("x")
    await one(vault, fake)
    other = fake.files["packs/00000004.pack"]
    fake.files["packs/00000004.pack"] = other.replace(b"me@here", b"me@homE")
    vault.write()
    before = dict(fake.files)
    synced = await one(vault, fake)
    assert isinstance(synced.trouble, VaultDamaged)
    assert "packs/00000004.pack" in str(synced.trouble)
    assert fake.files == before


async def test_a_file_of_another_size_is_refused(tmp_path: Path) -> None:
    vault, fake = VaultOfPacks(tmp_path / "vault"), Fake()
    await one(vault, fake)
    fake.files["packs/00000001.pack"] += b"more"
    synced = await one(vault, fake)
    assert isinstance(synced.trouble, VaultDamaged)


async def test_a_vault_that_was_rolled_back_is_told(tmp_path: Path) -> None:
    vault, fake = VaultOfPacks(tmp_path / "vault"), Fake()
    await one(vault, fake)
    vault.pack(3).unlink()
    synced = await one(vault, fake)
    assert isinstance(synced.trouble, VaultDamaged)
    assert "packs up to 3, and the vault up to 2" in str(synced.trouble)


async def test_a_damaged_pack_is_not_spread(tmp_path: Path) -> None:
    vault, fake = VaultOfPacks(tmp_path / "vault"), Fake()
    good = vault.pack(2).read_bytes()
    vault.pack(2).chmod(0o644)
    vault.pack(2).write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    synced = await one(vault, fake)
    assert isinstance(synced.trouble, VaultDamaged)
    assert "content is not what its header says" in str(synced.trouble)
    assert list(fake.files) == vault.names()[:3]
    vault.pack(2).write_bytes(good)
    assert (await one(vault, fake)).trouble is None
    assert fake.files == vault.content()


async def test_a_pack_of_a_strange_writer_is_not_spread(tmp_path: Path) -> None:
    vault, other, fake = VaultOfPacks(tmp_path / "vault"), VaultOfPacks(tmp_path / "b"), Fake()
    other.id, other._trust, other.seq, other.last = vault.id, vault._trust, 3, vault.last  # noqa: SLF001
    other.write()
    vault.pack(4).write_bytes(other.pack(4).read_bytes())
    synced = await one(vault, fake)
    assert isinstance(synced.trouble, VaultDamaged)
    assert "not signed by a writer" in str(synced.trouble)
    assert list(fake.files) == vault.names()


async def test_an_empty_mount_point_is_not_filled(tmp_path: Path) -> None:
    vault, root = VaultOfPacks(tmp_path / "vault"), tmp_path / "nas"
    await sync(vault.path, vault.in_folder(root))
    root.rename(tmp_path / "unplugged")
    (synced,) = await sync(vault.path, vault.in_folder(root))
    assert isinstance(synced.trouble, VaultUnavailable)
    assert "is empty, and had 3 packs: is its disk mounted?" in str(synced.trouble)
    assert tree(root) == {}
    assert synced.lag.behind == 0  # as far as is known
    (renamed,) = await sync(vault.path, vault.in_folder(root, "new-disk"))
    assert renamed.sent == 5


async def test_foreign_and_half_written_files_are_told_and_not_fatal(tmp_path: Path) -> None:
    vault, fake = VaultOfPacks(tmp_path / "vault"), Fake()
    fake.files |= {"holiday.jpg": b"", "packs/.00000002.pack.0a1b2c3d.tmp": b"ha"}
    synced = await one(vault, fake)
    assert synced.trouble is None
    assert synced.sent == 5
    foreign, half = synced.notes
    assert "holiday.jpg" in foreign
    assert "1 half-written" in half


@pytest.mark.parametrize("broken", [None, b"", b"{", b'{"fake":{"packs":"many"}}', b"\xff"])
async def test_the_state_is_a_cache(tmp_path: Path, broken: bytes | None) -> None:
    vault, fake = VaultOfPacks(tmp_path / "vault"), Fake()
    await one(vault, fake)
    if broken is None:
        (vault.path / state.NAME).unlink()
    else:
        (vault.path / state.NAME).write_bytes(broken)
    assert state.lags(vault.path, ["fake"])[0].behind == 3  # nothing is known of it
    synced = await one(vault, fake)
    assert (synced.sent, synced.trouble) == (0, None)
    assert state.lags(vault.path, ["fake"])[0].behind == 0


async def test_since_when_it_is_behind(tmp_path: Path) -> None:
    vault, fake = VaultOfPacks(tmp_path / "vault"), Fake()
    await one(vault, fake)
    before = datetime.now(UTC)
    vault.write()
    vault.write()
    (lag,) = state.lags(vault.path, ["fake"])
    assert lag.behind == 2
    assert lag.since is not None
    assert lag.last.seen is not None
    assert lag.last.seen <= before <= lag.since <= datetime.now(UTC)


async def test_a_clock_that_jumps_back_is_told_and_not_fatal(tmp_path: Path) -> None:
    vault, fake = VaultOfPacks(tmp_path / "vault"), Fake()
    await one(vault, fake)
    state.note(vault.path, "fake", seen=datetime.now(UTC) + timedelta(days=2))
    vault.write()
    synced = await one(vault, fake)
    assert (synced.sent, synced.trouble) == (1, None)
    assert "the clock was set back" in synced.notes[0]


async def test_a_folder_that_is_no_vault(tmp_path: Path) -> None:
    (tmp_path / "vault").mkdir()
    with pytest.raises(Wrong):
        await sync(tmp_path / "vault", {"fake": Fake().opened})
