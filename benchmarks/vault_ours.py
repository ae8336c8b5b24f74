"""Our vault as the store of the fleet: one thing to do a process, its figures as JSON.

``night VAULT TREE N``      all snapshots at hand, then kept, by a collector that cannot read
``collect VAULT TREE N``    a whole nightly run, device by device; gives the peak memory in MB
``restores VAULT KEY KEPT`` rebuilds what lies in KEPT/NIGHT/DEVICE, compares
``history VAULT DEVICE``    the list of its snapshots
``prove VAULT KEY``         everything opened, every snapshot rebuilt to its id
``year VAULT NIGHTS TREE``  many nights of a fleet of 700; leaves in TREE what the next would find
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import ClassVar

import msgspec

from benchmarks.fleet import IDENTITY, Fleet, read
from goldcopy.collect import collect as collected
from goldcopy.driver import Capability, Meter, Reading, Target
from goldcopy.inventory import Device
from goldcopy.registry import DRIVERS, Registry
from goldcopy.snapshot import Identity, Snapshot
from goldcopy.vault import Facts, Reader, Vault
from goldcopy.vault.verify import verify

FIRST = datetime(2026, 1, 1, 1, tzinfo=UTC)
YEAR = {"devices": 700, "tags": 300, "blocks": 2}


def night(vault: str, tree: str, number: str) -> dict[str, float]:
    """Seconds to make the canonical forms, as a pull does, and seconds to keep them."""
    snapshots = [read(device) for device in sorted(Path(tree).iterdir())]
    begin = time.perf_counter()
    for snapshot in snapshots:
        _ = snapshot.id
    formed = time.perf_counter()
    opened = Vault.open(vault)
    asyncio.run(keep(opened, snapshots, int(number)))
    opened.close()
    return {"form": formed - begin, "keep": time.perf_counter() - formed}


async def keep(vault: Vault, snapshots: Sequence[Snapshot], number: int) -> None:
    """Keep them as those of one night, with facts that differ as those of real pulls do."""
    draw = random.Random(number)
    async with vault.writing("collector@plant") as writer, asyncio.TaskGroup() as group:
        for snapshot in snapshots:
            facts = Facts(
                FIRST + timedelta(days=number, microseconds=draw.randrange(10**9)),
                draw.random() * 3,
                draw.randrange(90, 130),
                draw.randrange(10**5, 10**6),
                version="0.1.0",
            )
            group.create_task(writer.keep(snapshot, facts))


def collect(vault: str, tree: str, number: str) -> dict[str, float]:
    """Peak memory of a process that does a whole nightly run, seconds, devices kept."""
    opened = Vault.open(vault)
    begin = time.perf_counter()
    devices = [Device(one.name, "bench", tree, 1) for one in sorted(Path(tree).iterdir())]
    kept = asyncio.run(_run(opened, devices))
    seconds = time.perf_counter() - begin
    opened.close()
    return {"peak": peak(), "seconds": seconds, "kept": kept}


async def _run(vault: Vault, devices: Sequence[Device]) -> int:
    driver = EntryPoint("bench", f"{__name__}:FolderDriver", DRIVERS)
    async with vault.writing("collector@plant") as writer:
        outcomes = await collected(
            devices,
            writer.keep,
            zones={},
            registry=Registry([driver]),
            previous=writer.latest,
            pulling=writer.pulling,
        )
    errors = [outcome.error for outcome in outcomes if outcome.state != "kept"]
    assert not errors, errors[:3]
    return len(outcomes)


class FolderDriver:
    """Finds devices as folders below ``host``. Reading takes no time but the processor's."""

    name: ClassVar[str] = "bench"
    title: ClassVar[str] = "Files"
    port: ClassVar[int] = 1
    capabilities: ClassVar[Sequence[Capability]] = ()

    class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """None."""

    @asynccontextmanager
    async def open(self, target: Target, meter: Meter) -> AsyncIterator[_Session]:
        yield _Session(Path(target.host) / target.device)


class _Session:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def identify(self) -> Identity:
        return IDENTITY

    async def read(self) -> Reading:
        found = await asyncio.to_thread(read, self._folder)
        return Reading(found.items, blobs=found.blobs)


def peak() -> float:
    """Most memory that this process has held, in MB.

    Not ``ru_maxrss``: that begins with what the process held from which this one was started.
    """
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e6


def restores(vault: str, key: str, kept: str) -> list[tuple[int, str, list[float]]]:
    """Seconds of three rebuilds of each, with all content and the proof by its id."""
    opened = Vault.open(vault, Reader.load(Path(key)))
    found = []
    for folder in sorted(Path(kept).glob("*/*")):
        number, seconds, wanted = int(folder.parent.name), [], read(folder)
        for _ in range(3):
            begin = time.perf_counter()
            snapshot = opened.load(opened.log(folder.name)[::-1][number])
            content = {item.path: snapshot.content(item) for item in snapshot.items}
            seconds.append(time.perf_counter() - begin)
            assert snapshot.items == wanted.items, folder
            assert content == {item.path: wanted.content(item) for item in wanted.items}, folder
        found.append((number, folder.name, seconds))
    opened.close()
    return found


def history(vault: str, device: str) -> tuple[float, int]:
    """Seconds to list a device's snapshots, best of three, and how many there are."""
    opened = Vault.open(vault)
    seconds = []
    for _ in range(3):
        begin = time.perf_counter()
        found = opened.log(device)
        seconds.append(time.perf_counter() - begin)
    opened.close()
    return min(seconds), len(found)


def prove(vault: str, key: str) -> dict[str, float]:
    """Seconds of a full proof, opening included, and how much was proved."""
    begin = time.perf_counter()
    opened = Vault.open(vault, Reader.load(Path(key)))
    proof = verify(opened, "full")
    seconds = time.perf_counter() - begin
    opened.close()
    assert not proof.findings, proof.findings
    return {"seconds": seconds, "snapshots": proof.snapshots, "blobs": proof.blobs, "peak": peak()}


def year(vault: str, nights: str, tree: str) -> None:
    """Keep many nights of a fleet of 700 devices."""
    fleet = Fleet(**YEAR)
    for number in range(int(nights)):
        opened = Vault.open(vault)
        asyncio.run(keep(opened, fleet.snapshots(), number))
        opened.close()
        fleet.mutate()
    fleet.write(Path(tree))


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
