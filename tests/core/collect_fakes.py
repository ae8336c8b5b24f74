"""Controllers, drivers and a vault that are told what to do, and a run of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from importlib.metadata import EntryPoint
from typing import TypedDict, Unpack

import msgspec

from goldcopy.collect import Lookup, Outcome, Terms, Watch, collect
from goldcopy.driver import Meter, Reading, Target
from goldcopy.inventory import Device, Zone
from goldcopy.registry import DRIVERS, Registry
from goldcopy.snapshot import Identity, Item, Snapshot
from goldcopy.vault import Entry, Facts, Kept


class Controller(msgspec.Struct):
    """What a fake driver talks to; it travels as the options of its device."""

    reading: Reading | None = None
    identity: Identity = Identity(serial="1")
    fails: list[BaseException] = []
    """One for each attempt, until there are no more."""
    where: str = "read"
    """At which step it fails: open, identify, read or close."""
    hold: asyncio.Event | None = None
    """``read`` waits for it."""
    network: dict[tuple[str, int], list[int]] = {}
    """Address -> connections now, and their peak."""
    targets: list[Target] = []
    meters: list[tuple[int, int]] = []
    """Steps done and their total, as each attempt began."""
    opened: int = 0
    open_now: int = 0
    since: Snapshot | None = None

    def trip(self, step: str) -> None:
        if step == self.where and self.fails:
            raise self.fails.pop(0)


class FakeSession:
    def __init__(self, controller: Controller, meter: Meter) -> None:
        self.controller = controller
        self.meter = meter

    async def identify(self) -> Identity:
        self.meter.requests += 1
        self.controller.trip("identify")
        return self.controller.identity

    async def read(self) -> Reading:
        self.meter.total = 10
        self.meter.requests += 1
        self.meter.bytes_in += 100
        self.meter.bytes_out += 10
        await asyncio.sleep(0)
        if self.controller.hold is not None:
            await self.controller.hold.wait()
        self.controller.trip("read")
        self.meter.done = 10
        return self.controller.reading or Reading([Item("a", "tag", "INT", 1)])


class TokenedSession(FakeSession):
    async def read_since(self, previous: Snapshot) -> Reading:
        self.controller.since = previous
        carried = [item for item in previous.items if item.path.startswith("block/")]
        fresh = await self.read()
        return Reading([*fresh.items, *carried], carried=[item.path for item in carried])


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class FakeDriver:
    name = "fake"
    title = "Fake"
    port = 1
    Options = Options
    capabilities = ()
    session: type[FakeSession] = FakeSession

    @asynccontextmanager
    async def open(self, target: Target, meter: Meter) -> AsyncIterator[FakeSession]:
        controller = target.options
        assert isinstance(controller, Controller)
        controller.targets.append(target)
        controller.meters.append((meter.done, meter.total))
        controller.opened += 1
        controller.trip("open")
        line = controller.network.setdefault((target.host, target.port), [0, 0])
        line[0] += 1
        line[1] = max(line)
        controller.open_now += 1
        try:
            yield self.session(controller, meter)
            controller.trip("close")
        finally:
            line[0] -= 1
            controller.open_now -= 1


class TokenedDriver(FakeDriver):
    name = "tokened"
    session = TokenedSession


REGISTRY = Registry(
    [
        EntryPoint("fake", f"{__name__}:FakeDriver", DRIVERS),
        EntryPoint("tokened", f"{__name__}:TokenedDriver", DRIVERS),
    ]
)


class FakeVault:
    def __init__(self) -> None:
        self.kept: list[tuple[Snapshot, Facts]] = []
        self.error: Exception | None = None
        self.on_the_way = 0
        self.most_on_the_way = 0

    async def keep(self, snapshot: Snapshot, facts: Facts) -> Kept:
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        before = [old for old, _ in self.kept if old.device == snapshot.device]
        self.kept.append((snapshot, facts))
        same = bool(before) and before[-1].settings == snapshot.settings
        number = len(before) + 1
        entry = Entry(snapshot.device, snapshot.id, facts, 0, 0, same, number)
        return Kept(entry, same)

    def latest(self, device: str) -> Snapshot | None:
        return next((old for old, _ in reversed(self.kept) if old.device == device), None)

    @contextmanager
    def pulling(self) -> Iterator[None]:
        self.on_the_way += 1
        self.most_on_the_way = max(self.on_the_way, self.most_on_the_way)
        yield
        self.on_the_way -= 1


def device(name: str, controller: Controller, **said: object) -> Device:
    """One with an address of its own, unless it is said otherwise."""
    plain = Device(name=name, driver="fake", host=name, port=1, options=controller)
    return msgspec.structs.replace(plain, **said)


class Said(TypedDict, total=False):
    zones: Mapping[str, Zone]
    previous: Lookup
    pulling: Callable[[], AbstractContextManager[None]]
    full: bool
    keep_process: bool
    retries: int
    pause: float
    terms: Mapping[str, Terms]
    at_once: int
    watch: Watch


async def run(
    devices: Iterable[Device], vault: FakeVault | None = None, **said: Unpack[Said]
) -> list[Outcome]:
    with_defaults: Said = {"zones": {}, "pause": 0.0, **said}
    return await collect(devices, (vault or FakeVault()).keep, registry=REGISTRY, **with_defaults)


async def until(holds: Callable[[], object]) -> None:
    """Let the others go on until this holds."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - any state of the run, not one that has an event
            await asyncio.sleep(0)
