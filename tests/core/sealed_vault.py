"""A whole sealed vault, for tests that attack it: two devices, blobs, notes, two keyrings."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime
from pathlib import Path

from goldcopy.snapshot import Gap, Identity, Item, Snapshot
from goldcopy.vault import Facts, Reader, SigningKey, Vault, rotation

FACTS = Facts(datetime(2026, 11, 24, tzinfo=UTC), 1.5, 7, 900)
CACHES = ("index.sqlite", "index.sqlite-wal", "index.sqlite-shm")
"""What of a vault can be made anew."""

SECRET_VALUE = "s3cret-recipe-of-the-mixer"
SECRET_PATH = "recipes/confidential-folder"
SECRET_GAP = "refused-by-the-hidden-clause"
SECRET_NOTE = "the-reason-nobody-may-know"
SECRET_BLOB = b"PROPRIETARY-LADDER-LOGIC-OF-THE-PRESS "


def snapshot(device: str, night: int) -> Snapshot:
    """Little changes from night to night, and a page of the block."""
    items = [Item(f"db/{n:02d}", "parameter", "DINT", n * (n % 7 == night)) for n in range(40)]
    items.append(Item(SECRET_PATH, "parameter", "STRING", SECRET_VALUE))
    block = bytearray(SECRET_BLOB * 100)
    block[1000:1004] = night.to_bytes(4, "big")
    items.append(Item("OB1", "block", "BYTES", bytes(block)))
    # Too irregular to be hidden by compression alone.
    items.append(Item("OB2", "block", "BYTES", random.Random(device).randbytes(600)))
    gaps = [Gap("db/2", SECRET_GAP)] if night == 2 else []
    return Snapshot.of(device, "s7", Identity(vendor="Acme"), items, gaps)


class SealedVault:
    """Packs 1 to 4 are written under the first keyring, 5 to 7 under the second."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.owner, self.reader, self.other = SigningKey(), Reader(), Reader()
        Vault.create(path, self.owner, self.reader.recipients).close()

    async def fill(self) -> None:
        """Write all of it, as a collector that cannot read what it stores."""
        await self.night(0)
        await self.night(1)
        await self.note()
        await self.night(2)
        rotation.recipients(self.path, self.owner, add=self.other.recipients, remove=[])
        await self.night(3)
        await self.note()

    async def night(self, number: int) -> None:
        """One pack with a snapshot of each device."""
        vault = Vault.open(self.path)
        async with vault.writing() as writer:
            both = [snapshot(device, number) for device in ("mixer", "press")]
            await asyncio.gather(*[writer.keep(one, FACTS) for one in both])
        vault.close()

    async def note(self) -> None:
        vault = Vault.open(self.path)
        async with vault.writing() as writer:
            await writer.note("gold.approval", "mixer", {"reason": SECRET_NOTE})
        vault.close()

    def open(self, reading: bool = True) -> Vault:
        return Vault.open(self.path, self.reader if reading else None)

    def packs(self) -> list[Path]:
        return sorted((self.path / "packs").glob("*.pack"))
