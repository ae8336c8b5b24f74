"""A restore of the toy press, until it is killed. Not a test: run by some.

    restored_until_killed.py VAULT PORT TARGET

Prints ``ready`` before it begins, and ``done PROVED`` if it comes to its end.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.core.restore_toy import REGISTRY, Plant, Press, device

from goldcopy.restore import Means
from goldcopy.vault import Vault


async def main(path: Path, port: int, target: str) -> None:
    vault = Vault.open(path)
    async with vault.writing(linger=0) as writer:
        means = Means(vault, writer, REGISTRY, pause=0.01)
        found = Plant(Press(), device(port), means, vault.load(target))
        plan = await found.plan()
        print("ready", flush=True)
        receipt = await found.restore(plan)
        print("done", receipt.proved, flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
