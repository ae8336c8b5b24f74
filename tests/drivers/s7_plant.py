"""A pull of a simulated CPU, and what is in it."""

from __future__ import annotations

import asyncio
from collections import Counter

from goldcopy.driver import Courtesy, Meter, Secret, Target
from goldcopy.snapshot import Blob, Snapshot
from goldcopy_s7 import S7Driver
from goldcopy_s7.block import whole
from goldcopy_s7.options import Options
from goldcopy_sim.s7 import Kind, S7Simulator

USER = [kind.name for kind in Kind if kind.name not in ("SFC", "SFB")]


async def pull(
    simulator: S7Simulator,
    options: Options | None = None,
    *,
    since: Snapshot | None = None,
    window: int = 1,
    meter: Meter | None = None,
    password: str = "",
) -> tuple[Snapshot, list[str]]:
    """A snapshot of a simulator that listens, and what was carried."""
    target = Target(
        "cpu",
        simulator.host,
        simulator.port,
        timeout=10,
        courtesy=Courtesy(window=window),
        password=Secret(password) if password else None,
        options=options,
    )
    async with S7Driver().open(target, meter or Meter()) as session:
        identity = await session.identify()
        if since is None:
            reading = await session.read()
        else:
            reading = await session.read_since(since)  # type: ignore[attr-defined]
    made = Snapshot.of(
        "cpu", "s7", identity, reading.items, reading.gaps, blobs=dict(reading.blobs)
    )
    return made, list(reading.carried)


async def everyone_left(simulator: S7Simulator) -> None:
    async with asyncio.timeout(5):
        while simulator.connections.open:  # noqa: ASYNC110 (it has no event for that)
            await asyncio.sleep(0)


def content(snapshot: Snapshot, path: str) -> object:
    value = snapshot.by_path[path].value
    return snapshot.blobs[value.sha256] if isinstance(value, Blob) else value


def block_of(snapshot: Snapshot, path: str) -> object:
    """The whole block: a data block's values are apart from it."""
    kept = content(snapshot, path)
    if not path.startswith("block/DB"):
        return kept
    values = content(snapshot, "db/" + path.removeprefix("block/DB"))
    assert isinstance(kept, bytes)
    assert isinstance(values, bytes)
    return whole(kept, values)


def gaps(snapshot: Snapshot) -> dict[str, str]:
    return {gap.path: gap.reason for gap in snapshot.gaps}


def asked(simulator: S7Simulator) -> Counter[str]:
    return Counter(entry.name for entry in simulator.log)
