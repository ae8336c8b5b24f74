"""The suite passes a right driver and fails each of these wrong ones, for the right reason."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import replace
from typing import Any, ClassVar

import msgspec
import pytest
from tests.core.toy_controller import PASSWORD, ToyController
from tests.core.toy_driver import (
    FullDriver,
    TokenedSession,
    ToyDriver,
    ToyFramer,
    ToySession,
    WritingSession,
)

from goldcopy.driver import Driver, Meter, Reading, Secret, Target
from goldcopy.errors import GoldcopyError, Malformed, Unreachable
from goldcopy.snapshot import Gap, Identity, Item, Snapshot, Value
from goldcopy.testing.bench import Bench
from goldcopy.testing.conformance import DriverConformance
from goldcopy.testing.faults import HALF_OPEN, fragmented
from goldcopy.testing.framing import Framing
from goldcopy.testing.powers import LoginConformance, TokenedConformance, WritableConformance
from goldcopy.wire import connect

FRAMING = Framing(0, 2, "big", 0)


@asynccontextmanager
async def toy_bench(driver: Driver, *, password: str | None = PASSWORD) -> AsyncIterator[Bench]:
    async with ToyController() as controller:
        target = Target(
            "press",
            "127.0.0.1",
            controller.port,
            timeout=0.3,
            password=None if password is None else Secret(password),
        )
        yield Bench(
            driver=driver,
            target=target,
            simulator=controller,
            framing=FRAMING,
            identity=Identity(vendor="Toys", product="Press"),
            holds=lambda: {**controller.held, "version": ("UDINT", controller.version)},
            change=lambda: controller.set("axis/1/limit", 77),
            gaps=["secret"],
            refused=replace(target, password=Secret("open sesame")),
            login="login",
            writes={"axis/3/limit": 5},
        )


class TestToy(DriverConformance):
    """A driver that can do no more than read."""

    def bench(self) -> AbstractAsyncContextManager[Bench]:
        return toy_bench(ToyDriver(), password=None)


class TestFullToy(LoginConformance, TokenedConformance, WritableConformance):
    """One with all powers."""

    def bench(self) -> AbstractAsyncContextManager[Bench]:
        return toy_bench(FullDriver())


# -- wrong drivers, on the right wire --------------------------------------------------------------


class ByteOrder(ToySession):
    def _value(self, code: bytes, raw: bytes) -> Value:
        return super()._value(code, raw[::-1] if code == b"i" else raw)


class TypeName(ToySession):
    def _found(self, name: str, reply: bytes) -> Item | Gap:
        found = super()._found(name, reply)
        if isinstance(found, Item) and found.type == "REAL":
            return msgspec.structs.replace(found, type="LREAL")
        return found


class Zero(ToySession):
    def _value(self, code: bytes, raw: bytes) -> Value:
        value = super()._value(code, raw)
        return value or 0.0 if code == b"r" else value  # loses the sign of -0.0


class Truncated(ToySession):
    async def _names(self) -> list[str]:
        return (await super()._names())[:4]


class Default(ToySession):
    def _found(self, name: str, reply: bytes) -> Item | Gap:
        found = super()._found(name, reply)
        return found if isinstance(found, Item) else Item(name, "parameter", "DINT", 0)


class NoGap(ToySession):
    async def read(self) -> Reading:
        return (await super().read())._replace(gaps=())


class Guess(ToySession):
    async def identify(self) -> Identity:
        return Identity(vendor="Toys", product="Press 2000")


class Twice(ToySession):
    async def read(self) -> Reading:
        reading = await super().read()
        return reading._replace(items=[*reading.items, reading.items[0]])


class Unstable(ToySession):
    times = 0

    async def read(self) -> Reading:
        Unstable.times += 1
        reading = await super().read()
        return reading._replace(
            items=[msgspec.structs.replace(i, label=f"{self.times}") for i in reading.items]
        )


class Caches(ToySession):
    kept: ClassVar[dict[str, bytes]] = {}

    async def _got(self, names: Sequence[str]) -> list[bytes]:
        replies = await super()._got(names)
        return [self.kept.setdefault(n, reply) for n, reply in zip(names, replies, strict=True)]


class Offers(ToySession):
    async def write(self, item: Item) -> None:
        await self._ask(b"S", item.path.encode())


class HidesLoss(ToySession):
    async def _got(self, names: Sequence[str]) -> list[bytes]:
        try:
            return await super()._got(names)
        except GoldcopyError:
            return [b"\0i\0\0\0\0"] * len(names)


class Tells(ToySession):
    def _denied(self, target: Target) -> str:
        assert target.password
        return f"{target.password.reveal()} is not the password"


class Logs(ToySession):
    async def _log_in(self, target: Target) -> None:
        import logging

        assert target.password
        logging.getLogger("toy").debug("logging in: %s", target.password.reveal().encode().hex())
        await super()._log_in(target)


class Insists(ToySession):
    async def _log_in(self, target: Target) -> None:
        try:
            await super()._log_in(target)
        except GoldcopyError:
            await super()._log_in(target)


class Careless(ToySession):
    def _text(self, raw: bytes) -> str:
        return raw.decode()


class StuckToken(TokenedSession):
    async def read_since(self, previous: Snapshot) -> Reading:
        return Reading(previous.items, previous.gaps, [item.path for item in previous.items])


class ForgetfulToken(TokenedSession):
    async def read_since(self, previous: Snapshot) -> Reading:
        reading = await super().read_since(previous)
        return reading._replace(items=reading.items[1:])


class Unread(ToySession):
    async def read(self) -> Reading:
        self._meter.total += 5
        return await super().read()


class SkipsAck(WritingSession):
    async def write(self, item: Item) -> None:
        try:
            await super().write(item)
        except GoldcopyError:
            return


class WritesAgain(WritingSession):
    async def write(self, item: Item) -> None:
        await super().write(item)
        await super().write(item)


class WritesOther(WritingSession):
    async def write(self, item: Item) -> None:
        await super().write(msgspec.structs.replace(item, path="axis/2/limit"))


class Wired(ToyDriver):
    """A right connection under a wrong session."""

    def __init__(self, session: type[ToySession]) -> None:
        self.session = session  # type: ignore[misc]


class Writing(FullDriver):
    def __init__(self, writing: type[WritingSession]) -> None:
        self.writing = writing  # type: ignore[misc]


class Writes(ToyDriver):
    """Leaves a mark in the controller."""

    @asynccontextmanager
    async def open(self, target: Target, meter: Meter) -> AsyncIterator[ToySession]:
        async with connect(target, ToyFramer(), meter, writing=True) as exchange:
            session = ToySession(exchange.ask_all, meter)
            await session._log_in(target)  # noqa: SLF001
            await session._ask(b"S", b"axis/1/limit\0i\0\0\3\xe8")  # noqa: SLF001
            yield session


class Connects(ToyDriver):
    """Looks first whether anybody is there."""

    @asynccontextmanager
    async def open(self, target: Target, meter: Meter) -> AsyncIterator[ToySession]:
        async with connect(target, ToyFramer(), meter), super().open(target, meter) as session:
            yield session


class TwoVisits(ToyDriver):
    """Identifies over a connection of its own, and goes on without where that is lost."""

    @asynccontextmanager
    async def open(self, target: Target, meter: Meter) -> AsyncIterator[ToySession]:
        identity = Identity()
        with suppress(GoldcopyError):
            async with super().open(target, meter) as session:
                identity = await session.identify()

        async def known() -> Identity:
            return identity

        async with super().open(target, meter) as session:
            session.identify = known  # type: ignore[method-assign]
            yield session


class Impolite(ToyDriver):
    """Takes the window for a hint."""

    @asynccontextmanager
    async def open(self, target: Target, meter: Meter) -> AsyncIterator[ToySession]:
        courtesy = msgspec.structs.replace(target.courtesy, window=5)
        async with super().open(replace(target, courtesy=courtesy), meter) as session:
            yield session


class Nervous(ToyDriver):
    """Has a task that it does not end."""

    tasks: ClassVar[list[asyncio.Task[None]]] = []

    @asynccontextmanager
    async def open(self, target: Target, meter: Meter) -> AsyncIterator[ToySession]:
        self.tasks.append(asyncio.create_task(asyncio.sleep(30)))
        async with super().open(target, meter) as session:
            yield session


class LaxOptions(msgspec.Struct):
    pass


class Lax(ToyDriver):
    Options: ClassVar[type[msgspec.Struct]] = LaxOptions


# -- wrong drivers with a connection of their own --------------------------------------------------


class Naive:
    """One request after the other over a stream, as one would write it on a Friday."""

    def __init__(self, target: Target, meter: Meter) -> None:
        self.target = target
        self.meter = meter
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter

    async def ask_all(self, requests: Sequence[bytes]) -> list[bytes]:
        return [await self.ask(request) for request in requests]

    async def ask(self, request: bytes) -> bytes:
        self.writer.write(request)
        self.meter.requests += 1
        self.meter.bytes_out += len(request)
        try:
            async with asyncio.timeout(self.target.timeout):
                reply = await self.reply()
        except TimeoutError:
            raise Unreachable("silence") from None
        except (asyncio.IncompleteReadError, ConnectionError):
            raise Unreachable("cut") from None
        if reply[2:4] != request[2:4]:
            raise Malformed("not ours")
        self.meter.round_trips += 1
        self.meter.bytes_in += len(reply)
        return reply

    async def reply(self) -> bytes:
        head = await self.reader.readexactly(2)
        length = ToyFramer().length(memoryview(head))
        return head + await self.reader.readexactly(length - 2)

    async def close(self) -> None:
        self.writer.close()


class NoMatching(Naive):
    """Goes on after silence, and takes the next frame for its own."""

    async def ask(self, request: bytes) -> bytes:
        self.writer.write(request)
        try:
            async with asyncio.timeout(self.target.timeout):
                return await self.reply()
        except TimeoutError:
            return request[:4] + b"\3"
        except (asyncio.IncompleteReadError, ConnectionError):
            raise Unreachable("cut") from None


class IgnoresCut(Naive):
    """Takes the end of the connection for the end of the list."""

    async def ask(self, request: bytes) -> bytes:
        try:
            return await super().ask(request)
        except Unreachable:
            return request[:4] + b"\0\0" if request[4:5] == b"N" else request[:4] + b"\3"


class RaisesForeign(Naive):
    async def ask(self, request: bytes) -> bytes:
        self.writer.write(request)
        async with asyncio.timeout(self.target.timeout):
            return await self.reply()


class NoTimeout(Naive):
    async def ask(self, request: bytes) -> bytes:
        self.writer.write(request)
        try:
            return await self.reply()
        except (asyncio.IncompleteReadError, ConnectionError):
            raise Unreachable("cut") from None


class Patient(Naive):
    """Waits anew for each byte."""

    async def ask(self, request: bytes) -> bytes:
        self.writer.write(request)
        data = b""
        while len(data) < 2 or len(data) < int.from_bytes(data[:2]):
            try:
                async with asyncio.timeout(self.target.timeout):
                    byte = await self.reader.read(1)
            except (TimeoutError, ConnectionError):
                raise Unreachable("silence") from None
            if not byte:
                raise Unreachable("cut")
            data += byte
        return data


class OneReadOneFrame(Naive):
    async def reply(self) -> bytes:
        reply = await self.reader.read(4096)
        ToyFramer().length(memoryview(reply))
        if len(reply) < 5 or len(reply) != int.from_bytes(reply[:2]):
            raise Malformed("half a frame")
        return reply


class Leaks(Naive):
    async def close(self) -> None:
        task = asyncio.current_task()
        assert task
        if not task.cancelling():
            self.writer.close()


class Swallows(Naive):
    """Takes a cancellation for silence."""

    async def ask(self, request: bytes) -> bytes:
        try:
            return await super().ask(request)
        except asyncio.CancelledError:
            raise Unreachable("silence") from None


class RaisesAlone(ToyDriver):
    """Has a task whose error nobody takes."""

    @asynccontextmanager
    async def open(self, target: Target, meter: Meter) -> AsyncIterator[ToySession]:
        async with super().open(target, meter) as session:
            session.task = asyncio.create_task(session._ask(b"N", b""))  # type: ignore[attr-defined]  # noqa: SLF001
            yield session


class NaiveDriver(ToyDriver):
    def __init__(self, kind: type[Naive]) -> None:
        self.kind = kind

    @asynccontextmanager
    async def open(self, target: Target, meter: Meter) -> AsyncIterator[ToySession]:
        naive = self.kind(target, meter)
        try:
            naive.reader, naive.writer = await asyncio.open_connection(target.host, target.port)
        except OSError:
            raise Unreachable("nobody there") from None
        try:
            session = ToySession(naive.ask_all, meter)
            await session._log_in(target)  # noqa: SLF001
            yield session
        finally:
            await naive.close()


# -- each of them is found -------------------------------------------------------------------------


class Suite(LoginConformance, TokenedConformance, WritableConformance):
    """All there is, over any driver."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver

    @asynccontextmanager
    async def bench(self) -> AsyncIterator[Bench]:
        async with toy_bench(self.driver) as bench:
            bench.deadline, bench.patience, bench.cuts = 1.0, 0.3, 100
            yield bench


