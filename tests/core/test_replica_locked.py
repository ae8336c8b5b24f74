"""A bucket whose server says it locks: the lock is read back, and believed only then."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from goldcopy.errors import VaultDamaged, VaultUnavailable
from goldcopy.inventory import Lock
from goldcopy.replica.bucket import Access
from goldcopy.replica.locked import LockedBucket

NAME = "packs/00000001.pack"


class FakeS3:
    """What boto3's client does here, by a server that may forget locks, or be late."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.forgets: set[str] = set()
        self.days_late = 0
        self.no: dict[str, str] = {}
        self.lost = False

    def _may(self, call: str) -> None:
        if code := self.no.get(call):
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, call)

    def get_object_lock_configuration(self, **_: object) -> dict[str, Any]:
        self._may("config")
        return {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}}

    def get_bucket_versioning(self, **_: object) -> dict[str, Any]:
        return {"Status": "Suspended" if "versioning" in self.forgets else "Enabled"}

    def get_paginator(self, _: str) -> FakeS3:
        return self

    def paginate(self, Prefix: str, **_: object) -> Iterator[dict[str, Any]]:
        self._may("list")
        keys = [key for key in self.objects if key.startswith(Prefix)]
        sizes = ((key, len(self.objects[key]["Body"])) for key in keys)
        yield {"Versions": [{"Key": k, "Size": n, "VersionId": "1"} for k, n in sizes]}

    def put_object(self, Key: str, **said: Any) -> None:  # noqa: ANN401
        self._may("put")
        assert said["IfNoneMatch"] == "*"
        if Key in self.objects:
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "put")
        self.objects[Key] = said
        if self.lost:
            self.lost = False
            raise ReadTimeoutError(endpoint_url="s3")

    def get_object(self, Key: str, **_: object) -> dict[str, Any]:
        return {"Body": io.BytesIO(self.objects[Key]["Body"])}

    def head_object(self, Key: str, **_: object) -> dict[str, Any]:
        names = ("ObjectLockMode", "ObjectLockRetainUntilDate")
        found = {n: self.objects[Key][n] for n in names if n not in self.forgets}
        modified = datetime.now(UTC) + timedelta(days=self.days_late)
        return {"LastModified": modified, **found}


@pytest.fixture
def s3() -> FakeS3:
    return FakeS3()


def bucket(s3: FakeS3, days: int = 10) -> LockedBucket:
    access = Access("locked", "vault", "us-east-1")
    return LockedBucket("cloud", s3, access, Lock("compliance", days), 30.0)


async def test_a_lock_that_is_kept(s3: FakeS3) -> None:
    await bucket(s3).require_locks()
    await bucket(s3).put(NAME, b"one")
    await bucket(s3).put(NAME, b"one")
    with pytest.raises(VaultDamaged, match="cloud holds another"):
        await bucket(s3).put(NAME, b"two")
    await bucket(s3).require_locks()
    assert s3.objects[f"vault/{NAME}"]["ObjectLockMode"] == "COMPLIANCE"


@pytest.mark.parametrize("what", ["ObjectLockMode", "ObjectLockRetainUntilDate"])
async def test_a_server_that_forgets_the_lock(s3: FakeS3, what: str) -> None:
    s3.forgets = {what}
    with pytest.raises(VaultUnavailable, match="has not locked it: it is not immutable"):
        await bucket(s3).put(NAME, b"one")
    with pytest.raises(VaultUnavailable, match="it is not immutable"):
        await bucket(s3).require_locks()
    assert "not locked" in await bucket(s3).unlocked(NAME)


async def test_a_lock_of_the_weaker_kind(s3: FakeS3) -> None:
    await bucket(s3).put(NAME, b"one")
    s3.objects[f"vault/{NAME}"]["ObjectLockMode"] = "GOVERNANCE"
    with pytest.raises(VaultUnavailable, match="it is not immutable"):
        await bucket(s3).require_locks()


async def test_a_lock_that_has_ended(s3: FakeS3) -> None:
    await bucket(s3).put(NAME, b"one")
    s3.objects[f"vault/{NAME}"]["ObjectLockRetainUntilDate"] = datetime.now(UTC)
    with pytest.raises(VaultUnavailable, match="its lock ended on"):
        await bucket(s3).require_locks()


async def test_a_clock_that_is_behind_shortens_locks_and_is_told(s3: FakeS3) -> None:
    s3.days_late = 3
    with pytest.raises(VaultUnavailable, match="the clock of this machine was behind"):
        await bucket(s3).put(NAME, b"one")


@pytest.mark.parametrize("case", ["no configuration", "no versioning"])
async def test_a_bucket_that_does_not_lock(s3: FakeS3, case: str) -> None:
    if case == "no configuration":
        s3.no = {"config": "ObjectLockConfigurationNotFoundError"}
    else:
        s3.forgets = {"versioning"}
    with pytest.raises(VaultUnavailable, match="does not lock"):
        await bucket(s3).require_locks()


async def test_a_key_that_may_not_ask_still_has_its_locks_read_back(s3: FakeS3) -> None:
    s3.no = {"config": "AccessDenied"}
    await bucket(s3).require_locks()
    s3.forgets = {"ObjectLockMode"}
    with pytest.raises(VaultUnavailable, match="not immutable"):
        await bucket(s3).put(NAME, b"one")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("QuotaExceeded", "it is full: make room"),
        ("RequestTimeTooSkewed", "the clock of this machine is wrong"),
        ("AccessDenied", "its key may not do this"),
        ("SlowDown", "the server says SlowDown"),
    ],
)
async def test_what_the_server_says_in_words(s3: FakeS3, code: str, words: str) -> None:
    s3.no = {"put": code}
    with pytest.raises(VaultUnavailable, match=f"replica cloud: bucket locked: {words}"):
        await bucket(s3).put(NAME, b"one")
    assert s3.objects == {}


async def test_an_answer_that_is_lost(s3: FakeS3) -> None:
    s3.lost = True
    with pytest.raises(VaultUnavailable, match="does not answer"):
        await bucket(s3).put(NAME, b"one")
    await bucket(s3).put(NAME, b"one")  # it had arrived, and is found to be the same
