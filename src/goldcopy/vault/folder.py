"""The vault's folder on a disk: files written once, the writer's lock, and what the disk may say.

vault.json          marks the folder as a vault, written last when one is made
packs/00000001.pack …   write-once, numbered without holes
writer.lock         held by the one process that writes
index.sqlite        a cache; may be deleted at any time
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from goldcopy.errors import VaultDamaged, VaultUnavailable

PACK_NAME = re.compile(r"(\d{8,})\.pack", re.ASCII)
_TEMPORARY = re.compile(r"\..+\.tmp")

_NO_FULL_SYNC = (errno.ENOTSUP, errno.EINVAL, errno.ENOTTY)
"""A file system, a network share say, that knows fsync alone."""

_ADVICE = {
    errno.ENOSPC: "no space is left on its disk: make room; what was kept before is safe",
    errno.EDQUOT: "the disk quota is used up: make room; what was kept before is safe",
    errno.EFBIG: "the limit on file sizes (ulimit -f) is reached: raise it",
    errno.EACCES: "no permission: run goldcopy as the owner of the vault, or give it the right",
    errno.EPERM: "no permission: run goldcopy as the owner of the vault, or give it the right",
    errno.EROFS: "its disk is mounted read-only: mount it writable",
    errno.EIO: "the disk reports an error: check the disk, and copy the vault to another one",
    errno.ENOENT: "it is not there: is its disk mounted?",
}


@contextlib.contextmanager
def disk(path: Path) -> Iterator[None]:
    """Where the operating system's errors become ours, about this file or folder."""
    try:
        yield
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0, error.strerror or str(error))
        raise VaultUnavailable(f"{path}: {advice}") from error


def pack_path(vault: Path, seq: int) -> Path:
    """Where a pack is."""
    return vault / "packs" / f"{seq:08d}.pack"


def list_packs(vault: Path) -> tuple[list[int], list[str]]:
    """The sequence numbers of the packs, in order, and the names of files that are not ours."""
    with disk(vault / "packs"):
        # Twice: one listing, while a writer is at work, may show a pack and miss the one before it.
        names = {*os.listdir(vault / "packs"), *os.listdir(vault / "packs")}
    found = [(PACK_NAME.fullmatch(name), name) for name in names]
    packs = sorted(int(match[1]) for match, name in found if match)
    foreign = [n for match, n in found if not match and not _TEMPORARY.fullmatch(n)]
    return packs, sorted(foreign)


def publish(path: Path, content: Iterable[bytes], mode: int = 0o444) -> None:
    """Put a file of the vault in its place, see ``place``.

    Raises ``VaultUnavailable``, and ``VaultDamaged`` if there is such a file already.
    """
    with disk(path):
        placed = place(path, path.with_name(f".{path.name}.tmp"), content, mode)
    if not placed:
        raise VaultDamaged(
            f"{path} is there already, and was not written by this run: "
            "move it out of the vault if it is not a pack of it"
        )


def place(path: Path, temporary: Path, content: Iterable[bytes], mode: int = 0o444) -> bool:
    """Write a file that is never changed again: it is there whole and for good, or not at all.

    It is written under a temporary name, synced, and linked to its own name, which cannot
    overwrite; the folder is synced last. False if there is such a file already. Raises ``OSError``.
    """
    try:
        _write(temporary, content, mode, os.O_EXCL)
        if not _name(temporary, path):
            return False
    finally:
        with contextlib.suppress(OSError):  # where nothing can be removed, it stays
            os.unlink(temporary)
    try:
        sync_folder(path.parent)
    except OSError:
        os.unlink(path)  # nobody has been told of it, so it must not appear as kept
        raise
    return True


def replace(path: Path, temporary: Path, content: bytes) -> None:
    """Write a file that may be there already: the one before stays until this one is whole.

    Raises ``VaultUnavailable``.
    """
    with disk(path):
        try:
            _write(temporary, [content], 0o666, os.O_TRUNC)
            os.replace(temporary, path)
        finally:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def sweep(folder: Path) -> None:
    """Remove what a writer that was killed has left half-written. Only under the lock."""
    with disk(folder):
        for name in os.listdir(folder):
            if _TEMPORARY.fullmatch(name):
                os.unlink(folder / name)


def _write(path: Path, content: Iterable[bytes], mode: int, there: int) -> None:
    """``there`` is what to do with such a file: O_EXCL or O_TRUNC."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | there, mode)
    try:
        for part in content:
            view = memoryview(part)
            while view:
                view = view[os.write(file, view) :]
        sync(file)
    finally:
        os.close(file)


def _name(temporary: Path, path: Path) -> bool:
    """Give the file its own name, unless there is such a file: a rename would overwrite it."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    except OSError as error:
        # Some file systems (exFAT, some network shares) have no hard links.
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP):
            raise
        if path.exists():
            return False
        os.rename(temporary, path)
    return True


def sync(file: int) -> None:
    """To the platter: on macOS fsync alone leaves the data in the drive's cache.

    Raises ``OSError``.
    """
    full = getattr(fcntl, "F_FULLFSYNC", None)
    if full is not None:
        try:
            fcntl.fcntl(file, full)
            return
        except OSError as error:
            if error.errno not in _NO_FULL_SYNC:
                raise
    os.fsync(file)


def sync_folder(path: Path) -> None:
    """Make sure of the names in a folder. Raises ``OSError``."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network shares cannot sync a folder at all
            raise
    finally:
        os.close(folder)
