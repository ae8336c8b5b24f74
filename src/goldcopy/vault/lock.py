"""The writer's lock: one process writes a vault at a time; readers never wait for it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from datetime import datetime
from pathlib import Path

import msgspec

from goldcopy.errors import VaultUnavailable
from goldcopy.vault.folder import disk


class _Holder(msgspec.Struct):
    pid: int
    by: str
    since: datetime


class Lock:
    """``flock`` on ``writer.lock``: the kernel releases it when the process ends, in any way."""

    def __init__(self, vault: Path) -> None:
        self._path = vault / "writer.lock"
        self._file: int | None = None

    def take(self, by: str) -> None:
        """Take the lock at once, or raise ``VaultUnavailable`` saying who has it."""
        with disk(self._path):
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise VaultUnavailable(self._held(os.pread(file, 4096, 0))) from None
                holder = _Holder(os.getpid(), by, datetime.now().astimezone())
                os.ftruncate(file, 0)
                os.pwrite(file, msgspec.json.encode(holder), 0)
            except BaseException:
                os.close(file)
                raise
        self._file = file

    def release(self) -> None:
        """Let others write; nothing happens if the lock was not taken."""
        if self._file is not None:
            file, self._file = self._file, None
            with contextlib.suppress(OSError):
                os.ftruncate(file, 0)
            os.close(file)

    def _held(self, text: bytes) -> str:
        try:
            holder = msgspec.json.decode(text, type=_Holder)
        except (
            msgspec.DecodeError,
            UnicodeDecodeError,
        ):  # it has the lock, and says so in a moment
            who = "another process"
        else:
            since = holder.since.astimezone().strftime("%Y-%m-%d %H:%M:%S")
            who = f"process {holder.pid} ({holder.by}) since {since}"
        return f"{self._path.parent} is being written by {who}: wait until it is done"
