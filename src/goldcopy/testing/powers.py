"""The suites for what a driver may be able to do beyond reading: each for one power."""

from __future__ import annotations

import base64
import io
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from functools import partial

import msgspec

from goldcopy.driver import Target, Tokened, Writable
from goldcopy.errors import GoldcopyError, Refused
from goldcopy.snapshot import Item, Snapshot
from goldcopy.testing import faults
from goldcopy.testing.bench import Bench, form
from goldcopy.testing.conformance import DriverConformance, session
from goldcopy.testing.faults import Fault
from goldcopy.testing.runs import Run, attempt, complete, linked, pull, sample, together


class LoginConformance(DriverConformance):
    """For a driver that sends a password. The bench gives ``refused`` and ``login``."""

    async def test_a_refused_login_is_told_and_not_tried_again(self) -> None:
        """``Refused``, after one attempt: more would lock the account."""
        async with self.reading() as bench:
            assert bench.refused is not None, "the bench has no login that is refused"
            before = len(bench.simulator.log)
            run = await attempt(bench, target=bench.refused)
            assert isinstance(run.error, Refused), f"{run.error!r}: a person must change something"
            tried = [service.name for service in bench.simulator.log[before:]].count(bench.login)
            assert tried == 1, f"{bench.login} was asked for {tried} times: that locks accounts"

    async def test_secrets_are_in_no_output(self) -> None:
        """Not in logs, prints, errors or snapshots, whatever goes wrong."""
        async with self.reading() as bench:
            assert bench.refused is not None, "the bench has no login that is refused"
            numbers = sample(len(await session(bench)), 12)
            with listening() as heard:
                async with linked(bench) as run:
                    async with bench.driver.open(run.target, run.meter) as opened:
                        heard.also(repr(opened), str(opened), repr(run.target), str(run.target))
                    heard.also(*shown(await pull(bench, run)))
                for fault in (None, faults.HALF_OPEN, *map(faults.garbage, numbers)):
                    for target in (bench.target, bench.refused):
                        told(heard, await attempt(bench, fault, target))
            output = heard.stream.getvalue()
            for secret in secrets(bench):
                for name, text in spelt(secret):
                    at = output.find(text)
                    assert at < 0, f"a secret, {name}, in: …{output[max(0, at - 200) : at]}…"


class TokenedConformance(DriverConformance):
    """For a driver whose sessions have ``read_since``."""

    async def test_what_the_token_carries_over_is_what_a_read_finds(self) -> None:
        """``read_since`` makes the snapshot that ``read`` makes."""
        await self.agrees(lambda bench: None)

    async def test_the_token_hides_no_change(self) -> None:
        """The same after a change at the panel."""
        await self.agrees(lambda bench: bench.change())

    async def agrees(self, meanwhile: Callable[[Bench], None]) -> None:
        """``read_since`` and ``read`` agree after something may have happened."""
        async with self.reading() as bench:
            previous = (await complete(bench)).read
            meanwhile(bench)
            async with linked(bench) as run:
                since = await self.since(bench, run, previous)
            amiss = list(bench.incomplete(since))
            assert not amiss, "; ".join(amiss[:3])
            now = (await complete(bench)).read
            assert since.id == now.id, "read_since and read differ"

    async def since(self, bench: Bench, run: Run, previous: Snapshot) -> Snapshot:
        """A pull against a previous snapshot."""
        async with bench.driver.open(run.target, run.meter) as opened:
            assert isinstance(opened, Tokened)
            identity = await opened.identify()
            reading = await opened.read_since(previous)
        items = {item.path: item for item in reading.items}
        for path in reading.carried:
            assert items.get(path) == previous.by_path[path], f"{path}: carried over otherwise"
        device, name, blobs = run.target.device, bench.driver.name, reading.blobs
        return Snapshot.of(device, name, identity, reading.items, reading.gaps, blobs=blobs)


