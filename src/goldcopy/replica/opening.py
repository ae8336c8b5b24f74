"""From the inventory to replicas that can be opened. Libraries are loaded when they are needed."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping
from functools import partial

from goldcopy.errors import Wrong
from goldcopy.inventory import InFolder, InS3, InSftp, ReplicaPlace, SecretSource
from goldcopy.replica.contract import Opening, Replica
from goldcopy.replica.folder import Folder
from goldcopy.replica.waiting import in_thread

_MISSING = "it needs the libraries for SFTP and S3: pip install 'goldcopy[replicas]'"


def openings(places: Iterable[ReplicaPlace], vault: str) -> Mapping[str, Opening]:
    """How to open each replica of the vault with this id, by its name.

    Opening one raises ``VaultUnavailable``, or ``Wrong`` if a secret or a library is missing.
    """
    return {place.name: partial(_open, place, vault) for place in places}


@contextlib.asynccontextmanager
async def _open(place: ReplicaPlace, vault: str) -> AsyncIterator[Replica]:
    if isinstance(place, InFolder):
        opened: contextlib.AbstractAsyncContextManager[Replica]
        opened = Folder(place.name, place.folder, vault, place.timeout)
    elif isinstance(place, InSftp):
        opened = await _sftp(place, vault)
    else:
        opened = await _s3(place, vault)
    async with opened as replica:
        yield replica


async def _sftp(place: InSftp, vault: str) -> contextlib.AbstractAsyncContextManager[Replica]:
    try:
        from goldcopy.replica import sftp
    except ImportError:
        raise Wrong(f"replica {place.name}: {_MISSING}") from None
    login = sftp.Login(
        place.host,
        place.port,
        place.user,
        place.host_key,
        await _secret(place.name, place.key),
        await _secret(place.name, place.password),
    )
    return sftp.connected(place.name, login, place.folder, vault, place.timeout)


async def _s3(place: InS3, vault: str) -> contextlib.AbstractAsyncContextManager[Replica]:
    try:
        from goldcopy.replica import bucket, locked
    except ImportError:
        raise Wrong(f"replica {place.name}: {_MISSING}") from None
    access = bucket.Access(
        place.bucket,
        f"{place.prefix}/{vault}".removeprefix("/"),
        place.region,
        place.endpoint,
        await _secret(place.name, place.access_key),
        await _secret(place.name, place.secret_key),
    )
    if place.lock is None:
        return bucket.connected(place.name, access, place.timeout)
    return locked.connected(place.name, access, place.lock, place.timeout)


async def _secret(replica: str, source: SecretSource | None) -> str | None:
    if source is None:
        return None
    try:
        return (await in_thread(source.resolve)).reveal()
    except Wrong as error:
        raise Wrong(f"replica {replica}: {error}") from None
