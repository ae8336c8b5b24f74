"""The simulated machines of OPC UA: a pull of one, and a writing session on it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec
import pytest
from asyncua.ua import SecurityPolicyType

from goldcopy.driver import Courtesy, Meter, Target
from goldcopy.errors import GoldcopyError
from goldcopy.snapshot import Blob, Item, Snapshot, Value
from goldcopy_opcua import OpcUaDriver, OpcUaOptions, OpcUaWriter
from goldcopy_sim.opcua import OpcUaSimulator, Settings
from goldcopy_sim.service import Value as Held

OVEN = "nsu=http://example.com/oven;s=Devices.oven-1"
PARAMETERS = "DI:DeviceSet/oven:oven-1/DI:ParameterSet"
SET = f"{OVEN}.ParameterSet."


def plain(name: str, *, reorder: bool = False, **settings: object) -> OpcUaSimulator:
    """A machine without certificates: those cost time, and have tests of their own."""
    security = {"security": [SecurityPolicyType.NoSecurity]}
    chosen = Settings(**(security | settings))  # type: ignore[arg-type]
    return OpcUaSimulator.demo(name, settings=chosen, reorder=reorder)


def target(plc: OpcUaSimulator, *, window: int = 1, **options: object) -> Target:
    chosen = OpcUaOptions(**({"security": "None"} | options))  # type: ignore[arg-type]
    courtesy = Courtesy(window=window)
    return Target("device", plc.host, plc.port, 10, courtesy, options=chosen)


async def gone(plc: OpcUaSimulator) -> None:
    """Wait until the simulator has seen the last connection go."""
    async with asyncio.timeout(5):
        while plc.connections.open:  # noqa: ASYNC110 - it counts and tells nobody
            await asyncio.sleep(0.01)


async def pull(plc: OpcUaSimulator, *, window: int = 1, **options: object) -> Snapshot:
    async with OpcUaDriver().open(target(plc, window=window, **options), Meter()) as session:
        identity = await session.identify()
        reading = await session.read()
    return Snapshot.of("device", "opcua", identity, reading.items, reading.gaps)


def by_address(snapshot: Snapshot) -> Mapping[str, Item]:
    return {item.address: item for item in snapshot.items if item.address}


def agrees(item: Item, held: tuple[str, Held]) -> bool:
    """NaN and -0.0 included."""
    kind, value = held
    kept = Blob.of(value) if isinstance(value, bytes) and isinstance(item.value, Blob) else value
    return item.type == kind and repr(item.value) == repr(kept)


@dataclass
class Plant:
    """A simulator, a writing session on it, and what was read first."""

    plc: OpcUaSimulator
    writer: OpcUaWriter
    snapshot: Snapshot
    items: dict[str, Item]

    def item(self, name: str, value: Value, **other: object) -> Item:
        """A parameter of the oven with another value."""
        found = self.items.get(f"{PARAMETERS}/oven:{name}") or self.items[name]
        return msgspec.structs.replace(found, value=value, **other)

    async def put_back(self, items: Sequence[Item]) -> list[str]:
        """Write these, by groups; the details of the writing requests that it took."""
        before = len(self.plc.log)
        for group in self.writer.groups(items):
            await self.writer.write(group)
        return [service.detail for service in self.plc.log[before:] if service.writes]

    async def amiss(self, items: Sequence[Item], error: type[GoldcopyError], words: str) -> None:
        """These are not written, and nothing that writes is sent."""
        before = dict(self.plc.values())
        with pytest.raises(error, match=re.escape(words)):
            await self.writer.write(items)
        assert not any(service.writes for service in self.plc.log)
        assert repr(dict(self.plc.values())) == repr(before)


@asynccontextmanager
async def plant(plc: OpcUaSimulator) -> AsyncIterator[Plant]:
    async with plc:
        snapshot = await pull(plc)
        async with OpcUaDriver().open_writing(target(plc), Meter()) as writer:
            yield Plant(plc, writer, snapshot, dict(snapshot.by_path))


async def said(found: Plant, items: Sequence[Item]) -> GoldcopyError:
    with pytest.raises(GoldcopyError) as caught:
        await found.writer.write(items)
    return caught.value
