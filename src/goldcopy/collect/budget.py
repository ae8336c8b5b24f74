"""Who has to wait: devices of one zone, and devices that are behind one address."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

import msgspec

from goldcopy.driver import Courtesy
from goldcopy.inventory import Device, Zone

Address = tuple[str, int]
K = TypeVar("K")


class Budgets:
    """The limits of one run.

    Devices with the same host and port (units behind a gateway) are one controller to the network.
    Together they stay within the smallest number of connections that any of them allows: so many
    are pulled at once, and each is given a single connection.
    """

    def __init__(self, devices: Iterable[Device], zones: Mapping[str, Zone]) -> None:
        behind: dict[Address, list[Device]] = defaultdict(list)
        for device in devices:
            behind[_address(device)].append(device)
        self._shared = {
            address: asyncio.Semaphore(min(device.courtesy.connections for device in group))
            for address, group in behind.items()
            if len(group) > 1
        }
        self._zones = {name: asyncio.Semaphore(zone.max_devices) for name, zone in zones.items()}

    def courtesy(self, device: Device) -> Courtesy:
        """How the device may be treated in this run."""
        if _address(device) in self._shared:
            return msgspec.structs.replace(device.courtesy, connections=1)
        return device.courtesy

    @asynccontextmanager
    async def turn(self, device: Device) -> AsyncIterator[None]:
        """Wait until the device may be connected to; it may be, within the context."""
        # In this order nobody who waits for an address takes up a place of the zone.
        async with _of(self._shared, _address(device)), _of(self._zones, device.zone):
            yield


@asynccontextmanager
async def _of(limits: Mapping[K, asyncio.Semaphore], key: K) -> AsyncIterator[None]:
    limit = limits.get(key)
    if limit is None:
        yield
        return
    async with limit:
        yield


def _address(device: Device) -> Address:
    return device.host.lower().rstrip("."), device.port
