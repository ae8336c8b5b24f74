"""A replica on an SFTP server (draft-ietf-secsh-filexfer-02: version 3, and OpenSSH's additions).

Files are created with mode 0444 and named by a hard link, which cannot overwrite. So a server that
denies the requests in ``advice`` is append-only for the collector.
"""

from __future__ import annotations

import asyncio
import contextlib
import stat
from collections.abc import AsyncIterator, Mapping
from pathlib import PurePosixPath
from typing import cast

import asyncssh
from asyncssh import FXF_CREAT, FXF_EXCL, FXF_WRITE, SFTPAttrs

from goldcopy.errors import VaultUnavailable
from goldcopy.replica.attack_sftp import attacks, lost
from goldcopy.replica.contract import Attack, AttackName, absent, conflict, unfinished
from goldcopy.replica.waiting import patience

_BLOCK = 256 * 1024


class Login:
    """How to reach an SFTP server, secrets included: never shown."""

    def __init__(
        self,
        host: str,
        port: int,
        user: str,
        host_key: str,
        key: str | None = None,
        password: str | None = None,
    ) -> None:
        """``host_key`` is the one key that the server may have; ``key`` a private key."""
        self.host, self.port, self.user, self.host_key = host, port, user, host_key
        self.key, self.password = key, password


class Sftp:
    """Files below ``root/<vault id>`` of a server. ``root`` must be there: it is never made."""

    advice = (
        "make the server append-only for this user: in its sshd_config `ForceCommand internal-sftp "
        "-P remove,rename,posix-rename,setstat,fsetstat,lsetstat,rmdir,symlink` (OpenSSH 8.9 or "
        "newer), with no other way to log in"
    )

    def __init__(
        self, name: str, sftp: asyncssh.SFTPClient, root: str, vault: str, timeout: float
    ) -> None:
        """Use ``connected``."""
        self.name = name
        self._sftp = sftp
        self._root = root
        self._base = PurePosixPath(root, vault)
        self._timeout = timeout

    @property
    def attacks(self) -> Mapping[AttackName, Attack]:
        """See ``Replica``."""
        return attacks(self.name, self._sftp, self._base, self._timeout)

    async def list(self) -> Mapping[str, int]:
        """See ``Replica``."""
        found: dict[str, int] = {}
        async with self._said("."):
            if await self._sftp.isdir(str(self._base)):
                await self._walk(self._base, found)
        return found

    async def get(self, name: str) -> bytes:
        """See ``Replica``."""
        parts: list[bytes] = []
        async with self._said(name):
            try:
                file = await self._sftp.open(str(self._base / name), "rb", encoding=None)
            except asyncssh.SFTPNoSuchFile:
                raise absent(self.name, name) from None
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(self._close, file)
            offset = 0
            while True:
                async with self._said(name):
                    part = cast("bytes", await file.read(_BLOCK, offset))
                if not part:
                    return b"".join(parts)
                parts.append(part)
                offset += len(part)

    async def put(self, name: str, data: bytes) -> None:
        """See ``Replica``."""
        path, temporary = self._base / name, str(self._base / unfinished(name))
        async with self._said(name):
            there = await self._sftp.exists(str(path))
        if there:
            await self._compare(name, data)
            return
        async with self._said(name):
            await self._make_folder(path.parent)
        try:
            await self._write(name, temporary, data)
            taken = not await self._link(temporary, name)
        finally:
            await self._discard(temporary)
        if taken:
            await self._compare(name, data)

    # -- steps -----------------------------------------------------------------------------------

    async def _write(self, name: str, temporary: str, data: bytes) -> None:
        flags, mode = FXF_WRITE | FXF_CREAT | FXF_EXCL, SFTPAttrs(permissions=0o444)
        async with self._said(name):
            file = await self._sftp.open(temporary, flags, mode, encoding=None)
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(self._close, file)
            for offset in range(0, len(data), _BLOCK):
                async with self._said(name):
                    await file.write(data[offset : offset + _BLOCK], offset)
            async with self._said(name):
                # fsync@openssh.com; without it what the server does with its cache is its affair.
                with contextlib.suppress(asyncssh.SFTPOpUnsupported):
                    await file.fsync()

    async def _link(self, temporary: str, name: str) -> bool:
        """Give a file its name; False if that is taken."""
        path = str(self._base / name)
        async with self._said(name):
            try:
                await self._link_or_rename(temporary, path)
            except asyncssh.SFTPFailure:  # version 3 has no code for "there already"
                if not await self._sftp.exists(path):
                    raise
                return False
            await self._settle(path)
        return True

    async def _link_or_rename(self, temporary: str, path: str) -> None:
        try:
            await self._sftp.link(temporary, path)  # hardlink@openssh.com
        except asyncssh.SFTPOpUnsupported:
            # Section 6.5: "It is an error if there already exists a file with the name" of the
            # target; not all servers keep to it.
            if await self._sftp.exists(path):
                raise asyncssh.SFTPFailure("there already") from None
            await self._sftp.rename(temporary, path)

    async def _settle(self, path: str) -> None:
        """Sync the file again under its own name: with it, file systems sync the new name."""
        file = await self._sftp.open(path, "rb", encoding=None)
        try:
            with contextlib.suppress(asyncssh.SFTPError):  # some want it open for writing
                await file.fsync()
        finally:
            await file.close()

    async def _compare(self, name: str, data: bytes) -> None:
        if await self.get(name) != data:
            raise conflict(self.name, name)

    async def _discard(self, temporary: str) -> None:
        with contextlib.suppress(VaultUnavailable):  # an append-only server keeps it: harmless
            async with self._said(temporary):
                await self._sftp.remove(temporary)

    async def _close(self, file: asyncssh.SFTPClientFile) -> None:
        async with self._said("."):
            await file.close()

    async def _make_folder(self, path: PurePosixPath) -> None:
        if not await self._sftp.isdir(str(path)):
            if path != self._base:
                await self._make_folder(path.parent)
            try:
                await self._sftp.mkdir(str(path))
            except asyncssh.SFTPError:
                if not await self._sftp.isdir(str(path)):  # another sync was quicker
                    raise

    async def _walk(self, folder: PurePosixPath, found: dict[str, int]) -> None:
        async for entry in self._sftp.scandir(str(folder)):
            name, mode = str(entry.filename), entry.attrs.permissions or 0
            if name in (".", ".."):
                continue
            if stat.S_ISDIR(mode):
                await self._walk(folder / name, found)
            else:
                path = (folder / name).relative_to(self._base)
                found[str(path)] = entry.attrs.size or 0

    @contextlib.asynccontextmanager
    async def _said(self, name: str) -> AsyncIterator[None]:
        """Where a server's errors become ours; each step has the whole timeout."""
        try:
            async with patience(self.name, self._timeout):
                yield
        except asyncssh.SFTPPermissionDenied:
            raise VaultUnavailable(
                f"replica {self.name}: the server permits no access to {self._base / name}: "
                "give its user the right to create files there"
            ) from None
        except asyncssh.SFTPNoSuchFile:
            raise VaultUnavailable(
                f"replica {self.name}: {self._base / name} or its folder is gone from the server"
            ) from None
        except asyncssh.SFTPError as error:
            full = await self._full()
            raise VaultUnavailable(
                f"replica {self.name}: {self._base / name}: the server says {error.reason!r}{full}"
            ) from None
        except (asyncssh.Error, OSError) as error:
            raise lost(self.name, error) from None

    async def _full(self) -> str:
        """Version 3 has no code for a full disk, so it is asked for (statvfs@openssh.com)."""
        with contextlib.suppress(asyncssh.Error, OSError, TimeoutError):
            async with asyncio.timeout(self._timeout):
                space = await self._sftp.statvfs(self._root)
            if not space.bavail or not space.favail:
                return ", and its disk is full: make room there; what is there is safe"
        return "; see its log"


