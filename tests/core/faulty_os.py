"""``os`` for a vault's files or a replica's, with a fault at one of its calls."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

# A pack: open, write (header, line feed, body), fsync, close, link; its folder: open, fsync, close.
STEPS = ["open", "write", "write", "write", "fsync", "close", "link", "open", "fsync", "close"]


class FaultyOs:
    """The ``os`` that files go through, with a fault at the n-th of the calls that can fail."""

    def __init__(self, at: int, fault: Callable[[str], Any], more: Sequence[str] = ()) -> None:
        self.calls: list[str] = []
        self._at = at
        self._fault = fault
        self._names = ("open", "write", "fsync", "link", "close", *more)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        real = getattr(os, name)
        if name not in self._names:
            return real

        def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            self.calls.append(name)
            if len(self.calls) == self._at:
                if name == "close":
                    real(*args)
                self._fault(name)
            return real(*args, **kwargs)

        return call


class CachingDrive:
    """What macOS has: fsync alone leaves the data in the drive's cache. Takes the place of fcntl.

    ``refuses``: as a network share may.
    """

    F_FULLFSYNC = 51

    def __init__(self, *, refuses: bool = False) -> None:
        self._refuses = refuses
        self.synced: list[str] = []
        """Names of files."""

    def fcntl(self, file: int, command: int) -> None:
        assert command == self.F_FULLFSYNC
        self.synced.append(Path(f"/proc/self/fd/{file}").resolve().name)
        if self._refuses:
            raise OSError(errno.ENOTSUP, "Operation not supported")
