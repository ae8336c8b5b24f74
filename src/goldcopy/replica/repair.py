"""Putting good copies of packs back into the vault, from a replica whose copy proves itself."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from goldcopy.errors import GoldcopyError, VaultUnavailable
from goldcopy.replica.contract import Opening, Replica, pack_number
from goldcopy.replica.files import VaultFiles, pack_name
from goldcopy.replica.waiting import in_thread
from goldcopy.vault.folder import disk, publish
from goldcopy.vault.lock import Lock

ASIDE = "damaged"
"""Folder of the vault for what was found in the place of a good copy. Nothing is deleted."""


class Repaired(NamedTuple):
    """What became of one pack."""

    pack: str
    replica: str
    """Where the good copy came from; "" if none was found."""
    words: str


async def repair(vault: Path, replicas: Mapping[str, Opening], by: str) -> list[Repaired]:
    """Fetch every pack that is damaged or missing here, those lost at the end too.

    A copy is taken only if it is signed, whole, and chained to its neighbours here. What was in its
    place is kept in the folder ``damaged``. Nobody else may write meanwhile; raises
    ``VaultUnavailable`` if somebody does, or if no replica can be reached.
    """
    lock = Lock(vault)
    await in_thread(lambda: lock.take(by))
    try:
        files = await in_thread(lambda: VaultFiles(vault))
        async with AsyncExitStack() as stack:
            opened, silent = await _opened(stack, replicas)
            there = {one.name: set(await one.list()) for one in opened}
            if not opened:
                raise VaultUnavailable("; ".join(silent) or "there is no replica to repair from")
            last = max([files.last, *(pack_number(n) for names in there.values() for n in names)])
            repaired = []
            for name in map(pack_name, range(1, last + 1)):
                fault = await in_thread(lambda name=name: _fault(files, name))  # type: ignore[misc]
                if fault:
                    having = [one for one in opened if name in there[one.name]]
                    repaired.append(await _mend(files, name, fault, having))
            # A pack may have seemed wrong only because the one after it was.
            return await in_thread(
                lambda: [one for one in repaired if one.replica or _fault(files, one.pack)]
            )
    finally:
        await in_thread(lock.release)


async def _opened(
    stack: AsyncExitStack, replicas: Mapping[str, Opening]
) -> tuple[list[Replica], list[str]]:
    """Those that can be opened, and why the others cannot."""
    opened, silent = [], []
    for opening in replicas.values():
        try:
            opened.append(await stack.enter_async_context(opening()))
        except GoldcopyError as error:
            silent.append(str(error))
    return opened, silent


def _fault(files: VaultFiles, name: str) -> str:
    """What is wrong with a pack of the vault; "" for nothing."""
    if not (files.path / name).exists():
        return "it was missing"
    return files.fault(name, files.read(name))


async def _mend(files: VaultFiles, name: str, fault: str, having: Iterable[Replica]) -> Repaired:
    refused = []
    for replica in having:
        try:
            data = await replica.get(name)
        except GoldcopyError as error:
            refused.append(str(error))
            continue
        if wrong := await in_thread(lambda data=data: files.fault(name, data)):  # type: ignore[misc]
            refused.append(f"that of {replica.name}: {wrong}")
            continue
        aside = await in_thread(lambda data=data: _replace(files.path, name, data))  # type: ignore[misc]
        kept = f"; what was there is kept as {aside}" if aside else ""
        return Repaired(name, replica.name, f"{fault}; a good copy is in its place{kept}")
    return Repaired(
        name,
        "",
        f"{fault}; no replica has a good copy of it: {'; '.join(refused) or 'none has it'}",
    )


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
