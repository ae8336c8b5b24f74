"""A run of a write-only collector, and what who can read finds of it afterwards."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.core.sealed_vault import CACHES, FACTS, snapshot

from goldcopy.vault import Reader, Vault, Writer
from goldcopy.vault.index import Index
from goldcopy.vault.verify import verify

Step = Callable[[Writer], Any]


async def snapshot_of(writer: Writer, device: str, night: int) -> str:
    return (await writer.keep(snapshot(device, night), FACTS)).entry.id


async def note_of(writer: Writer, number: int) -> str:
    return (await writer.note("receipt", "mixer", {"number": number})).id


RUN: list[Step] = [
    lambda writer: snapshot_of(writer, "mixer", 1),
    lambda writer: note_of(writer, 1),
    lambda writer: snapshot_of(writer, "mixer", 2),
    lambda writer: snapshot_of(writer, "press", 1),
]


def seen(path: Path, reader: Reader) -> list[str]:
    """Ids of all that the vault's files tell who can read them, in order; all of it is proved.

    The vault's own folder is left as it is: its collector must not learn from this.
    """
    with tempfile.TemporaryDirectory() as aside:
        copied = Path(aside) / "vault"
        shutil.copytree(path, copied, ignore=shutil.ignore_patterns(*CACHES, "collector"))
        vault = Vault.open(copied, reader)
        try:
            assert vault.doubts == []
            proof = verify(vault, "full")
            assert proof.findings == ()
            rows = [
                (row.place, row.entry.id)
                for device in vault.devices()
                for row in vault.catalog.read(partial(Index.history, device=device))
            ]
            places = vault.catalog.read(lambda index: index.notes(None, None))
            rows += [(place, note.id) for place, note in zip(places, vault.notes(), strict=True)]
            assert proof.snapshots + proof.notes == len(rows)
            return [id for _, id in sorted(rows)]
        finally:
            vault.close()


async def goes_on(path: Path, reader: Reader, before: list[str]) -> None:
    """The collector, which cannot read, keeps more; all is whole then, and nothing has gone."""
    vault = Vault.open(path)
    new = []
    async with vault.writing() as writer:
        assert writer.latest("mixer") is None
        for night in (2, 3):
            new += [await snapshot_of(writer, device, night) for device in ("mixer", "press")]
        new.append(await note_of(writer, 9))
    assert vault.doubts == []
    vault.close()
    assert seen(path, reader) == before + new
