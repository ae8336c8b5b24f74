"""A replica in an S3 bucket with Object Lock: nobody can delete a version before its time.

Such a bucket is versioned: a put or a delete can lay something over a file, never change it. So the
oldest version of a name is the one that counts here, and what covers it has no effect.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from goldcopy.errors import VaultUnavailable
from goldcopy.inventory.replicas import Lock
from goldcopy.replica.attack_locked import attacks
from goldcopy.replica.bucket import Access
from goldcopy.replica.contract import Attack, AttackName, absent, conflict, pack_number
from goldcopy.replica.s3_said import unavailable, unreachable
from goldcopy.replica.waiting import allowance, in_thread, patience

T = TypeVar("T")
_LARGE = 64 * 1024 * 1024


class LockedBucket:
    """Objects below a prefix, each locked until its own date."""

    advice = (
        "the bucket must have Object Lock in compliance mode, and the collector's key no right to "
        "bypass governance, to change versioning or to delete versions"
    )

    def __init__(self, name: str, client: Any, access: Access, lock: Lock, timeout: float) -> None:  # noqa: ANN401 - boto3 has no types
        """Use ``connected``."""
        self.name = name
        self._s3 = client
        self._access = access
        self._lock = lock
        self._timeout = timeout
        self._first: dict[str, str] = {}
        """The version that counts, of names seen so far."""

    @property
    def attacks(self) -> Mapping[AttackName, Attack]:
        """See ``Replica``."""
        return attacks(self._s3, self._access, self._lock, self._find, self._wait)

    async def list(self) -> Mapping[str, int]:
        """See ``Replica``."""
        return await self._wait(lambda: self._list(""), _LARGE)

    async def get(self, name: str) -> bytes:
        """See ``Replica``."""
        return await self._wait(lambda: self._get(name), _LARGE)

    async def put(self, name: str, data: bytes) -> None:
        """See ``Replica``. Raises ``VaultUnavailable`` too if the file is there but not locked."""
        await self._wait(lambda: self._put(name, data), len(data))

    async def unlocked(self, name: str) -> str:
        """See ``Locking``."""
        return await self._wait(lambda: self._unlocked(name), 0)

    async def _wait(self, work: Callable[[], T], size: int) -> T:
        try:
            async with patience(self.name, allowance(self._timeout, size)):
                return await in_thread(work)
        except ClientError as error:
            said = error.response.get("Error", {})
            code, words = str(said.get("Code", "")), str(said.get("Message", ""))
            raise unavailable(self.name, self._access.bucket, code, words) from None
        except (BotoCoreError, OSError):
            raise unreachable(self.name, self._access.endpoint) from None

    async def require_locks(self) -> None:
        """See ``Locking``."""
        await self._wait(self._look, 0)
        newest = max(await self.list(), key=pack_number, default="")
        if pack_number(newest) and (why := await self.unlocked(newest)):
            raise VaultUnavailable(f"replica {self.name}: {newest}: {why}")

    # -- in a thread -----------------------------------------------------------------------------

    def _look(self) -> None:
        """Raise ``VaultUnavailable`` if the bucket says that it does not lock."""
        bucket = {"Bucket": self._access.bucket}
        try:
            found = self._s3.get_object_lock_configuration(**bucket)
            locks = found["ObjectLockConfiguration"].get("ObjectLockEnabled") == "Enabled"
            locks = locks and self._s3.get_bucket_versioning(**bucket).get("Status") == "Enabled"
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "AccessDenied":  # then the locks that are read back will tell
                return
            if code != "ObjectLockConfigurationNotFoundError":
                raise
            locks = False
        if not locks:
            raise VaultUnavailable(
                f"replica {self.name}: bucket {self._access.bucket} does not lock, so it is not "
                "immutable and nothing was sent: make a bucket with Object Lock (it is switched on "
                "when a bucket is made), or drop `lock` and have a plain replica"
            )

    def _list(self, name: str) -> dict[str, int]:
        """All names that begin so. Of each the last in the listing is its oldest version."""
        found: dict[str, int] = {}
        prefix = f"{self._access.prefix}/"
        pages = self._s3.get_paginator("list_object_versions")
        for page in pages.paginate(Bucket=self._access.bucket, Prefix=prefix + name):
            for version in page.get("Versions", []):
                one = version["Key"].removeprefix(prefix)
                found[one] = version["Size"]
                self._first[one] = version["VersionId"]
        return found

    def _find(self, name: str) -> dict[str, str]:
        """Bucket, key and version of a file, as arguments. Raises ``VaultDamaged``."""
        if name not in self._first and name not in self._list(name):
            raise absent(self.name, name)
        return {**self._at(name), "VersionId": self._first[name]}

    def _at(self, name: str) -> dict[str, str]:
        return {"Bucket": self._access.bucket, "Key": f"{self._access.prefix}/{name}"}

    def _get(self, name: str) -> bytes:
        try:
            body = self._s3.get_object(**self._find(name))["Body"]
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchVersion", "NoSuchKey"):
                self._first.pop(name, None)
                raise absent(self.name, name) from None
            raise
        with contextlib.closing(body):
            return bytes(body.read())

    def _put(self, name: str, data: bytes) -> None:
        if name not in self._list(name):
            until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=self._lock.days)
            try:
                self._s3.put_object(
                    **self._at(name),
                    Body=data,
                    IfNoneMatch="*",
                    ChecksumAlgorithm="SHA256",
                    ObjectLockMode=self._lock.mode.upper(),
                    ObjectLockRetainUntilDate=until,
                )
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code not in ("PreconditionFailed", "ConditionalRequestConflict"):
                    raise
        self._list(name)  # another writer's may be the older
        if self._get(name) != data:
            raise conflict(self.name, name)
        if why := self._unlocked(name):
            raise VaultUnavailable(f"replica {self.name}: {name} is there, but {why}")

    def _unlocked(self, name: str) -> str:
        """A server that accepts a lock may still not keep it, so it is read back."""
        head = self._s3.head_object(**self._find(name))
        until: datetime | None = head.get("ObjectLockRetainUntilDate")
        if head.get("ObjectLockMode") not in ("COMPLIANCE", self._lock.mode.upper()) or not until:
            return "the server has not locked it: it is not immutable; use a server that locks"
        if until <= datetime.now(UTC):
            return f"its lock ended on {until:%Y-%m-%d}: it is not immutable any more"
        if pack_number(name) and until < head["LastModified"] + timedelta(days=self._lock.days - 1):
            return (
                f"it is locked only until {until:%Y-%m-%d}, less than {self._lock.days} days after "
                "it was put: the clock of this machine was behind, or `days` was raised since"
            )
        return ""


@contextlib.asynccontextmanager
async def connected(
    name: str,
    access: Access,
    lock: Lock,
    timeout: float,  # noqa: ASYNC109 - of each step, not of this call
) -> AsyncIterator[LockedBucket]:
    """The bucket; it is asked for when it is first used."""
    client = await in_thread(_client, access, timeout)
    try:
        yield LockedBucket(name, client, access, lock, timeout)
    finally:
        client.close()


def _client(access: Access, timeout: float) -> Any:  # noqa: ANN401 - boto3 has no types
    return boto3.session.Session().client(
        "s3",
        endpoint_url=access.endpoint or None,
        region_name=access.region,
        aws_access_key_id=access.access_key,
        aws_secret_access_key=access.secret_key,
        config=Config(
            connect_timeout=timeout,
            read_timeout=timeout,
            retries={"mode": "standard", "total_max_attempts": 2},
            s3={"addressing_style": "path" if access.endpoint else "auto"},
        ),
    )
