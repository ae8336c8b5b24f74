"""The gold copies, taken from a replica: what a drill restores is what a disaster would leave."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from goldcopy.errors import VaultDamaged, VaultUnavailable
from goldcopy.replica.contract import Opening, is_ours
from goldcopy.vault import Reader, Vault

LOCAL = "local vault"


class Source(NamedTuple):
    """A vault for reading, and where it is from."""

    vault: Vault
    name: str
    told: tuple[str, ...] = ()
    """Replicas that could not be used before this one, and why."""


@asynccontextmanager
async def taken(
    replicas: Mapping[str, Opening], local: Path, id: str, reader: Reader | None
) -> AsyncIterator[Source]:
    """The vault out of the first replica that has it; only where there is none, the local one.

    Args:
        replicas: how to open each, in the order in which they are tried.
        local: folder of the vault here.
        id: the vault's id.
        reader: opens what is sealed.

    Raises ``VaultUnavailable`` if there are replicas and none can be used, ``VaultDamaged``.
    """
    told: list[str] = []
    with tempfile.TemporaryDirectory(prefix="goldcopy-drill-") as folder:
        path, name = local, LOCAL
        for name, opening in replicas.items():
            path = Path(folder) / name
            try:
                await fetch(opening, path)
                break
            except (VaultUnavailable, VaultDamaged) as error:
                told.append(str(error))
        else:
            if replicas:
                raise VaultUnavailable(f"no replica has the gold copies: {'; '.join(told)}")
        vault = await asyncio.to_thread(Vault.open, path, reader)
        try:
            if vault.id != id:
                raise VaultDamaged(f"replica {name} holds the vault {vault.id}, not {id}")
            yield Source(vault, name, tuple(told))
        finally:
            await asyncio.to_thread(vault.close)


async def fetch(opening: Opening, folder: Path) -> None:
    """Copy what a replica has of the vault into a new folder. Raises as ``Replica``."""
    async with opening() as replica:
        names = [name for name in await replica.list() if is_ours(name)]
        if "vault.json" not in names:
            raise VaultUnavailable(f"replica {replica.name} does not hold the vault")
        await asyncio.to_thread((folder / "packs").mkdir, parents=True)
        for name in sorted(names):
            if not name.startswith("attest/"):
                data = await replica.get(name)
                await asyncio.to_thread(_keep, folder / name, data)


def _keep(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
