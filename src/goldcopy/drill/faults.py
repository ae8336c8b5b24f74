"""Faults in the vault, drilled on copies of what a replica holds: each must be seen and named."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from goldcopy.drill.model import Drilled
from goldcopy.drill.source import LOCAL, Source, taken
from goldcopy.errors import GoldcopyError, VaultDamaged, VaultSealed, VaultUnavailable
from goldcopy.replica.contract import Opening, Replica
from goldcopy.vault import Entry, Reader, Vault
from goldcopy.vault.folder import pack_path
from goldcopy.vault.index import Index
from goldcopy.vault.pack import Place


def tampered(source: Source, entry: Entry, reader: Reader | None, folder: Path) -> Drilled:
    """One bit of what the gold copy is rebuilt from is another one: nothing may come out of it."""

    def told(passed: bool, why: str) -> Drilled:
        return Drilled(
            device=entry.device,
            scenario="tampered-gold",
            state="passed" if passed else "failed",
            why=why,
            source=source.name,
            snapshot=entry.id,
        )

    place = _keyframe(source.vault, entry)
    pack = pack_path(_copied(source.vault.path, folder), place.pack)
    data = bytearray(pack.read_bytes())
    data[data.index(b"\n") + 1 + place.offset + place.length // 2] ^= 1
    seen = f"refused: {pack.name} was seen to be changed"
    pack.unlink()  # it is a hard link
    pack.write_bytes(data)
    try:
        vault = Vault.open(folder, reader)
    except VaultDamaged:
        return told(True, seen)
    try:
        found = [one for one in vault.by_id(entry.id) if one.device == entry.device]
        if not found:
            gone = "the gold copy is gone, and nobody says why"
            return told(bool(vault.doubts), seen if vault.doubts else gone)
        vault.load(found[0])
    except VaultDamaged:
        return told(True, seen)
    except GoldcopyError as error:
        return told(False, f"it was refused for another reason: {error}")
    finally:
        vault.close()
    return told(False, f"{pack.name} was changed, and its gold copy was taken for good")


def _keyframe(vault: Vault, entry: Entry) -> Place:
    """Where the record is that a snapshot is rebuilt from first."""

    def found(index: Index) -> Place:
        row = index.find(entry.device, entry.id)
        assert row is not None
        number = row.entry.number
        return index.span(entry.device, number - row.depth, number)[0].place

    return vault.catalog.read(found)


def without_key(source: Source, folder: Path) -> Drilled:
    """Somebody has a copy of the vault and no identity: nothing may come out, and it is said."""

    def told(state: str, why: str) -> Drilled:
        return Drilled(
            device="",
            scenario="missing-key",
            state=state,  # type: ignore[arg-type]
            why=why,
            source=source.name,
        )

    if not source.vault.ring.recipients:
        return told("not drilled", "the vault is not sealed: whoever has a copy can read it")
    vault = Vault.open(_copied(source.vault.path, folder))
    try:
        if not vault.sealed or vault.devices():
            return told("failed", "snapshots came out of it without the reader's identity")
        with contextlib.suppress(VaultSealed):
            if vault.notes():
                return told("failed", "notes came out of it without the reader's identity")
        return told("passed", f"refused: all {vault.head()[0]} packs are sealed, and stay so")
    finally:
        vault.close()


async def dead(
    replicas: Mapping[str, Opening], local: Path, id: str, reader: Reader | None
) -> Drilled:
    """The replica that is asked first does not answer: another one serves, or it is refused."""

    def told(state: str, why: str, source: str = "") -> Drilled:
        return Drilled(
            device="",
            scenario="dead-replica",
            state=state,  # type: ignore[arg-type]
            why=why,
            source=source,
        )

    if not replicas:
        return told("not drilled", "the inventory names no replica: there is none to lose", LOCAL)
    first = next(iter(replicas))
    broken = {**replicas, first: lambda: _dead(first)}
    try:
        async with taken(broken, local, id, reader) as source:
            named = any(first in text for text in source.told)
            why = f"{first} was named as dead, and {source.name} had the gold copies"
            return told("passed" if named else "failed", why, source.name)
    except VaultUnavailable as error:
        if first not in str(error):
            return told("failed", f"{first} is dead, and nobody says so: {error}")
        more = "no other has them" if len(replicas) > 1 else "there is no second replica"
        return told("passed", f"refused, and {first} named; {more}: only the local vault is left")


@asynccontextmanager
async def _dead(name: str) -> AsyncIterator[Replica]:
    await asyncio.sleep(0)
    raise VaultUnavailable(f"replica {name}: it does not answer")
    yield


def _copied(vault: Path, folder: Path) -> Path:
    """A copy without the index, which knows what is sealed; of the packs, hard links."""
    for path in (
        vault / "vault.json",
        *(vault / "keyring").iterdir(),
        *(vault / "packs").iterdir(),
    ):
        target = folder / path.relative_to(vault)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            target.hardlink_to(path)
        except OSError:  # another disk
            shutil.copyfile(path, target)
    return folder
