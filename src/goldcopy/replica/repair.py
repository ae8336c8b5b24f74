"""Putting good copies back into the vault, from a replica whose copy proves itself."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from goldcopy.errors import GoldcopyError, VaultUnavailable
from goldcopy.replica.contract import Opening, Replica, pack_number, ring_number
from goldcopy.replica.files import VaultFiles, pack_name, ring_fault, ring_name
from goldcopy.replica.waiting import in_thread
from goldcopy.vault import marker
from goldcopy.vault.folder import disk, publish
from goldcopy.vault.lock import Lock

ASIDE = "damaged"
"""Folder of the vault for what was found in the place of a good copy. Nothing is deleted."""


class Repaired(NamedTuple):
    """What became of one file."""

    pack: str
    """Its name; a keyring's too."""
    replica: str
    """Where the good copy came from; "" if none was found."""
    words: str


class _At(NamedTuple):
    """A replica that was opened, and what it has."""

    replica: Replica
    names: frozenset[str]


async def repair(vault: Path, replicas: Mapping[str, Opening], by: str) -> list[Repaired]:
    """Fetch every keyring and pack that is damaged or missing here, those lost at the end too.

    A copy is taken only if it is signed, whole, and chained to its neighbours here. What was in its
    place is kept in the folder ``damaged``. Nobody else may write meanwhile; raises
    ``VaultUnavailable`` if somebody does, or if no replica can be reached.
    """
    lock = Lock(vault)
    await in_thread(lock.take, by)
    try:
        async with AsyncExitStack() as stack:
            there = await _opened(stack, replicas)
            mark = await in_thread(marker.read, vault)
            rings = max(ring_number(name) for at in there for name in [*at.names, ""])
            done = await _mend_all(
                vault,
                map(ring_name, range(1, rings + 1)),
                lambda name, data: ring_fault(mark, ring_number(name), data),
                there,
            )
            files = await in_thread(VaultFiles, vault)  # judges packs by the keyrings
            last = max(pack_number(name) for at in there for name in [*at.names, ""])
            packs = map(pack_name, range(1, max(last, files.last) + 1))
            return done + await _mend_all(vault, packs, files.fault, there)
    finally:
        await in_thread(lock.release)


async def _opened(stack: AsyncExitStack, replicas: Mapping[str, Opening]) -> list[_At]:
    """Those that can be used. Raises ``VaultUnavailable`` if there is none."""
    opened, silent = [], ["there is no replica to repair from"]
    for opening in replicas.values():
        try:
            replica = await stack.enter_async_context(opening())
            opened.append(_At(replica, frozenset(await replica.list())))
        except GoldcopyError as error:
            silent.append(str(error))
    if not opened:
        raise VaultUnavailable(": ".join(silent))
    return opened


async def _mend_all(
    vault: Path, names: Iterable[str], fault: Callable[[str, bytes], str], there: list[_At]
) -> list[Repaired]:
    """Put good copies of these files in their places, where they are not good."""

    def here(name: str) -> str:
        path = vault / name
        if not path.exists():
            return "it was missing"
        with disk(path):
            return fault(name, path.read_bytes())

    async def mend(name: str, why: str) -> Repaired:
        refused = []
        for replica in (at.replica for at in there if name in at.names):
            try:
                data = await replica.get(name)
            except GoldcopyError as error:
                refused.append(str(error))
                continue
            if wrong := await in_thread(fault, name, data):
                refused.append(f"that of {replica.name}: {wrong}")
                continue
            aside = await in_thread(_replace, vault, name, data)
            kept = f"; what was there is kept as {aside}" if aside else ""
            return Repaired(name, replica.name, f"{why}; a good copy is in its place{kept}")
        tried = "; ".join(refused) or "none has it"
        return Repaired(name, "", f"{why}; no replica has a good copy of it: {tried}")

    done = []
    for name in names:
        if why := await in_thread(here, name):
            done.append(await mend(name, why))
    # One may have seemed wrong only because the one after it was.
    return await in_thread(lambda: [one for one in done if one.replica or here(one.pack)])


def _replace(vault: Path, name: str, data: bytes) -> str:
    """Put a pack in its place; gives where the one that was there went."""
    path, aside = vault / name, ""
    if path.exists():
        time = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        with disk(path):
            (vault / ASIDE).mkdir(mode=0o700, exist_ok=True)
            place = vault / ASIDE / f"{path.name}.{time}"
            if place.exists():
                raise VaultUnavailable(f"{place} is there already: move it away")
            os.rename(path, place)
            aside = str(place)
    publish(path, [data])
    return aside
