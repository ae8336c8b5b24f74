"""A sync that is really killed, again and again: no half file has a real name, and it gets done."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from pathlib import Path

from tests.core.replica_vault import VaultOfPacks, is_unfinished, tree

from goldcopy.replica.sync import sync

PROGRAM = """
import asyncio, sys
from pathlib import Path
from goldcopy.inventory import InFolder
from goldcopy.replica.opening import openings
from goldcopy.replica.sync import sync

vault, root, id = sys.argv[1:]
replicas = openings([InFolder("nas", Path(root))], id)
asyncio.run(sync(Path(vault), replicas, lambda name, sent, of: print(sent, flush=True)))
"""


async def test_killed_again_and_again(tmp_path: Path) -> None:
    vault, root = VaultOfPacks(tmp_path / "vault", 150), tmp_path / "nas"
    root.mkdir()
    whole, rng, done = vault.content(), random.Random(3), 0
    for _ in range(6):
        arguments = [sys.executable, "-c", PROGRAM, str(vault.path), str(root), vault.id]
        process = await asyncio.create_subprocess_exec(*arguments, stdout=subprocess.PIPE)
        assert process.stdout is not None
        for _ in range(rng.randrange(2, 9)):
            await process.stdout.readline()
        await asyncio.sleep(rng.random() * 0.01)
        process.kill()
        await process.communicate()
        there = {n: d for n, d in tree(root / vault.id).items() if not is_unfinished(n)}
        assert there.items() <= whole.items()
        assert len(there) > done
        done = len(there)
    (synced,) = await sync(vault.path, vault.in_folder(root))
    assert synced.trouble is None
    there = {n: d for n, d in tree(root / vault.id).items() if not is_unfinished(n)}
    assert there == whole
    assert 0 < synced.sent == len(whole) - done
