"""``pulls.json``: the pulls that have begun and not ended, so that one which was killed is known.

It lies in the vault's folder and is written only by who holds the writer's lock. A pull that ends,
in whatever way, is told by its snapshot or by a note, and leaves nothing here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from goldcopy.errors import VaultDamaged
from goldcopy.vault.folder import disk, replace

NAME: Final = "pulls.json"


def begun(vault: Path) -> Mapping[str, datetime]:
    """Device -> when the pull of it began that has not ended: under way, or interrupted.

    Raises ``VaultDamaged`` if the file cannot be read: then nobody knows.
    """
    path = vault / NAME
    try:
        with disk(path):
            data = path.read_bytes() if path.exists() else b"{}"
        return msgspec.json.decode(data, type=dict[str, datetime])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise VaultDamaged(
            f"{path} cannot be read, so nobody knows which pulls were interrupted: "
            "remove it, and pull all devices again"
        ) from None


@contextlib.contextmanager
def pulling(vault: Path, devices: Iterable[str]) -> Iterator[None]:
    """Around a pull of these devices; it has ended for all of them if nothing is raised.

    Raises ``VaultUnavailable`` and ``VaultDamaged``.
    """
    names = set(devices)
    now = datetime.now(UTC)
    _write(vault, {**begun(vault), **dict.fromkeys(names, now)})
    yield
    _write(vault, {name: since for name, since in begun(vault).items() if name not in names})


def _write(vault: Path, pulls: Mapping[str, datetime]) -> None:
    path = vault / NAME
    if pulls:
        replace(path, path.with_name(f".{NAME}.tmp"), msgspec.json.encode(pulls))
        return
    with disk(path):
        path.unlink(missing_ok=True)
