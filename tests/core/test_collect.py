"""Many devices at once: what becomes of each, whatever the others do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from typing import TypedDict, Unpack

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldcopy.collect import Lookup, Outcome, Terms, Watch, collect
from goldcopy.collect.pull import LONGEST_PAUSE, Retries
from goldcopy.driver import Courtesy, Meter, Reading, Target
from goldcopy.errors import (
    GoldcopyError,
    Malformed,
    Refused,
    Unreachable,
    Unsupported,
    VaultDamaged,
    VaultUnavailable,
    WouldWrite,
    Wrong,
)
from goldcopy.inventory import Device, Rule, Rules, SecretSource, Zone
from goldcopy.registry import DRIVERS, Registry
from goldcopy.snapshot import Gap, Identity, Item, Snapshot
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


# -- what is kept ----------------------------------------------------------------------------------


async def test_what_was_read_is_kept_with_its_facts() -> None:
    items = [
        Item("db/5/set", "parameter", "INT", 7),
        Item("db/5/live", "tag", "REAL", 20.5),
        Item("noise", "tag", "INT", 3, "process"),
    ]
    gaps = [Gap("db/6", "protected")]
    rules = Rules([Rule("db/*/live", "process"), Rule("noise", "diagnostic")])
    mixer = device("mixer", Controller(Reading(items, gaps)), rules=rules)
    vault, before = FakeVault(), datetime.now(UTC)
    (outcome,) = await run([mixer], vault)
    ((snapshot, facts),) = vault.kept
    assert snapshot.items == (items[0], msgspec.structs.replace(items[2], role="diagnostic"))
    assert snapshot.gaps == tuple(gaps)
    assert (snapshot.device, snapshot.driver) == ("mixer", "fake")
    assert (snapshot.identity, snapshot.rules) == (Identity(serial="1"), rules.digest)
    assert before <= facts.taken <= datetime.now(UTC)
    assert (facts.requests, facts.bytes, facts.carried) == (2, 110, ())
    assert facts.version
    assert facts.seconds == outcome.seconds >= 0
    assert outcome == Outcome(
        device="mixer",
        state="kept",
        id=snapshot.id,
        items=2,
        gaps=1,
        gap_list=tuple(gaps),
        unchanged=False,
        requests=2,
        bytes=110,
        seconds=outcome.seconds,
        attempts=1,
    )
    (again,) = await run([mixer], vault)
    assert again.unchanged


@pytest.mark.parametrize(("by_hand", "always"), [(False, False), (True, False), (False, True)])
async def test_live_values_are_kept_when_asked_for(by_hand: bool, always: bool) -> None:
    items = [Item("live", "tag", "INT", 1, "process"), Item("set", "tag", "INT", 1)]
    vault = FakeVault()
    mixer = device("mixer", Controller(Reading(items)), keep_process=always)
    await run([mixer], vault, keep_process=by_hand)
    assert len(vault.kept[0][0].items) == (2 if by_hand or always else 1)


async def test_outcomes_come_in_the_order_of_the_devices() -> None:
    slow = asyncio.Event()
    devices = [
        device("a", Controller(hold=slow)),
        device("b", Controller()),
        device("c", Controller()),
    ]
    watch = Watch()
    running = asyncio.create_task(run(devices, watch=watch))
    await until(lambda: len(watch.outcomes) == 2)
    slow.set()
    assert [outcome.device for outcome in await running] == ["a", "b", "c"]
    assert [outcome.device for outcome in watch.outcomes][-1] == "a"


async def test_nothing_to_do_is_done() -> None:
    assert await run([]) == []


# -- failures --------------------------------------------------------------------------------------

TRANSIENT = [Unreachable("silence"), Malformed("garbage")]
FINAL: list[BaseException] = [
    Refused("no"),
    Wrong("options"),
    Unsupported("never"),
    WouldWrite("guard"),
    GoldcopyError("any other"),
    KeyError("x"),
    TimeoutError("leaked"),
    asyncio.CancelledError(),
    RecursionError("deep"),
    OSError(5, "Input/output error"),
    ExceptionGroup("many", [KeyError("x"), ValueError("y")]),
    ExceptionGroup("one", [Refused("no")]),
]


@pytest.mark.parametrize("where", ["open", "identify", "read", "close"])
@pytest.mark.parametrize("error", FINAL, ids=lambda error: type(error).__name__)
async def test_one_bad_device_stops_no_other(error: BaseException, where: str) -> None:
    bad, good = Controller(fails=[error] * 9, where=where), Controller()
    failed, kept = await run([device("bad", bad), device("good", good)])
    assert (failed.state, failed.attempts, bad.opened) == ("failed", 1, 1)
    assert failed.error.startswith("bad: ")
    assert "\n" not in failed.error
    assert (bad.open_now, good.open_now) == (0, 0)
    assert kept.state == "kept"
    if not isinstance(error, GoldcopyError | ExceptionGroup):
        assert f"unexpected {type(error).__name__} in " in failed.error
        assert "test_collect.py:" in failed.error


@pytest.mark.parametrize("where", ["open", "identify", "read"])
@pytest.mark.parametrize("error", TRANSIENT, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("grouped", [False, True])
async def test_a_read_that_failed_for_a_while_is_tried_again_on_a_new_connection(
    error: Exception, where: str, grouped: bool
) -> None:
    raised: Exception = ExceptionGroup("in the driver", [error]) if grouped else error
    for failures, retries, state in (
        (1, 2, "kept"),
        (2, 2, "kept"),
        (3, 2, "failed"),
        (1, 0, "failed"),
    ):
        controller = Controller(fails=[raised] * failures, where=where)
        (outcome,) = await run([device("m", controller)], retries=retries)
        attempts = min(failures, retries) + 1
        assert (outcome.state, outcome.attempts, controller.opened) == (state, attempts, attempts)
        assert outcome.error == ("" if state == "kept" else f"m: {error}")
        assert outcome.requests >= attempts - (where == "open") * failures


async def test_steps_begin_anew_with_each_attempt_but_costs_add_up() -> None:
    controller = Controller(fails=[Malformed("garbage")], where="close")
    (outcome,) = await run([device("m", controller)])
    assert controller.meters == [(0, 0), (0, 0)]
    assert (outcome.requests, outcome.bytes) == (4, 220)


async def test_an_error_is_one_line_of_bearable_length() -> None:
    (outcome,) = await run([device("m", Controller(fails=[KeyError("x\n" * 10_000)]))])
    assert "\n" not in outcome.error
    assert len(outcome.error) < 600


@given(st.floats(0.001, 10), st.integers(1, 10_000))
def test_pauses_grow_and_vary_within_bounds(pause: float, attempt: int) -> None:
    steady = min(LONGEST_PAUSE, pause * 2 ** min(attempt - 1, 40))
    drawn = {Retries(9, pause).delay(attempt) for _ in range(8)}
    assert all(steady / 2 <= one <= steady * 1.5 for one in drawn)
    assert len(drawn) > 1


async def test_a_device_over_its_deadline_fails_alone_and_is_closed() -> None:
    stuck = Controller(hold=asyncio.Event())
    devices = [device("stuck", stuck, deadline=0.05), device("good", Controller())]
    failed, kept = await run(devices)
    assert (failed.state, failed.attempts, stuck.open_now) == ("failed", 1, 0)
    assert failed.error == (
        "stuck: not done within its deadline of 0.05 s (attempt 1, 2 requests, 0 of 10 steps); "
        "raise the deadline, or find what slows it"
    )
    assert kept.state == "kept"


async def test_the_deadline_covers_all_attempts_and_the_pauses_between() -> None:
    controller = Controller(fails=[Unreachable("silence")] * 9)
    (outcome,) = await run([device("m", controller, deadline=0.05)], retries=99, pause=30.0)
    assert outcome.attempts == 1
    assert outcome.error.endswith("before that: m: silence")


async def test_waiting_for_a_turn_is_not_counted_against_the_deadline() -> None:
    hold = asyncio.Event()
    first = device("first", Controller(hold=hold), zone="z", deadline=60)
    second = device("second", Controller(), zone="z", deadline=0.02)
    running = asyncio.create_task(run([first, second], zones={"z": Zone(1)}))
    await asyncio.sleep(0.1)
    hold.set()
    assert [outcome.state for outcome in await running] == ["kept", "kept"]


async def test_a_device_whose_time_in_the_run_is_over_is_late_and_closed() -> None:
    stuck = Controller(hold=asyncio.Event())
    devices = [device("stuck", stuck), device("good", Controller())]
    terms = {"stuck": Terms(end=0.05, why="the window 01:00-05:00")}
    late, kept = await run(devices, terms=terms)
    assert (late.state, late.late, late.attempts, stuck.open_now) == ("failed", True, 1, 0)
    assert late.error == "stuck: not read: the window 01:00-05:00 was over before its end"
    assert (kept.state, kept.late) == ("kept", False)


async def test_whoever_waits_for_a_turn_is_late_too_and_was_never_asked() -> None:
    hold = asyncio.Event()
    waits = Controller()
    devices = [device("first", Controller(hold=hold), zone="z"), device("second", waits, zone="z")]
    terms = {"second": Terms(end=0.05)}
    running = asyncio.create_task(run(devices, zones={"z": Zone(1)}, terms=terms))
    await asyncio.sleep(0.1)
    hold.set()
    first, second = await running
    assert (first.state, second.state) == ("kept", "failed")
    assert (second.late, second.attempts, waits.opened) == (True, 0, 0)


async def test_a_time_that_was_over_before_the_run_asks_nobody() -> None:
    controller = Controller()
    (outcome,) = await run([device("m", controller)], terms={"m": Terms(end=-1.0)})
    assert (outcome.late, controller.opened) == (True, 0)


async def test_nobody_is_asked_before_its_begin_or_takes_a_place_until_then() -> None:
    begun = asyncio.get_running_loop().time()
    devices = [device("late", Controller(), zone="z"), device("now", Controller(), zone="z")]
    vault = FakeVault()
    outcomes = await run(devices, vault, zones={"z": Zone(1)}, terms={"late": Terms(begin=0.1)})
    assert asyncio.get_running_loop().time() - begun >= 0.1
    assert [outcome.state for outcome in outcomes] == ["kept", "kept"]
    assert [snapshot.device for snapshot, _ in vault.kept] == ["now", "late"]


async def test_each_device_has_its_own_number_of_attempts() -> None:
    devices = [device(name, Controller(fails=[Unreachable("no")] * 9)) for name in ("a", "b")]
    outcomes = await run(devices, retries=2, terms={"b": Terms(retries=0)})
    assert [(outcome.attempts, outcome.late) for outcome in outcomes] == [(3, False), (1, False)]


async def test_a_snapshot_that_cannot_be_is_the_devices_failure() -> None:
    twice = Reading([Item("a", "tag", "INT", 1), Item("a", "tag", "INT", 2)])
    failed, kept = await run([device("bad", Controller(twice)), device("good", Controller())])
    assert failed.error.startswith("bad: ")
    assert "read twice" in failed.error
    assert kept.state == "kept"


async def test_an_unknown_driver_is_the_devices_failure() -> None:
    failed, kept = await run([device("m", Controller(), driver="fak"), device("n", Controller())])
    assert failed.error == "m: there is no driver fak; did you mean fake?"
    assert kept.state == "kept"


# -- secrets ---------------------------------------------------------------------------------------

SECRET = "hunter2'\\ü"


@pytest.mark.parametrize(
    "error",
    [
        KeyError(SECRET),
        ValueError(f"login of {SECRET!r} failed"),
        RuntimeError(f"{SECRET.encode()!r}"),
        Refused(f"bad password {SECRET}"),
        Unreachable(f"opc.tcp://u:{SECRET}@h"),
        ExceptionGroup("g", [KeyError(SECRET), ValueError(SECRET)]),
    ],
)
async def test_no_error_shows_the_password(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSWORD_OF_M", SECRET)
    controller = Controller(fails=[error] * 9)
    watch = Watch()
    outcomes = await run(
        [device("m", controller, password=SecretSource(env="PASSWORD_OF_M"))], watch=watch
    )
    assert controller.targets[0].password is not None
    assert controller.targets[0].password.reveal() == SECRET
    shown = f"{outcomes} {outcomes[0]} {watch} {watch.devices}"
    assert "hunter2" not in shown
    assert b"hunter2" not in msgspec.json.encode(outcomes)


async def test_a_missing_password_fails_its_device_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PASSWORD_OF_M", raising=False)
    locked = Controller()
    failed, kept = await run(
        [
            device("m", locked, password=SecretSource(env="PASSWORD_OF_M")),
            device("n", Controller()),
        ]
    )
    assert failed.error.startswith("m: the password is missing: variable PASSWORD_OF_M is not set")
    assert locked.opened == 0
    assert kept.state == "kept"


# -- the vault -------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [VaultUnavailable("no space"), VaultDamaged("a hash differs")])
async def test_a_vault_that_takes_nothing_stops_the_run(error: GoldcopyError) -> None:
    vault, watch, hold = FakeVault(), Watch(), asyncio.Event()
    held = [Controller(hold=asyncio.Event()) for _ in range(5)]
    late = Controller(hold=hold)
    devices = [
        device("early", Controller()),
        *(device(f"held{n}", controller) for n, controller in enumerate(held)),
        device("late", late),
    ]
    running = asyncio.create_task(run(devices, vault, watch=watch))
    await until(lambda: watch.outcomes and all(one.open_now for one in held))
    vault.error = error
    hold.set()
    with pytest.raises(type(error), match=str(error)):
        await running
    assert [controller.open_now for controller in held] == [0] * 5
    assert [outcome.device for outcome in watch.outcomes] == ["early"]


async def test_a_snapshot_that_the_vault_refuses_is_the_devices_failure() -> None:
    vault = FakeVault()
    vault.error = Wrong("lacks content")
    (outcome,) = await run([device("m", Controller())], vault)
    assert (outcome.state, outcome.error, outcome.id) == ("failed", "m: lacks content", "")


async def test_the_vault_is_told_how_many_pulls_are_on_their_way() -> None:
    vault, hold = FakeVault(), asyncio.Event()
    devices = [device(f"d{n}", Controller(hold=hold), zone="z") for n in range(5)]
    running = asyncio.create_task(run(devices, vault, zones={"z": Zone(3)}, pulling=vault.pulling))
    await until(lambda: vault.on_the_way == 3)
    hold.set()
    await running
    assert (vault.on_the_way, vault.most_on_the_way) == (0, 3)


# -- change tokens ---------------------------------------------------------------------------------


def tokened(controller: Controller, **said: object) -> Device:
    return device("m", controller, **{"driver": "tokened", **said})


BLOCKS = Reading([Item("block/OB1", "block", "INT", 1), Item("a", "tag", "INT", 1)])


async def test_what_a_token_covers_is_carried_over() -> None:
    vault, controller = FakeVault(), Controller(BLOCKS)
    await run([tokened(controller)], vault, previous=vault.latest)
    assert controller.since is None
    controller.reading = Reading([Item("a", "tag", "INT", 2)])
    await run([tokened(controller)], vault, previous=vault.latest)
    first, second = vault.kept
    assert controller.since is first[0]
    assert second[1].carried == ("block/OB1",)
    assert [item.path for item in second[0].items] == ["a", "block/OB1"]


async def test_only_what_is_in_the_snapshot_is_told_as_carried() -> None:
    vault, controller = FakeVault(), Controller(BLOCKS)
    mixer = tokened(controller, rules=Rules([Rule("block/OB2", "process")]))
    kept = [*BLOCKS.items, Item("block/OB2", "block", "INT", 1, "process")]
    rules = mixer.rules.digest
    old = Snapshot.of("m", "tokened", Identity(serial="1"), kept, (), rules)
    controller.reading = Reading([Item("a", "tag", "INT", 2)])
    await run([mixer], vault, previous=lambda _: old)
    assert vault.kept[0][1].carried == ("block/OB1",)


@pytest.mark.parametrize(
    "why", ["full", "not asked", "rules", "identity", "driver", "live values", "no token"]
)
async def test_everything_is_read_when_a_token_could_mislead(why: str) -> None:
    vault, controller = FakeVault(), Controller(BLOCKS)
    await run([tokened(controller, driver="fake" if why == "driver" else "tokened")], vault)
    said: Said = {"previous": vault.latest}
    again = tokened(controller)
    if why == "full":
        said["full"] = True
    elif why == "not asked":
        del said["previous"]
    elif why == "rules":
        again = tokened(controller, rules=Rules([Rule("x", "process")]))
    elif why == "identity":
        controller.identity = Identity(serial="2")
    elif why == "live values":
        said["keep_process"] = True
    elif why == "no token":
        again = device("m", controller)
    (outcome,) = await run([again], vault, **said)
    assert (outcome.state, controller.since) == ("kept", None)


# -- watching, cancelling --------------------------------------------------------------------------


async def test_the_watch_tells_what_each_device_is_doing() -> None:
    class Slow(FakeVault):
        async def keep(self, snapshot: Snapshot, facts: Facts) -> Kept:
            await let_go.wait()
            return await super().keep(snapshot, facts)

    let_go, hold, watch = asyncio.Event(), asyncio.Event(), Watch()
    controller = Controller(fails=[Unreachable("silence")], where="open", hold=hold)
    devices = [device("m", controller, zone="z"), device("n", Controller(), zone="z")]
    running = asyncio.create_task(
        run(devices, Slow(), zones={"z": Zone(1)}, watch=watch, pause=0.05)
    )

    async def until_it_is(state: str) -> None:
        await until(lambda: "m" in watch.devices and watch.devices["m"].state == state)

    await until_it_is("retrying")
    mixer = watch.devices["m"]
    assert (mixer.attempt, mixer.error) == (1, "m: silence")
    assert 0 < mixer.retry_at - time.monotonic() < 0.1
    assert watch.devices["n"].state == "waiting"
    await until_it_is("reading")
    assert mixer.attempt == 2
    await until(lambda: mixer.meter.total)
    assert (mixer.meter.done, mixer.meter.total) == (0, 10)
    hold.set()
    await until_it_is("keeping")
    let_go.set()
    await running
    assert {one.state for one in watch.devices.values()} == {"kept"}
    assert mixer.meter.done == 10


async def test_cancelling_a_run_closes_every_session() -> None:
    controllers = [Controller(hold=asyncio.Event()) for _ in range(20)]
    watch = Watch()
    devices = [device(f"d{n}", one) for n, one in enumerate(controllers)]
    running = asyncio.create_task(run([device("done", Controller()), *devices], watch=watch))
    await until(lambda: watch.outcomes and all(one.open_now for one in controllers))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert [controller.open_now for controller in controllers] == [0] * 20
    assert [outcome.device for outcome in watch.outcomes] == ["done"]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_six_hundred_devices() -> None:
    vault = FakeVault()
    zones = {f"z{n}": Zone(8) for n in range(10)}
    devices = [
        device(f"d{n}", Controller(fails=[Unreachable("x")] * (n % 5 == 0)), zone=f"z{n % 10}")
        for n in range(600)
    ]
    async with asyncio.timeout(30):
        outcomes = await run(devices, vault, zones=zones)
    assert {outcome.state for outcome in outcomes} == {"kept"}
    assert sum(outcome.attempts for outcome in outcomes) == 720
    assert len(vault.kept) == 600


# -- budgets ---------------------------------------------------------------------------------------

plants = st.lists(
    st.tuples(
        st.sampled_from("ABCDE"),
        st.integers(1, 3),
        st.sampled_from(["", "z1", "z2"]),
        st.booleans(),
    ),
    max_size=25,
)


@given(plants, st.integers(1, 3), st.integers(1, 8))
def test_no_budget_is_ever_exceeded_and_everybody_gets_a_turn(
    plant: Sequence[tuple[str, int, str, bool]], per_zone: int, at_once: int
) -> None:
    network: dict[tuple[str, int], list[int]] = {}
    now: dict[str, int] = {"": 0, "z1": 0, "z2": 0}
    peaks = dict(now)
    total_peak = 0

    class Counting(Controller):
        zone: str = ""

        def trip(self, step: str) -> None:
            nonlocal total_peak
            if step in ("identify", "read"):
                now[self.zone] += 1 if step == "identify" else -1
                peaks[self.zone] = max(peaks[self.zone], now[self.zone])
                total_peak = max(total_peak, sum(now.values()))
            super().trip(step)

    made = [
        device(
            f"d{n}",
            Counting(network=network, zone=zone, targets=[]),
            host=host,
            zone=zone,
            courtesy=Courtesy(connections=connections),
        )
        for n, (host, connections, zone, _) in enumerate(plant)
    ]
    outcomes = asyncio.run(
        run(made, zones={"z1": Zone(per_zone), "z2": Zone(per_zone)}, at_once=at_once)
    )
    assert [outcome.state for outcome in outcomes] == ["kept"] * len(made)
    assert max(peaks["z1"], peaks["z2"]) <= per_zone
    assert total_peak <= at_once
    for (host, _), (_, peak) in network.items():
        behind = [one for one in made if one.host == host]
        allowed = min(one.courtesy.connections for one in behind)
        given_each = {one.options.targets[0].courtesy.connections for one in behind}  # type: ignore[union-attr]
        if len(behind) == 1:
            assert given_each == {allowed}
        else:
            assert given_each == {1}
            assert peak <= allowed


async def test_budgets_are_used_to_the_full() -> None:
    """The property above would also hold if everything were done one by one."""
    network: dict[tuple[str, int], list[int]] = {}
    hold = asyncio.Event()
    three = Courtesy(connections=3)
    behind = [
        device(f"u{n}", Controller(network=network, hold=hold), host="gateway", courtesy=three)
        for n in range(8)
    ]
    alone = [device(f"a{n}", Controller(network=network, hold=hold), zone="z") for n in range(8)]
    running = asyncio.create_task(run([*behind, *alone], zones={"z": Zone(4)}))
    await until(lambda: sum(line[0] for line in network.values()) == 7)
    for _ in range(100):
        await asyncio.sleep(0)
    assert network[("gateway", 1)] == [3, 3]
    assert sum(line[0] for line in network.values()) == 7
    hold.set()
    await running


@pytest.mark.parametrize("host", ["GATEWAY", "gateway."])
async def test_an_address_written_in_two_ways_is_one(host: str) -> None:
    network: dict[tuple[str, int], list[int]] = {}
    one = device("one", Controller(network=network, targets=[]), host="gateway")
    other = device(
        "other", Controller(network=network), host=host, courtesy=Courtesy(connections=4)
    )
    await run([one, other])
    assert all(two.options.targets[-1].courtesy.connections == 1 for two in (one, other))  # type: ignore[union-attr]


async def test_whoever_waits_for_an_address_takes_no_place_of_others() -> None:
    hold, watch = asyncio.Event(), Watch()
    devices = [
        *(device(f"u{n}", Controller(hold=hold), host="gateway", zone="z") for n in range(5)),
        device("free", Controller(), zone="z"),
        device("elsewhere", Controller()),
    ]
    running = asyncio.create_task(run(devices, zones={"z": Zone(2)}, at_once=2, watch=watch))
    await until(lambda: len(watch.outcomes) == 2)
    assert {outcome.device for outcome in watch.outcomes} == {"free", "elsewhere"}
    hold.set()
    assert len(await running) == 7


async def test_a_place_is_free_again_after_a_failure() -> None:
    devices = [
        device(f"d{n}", Controller(fails=[Refused("no")]), host="gateway", zone="z")
        for n in range(10)
    ]
    async with asyncio.timeout(10):
        outcomes = await run(devices, zones={"z": Zone(1)}, at_once=1)
    assert [outcome.state for outcome in outcomes] == ["failed"] * 10


def test_taken_is_in_utc() -> None:
    vault = FakeVault()
    asyncio.run(run([device("m", Controller())], vault))
    assert vault.kept[0][1].taken.tzinfo is UTC
