"""A replica in a folder: another disk, a network share, a removable medium."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from goldcopy.errors import Refused, VaultUnavailable
from goldcopy.replica.contract import Attack, AttackName, absent, conflict, unfinished
from goldcopy.replica.waiting import allowance, in_thread, patience
from goldcopy.vault.folder import disk, place, sync_folder

T = TypeVar("T")
_LARGE = 64 * 1024 * 1024


class Folder:
    """Files below ``root/<vault id>``. ``root`` must be there: it is never made."""

    advice = (
        "whoever owns the files of a folder can change them: let another user own it and take them "
        "over, keep it on a medium that is write-once, set `chattr +a` on its folders and `+i` on "
        "its files, or keep one more replica that can refuse (SFTP or S3 with Object Lock)"
    )

    def __init__(self, name: str, root: Path, vault: str, timeout: float) -> None:
        """``vault`` is the vault's id; ``timeout`` in seconds, for one step."""
        self.name = name
        self._root = root
        self._base = root / vault
        self._timeout = timeout

    async def __aenter__(self) -> Self:
        await self._wait(self._look, 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing is kept open."""

    async def list(self) -> Mapping[str, int]:
        """See ``Replica``."""
        return await self._wait(self._list, _LARGE)

    async def get(self, name: str) -> bytes:
        """See ``Replica``."""
        return await self._wait(lambda: self._get(name), _LARGE)

    async def put(self, name: str, data: bytes) -> None:
        """See ``Replica``."""
        await self._wait(lambda: self._put(name, data), len(data))

    async def _wait(self, work: Callable[[], T], size: int) -> T:
        try:
            async with patience(self.name, allowance(self._timeout, size)):
                return await in_thread(work)
        except VaultUnavailable as error:
            said = str(error).removeprefix(f"replica {self.name}: ")
            raise VaultUnavailable(f"replica {self.name}: {said}") from error

    # -- in a thread -----------------------------------------------------------------------------

    def _look(self) -> None:
        if not self._root.is_dir():
            raise VaultUnavailable(
                f"{self._root} is not there: is it mounted? For a new replica make the folder on "
                "its disk yourself; goldcopy never does, so as not to fill a mount point's disk"
            )

    def _list(self) -> dict[str, int]:
        found: dict[str, int] = {}
        with disk(self._base):
            if not self._base.is_dir():
                return found
            for folder, _, names in os.walk(self._base, onerror=_raise):
                for path in (Path(folder, name) for name in names):
                    with contextlib.suppress(FileNotFoundError):  # another writer's temporary
                        found[path.relative_to(self._base).as_posix()] = path.lstat().st_size
        return found

    def _get(self, name: str) -> bytes:
        path = self._base / name
        with disk(path):
            try:
                return path.read_bytes()
            except FileNotFoundError:
                self._look()
                raise absent(self.name, name) from None

    def _put(self, name: str, data: bytes) -> None:
        self._look()
        path, temporary = self._base / name, self._base / unfinished(name)
        with disk(path):
            if path.exists():
                self._compare(name, data)
                return
            self._make_folder(path.parent)
            if not place(path, temporary, [data]):  # another sync was quicker
                self._compare(name, data)

    def _compare(self, name: str, data: bytes) -> None:
        if self._get(name) != data:
            raise conflict(self.name, name)

    def _make_folder(self, path: Path) -> None:
        if not path.is_dir():
            if path != self._base:
                self._make_folder(path.parent)
            with contextlib.suppress(FileExistsError):
                os.mkdir(path)
            sync_folder(path.parent)

    # -- attacks ---------------------------------------------------------------------------------

    @property
    def attacks(self) -> Mapping[AttackName, Attack]:
        """See ``Replica``."""
        base = self._base

        def writable(path: Path, flags: int, data: bytes = b"") -> None:
            with contextlib.suppress(OSError):
                os.chmod(path, 0o644)  # the mode of a file stops nobody who owns it
            file = os.open(path, os.O_WRONLY | os.O_CLOEXEC | flags)
            try:
                os.write(file, data)
            finally:
                os.close(file)

        def beside(newest: str) -> None:
            spare = base / unfinished(newest)
            os.close(os.open(spare, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444))
            os.unlink(spare)

        def newest_opened(newest: str) -> None:
            mode = (base / newest).stat().st_mode & 0o777
            try:
                writable(base / newest, 0)
            finally:
                with contextlib.suppress(OSError):
                    os.chmod(base / newest, mode)

        return {
            "overwrite": self._attack(lambda name, _: writable(base / name, 0, b"overwritten")),
            "truncate": self._attack(lambda name, _: writable(base / name, os.O_TRUNC)),
            "delete": self._attack(lambda name, _: os.unlink(base / name)),
            "rename": self._attack(lambda name, _: os.rename(base / name, base / f"{name}.away")),
            "replay an old head": self._attack(
                lambda name, old: os.replace(base / old, base / name)
            ),
            "open the newest pack for writing": self._attack(lambda name, _: newest_opened(name)),
            "remove a name beside the packs": self._attack(lambda name, _: beside(name)),
        }

    def _attack(self, act: Callable[[str, str], object]) -> Attack:
        async def attack(name: str, other: str) -> None:
            try:
                async with patience(self.name, self._timeout):
                    await in_thread(act, name, other)
            except OSError as error:
                raise Refused(error.strerror or str(error)) from None

        return attack


def _raise(error: OSError) -> None:
    raise error
