"""Two collectors that put the same names at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from goldcopy.errors import VaultDamaged
from goldcopy.replica.contract import Opening


async def two_put(opening: Opening, content: bytes, packs: int) -> Collection[str]:
    """One puts ``same`` and the other this content, so many times; the names that are there.

    Who comes second is refused if it has other content, and what is there is the first one's.
    """
    async with opening() as one, opening() as two:
        for n in range(1, packs + 1):
            name = f"packs/{n:08d}.pack"
            results = await asyncio.gather(
                one.put(name, b"same"), two.put(name, content), return_exceptions=True
            )
            refused = [result for result in results if result is not None]
            assert len(refused) == (content != b"same"), results
            assert all(isinstance(result, VaultDamaged) for result in refused)
            assert await one.get(name) == (b"same", content)[results.index(None)]
        return await one.list()
