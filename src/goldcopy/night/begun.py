"""``night.json``: the night that has begun and not ended, so that a restart goes on with it.

It lies in the vault's folder. Lost, devices that have no window are pulled once more.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from goldcopy.vault.folder import disk, replace

NAME: Final = "night.json"


class Begun(msgspec.Struct, frozen=True):
    """A night under way, or interrupted."""

    began: datetime


def begin(vault: Path, now: datetime, deadline: timedelta) -> datetime:
    """When this night began: now, or before, if one was interrupted that is not over yet.

    Raises ``VaultUnavailable``.
    """
    path = vault / NAME
    before = _read(path)
    if before is not None and before <= now < before + deadline:
        return before
    replace(path, path.with_name(f".{NAME}.tmp"), msgspec.json.encode(Begun(now)))
    return now


def end(vault: Path) -> None:
    """The night is over, and all of it is told. Raises ``VaultUnavailable``."""
    path = vault / NAME
    with disk(path):
        path.unlink(missing_ok=True)


def _read(path: Path) -> datetime | None:
    """None if there is none, or if it cannot be read: then this night begins now."""
    with disk(path):
        data = path.read_bytes() if path.exists() else b""
    try:
        began = msgspec.json.decode(data, type=Begun).began
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return began if began.tzinfo is not None else None
