"""A replica on OpenSSH's own SFTP server."""

from __future__ import annotations

import random
import shutil
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path

import asyncssh
import msgspec
import pytest
from tests.core.replica_vault import VaultOfPacks, is_unfinished, tree
from tests.peers.replica_race import two_put
from tests.peers.sshd import APPEND_ONLY, Sshd, sshd

from goldcopy.errors import VaultDamaged, VaultUnavailable
from goldcopy.inventory import InSftp, SecretSource
from goldcopy.replica.attest import attest
from goldcopy.replica.check import check
from goldcopy.replica.contract import Opening, is_ours
from goldcopy.replica.opening import openings
from goldcopy.replica.repair import repair
from goldcopy.replica.sync import sync

ATTACKS = {
    "overwrite",
    "truncate",
    "delete",
    "rename",
    "replay an old head",
    "open the newest pack for writing",
    "remove a name beside the packs",
}


@pytest.fixture(scope="module")
def server() -> Iterator[Sshd]:
    with sshd() as running:
        yield running


@pytest.fixture(scope="module")
def append_only() -> Iterator[Sshd]:
    with sshd(APPEND_ONLY) as running:
        yield running


@pytest.fixture
def vault(tmp_path: Path) -> VaultOfPacks:
    vault = VaultOfPacks(tmp_path / "vault")
    vault.write(random.Random(1).randbytes(500_000).hex())  # more than a block
    return vault


def place(server: Sshd, tmp_path: Path, **other: object) -> InSftp:
    key = tmp_path / "key"
    key.write_text(server.key)
    usual = InSftp(
        "offsite",
        server.user,
        "127.0.0.1",
        str(server.data),
        server.host_key,
        SecretSource(file=key),
        None,
        server.port,
    )
    return msgspec.structs.replace(usual, **other)


def at(server: Sshd, vault: VaultOfPacks, tmp_path: Path, **other: object) -> Mapping[str, Opening]:
    return openings([place(server, tmp_path, **other)], vault.id)


async def test_all_goes_there_and_reads_back(
    server: Sshd, vault: VaultOfPacks, tmp_path: Path
) -> None:
    there = at(server, vault, tmp_path)
    (synced,) = await sync(vault.path, there)
    assert (synced.sent, synced.trouble, synced.notes) == (6, None, ())
    assert tree(server.data / vault.id) == vault.content()
    packs = [path for path in (server.data / vault.id).rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in packs} == {0o444}
    found = await check(vault.path, there)
    assert (found.findings, found.compared) == ([], {"offsite": 6})
    (synced,) = await sync(vault.path, there)
    assert (synced.sent, synced.trouble) == (0, None)


async def test_the_vault_is_mended_from_there(
    server: Sshd, vault: VaultOfPacks, tmp_path: Path
) -> None:
    there = at(server, vault, tmp_path)
    await sync(vault.path, there)
    whole = vault.content()
    vault.pack(2).unlink()
    (done,) = await repair(vault.path, there, "me@here")
    assert done.replica == "offsite"
    assert vault.content() == whole


async def test_a_fork_is_refused(server: Sshd, vault: VaultOfPacks, tmp_path: Path) -> None:
    there = at(server, vault, tmp_path)
    await sync(vault.path, there)
    async with there["offsite"]() as replica:
        await replica.put("packs/00000001.pack", vault.pack(1).read_bytes())
        with pytest.raises(VaultDamaged, match="offsite holds another packs/00000001"):
            await replica.put("packs/00000001.pack", b"another")
        with pytest.raises(VaultDamaged, match="offsite has no packs/00000009"):
            await replica.get("packs/00000009.pack")
    assert tree(server.data / vault.id) == vault.content()


@pytest.mark.parametrize("content", [b"same", b"other"])
async def test_two_at_once(
    server: Sshd, vault: VaultOfPacks, tmp_path: Path, content: bytes
) -> None:
    opening = at(server, vault, tmp_path)["offsite"]
    names = await two_put(opening, content, 19)
    assert all(is_ours(name) for name in names)


async def test_another_host_key_is_never_trusted(
    server: Sshd, vault: VaultOfPacks, tmp_path: Path
) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    (synced,) = await sync(vault.path, at(server, vault, tmp_path, host_key=other))
    assert isinstance(synced.trouble, VaultUnavailable)
    assert "does not have the host_key of the inventory" in str(synced.trouble)
    assert not (server.data / vault.id).exists()


async def test_what_may_be_wrong_is_said(server: Sshd, vault: VaultOfPacks, tmp_path: Path) -> None:
    async def trouble(**other: object) -> str:
        (synced,) = await sync(vault.path, at(server, vault, tmp_path, **other))
        assert isinstance(synced.trouble, VaultUnavailable)
        return str(synced.trouble)

    assert "is its disk mounted?" in await trouble(folder=f"{server.data}/none")
    assert "cannot be reached" in await trouble(port=1)
    wrong = tmp_path / "wrong"
    wrong.write_text("no key")
    assert "is no private key" in await trouble(key=SecretSource(file=wrong))
    wrong.write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_private_key())
    assert "refuses the login" in await trouble(key=SecretSource(file=wrong))
    server.data.chmod(0o555)
    try:
        assert "permits no access" in await trouble()
    finally:
        server.data.chmod(0o755)
    assert not (server.data / vault.id).exists()


