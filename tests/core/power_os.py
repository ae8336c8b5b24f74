"""The ``os`` of a machine that may lose power, and what is on its disk then."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

from tests.core.sealed_vault import CACHES


class Disk(NamedTuple):
    """What is on a disk when the power fails, and how much had been reported by then."""

    files: dict[Path, bytes]
    reported: int


class PowerOs:
    """The ``os`` of a machine that may lose power after each call.

    What was not synced is lost, as POSIX allows: of a file its content, of a folder its names. Or
    the names have reached the disk by themselves, and the content has not.
    """

    CALLS = ("open", "write", "fsync", "link", "unlink", "rename", "close", "mkdir")

    def __init__(self, root: Path, reported: list[str]) -> None:
        self._root = root
        self._reported = reported
        self._content: dict[int, bytes] = {}
        self._names: dict[Path, dict[str, int]] = {}
        self.disks: list[Disk] = []
        for path in [root, *root.rglob("*")]:
            self._sync(path)
        self._remember()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        real = getattr(os, name)
        if name not in self.CALLS:
            return real

        def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            done = real(*args, **kwargs)
            if name == "open" and args[1] & os.O_CREAT:
                self._content.pop(os.fstat(done).st_ino, None)
            if name == "fsync":
                self._sync(Path(f"/proc/self/fd/{args[0]}").resolve())
            self._remember()
            return done

        return call

    def is_safe(self, path: Path) -> bool:
        """Whether a file, and all folders above it, would be found after a loss of power."""
        return all(
            one.name in self._names.get(one.parent, {})
            for one in [path, *path.parents]
            if self._root in one.parents
        )

    def _sync(self, path: Path) -> None:
        if path.is_dir():
            self._names[path] = {one.name: one.stat().st_ino for one in path.iterdir()}
        else:
            self._content[path.stat().st_ino] = path.read_bytes()

    def _remember(self) -> None:
        now = {
            path: {one.name: one.stat().st_ino for one in path.iterdir()}
            for path in [self._root, *self._root.rglob("*")]
            if path.is_dir()
        }
        for names in (self._names, now):
            files = {
                path / name: self._content.get(inode, b"")
                for path, there in names.items()
                for name, inode in there.items()
                if not (path / name).is_dir() and name not in CACHES
            }
            self.disks.append(Disk(files, len(self._reported)))


def rebuilt(disk: Disk, root: Path, path: Path) -> None:
    """The folder as it is found after the power has come back."""
    for name in ("packs", "keyring", "collector"):
        (path / name).mkdir(parents=True)
    for file, data in disk.files.items():
        (path / file.relative_to(root)).write_bytes(data)