class WritableConformance(DriverConformance):
    """For a driver with ``open_writing``. The bench gives ``writes``."""

    async def test_what_is_written_is_read_back_and_no_other_setting_has_changed(self) -> None:
        """By the simulator's own values, and by a pull."""
        async with self.bench() as bench:
            assert bench.writes, "the bench has nothing to write"
            for path in bench.writes:
                read = await self.read(bench)
                wanted = self.wanted(bench, read, path)
                async with linked(bench, target=patient(bench)) as run:
                    await self.write(bench, run, read.by_path[path])
                assert self.held(bench, wanted) == wanted, f"{path}: written, and not so held"
                await self.read(bench)

    async def test_many_writes_in_groups_write_each_of_them(self) -> None:
        """``groups`` leaves nothing out, doubles nothing and keeps the order."""
        async with self.bench() as bench:
            read = await self.read(bench)
            settings = [item for item in read.items if item.role == "setting"]
            wanted = {item.path: form(item.type, item.value) for item in settings}
            items = [
                msgspec.structs.replace(read.by_path[path], value=value)
                for path, value in bench.writes.items()
            ]
            wanted |= {item.path: form(item.type, item.value) for item in items}
            async with linked(bench, target=patient(bench)) as run:
                assert isinstance(bench.driver, Writable)
                async with bench.driver.open_writing(run.target, run.meter) as opened:
                    groups = opened.groups(items)
                    ordered = [item for group in groups for item in group] == items
                    assert ordered, "groups leaves an item out, doubles one, or changes the order"
                    for group in groups:
                        await opened.write(group)
            assert self.held(bench, wanted) == wanted, "written in groups, and not so held"

    async def test_a_write_returns_once_it_is_acknowledged_and_is_never_repeated(self) -> None:
        """Whichever reply gets lost or late: no success without proof, no second write."""
        async with self.bench() as bench:
            path = next(iter(bench.writes))
            read = await self.read(bench)
            async with linked(bench, target=patient(bench)) as run:
                await self.write(bench, run, read.by_path[path])
                frames, times = len(run.link.frames), self.written(bench)
            assert times == bench.one_write, f"{path}: {times} writing services for one write"
            kinds = (faults.dead, faults.silence, faults.late)
            losses = [loss(number) for number in range(frames) for loss in kinds]
            jobs = [partial(self.unanswered, loss, path) for loss in losses]
            await together(bench.parallel, jobs)

    async def unanswered(self, fault: Fault, path: str) -> None:
        """A write over a link that loses an answer."""
        async with self.bench() as bench, linked(bench, fault) as run:
            read = await self.read(bench)
            wanted = self.wanted(bench, read, path)
            try:
                await self.write(bench, run, read.by_path[path])
            except GoldcopyError:
                pass  # nobody knows whether it was written: reading back tells
            else:
                assert self.held(bench, wanted) == wanted, f"{fault}: nobody has acknowledged it"
            assert self.written(bench) <= bench.one_write, f"{fault}: was written again"

    async def write(self, bench: Bench, run: Run, item: Item) -> None:
        """Write what the bench has for this item."""
        assert isinstance(bench.driver, Writable)
        wanted = msgspec.structs.replace(item, value=bench.writes[item.path])
        async with bench.driver.open_writing(run.target, run.meter) as opened:
            for group in opened.groups([wanted]):
                await opened.write(group)

    async def read(self, bench: Bench) -> Snapshot:
        """All of it, over a sound link."""
        return (await complete(bench, target=patient(bench))).read

    def wanted(self, bench: Bench, read: Snapshot, path: str) -> dict[str, object]:
        """The settings that must be held when this was written."""
        settings = [item for item in read.items if item.role == "setting"]
        now = {item.path: form(item.type, item.value) for item in settings}
        wanted: dict[str, object] = {**now, path: form(now[path][0], bench.writes[path])}
        assert wanted != now, f"{path}: the bench writes what is held already"
        return wanted

    def held(self, bench: Bench, paths: Iterable[str]) -> dict[str, object]:
        """What the controller holds there."""
        held = bench.holds()
        return {path: form(*held[path]) for path in paths}

    def written(self, bench: Bench) -> int:
        """How many writing services the simulator was asked for."""
        return sum(service.writes for service in bench.simulator.log)


def patient(bench: Bench) -> Target:
    """The target with time enough for what nothing disturbs, while many others are disturbed."""
    return replace(bench.target, timeout=bench.deadline)


# -- secrets ---------------------------------------------------------------------------------------


class Heard:
    """All output of a while."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def also(self, *texts: str) -> None:
        """Take these for output too."""
        for text in texts:
            self.stream.write(text + "\n")


@contextmanager
def listening() -> Iterator[Heard]:
    """Hear what is logged, at any level, and printed."""
    heard, root = Heard(), logging.getLogger()
    handler, level = logging.StreamHandler(heard.stream), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with redirect_stdout(heard.stream), redirect_stderr(heard.stream):
            yield heard
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def told(heard: Heard, run: Run) -> None:
    """Hear what a run leaves behind."""
    if run.snapshot is not None:
        heard.also(*shown(run.snapshot))
    if run.error is not None:
        heard.also(repr(run.error), run.trace)


def shown(snapshot: Snapshot) -> list[str]:
    """All that a snapshot keeps and shows."""
    form = snapshot.form
    lines = [line.decode() for line in (form.head, *form.items, *form.gaps)]
    return [repr(snapshot), *lines, *(repr(blob) for blob in snapshot.blobs.values())]


def secrets(bench: Bench) -> set[str]:
    """What must not be seen."""
    targets = [target for target in (bench.target, bench.refused) if target is not None]
    passwords = {t.password.reveal() for t in targets if t.password is not None}
    assert passwords, "the bench has no password"
    return passwords | set(bench.secrets)


def spelt(secret: str) -> Iterator[tuple[str, str]]:
    """How a secret may be written."""
    raw = secret.encode()
    yield "as it is", secret
    yield "in hex", raw.hex()
    yield "in hex with blanks", raw.hex(" ")
    yield "in base64", base64.b64encode(raw).decode().rstrip("=")[:-1]
    yield "reversed", secret[::-1]
