"""What somebody with the collector's login can try on an SFTP server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import PurePosixPath

import asyncssh
from asyncssh import FXF_CREAT, FXF_EXCL, FXF_WRITE

from goldcopy.errors import Refused, VaultUnavailable
from goldcopy.replica.contract import Attack, AttackName, unfinished
from goldcopy.replica.waiting import patience


def attacks(
    replica: str, sftp: asyncssh.SFTPClient, base: PurePosixPath, timeout: float
) -> Mapping[AttackName, Attack]:
    """The attacks, on files below ``base``."""

    def at(name: str) -> str:
        return str(base / name)

    async def writable(name: str) -> asyncssh.SFTPClientFile:
        """Open for writing; the mode of a file stops nobody who may change that."""
        try:
            return await sftp.open(at(name), FXF_WRITE, encoding=None)
        except asyncssh.SFTPPermissionDenied:
            await sftp.chmod(at(name), 0o644)
            return await sftp.open(at(name), FXF_WRITE, encoding=None)

    async def overwrite(name: str, _: str) -> None:
        async with await writable(name) as file:
            await file.write(b"overwritten", 0)

    async def truncate(name: str, _: str) -> None:
        try:
            await sftp.truncate(at(name), 0)
        except asyncssh.SFTPError:
            async with await writable(name) as file:
                await file.truncate(0)

    async def delete(name: str, _: str) -> None:
        await sftp.remove(at(name))

    async def rename(name: str, _: str) -> None:
        await sftp.rename(at(name), at(f"{name}.away"))

    async def replay(name: str, old: str) -> None:
        try:
            await sftp.posix_rename(at(old), at(name))
        except asyncssh.SFTPError:
            await sftp.remove(at(name))
            await sftp.rename(at(old), at(name))

    async def opened(newest: str, _: str) -> None:
        mode = (await sftp.stat(at(newest))).permissions
        await (await writable(newest)).close()
        if mode is not None:
            await sftp.chmod(at(newest), mode & 0o777)

    async def beside(newest: str, _: str) -> None:
        spare = at(unfinished(newest))
        flags = FXF_WRITE | FXF_CREAT | FXF_EXCL
        await (await sftp.open(spare, flags, encoding=None)).close()
        await sftp.remove(spare)

    def refusable(act: Callable[[str, str], Awaitable[None]]) -> Attack:
        async def attack(name: str, other: str) -> None:
            try:
                async with patience(replica, timeout):
                    await act(name, other)
            except (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection, OSError) as error:
                raise lost(replica, error) from None
            except asyncssh.SFTPError as error:
                raise Refused(f"the server says {error.reason!r}") from None

        return attack

    return {
        "overwrite": refusable(overwrite),
        "truncate": refusable(truncate),
        "delete": refusable(delete),
        "rename": refusable(rename),
        "replay an old head": refusable(replay),
        "open the newest pack for writing": refusable(opened),
        "remove a name beside the packs": refusable(beside),
    }


def lost(replica: str, error: Exception) -> VaultUnavailable:
    """The connection ended on its own."""
    return VaultUnavailable(
        f"replica {replica}: the connection was lost ({error}): what is missing there is sent next "
        "time"
    )
