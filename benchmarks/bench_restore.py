"""600 Modbus controllers, 500 manipulated registers each, put back by one campaign and proved.

The controllers run in a process of their own, 10 ms from each request to its reply. Counted are
their own logs: requests that write, connections at once, registers that are not as they were.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from goldcopy.collect import collect
from goldcopy.inventory import Device, Inventory, Zone
from goldcopy.registry import Registry
from goldcopy.restore import (
    GoldState,
    Job,
    Means,
    Permit,
    Wanted,
    apply_campaign,
    make_campaign,
    make_plans,
)
from goldcopy.snapshot import Snapshot
from goldcopy.vault import Vault
from goldcopy_modbus import Options
from goldcopy_modbus.options import Range

CONTROLLERS, REGISTERS, FIRST, MANIPULATED, DELAY = 600, 600, 50, 500, 0.01
ZONES = {f"segment-{n}": Zone(16) for n in range(4)}
PLANT = f"""
import asyncio, sys
from goldcopy_sim.modbus import ModbusSimulator, Registers, Unit

def wrong(plc):
    held = plc.values()
    return sum(held[f"holding/{{n}}"][1] != n for n in range({REGISTERS}))

async def main():
    plant = []
    for _ in range({CONTROLLERS}):
        unit = Unit(holding=Registers({{n: n for n in range({REGISTERS})}}))
        plant.append(await ModbusSimulator({{1: unit}}, delay={DELAY}).__aenter__())
    print(*[plc.port for plc in plant], flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        for plc in plant if line == "attack\\n" else ():
            for n in range({FIRST}, {FIRST + MANIPULATED}):
                plc.change(f"holding/{{n}}", 0xDEAD)
        writes = sum(service.writes for plc in plant for service in plc.log)
        peak = max(plc.connections.peak for plc in plant)
        print(sum(map(wrong, plant)), writes, peak, flush=True)

asyncio.run(main())
"""


class Controllers:
    """The plant's process."""

    def __init__(self, process: asyncio.subprocess.Process, ports: list[int]) -> None:
        self._process = process
        self.ports = ports

    async def asked(self, what: str) -> tuple[int, ...]:
        """Wrong registers, writing requests so far, the most connections one has had at once."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(what.encode() + b"\n")
        return tuple(map(int, (await self._process.stdout.readline()).split()))


@asynccontextmanager
async def controllers() -> AsyncIterator[Controllers]:
    """Start them; they end with their standard input."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PLANT, stdin=pipe, stdout=pipe
    )
    assert process.stdin is not None
    assert process.stdout is not None
    yield Controllers(process, [int(port) for port in (await process.stdout.readline()).split()])
    process.stdin.close()
    await process.wait()


def devices(ports: list[int]) -> tuple[Device, ...]:
    """As an inventory has them, in four segments."""
    options = Options(ranges=(Range(start=0, count=REGISTERS, table="holding"),), identify=False)
    return tuple(
        Device(
            f"plc-{n}",
            "modbus",
            "127.0.0.1",
            port,
            zone=f"segment-{n % 4}",
            options=options,
            writable=True,
        )
        for n, port in enumerate(ports)
    )


async def run(folder: Path) -> None:
    """Gold copies, an attack, and one campaign."""
    Vault.create(folder).close()
    vault, registry = Vault.open(folder), Registry.installed()
    async with controllers() as plant, vault.writing() as writer:
        means = Means(vault, writer, registry)
        chosen = devices(plant.ports)
        await collect(chosen, writer.keep, zones=ZONES, registry=registry, pulling=writer.pulling)
        golds = {one.name: vault.log(one.name)[0] for one in chosen}
        wrong, *_ = await plant.asked("attack")
        print(f"{CONTROLLERS} controllers, {wrong:,} registers manipulated")

        def gold(name: str) -> Snapshot:
            return vault.load(golds[name])

        began = time.monotonic()
        wanted = [Wanted(one, lambda name=one.name: gold(name)) for one in chosen]  # type: ignore[misc]
        planned = await make_plans(wanted, means, zones=ZONES)
        campaign = make_campaign(planned.plans, Inventory(folder, ZONES, chosen))
        after = time.monotonic()
        print(f"read and planned in {after - began:.1f} s")
        by_name = {one.name: one for one in chosen}
        jobs = {
            plan.device: Job(
                plan,
                lambda name=plan.device: gold(name),  # type: ignore[misc]
                by_name[plan.device],
                GoldState(True, "", plan.target.snapshot),
            )
            for plan in planned.plans
        }
        receipt = await apply_campaign(
            campaign,
            jobs,
            means,
            zones=ZONES,
            approvals=lambda digest: ["ann"],
            permit=Permit("benchmark"),
        )
        print(f"written and proved in {time.monotonic() - after:.1f} s: {receipt.proved}")
        wrong, writes, peak = await plant.asked("look")
        print(
            f"{wrong} registers wrong, {writes:,} requests that wrote "
            f"({writes / CONTROLLERS:g} a controller; {-(-MANIPULATED // 123)} are the fewest), "
            f"{peak} connection at once"
        )
    vault.close()


def main() -> None:
    """Run it once."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder) / "vault"))
