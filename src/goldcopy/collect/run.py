"""A set of devices to their outcomes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Final

from goldcopy.collect.budget import Budgets
from goldcopy.collect.device import DevicePull, Keep, Lookup, Means
from goldcopy.collect.outcome import Outcome
from goldcopy.collect.terms import Terms
from goldcopy.collect.watch import Progress, Watch
from goldcopy.inventory import Device, Zone
from goldcopy.registry import Registry

AT_ONCE: Final = 64
"""Devices being pulled or kept, over all zones: bounds sockets and memory."""


async def collect(
    devices: Iterable[Device],
    keep: Keep,
    *,
    zones: Mapping[str, Zone],
    registry: Registry | None = None,
    previous: Lookup | None = None,
    pulling: Callable[[], AbstractContextManager[None]] = nullcontext,
    full: bool = False,
    keep_process: bool = False,
    retries: int = 2,
    pause: float = 1.0,
    terms: Mapping[str, Terms] | None = None,
    at_once: int = AT_ONCE,
    watch: Watch | None = None,
) -> list[Outcome]:
    """Pull every device once and keep what it holds. Outcomes in the order of the devices.

    A device that fails, in whatever way, is an outcome and stops no other. Only a vault that can
    take nothing in stops the run: no further pull would be worth a controller's time.

    Args:
        devices: what to pull; names are unique.
        keep: takes a snapshot in, and returns once it is safe.
        zones: how many devices of each zone are pulled at once.
        registry: where the drivers are; by default all that are installed.
        previous: where to look for the snapshot that a change token is held against.
        pulling: entered while a pull is on its way, for a vault that gathers snapshots in packs.
        full: read everything, whatever the change tokens say.
        keep_process: keep live values too, as a pull by hand does.
        retries: further attempts for a device that does not answer, or answers nonsense.
        pause: seconds before the first of them.
        terms: device -> what holds for it alone, its ``retries`` too.
        at_once: devices in work at the same time, over all zones.
        watch: is written to as the run goes on.

    Raises:
        VaultUnavailable: the vault cannot take anything in; ``watch`` has what was done before.
        VaultDamaged: likewise.
    """
    chosen, usual = list(devices), Terms(retries)
    watch = watch if watch is not None else Watch()
    watch.devices.update({device.name: Progress(device.name) for device in chosen})
    means = Means(
        keep=keep,
        previous=None if full else previous,
        pulling=pulling,
        registry=registry or Registry.installed(),
        budgets=Budgets(chosen, zones),
        places=asyncio.Semaphore(at_once),
        terms=lambda name: (terms or {}).get(name, usual),
        began=asyncio.get_running_loop().time(),
        pause=pause,
        keep_process=keep_process,
        watch=watch,
    )
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(DevicePull(device, means).run()) for device in chosen]
    except BaseExceptionGroup as errors:
        raise _first(errors) from None
    return [task.result() for task in tasks]


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
