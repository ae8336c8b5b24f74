"""The suite passes a right driver and fails each of these wrong ones, for the right reason."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from tests.core.toy_controller import PASSWORD, ToyController
from tests.core.toy_driver import (
    FullDriver,
    ToyDriver,
)
from tests.core.toy_mistakes import (
    ByteOrder,
    Caches,
    Careless,
    Connects,
    Default,
    ForgetfulToken,
    Forgets,
    Guess,
    HidesLoss,
    Impolite,
    Insists,
    Lax,
    Logs,
    Nervous,
    NoGap,
    Offers,
    RaisesAlone,
    SkipsAck,
    StuckToken,
    Tells,
    Truncated,
    Twice,
    TwoVisits,
    TypeName,
    Unread,
    Unstable,
    Wired,
    Writes,
    WritesAgain,
    WritesOther,
    Writing,
    Zero,
)
from tests.core.toy_naive import (
    IgnoresCut,
    Leaks,
    NaiveDriver,
    NoMatching,
    NoTimeout,
    OneReadOneFrame,
    Patient,
    RaisesForeign,
    Swallows,
)

from goldcopy.driver import Driver, Secret, Target
from goldcopy.snapshot import Identity
from goldcopy.testing.bench import Bench
from goldcopy.testing.conformance import DriverConformance
from goldcopy.testing.faults import HALF_OPEN, fragmented
from goldcopy.testing.framing import Framing
from goldcopy.testing.powers import LoginConformance, TokenedConformance, WritableConformance

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
        Writing(Forgets),
        Suite.test_many_writes_in_groups_write_each_of_them,
        (),
        "leaves an item out, doubles one, or changes the order",
    ),
    (
        Writing(WritesAgain),
        Suite.test_a_write_returns_once_it_is_acknowledged_and_is_never_repeated,
        (),
        "2 writing services for one write",
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
