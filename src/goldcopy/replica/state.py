"""``replicas.json``: what is known of each replica without asking it.

It is a cache, in the vault's folder: lost, it is made anew by the next sync.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from goldcopy.replica.contract import unfinished
from goldcopy.replica.files import VaultFiles
from goldcopy.vault.folder import replace

NAME = "replicas.json"


class Seen(msgspec.Struct, frozen=True, omit_defaults=True):
    """One replica, when it was last there."""

    packs: int = 0
    """It has all packs up to this number."""
    seen: datetime | None = None
    """When it last answered."""
    verified: datetime | None = None
    """When every file of it was last compared with the vault, and was the same."""
    trouble: str = ""
    """Why the last sync did not bring it up to date."""


class Lag(NamedTuple):
    """How far a replica is behind."""

    replica: str
    behind: int
    """Packs that it does not have."""
    since: datetime | None
    """When the first of them was written."""
    last: Seen


def read(vault: Path) -> dict[str, Seen]:
    """What is known; nothing if the file is missing or broken."""
    try:
        return msgspec.json.decode((vault / NAME).read_bytes(), type=dict[str, Seen])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return {}


def note(vault: Path, replica: str, **news: object) -> Seen:
    """Change what is known of one replica. Raises ``VaultUnavailable``."""
    known = read(vault)
    seen = msgspec.structs.replace(known.get(replica, Seen()), **news)
    known[replica] = seen
    path = vault / NAME
    replace(path, vault / unfinished(NAME), msgspec.json.format(msgspec.json.encode(known)))
    return seen


def lags(vault: Path, replicas: Iterable[str]) -> list[Lag]:
    """How far each replica is behind, as far as is known. Blocks on the disk."""
    files, known = VaultFiles(vault), read(vault)
    return [lag(files, name, known.get(name, Seen())) for name in replicas]


def lag(files: VaultFiles, replica: str, last: Seen) -> Lag:
    """How far one replica is behind."""
    missing = [seq for seq in files.packs if seq > last.packs]
    since = files.time(min(missing)) if missing else None
    return Lag(replica, len(missing), since, last)


def clock_doubt(last: Seen) -> str:
    """That this machine's clock was set back since, if it was; "" if not."""
    now = datetime.now(UTC)
    ahead = [when for when in (last.seen, last.verified) if when and when > now]
    if not ahead:
        return ""
    return (
        f"the clock of this machine says {now:%Y-%m-%d %H:%M}, and the replica was used at "
        f"{max(ahead):%Y-%m-%d %H:%M} already: the clock was set back; set it right"
    )