async def test_a_connection_that_is_cut_goes_on_next_time(
    server: Sshd, vault: VaultOfPacks, tmp_path: Path
) -> None:
    there = at(server, vault, tmp_path)

    def cut(_: str, sent: int, __: int) -> None:
        if sent == 3:
            server.signal(signal.SIGKILL)

    (synced,) = await sync(vault.path, there, cut)
    assert isinstance(synced.trouble, VaultUnavailable)
    assert synced.sent == 3
    (synced,) = await sync(vault.path, there)
    assert (synced.sent, synced.trouble) == (3, None)
    left = tree(server.data / vault.id)
    assert {n: d for n, d in left.items() if not is_unfinished(n)} == vault.content()


async def test_a_server_that_hangs(server: Sshd, vault: VaultOfPacks, tmp_path: Path) -> None:
    def stop(_: str, sent: int, __: int) -> None:
        if sent == 3:
            server.signal(signal.SIGSTOP)

    (synced,) = await sync(vault.path, at(server, vault, tmp_path, timeout=0.5), stop)
    server.signal(signal.SIGCONT)
    assert isinstance(synced.trouble, VaultUnavailable)
    assert "no answer for 0.5 s" in str(synced.trouble)
    (synced,) = await sync(vault.path, at(server, vault, tmp_path))
    assert (synced.sent, synced.trouble) == (3, None)


@pytest.mark.parametrize("content", [b"same", b"other"])
async def test_a_server_without_hard_links_and_fsync(
    server: Sshd,
    vault: VaultOfPacks,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: bytes,
) -> None:
    """Then version 3's rename gives the name, which cannot overwrite either."""

    async def unsupported(*_: object) -> None:
        raise asyncssh.SFTPOpUnsupported("not known here")

    monkeypatch.setattr(asyncssh.SFTPClient, "link", unsupported)
    monkeypatch.setattr(asyncssh.SFTPClientFile, "fsync", unsupported)
    opening = at(server, vault, tmp_path)["offsite"]
    names = await two_put(opening, content, 9)
    assert all(is_ours(name) for name in names)


async def test_a_full_disk_is_said(
    server: Sshd, vault: VaultOfPacks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenSSH says "Failure" of a full disk; the free space tells."""

    async def fail(*_: object) -> None:
        raise asyncssh.SFTPFailure("Failure")

    async def full(*_: object) -> asyncssh.SFTPVFSAttrs:
        return asyncssh.SFTPVFSAttrs(bavail=0)

    with monkeypatch.context() as patch:
        patch.setattr(asyncssh.SFTPClientFile, "write", fail)
        (synced,) = await sync(vault.path, at(server, vault, tmp_path))
        assert "the server says 'Failure'; see its log" in str(synced.trouble)
        patch.setattr(asyncssh.SFTPClient, "statvfs", full)
        (synced,) = await sync(vault.path, at(server, vault, tmp_path))
        assert "its disk is full: make room there" in str(synced.trouble)
    assert [n for n in tree(server.data / vault.id) if is_ours(n)] == []
    (synced,) = await sync(vault.path, at(server, vault, tmp_path))
    assert synced.trouble is None


async def test_attest_is_honest_about_a_plain_server(
    server: Sshd, vault: VaultOfPacks, tmp_path: Path
) -> None:
    there = at(server, vault, tmp_path)
    await sync(vault.path, there)
    rows = await attest(there)
    assert {row.attack for row in rows if row.outcome == "succeeded"} == ATTACKS
    assert all("internal-sftp" in row.advice for row in rows if row.outcome == "succeeded")
    assert tree(server.data / vault.id) == vault.content()


async def test_attest_finds_an_append_only_server_safe(
    append_only: Sshd, vault: VaultOfPacks, tmp_path: Path
) -> None:
    there = at(append_only, vault, tmp_path)
    (synced,) = await sync(vault.path, there)
    assert synced.trouble is None
    rows = await attest(there)
    assert {row.attack for row in rows if row.outcome == "refused"} == ATTACKS
    assert {row.outcome for row in rows} == {"refused", "not applicable"}
    left = tree(append_only.data / vault.id)
    assert {name: left[name] for name in vault.names()} == vault.content()
    vault.write()
    (synced,) = await sync(vault.path, there)
    assert (synced.sent, synced.trouble, synced.notes) == (1, None, ())
    assert (await check(vault.path, there)).findings == []
    shutil.rmtree(append_only.data / vault.id)
