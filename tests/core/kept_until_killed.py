"""A run that pulls synthetic controllers into a vault until it is killed. Not a test: run by some.

    kept_until_killed.py VAULT SEED [CALL]

Prints ``ready``, then ``kept DEVICE ID`` for each snapshot that was reported as kept, and ``noted
DEVICE ID`` for each note. With CALL, it does two rounds without notes, and kills itself before the
CALL-th system call that a pack is written with; ``done`` says that there were not so many.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from datetime import UTC, datetime
from itertools import count
from typing import Any

from goldcopy.snapshot import Gap, Identity, Item, Snapshot
from goldcopy.vault import Facts, Vault, Writer, folder

DEVICES = 6


class DeadlyOs:
    """The ``os`` that the vault's files go through."""

    def __init__(self, call: int) -> None:
        self._left = call

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        real = getattr(os, name)
        if name not in ("open", "write", "fsync", "link", "unlink", "close"):
            return real

        def call(*args: Any) -> Any:  # noqa: ANN401
            self._left -= 1
            if self._left == 0:
                if name == "write":  # half of it has reached the file
                    real(args[0], args[1][: len(args[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args)

        return call


def snapshot(device: str, chance: random.Random) -> Snapshot:
    """Mostly as ever, with something changed now and then."""
    items = [Item(f"db/1/{n:02d}", "parameter", "DINT", n) for n in range(60)]
    items[3] = Item("db/1/03", "parameter", "DINT", chance.randrange(4))
    if chance.random() < 0.3:
        del items[5:8]
    items.append(Item("OB1", "block", "BYTES", bytes([chance.randrange(6)]) * 3000))
    gaps = [Gap("db/2", "refused")] if chance.random() < 0.2 else []
    return Snapshot.of(device, "s7", Identity(vendor="Acme"), items, gaps)


async def pull(writer: Writer, device: str, seed: int, rounds: int | None) -> None:
    chance = random.Random(f"{seed} {device}")
    for _ in range(rounds) if rounds else count():
        with writer.pulling():
            await asyncio.sleep(chance.random() * 0.02)
        facts = Facts(datetime.now(UTC), 0.02, 1, 100)
        kept = await writer.keep(snapshot(device, chance), facts)
        print("kept", device, kept.entry.id, flush=True)
        if rounds is None and chance.random() < 0.2:
            note = await writer.note("receipt", device, {"id": kept.entry.id})
            print("noted", device, note.id, flush=True)


async def main(path: str, seed: int, call: int | None) -> None:
    vault = Vault.open(path)
    print("ready", flush=True)
    if call is not None:
        folder.os = DeadlyOs(call)  # type: ignore[attr-defined, assignment]
    async with vault.writing(linger=0.02) as writer, asyncio.TaskGroup() as group:
        for n in range(1 if call else DEVICES):
            group.create_task(pull(writer, f"plc{n}", seed, 2 if call else None))
    print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if sys.argv[3:] else None))