@contextlib.asynccontextmanager
async def connected(
    name: str,
    login: Login,
    root: str,
    vault: str,
    timeout: float,  # noqa: ASYNC109 - of each step, not of this call
) -> AsyncIterator[Sftp]:
    """Connect to a server whose host key is known; it is let go with the context.

    Raises ``VaultUnavailable``.
    """
    async with contextlib.AsyncExitStack() as stack:
        async with patience(name, timeout):
            try:
                connection = await _connect(login)
                stack.push_async_callback(_end, connection, timeout)
                sftp = await connection.start_sftp_client()
                there = await sftp.isdir(root)
            except (asyncssh.Error, asyncssh.KeyImportError, OSError) as error:
                raise VaultUnavailable(f"replica {name}: {_why(login, error)}") from None
        if not there:
            raise VaultUnavailable(
                f"replica {name}: {root} is not there on {login.host}: is its disk mounted? For a "
                "new replica make the folder on the server"
            )
        yield Sftp(name, sftp, root, vault, timeout)


async def _connect(login: Login) -> asyncssh.SSHClientConnection:
    keys = [asyncssh.import_private_key(login.key)] if login.key else []
    return await asyncssh.connect(
        login.host,
        login.port,
        username=login.user,
        known_hosts=([asyncssh.import_public_key(login.host_key)], [], []),
        client_keys=keys,
        password=login.password,
        # Only what the inventory says: no agent, no ~/.ssh, no other way to log in.
        config=None,
        agent_path=None,
        preferred_auth="publickey" if login.key else "password",
        keepalive_interval=15,
    )


async def _end(connection: asyncssh.SSHClientConnection, seconds: float) -> None:
    connection.close()
    try:
        async with asyncio.timeout(seconds):
            await connection.wait_closed()
    except (TimeoutError, asyncssh.Error, OSError):
        connection.abort()


def _why(login: Login, error: Exception) -> str:
    where = f"{login.host} port {login.port}"
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return (
            f"{where} does not have the host_key of the inventory: it was set up anew, or somebody "
            "sits in between; nothing was sent: ask its administrator before you change host_key"
        )
    if isinstance(error, asyncssh.PermissionDenied):
        return f"{where} refuses the login of {login.user}: check its key or password there"
    if isinstance(error, asyncssh.KeyImportError):
        return "its key is no private key of SSH without passphrase, or its host_key is cut off"
    if isinstance(error, OSError):
        return f"{where} cannot be reached: {error.strerror or error}"
    return f"{where} ended the connection: {error}"
