"""A simulated machine, a writing session on it, and what was read first."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec
import pytest

from goldcopy.driver import Meter
from goldcopy.errors import GoldcopyError
from goldcopy.snapshot import Item, Snapshot, Value
from goldcopy_opcua import OpcUaDriver, OpcUaWriter
from goldcopy_sim.opcua import OpcUaSimulator

from .test_opcua_pull import OVEN, PARAMETERS, pull, target

SET = f"{OVEN}.ParameterSet."


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
