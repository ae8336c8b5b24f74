"""How a restore reaches its device: one reading session or one writing session at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from goldcopy.collect import collect
from goldcopy.collect.outcome import only, words
from goldcopy.driver import Meter, Secret, Writable, Writer
from goldcopy.errors import GoldcopyError, Unreachable, Unsupported, VaultUnavailable
from goldcopy.inventory import Device
from goldcopy.registry import Registry
from goldcopy.snapshot import Snapshot
from goldcopy.vault import Entry, Facts, Kept


class Failed(GoldcopyError):
    """Something did not work; its one line begins with the device's name."""


class Reach:
    """One device, through the driver that the inventory names.

    Args:
        device: as the inventory has it.
        registry: where the drivers are.
        retries: further attempts of a read that fails; a write is never tried again.
        pause: seconds before the first of them.
    """

    def __init__(
        self, device: Device, registry: Registry, retries: int = 2, pause: float = 1.0
    ) -> None:
        self.device = device
        self._registry = registry
        self._retries = retries
        self._pause = pause
        self._secret: Secret | None = None

    async def read(self) -> tuple[Snapshot, Facts]:
        """All that it holds, live values too, on a new session. Raises ``Unreachable``."""
        found: list[tuple[Snapshot, Facts]] = []

        async def take(snapshot: Snapshot, facts: Facts) -> Kept:
            found.append((snapshot, facts))
            counts = len(snapshot.items), len(snapshot.gaps)
            return Kept(Entry(snapshot.device, snapshot.id, facts, *counts, False, 0), False)

        (outcome,) = await collect(
            [self.device],
            take,
            zones={},
            registry=self._registry,
            full=True,
            keep_process=True,
            retries=self._retries,
            pause=self._pause,
        )
        if not found:
            raise Unreachable(f"{outcome.error}; it could not be read")
        return found[0]

    def check(self) -> None:
        """Raise ``Unsupported`` if the driver cannot write at all."""
        driver = self._registry.driver(self.device.driver)
        if not isinstance(driver, Writable):
            raise Unsupported(f"{self.device.name}: the driver {driver.name} cannot write")

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Writer]:
        """A session for writing, within the device's deadline.

        Whatever goes wrong in it, a driver's bug too, is ``Failed``; its cause is the error itself.
        """
        driver = self._registry.driver(self.device.driver)
        assert isinstance(driver, Writable)
        try:
            target = await asyncio.to_thread(self.device.target)
            self._secret = target.password
            async with asyncio.timeout(self.device.deadline):
                async with driver.open_writing(target, Meter()) as session:
                    yield session
        except Exception as error:
            if isinstance(only(error), VaultUnavailable):  # the journal's: nothing may be sent
                raise only(error) from None
            raise self.failed(error) from only(error)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            raise self.failed(error) from error  # nobody cancelled us: it leaked from the driver

    def failed(self, error: BaseException) -> Failed:
        """The error in one line, without a secret."""
        error = only(error)
        if isinstance(error, TimeoutError):
            error = Unreachable(f"not done within its deadline of {self.device.deadline:g} s")
        return Failed(words(self.device.name, error, self._secret))