READ = Suite.test_reads_exactly_what_the_controller_holds
Test = Callable[..., Awaitable[None]]

WRONG: list[tuple[Driver, Test, tuple[Any, ...], str]] = [
    (Wired(ByteOrder), READ, (), "axis/1/limit is read as .*-402456576"),
    (Wired(TypeName), READ, (), "gain is read as .'LREAL'"),
    (Wired(Zero), READ, (), "offset is read as .'REAL', '0'., and is .'REAL', '-0'"),
    (Wired(Truncated), READ, (), "is not read, and no gap says so"),
    (Wired(Default), READ, (), "secret is read, and the controller has no such thing"),
    (Wired(NoGap), READ, (), "secret must be a gap"),
    (Wired(Guess), READ, (), "identity's product is read as 'Press 2000'"),
    (Wired(Twice), READ, (), "read twice"),
    (Writes(), READ, (), "asked for .'set'. by a pull"),
    (Wired(Unstable), Suite.test_two_reads_agree, (), "two pulls of one state differ"),
    (Wired(Caches), Suite.test_a_change_is_seen, (), "axis/1/limit is read as .*1000"),
    (Wired(Offers), Suite.test_a_session_offers_nothing_that_writes, (), "offers .'write'"),
    (RaisesAlone(), Suite.test_a_cut_after_every_byte, (), "seen by nobody"),
    (ToyDriver(), Suite.test_each_declared_power_is_tested, (), "drop TokenedConformance"),
    (Lax(), Suite.test_the_driver_describes_itself, (), "Options must be frozen"),
    (Connects(), Suite.test_the_connection_budget_is_kept, (), "2 connections at once, 1 allowed"),
    (Impolite(), Suite.test_the_window_is_never_exceeded, (), "5 requests in flight, 1 allowed"),
    (Wired(Unread), Suite.test_the_meter_counts_what_passed, (), "progress must end at its total"),
    (NaiveDriver(NoTimeout), Suite.test_nobody_there_is_unreachable, (HALF_OPEN,), "not done"),
    (NaiveDriver(NoTimeout), Suite.test_silence_is_unreachable, (), "not done within"),
    (NaiveDriver(NoMatching), Suite.test_silence_is_unreachable, (), "nobody tries again"),
    (
        NaiveDriver(Patient),
        Suite.test_a_drip_slower_than_the_time_limit_is_unreachable,
        (),
        "not done within",
    ),
    (
        NaiveDriver(OneReadOneFrame),
        Suite.test_all_is_read_however_tcp_cuts_it,
        (fragmented(), 1),
        "raised Malformed",
    ),
    (NaiveDriver(IgnoresCut), Suite.test_a_cut_after_every_byte, (), "no gap says so"),
    (NaiveDriver(RaisesForeign), Suite.test_a_cut_after_every_byte, (), "no error of goldcopy"),
    (Wired(HidesLoss), Suite.test_a_cut_after_every_byte, (), "is read as"),
    (TwoVisits(), Suite.test_a_cut_after_every_byte, (), "identity's vendor is read as ''"),
    (Wired(Careless), Suite.test_other_content_of_a_frame, (), "UnicodeDecodeError.*no error of"),
    (NaiveDriver(NoMatching), Suite.test_a_late_reply_to_an_earlier_request, (1,), "is read as"),
    (NaiveDriver(NoMatching), Suite.test_a_duplicated_reply, (1,), "is read as"),
    (
        NaiveDriver(Leaks),
        Suite.test_cancelling_while_it_waits_leaves_nothing,
        (),
        "left 1 connections open",
    ),
    (
        NaiveDriver(Leaks),
        Suite.test_cancelling_at_any_step_leaves_nothing,
        (),
        "left 1 connections open",
    ),
    (NaiveDriver(Swallows), Suite.test_cancelling_while_it_waits_leaves_nothing, (), "Unreachable"),
    (Nervous(), Suite.test_cancelling_at_any_step_leaves_nothing, (), "tasks were left"),
    (Wired(Tells), Suite.test_secrets_are_in_no_output, (), "a secret, as it is"),
    (Wired(Logs), Suite.test_secrets_are_in_no_output, (), "a secret, in hex"),
    (Wired(Insists), Suite.test_a_refused_login_is_told_and_not_tried_again, (), "2 times"),
    (Wired(StuckToken), Suite.test_the_token_hides_no_change, (), "axis/1/limit is read as"),
    (
        Wired(ForgetfulToken),
        Suite.test_what_the_token_carries_over_is_what_a_read_finds,
        (),
        "carried over otherwise",
    ),
    (
        Writing(WritesOther),
        Suite.test_what_is_written_is_read_back_and_no_other_setting_has_changed,
        (),
        "written, and not so held",
    ),
    (
        Writing(SkipsAck),
        Suite.test_a_write_returns_once_it_is_acknowledged_and_is_never_repeated,
        (),
        "nobody has acknowledged it",
    ),
]
"""A wrong driver, the test that must find it, its arguments, and what it must say."""


def named(case: tuple[Driver, Test, tuple[Any, ...], str]) -> str:
    driver = case[0]
    kind = (
        getattr(driver, "kind", None) or vars(driver).get("writing") or vars(driver).get("session")
    )
    return f"{(kind or type(driver)).__name__}, {case[1].__name__}"


@pytest.mark.parametrize(("driver", "test", "arguments", "why"), WRONG, ids=map(named, WRONG))
async def test_a_wrong_driver_is_found(
    driver: Driver, test: Test, arguments: tuple[Any, ...], why: str
) -> None:
    with pytest.raises(AssertionError, match=f"(?s){why}"):
        await test(Suite(driver), *arguments)
