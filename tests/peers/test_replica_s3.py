"""Replicas in S3 buckets, plain and with Object Lock, on SeaweedFS."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from tests.core.replica_vault import VaultOfPacks
from tests.peers.replica_race import two_put
from tests.peers.seaweed import ACCESS, SECRET, Seaweed, seaweed

from goldcopy.errors import VaultDamaged, VaultUnavailable
from goldcopy.inventory import InS3, Lock, SecretSource
from goldcopy.replica.attest import attest
from goldcopy.replica.check import check
from goldcopy.replica.contract import Opening
from goldcopy.replica.opening import openings
from goldcopy.replica.repair import repair
from goldcopy.replica.sync import sync

PLAIN = {"overwrite", "truncate", "delete", "replay an old head"}
LOCKED = {*PLAIN, "shorten retention", "suspend versioning"}
COMPLIANCE = Lock("compliance", 10)
BOTH = pytest.mark.parametrize(
    ("bucket", "lock"), [("plain", None), ("locked", COMPLIANCE)], ids=["plain", "locked"]
)


@pytest.fixture(scope="module")
def server() -> Iterator[Seaweed]:
    with seaweed() as running:
        running.s3.create_bucket(Bucket="plain")
        running.s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
        yield running


@pytest.fixture
def vault(tmp_path: Path) -> VaultOfPacks:
    vault = VaultOfPacks(tmp_path / "vault")
    vault.write(random.Random(1).randbytes(500_000).hex())
    return vault


@pytest.fixture
def place(server: Seaweed, monkeypatch: pytest.MonkeyPatch) -> InS3:
    monkeypatch.setenv("S3_ACCESS", ACCESS)
    monkeypatch.setenv("S3_SECRET", SECRET)
    access, secret = SecretSource(env="S3_ACCESS"), SecretSource(env="S3_SECRET")
    return InS3("cloud", "locked", "site/1", server.endpoint, "us-east-1", access, secret)


def at(place: InS3, vault: VaultOfPacks, **other: object) -> Mapping[str, Opening]:
    return openings([msgspec.structs.replace(place, **other)], vault.id)


@BOTH
async def test_all_goes_there_and_reads_back(
    server: Seaweed, place: InS3, vault: VaultOfPacks, bucket: str, lock: Lock | None
) -> None:
    there = at(place, vault, bucket=bucket, lock=lock)
    (synced,) = await sync(vault.path, there)
    assert (synced.sent, synced.trouble, synced.notes) == (6, None, ())
    for name, data in vault.content().items():
        key = f"site/1/{vault.id}/{name}"
        assert server.s3.get_object(Bucket=bucket, Key=key)["Body"].read() == data
    found = await check(vault.path, there)
    assert (found.findings, found.compared) == ([], {"cloud": 6})
    whole = vault.content()
    vault.pack(2).unlink()
    (done,) = await repair(vault.path, there, "me@here")
    assert done.replica == "cloud"
    assert vault.content() == whole
    (synced,) = await sync(vault.path, there)
    assert (synced.sent, synced.trouble) == (0, None)


async def test_every_file_is_locked_for_its_days(
    server: Seaweed, place: InS3, vault: VaultOfPacks
) -> None:
    before = datetime.now(UTC)
    await sync(vault.path, at(place, vault, lock=COMPLIANCE))
    for name in vault.names():
        head = server.s3.head_object(Bucket="locked", Key=f"site/1/{vault.id}/{name}")
        assert head["ObjectLockMode"] == "COMPLIANCE"
        until = head["ObjectLockRetainUntilDate"] - timedelta(days=10)
        assert before - timedelta(seconds=2) <= until <= datetime.now(UTC)


@BOTH
async def test_a_fork_is_refused(
    place: InS3, vault: VaultOfPacks, bucket: str, lock: Lock | None
) -> None:
    there = at(place, vault, bucket=bucket, lock=lock)
    await sync(vault.path, there)
    async with there["cloud"]() as replica:
        await replica.put("packs/00000001.pack", vault.pack(1).read_bytes())
        with pytest.raises(VaultDamaged, match="cloud holds another packs/00000001"):
            await replica.put("packs/00000001.pack", b"another")
        assert await replica.get("packs/00000001.pack") == vault.pack(1).read_bytes()
        with pytest.raises(VaultDamaged, match="cloud has no packs/00000009"):
            await replica.get("packs/00000009.pack")


@BOTH
@pytest.mark.parametrize("content", [b"same", b"other"])
async def test_two_at_once(
    place: InS3, vault: VaultOfPacks, bucket: str, lock: Lock | None, content: bytes
) -> None:
    opening = at(place, vault, bucket=bucket, lock=lock)["cloud"]
    await two_put(opening, content, 9)


async def test_a_bucket_that_does_not_lock_is_not_called_immutable(
    server: Seaweed, place: InS3, vault: VaultOfPacks
) -> None:
    (synced,) = await sync(vault.path, at(place, vault, bucket="plain", lock=COMPLIANCE))
    assert isinstance(synced.trouble, VaultUnavailable)
    assert "does not lock, so it is not immutable and nothing was sent" in str(synced.trouble)
    found = server.s3.list_objects_v2(Bucket="plain", Prefix=f"site/1/{vault.id}")
    assert found["KeyCount"] == 0


@BOTH
async def test_what_may_be_wrong_is_said(
    place: InS3,
    vault: VaultOfPacks,
    bucket: str,
    lock: Lock | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def trouble(**other: object) -> str:
        there = at(place, vault, **{"bucket": bucket, "lock": lock, **other})
        (synced,) = await sync(vault.path, there)
        assert synced.trouble is not None
        assert SECRET not in str(synced.trouble)
        return str(synced.trouble)

    assert "there is no such bucket" in await trouble(bucket="missing")
    assert "does not answer" in await trouble(endpoint="http://127.0.0.1:1", timeout=1.0)
    monkeypatch.setenv("S3_SECRET", "wrong")
    assert "secret_key does not fit" in await trouble()
    monkeypatch.setenv("S3_ACCESS", "wrong")
    assert "does not know the access_key" in await trouble()
    monkeypatch.delenv("S3_ACCESS")
    assert "variable S3_ACCESS is not set" in await trouble()


@BOTH
async def test_a_server_that_hangs_goes_on_next_time(
    server: Seaweed, place: InS3, vault: VaultOfPacks, bucket: str, lock: Lock | None
) -> None:
    def stop(_: str, sent: int, __: int) -> None:
        if sent == 3:
            server.signal(signal.SIGSTOP)

    there = at(place, vault, bucket=bucket, lock=lock, timeout=1.0)
    try:
        (synced,) = await sync(vault.path, there, stop)
    finally:
        server.signal(signal.SIGCONT)
    assert isinstance(synced.trouble, VaultUnavailable)
    assert synced.sent == 3
    (synced,) = await sync(vault.path, at(place, vault, bucket=bucket, lock=lock))
    assert synced.trouble is None
    assert (await check(vault.path, there)).findings == []


async def test_attest_is_honest_about_a_plain_bucket(
    server: Seaweed, place: InS3, vault: VaultOfPacks
) -> None:
    there = at(place, vault, bucket="plain")
    await sync(vault.path, there)
    rows = await attest(there)
    assert {row.attack for row in rows if row.outcome == "succeeded"} == PLAIN
    assert all("Object Lock" in row.advice for row in rows if row.outcome == "succeeded")
    left = server.s3.list_objects_v2(Bucket="plain", Prefix=f"site/1/{vault.id}/")["Contents"]
    assert {one["Key"].split("/", 3)[3] for one in left} == set(vault.names())
    assert (await check(vault.path, there)).findings == []


async def test_attest_finds_a_locked_bucket_safe(place: InS3, vault: VaultOfPacks) -> None:
    there = at(place, vault, lock=COMPLIANCE)
    await sync(vault.path, there)
    rows = await attest(there)
    assert {row.attack for row in rows if row.outcome == "refused"} == LOCKED
    assert {row.outcome for row in rows} == {"refused", "not applicable"}
    assert (await check(vault.path, there)).findings == []


async def test_attest_is_honest_about_governance(place: InS3, vault: VaultOfPacks) -> None:
    there = at(place, vault, lock=Lock("governance", 10))
    (synced,) = await sync(vault.path, there)
    assert synced.trouble is None
    rows = await attest(there)
    assert {row.attack for row in rows if row.outcome == "succeeded"} == {
        "delete",
        "shorten retention",
    }
    assert all("compliance" in row.advice for row in rows if row.outcome == "succeeded")


async def test_what_is_laid_over_a_locked_file_has_no_effect(
    server: Seaweed, place: InS3, vault: VaultOfPacks
) -> None:
    """A thief with the collector's key puts, copies and deletes; the first versions count."""
    there = at(place, vault, lock=COMPLIANCE)
    await sync(vault.path, there)
    keys = {name: f"site/1/{vault.id}/{name}" for name in vault.names()}
    newest = keys["packs/00000004.pack"]
    old = {"Bucket": "locked", "Key": keys["packs/00000001.pack"]}
    server.s3.copy_object(Bucket="locked", Key=newest, CopySource=old)
    server.s3.put_object(Bucket="locked", Key=keys["vault.json"], Body=b"mine")
    for name in ("packs/00000002.pack", "packs/00000003.pack"):
        server.s3.delete_object(Bucket="locked", Key=keys[name])
    server.s3.put_object(Bucket="locked", Key=keys["packs/00000003.pack"], Body=b"mine")
    assert len(server.versions("locked")[newest]) == 2
    assert (await check(vault.path, there)).findings == []
    vault.write()
    (synced,) = await sync(vault.path, there)
    assert (synced.sent, synced.trouble) == (1, None)


async def test_a_file_put_without_a_lock_is_found(
    server: Seaweed, place: InS3, vault: VaultOfPacks
) -> None:
    there = at(place, vault, lock=COMPLIANCE)
    await sync(vault.path, there)
    vault.write()
    key = f"site/1/{vault.id}/packs/00000005.pack"
    server.s3.put_object(Bucket="locked", Key=key, Body=vault.pack(5).read_bytes())
    (synced,) = await sync(vault.path, there)
    assert isinstance(synced.trouble, VaultUnavailable)
    assert "it is not immutable" in str(synced.trouble)
    found = await check(vault.path, there)
    assert {(one.kind, one.name) for one in found.findings} == {
        ("unlocked", ""),
        ("unlocked", "packs/00000005.pack"),
    }
    vault.pack(5).unlink()  # what is not immutable is good enough to repair from
    (done,) = await repair(vault.path, there, "me@here")
    assert done.replica == "cloud"
