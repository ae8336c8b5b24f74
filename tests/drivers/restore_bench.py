"""Restores through real drivers, to real simulators: a gold copy, then an attack, then a plan."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import cast

import msgspec

from goldcopy.driver import Meter, Target, Writable
from goldcopy.inventory import Device, Rules, SecretSource
from goldcopy.registry import DRIVERS, Registry
from goldcopy.restore import GoldState, Means, Permit, Plan, Receipt, apply, make_plan
from goldcopy.snapshot import Snapshot, Value
from goldcopy.testing.bench import Bench, form
from goldcopy.vault import Vault

NO_RULES = Rules()


@dataclass
class Scene:
    """A bench's controller in a plant of one device."""

    bench: Bench
    device: Device
    means: Means
    gold: Snapshot

    async def live(self) -> Snapshot:
        return (await self.means.reach(self.device).read())[0]

    async def attack(self, values: Mapping[str, Value]) -> None:
        """Write these, as somebody with the driver could."""
        driver, target = self.bench.driver, self.bench.target
        assert isinstance(driver, Writable)
        items = self.gold.by_path
        async with driver.open_writing(target, Meter()) as session:
            await session.identify()
            wanted = [msgspec.structs.replace(items[p], value=v) for p, v in values.items()]
            for group in session.groups(wanted):
                await session.write(group)

    async def plan(self, *only: str) -> Plan:
        vault = self.means.vault.id
        return make_plan(await self.live(), self.gold, self.device, vault=vault, only=only)

    async def restore(self, plan: Plan | None = None, **over: object) -> Receipt:
        plan = plan or await self.plan()
        return await apply(
            plan,
            self.gold,
            replace_device(self.device, **over),
            self.means,
            gold=GoldState(valid=True, snapshot=self.gold.id),
            approvals=lambda digest: {"ann"} if digest == plan.digest else (),
            permit=Permit(by="bob@panel", in_run=True),
        )

    def settings(self) -> dict[str, object]:
        """What the simulator holds where the gold copy has settings."""
        held = self.bench.holds()
        paths = [item.path for item in self.gold.items if item.role == "setting"]
        return {path: form(*held[path]) for path in paths if path in held}

    def writes(self) -> list[str]:
        """The writing services that the simulator was asked for."""
        return [service.name for service in self.bench.simulator.log if service.writes]


def replace_device(device: Device, **over: object) -> Device:
    return msgspec.structs.replace(device, **over)


def device_of(folder: Path, target: Target, driver: str) -> Device:
    """The device that has the bench's target."""
    source = None
    if target.password is not None:
        file = folder / "password"
        file.write_text(target.password.reveal())
        source = SecretSource(file=file)
    return Device(
        "bench",
        driver,
        target.host,
        target.port,
        timeout=target.timeout,
        courtesy=target.courtesy,
        username=target.username,
        password=source,
        writable=True,
        options=cast("msgspec.Struct | None", target.options),
    )


@asynccontextmanager
async def scene(folder: Path, bench: Bench, rules: Rules = NO_RULES) -> AsyncIterator[Scene]:
    """The bench's controller, its gold copy in a vault."""
    kind = type(bench.driver)
    entry = EntryPoint(kind.name, f"{kind.__module__}:{kind.__name__}", DRIVERS)
    Vault.create(folder / "vault").close()
    vault = Vault.open(folder / "vault")
    described = replace_device(device_of(folder, bench.target, kind.name), rules=rules)
    bench.target = replace(bench.target, device=described.name)
    async with vault.writing(linger=0) as writer:
        means = Means(vault, writer, Registry([entry]), retries=1, retry_pause=0.01)
        gold, facts = await means.reach(described).read()
        await writer.keep(gold, facts)
        yield Scene(bench, described, means, vault.load(gold.id))
    vault.close()
