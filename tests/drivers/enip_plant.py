"""Pulling a simulated EtherNet/IP device, for all tests of the driver."""

from __future__ import annotations

import asyncio

from goldcopy.driver import Courtesy, Meter, Reading, Target, Tokened
from goldcopy.snapshot import Snapshot
from goldcopy_enip import EnipDriver
from goldcopy_enip.options import Options
from goldcopy_sim.enip import DriveSimulator, LogixSimulator

Simulated = LogixSimulator | DriveSimulator


def target_of(
    simulator: Simulated, options: Options | None = None, *, window: int = 1, limit: float = 2.0
) -> Target:
    return Target(
        "palletizer",
        simulator.host,
        simulator.port,
        timeout=limit,
        courtesy=Courtesy(window=window),
        options=options,
    )


async def pulled(
    simulator: Simulated, options: Options | None = None, *, window: int = 1, limit: float = 2.0
) -> Snapshot:
    snapshot, _ = await both(simulator, options, window=window, limit=limit)
    return snapshot


async def both(
    simulator: Simulated,
    options: Options | None = None,
    *,
    previous: Snapshot | None = None,
    window: int = 1,
    limit: float = 2.0,
) -> tuple[Snapshot, Reading]:
    target = target_of(simulator, options, window=window, limit=limit)
    async with EnipDriver().open(target, Meter()) as session:
        identity = await session.identify()
        if previous is None:
            reading = await session.read()
        else:
            assert isinstance(session, Tokened)
            reading = await session.read_since(previous)
    blobs = reading.blobs
    snapshot = Snapshot.of("palletizer", "enip", identity, reading.items, reading.gaps, blobs=blobs)
    return snapshot, reading


async def busy_reading(simulator: LogixSimulator) -> None:
    """Wait until a pull has come to the values."""
    for _ in range(10_000):
        if any(service.name == "Read Tag" for service in simulator.services):
            return
        await asyncio.sleep(simulator.delay / 10)
    raise AssertionError("nothing is read")


def by_address(snapshot: Snapshot) -> dict[str, tuple[str, object]]:
    """Tags as the simulator has them, but for those that are gaps."""
    return {item.address: (item.type, item.value) for item in snapshot.items if item.address}
