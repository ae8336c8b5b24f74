"""A replica in an S3 bucket without locks: create-only by ``If-None-Match: *``."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from goldcopy.errors import Refused, VaultUnavailable
from goldcopy.replica.contract import Attack, AttackName, absent, conflict
from goldcopy.replica.s3_said import unavailable, unreachable
from goldcopy.replica.waiting import SLOWEST, allowance, patience

if TYPE_CHECKING:
    from obstore.store import S3Config

_CODE = re.compile(r"<Code>([^<]+)</Code>")
_SAID = re.compile(r"<Message>([^<]+)</Message>")
_PAGE = 1000 * 512
"""Bytes of one page of a listing, about."""


class Access:
    """How to reach a bucket, secrets included: never shown."""

    def __init__(
        self,
        bucket: str,
        prefix: str,
        region: str,
        endpoint: str = "",
        access_key: str | None = None,
        secret_key: str | None = None,
    ) -> None:
        """``prefix`` ends with the vault's id; without keys those of the machine's role count."""
        self.bucket, self.prefix, self.region, self.endpoint = bucket, prefix, region, endpoint
        self.access_key, self.secret_key = access_key, secret_key


class Bucket:
    """Objects below a prefix. Nothing needs to be closed."""

    advice = (
        "who may put into a plain bucket may replace and delete: use a bucket with Object Lock, "
        "and say `lock: {mode: compliance, days: 3650}`"
    )

    def __init__(self, name: str, access: Access, timeout: float) -> None:
        """``timeout`` in seconds, for one answer."""
        self.name = name
        self._access = access
        self._timeout = timeout
        self._store = _store(access, timeout)

    async def list(self) -> Mapping[str, int]:
        """See ``Replica``."""
        found: dict[str, int] = {}
        pages = self._store.list()
        while True:
            async with self._said(_PAGE):
                page = await anext(pages, None)
            if page is None:
                return found
            found.update({one["path"]: one["size"] for one in page})

    async def get(self, name: str) -> bytes:
        """See ``Replica``."""
        parts: list[bytes] = []
        async with self._said(0):
            try:
                stream = (await self._store.get_async(name)).stream()
            except FileNotFoundError:
                raise absent(self.name, name) from None
        while True:
            async with self._said(0):
                part = await anext(stream, None)
            if part is None:
                return b"".join(parts)
            parts.append(bytes(part))

    async def put(self, name: str, data: bytes) -> None:
        """See ``Replica``."""
        try:
            async with self._said(len(data)):
                await self._store.put_async(name, data, mode="create", use_multipart=False)
        except AlreadyExistsError:  # also after a repeat of a put whose answer was lost
            if await self.get(name) != data:
                raise conflict(self.name, name) from None

    # -- attacks ---------------------------------------------------------------------------------

    @property
    def attacks(self) -> Mapping[AttackName, Attack]:
        """See ``Replica``."""
        store = self._store

        async def overwrite(name: str, _: str) -> None:
            await store.put_async(name, b"overwritten", mode="overwrite")

        async def truncate(name: str, _: str) -> None:
            await store.put_async(name, b"", mode="overwrite")

        async def delete(name: str, _: str) -> None:
            await store.delete_async(name)

        async def replay(name: str, old: str) -> None:
            await store.copy_async(old, name, overwrite=True)

        return {
            "overwrite": self._attack(overwrite),
            "truncate": self._attack(truncate),
            "delete": self._attack(delete),
            "replay an old head": self._attack(replay),
        }

    def _attack(self, act: Callable[[str, str], Awaitable[None]]) -> Attack:
        async def attack(name: str, other: str) -> None:
            try:
                async with patience(self.name, self._timeout):
                    await act(name, other)
            except (BaseError, OSError) as error:
                code = _CODE.search(str(error))
                if code is None:
                    raise self._told(error) from None
                raise Refused(f"the server says {code[1]}") from None

        return attack

    @contextlib.asynccontextmanager
    async def _said(self, size: int) -> AsyncIterator[None]:
        try:
            async with patience(self.name, allowance(self._timeout, size)):
                yield
        except AlreadyExistsError:
            raise
        except (BaseError, OSError) as error:
            raise self._told(error) from None

    def _told(self, error: Exception) -> VaultUnavailable:
        code = _CODE.search(str(error))
        if code is None:
            return unreachable(self.name, self._access.endpoint)
        said = _SAID.search(str(error))
        return unavailable(self.name, self._access.bucket, code[1], said[1] if said else "")


def _store(access: Access, timeout: float) -> S3Store:
    seconds = timedelta(seconds=timeout)
    config: S3Config = {
        "region": access.region,
        "virtual_hosted_style_request": not access.endpoint,
    }
    if access.endpoint:
        config["endpoint"] = access.endpoint
    if access.access_key and access.secret_key:
        config["access_key_id"] = access.access_key
        config["secret_access_key"] = access.secret_key
    return S3Store(
        access.bucket,
        prefix=access.prefix,
        config=config,
        client_options={
            "allow_http": access.endpoint.startswith("http://"),
            "connect_timeout": seconds,
            # Of a whole request; how long each may take is said by its size, in ``put``.
            "timeout": seconds + timedelta(seconds=(1 << 30) / SLOWEST),
        },
        retry_config={"max_retries": 2, "retry_timeout": seconds},
    )


@contextlib.asynccontextmanager
async def connected(
    name: str,
    access: Access,
    timeout: float,  # noqa: ASYNC109 - of each step, not of this call
) -> AsyncIterator[Bucket]:
    """The bucket; it is asked for when it is first used."""
    yield Bucket(name, access, timeout)
