"""A sealed vault whose keys change on the way, and a bundle for every span that there was."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.core.replica_vault import tree

from goldcopy.errors import VaultDamaged, Wrong
from goldcopy.snapshot import Identity, Item, Snapshot
from goldcopy.vault import Facts, Reader, SigningKey, Vault, rotation
from goldcopy.vault.bundle import export
from goldcopy.vault.merge import import_

FACTS = Facts(datetime(2026, 11, 24, tzinfo=UTC), 1.5, 7, 900)


SECRET = "the-value-of-a-setting"


def snapshot(value: int) -> Snapshot:
    items = [
        Item("a", "tag", "STRING", f"{SECRET}{value}"),
        Item("b", "block", "BYTES", bytes(600)),
    ]
    return Snapshot.of("mixer", "s7", Identity(), items)


async def keep(path: Path, value: int) -> None:
    vault = Vault.open(path)
    async with vault.writing() as writer:
        await writer.keep(snapshot(value), FACTS)
    vault.close()


def exported(path: Path, target: Path, since: int = 0) -> Path:
    vault = Vault.open(path)
    try:
        return export(vault, target, since).path
    finally:
        vault.close()


def wanted(path: Path) -> dict[str, bytes]:
    """The files that are the vault; what was being written has no meaning."""
    return {
        name: data
        for name, data in tree(path).items()
        if (name == "vault.json" or name.startswith(("keyring/", "packs/")))
        and not name.endswith(".tmp")
    }


class Site:
    """A sealed vault whose keys change on the way, and a bundle for every span that there was."""

    def __init__(self, root: Path) -> None:
        self.root, self.path = root, root / "vault"
        self.owner, self.reader = SigningKey(), Reader()
        self.bundles: dict[tuple[int, int], Path] = {}

    async def live(self) -> None:
        Vault.create(self.path, self.owner, self.reader.recipients).close()
        (self.root / "out").mkdir()
        for value in range(4):
            await keep(self.path, value)
            self._export()
        rotation.rotate(self.path, self.owner)
        self._export()
        rotation.recipients(self.path, self.owner, add=Reader().recipients)
        self._export()
        await keep(self.path, 9)
        self._export()

    def _export(self) -> None:
        vault = Vault.open(self.path)
        head, _ = vault.head()
        for since in range(head):
            self.bundles[since + 1, head] = export(vault, self.root / "out", since).path
        vault.close()


def refused(path: Path, there: Path) -> str:
    """The words with which a bundle is refused; nothing has changed."""
    before = tree(there)
    with pytest.raises((VaultDamaged, Wrong)) as error:
        import_(path, there)
    before.pop("writer.lock", None)
    after = tree(there)
    after.pop("writer.lock", None)
    assert after == before
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    return str(error.value)
