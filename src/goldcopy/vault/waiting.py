"""Bundles that came before the packs which they follow: kept whole until these are there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from goldcopy.errors import VaultDamaged
from goldcopy.vault.bundle import Bundle, prove
from goldcopy.vault.folder import disk, publish, sweep

WAITING = "waiting"
"""Their folder, in the vault's."""
_NAME = re.compile(r"(\d{8,})-(\d{8,})-[0-9a-f]{12}\.bundle", re.ASCII)
_CHUNK = 1024 * 1024


class Waiting:
    """The bundles that wait in a vault. Only under the writer's lock."""

    def __init__(self, vault: Path) -> None:
        self._folder = vault / WAITING
        self._skipped: set[Path] = set()
        if self._folder.is_dir():
            sweep(self._folder)

    def add(self, bundle: Bundle) -> None:
        """Keep a copy, and prove it: whoever brought the bundle may take it away."""
        first, last, head = bundle.manifest.first, bundle.manifest.last, bundle.manifest.head
        path = self._folder / f"{first:08d}-{last:08d}-{head[:12]}.bundle"
        with disk(self._folder):
            self._folder.mkdir(mode=0o700, exist_ok=True)
        if path.exists():
            return
        publish(path, _chunks(bundle.path))
        try:
            prove(path)
        except VaultDamaged:
            path.unlink()
            raise

    def due(self, end: int) -> Path | None:
        """The first bundle that is no longer too early; None if there is none."""
        early = (path for span, path in self._all() if span[0] <= end + 1)
        return next((path for path in early if path not in self._skipped), None)

    def done(self, path: Path) -> None:
        """Let go of a bundle of which all is in its place."""
        with disk(path):
            path.unlink()

    def skip(self, path: Path) -> None:
        """Leave it, and do not name it again."""
        self._skipped.add(path)

    def spans(self) -> list[tuple[int, int]]:
        """First and last pack of each, in order."""
        return [span for span, path in self._all() if path not in self._skipped]

    def _all(self) -> list[tuple[tuple[int, int], Path]]:
        if not self._folder.is_dir():
            return []
        with disk(self._folder):
            found = [(_NAME.fullmatch(path.name), path) for path in self._folder.iterdir()]
        return sorted(((int(name[1]), int(name[2])), path) for name, path in found if name)


def _chunks(path: Path) -> Iterator[bytes]:
    with disk(path), path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
