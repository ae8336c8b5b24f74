"""One device's way through a run: its turn, the pull, the roles, the snapshot, the vault."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version

import msgspec

from goldcopy.collect.budget import Budgets
from goldcopy.collect.outcome import Outcome, words
from goldcopy.collect.pull import Retries, pull
from goldcopy.collect.terms import Late, Terms
from goldcopy.collect.watch import Watch
from goldcopy.driver import Reading, Secret, Target
from goldcopy.errors import VaultDamaged, VaultUnavailable
from goldcopy.inventory import Device
from goldcopy.registry import Registry
from goldcopy.snapshot import Identity, Snapshot
from goldcopy.vault import Facts, Kept

Keep = Callable[[Snapshot, Facts], Awaitable[Kept]]
"""Takes a snapshot in, and returns once it is safe."""

Lookup = Callable[[str], Snapshot | None]
"""The last snapshot of the device with this name. May block: it is called in a thread."""


@dataclass(frozen=True)
class Means:
    """What the devices of a run share; see ``collect``."""

    keep: Keep
    previous: Lookup | None
    pulling: Callable[[], AbstractContextManager[None]]
    registry: Registry
    budgets: Budgets
    places: asyncio.Semaphore
    terms: Callable[[str], Terms]
    began: float
    """The loop's time."""
    pause: float
    keep_process: bool
    watch: Watch


class DevicePull:
    """One device in one run."""

    def __init__(self, device: Device, means: Means) -> None:
        self._device = device
        self._means = means
        self._terms = means.terms(device.name)
        self._progress = means.watch.devices[device.name]
        self._keep_process = means.keep_process or device.keep_process
        self._secret: Secret | None = None
        self._seconds = 0.0

    async def run(self) -> Outcome:
        """Whatever happens to the device becomes its outcome; only the vault's trouble raises."""
        try:
            outcome = await self._kept()
        except (VaultUnavailable, VaultDamaged):
            raise
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            outcome = self._failed(error)  # nobody cancelled us: it leaked out of the driver
        except Exception as error:  # a driver's bug, of any kind, is this device's failure alone
            outcome = self._failed(error)
        self._progress.state = outcome.state
        self._progress.error = outcome.error
        self._means.watch.outcomes.append(outcome)
        return outcome

    async def _kept(self) -> Outcome:
        async with AsyncExitStack() as place:
            snapshot, facts = await self._snapshot(place)
            self._progress.state = "keeping"
            kept = await self._means.keep(snapshot, facts)
        return msgspec.structs.replace(
            self._spent(),
            state="kept",
            id=snapshot.id,
            items=len(snapshot.items),
            gaps=len(snapshot.gaps),
            gap_list=snapshot.gaps,
            unchanged=kept.unchanged,
        )

    async def _snapshot(self, place: AsyncExitStack) -> tuple[Snapshot, Facts]:
        """Pull when it is the device's turn. Its place in the run is held until it is kept."""
        async with (
            self._terms.kept(self._means.began),
            self._means.budgets.turn(self._device),
        ):
            await place.enter_async_context(self._means.places)
            taken = datetime.now(UTC)
            with self._means.pulling():
                identity, reading = await self._pull()
                snapshot = await asyncio.to_thread(self._made, identity, reading)
        meter = self._progress.meter
        return snapshot, Facts(
            taken=taken,
            seconds=self._seconds,
            requests=meter.requests,
            bytes=meter.bytes_in + meter.bytes_out,
            carried=tuple(path for path in reading.carried if path in snapshot.by_path),
            version=version("goldcopy"),
        )

    async def _pull(self) -> tuple[Identity, Reading]:
        began = time.monotonic()
        try:
            driver = self._means.registry.driver(self._device.driver)
            target = await asyncio.to_thread(self._target)
            return await pull(
                driver,
                target,
                self._device.deadline,
                Retries(self._terms.retries, self._means.pause),
                self._previous,
                self._progress,
            )
        finally:
            self._seconds = time.monotonic() - began

    def _target(self) -> Target:
        target = self._device.target()
        self._secret = target.password
        return replace(target, courtesy=self._means.budgets.courtesy(self._device))

    async def _previous(self, identity: Identity) -> Snapshot | None:
        """The last snapshot, if nothing but the controller's values can have changed since.

        What is carried over must be what a full read would give: from the same controller, with
        roles by the same rules, and with live values in it if they are wanted.
        """
        if self._means.previous is None:
            return None
        last = await asyncio.to_thread(self._means.previous, self._device.name)
        if (
            last is None
            or last.driver != self._device.driver
            or last.identity != identity
            or last.rules != self._device.rules.digest
        ):
            return None
        if self._keep_process and all(item.role != "process" for item in last.items):
            return None
        return last

    def _made(self, identity: Identity, reading: Reading) -> Snapshot:
        items = self._device.rules.apply(reading.items)
        if not self._keep_process:
            items = [item for item in items if item.role != "process"]
        snapshot = Snapshot.of(
            self._device.name,
            self._device.driver,
            identity,
            items,
            reading.gaps,
            self._device.rules.digest,
            reading.blobs,
        )
        _ = snapshot.id  # made here, off the loop: it takes a while for a big one
        return snapshot

    def _failed(self, error: BaseException) -> Outcome:
        said = words(self._device.name, error, self._secret)
        return msgspec.structs.replace(self._spent(), error=said, late=isinstance(error, Late))

    def _spent(self) -> Outcome:
        """What it took, whatever comes of it."""
        meter = self._progress.meter
        return Outcome(
            device=self._device.name,
            state="failed",
            requests=meter.requests,
            bytes=meter.bytes_in + meter.bytes_out,
            seconds=self._seconds,
            attempts=self._progress.attempt,
        )
