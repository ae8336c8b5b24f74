"""Many devices at once: one that fails stops no other, and is tried again if that may help."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.collect_fakes import Controller, device, run

from goldcopy.collect import Terms
from goldcopy.collect.pull import LONGEST_PAUSE, Retries
from goldcopy.driver import Reading
from goldcopy.errors import (
    GoldcopyError,
    Malformed,
    Refused,
    Unreachable,
    Unsupported,
    WouldWrite,
    Wrong,
)
from goldcopy.snapshot import Item

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
        assert "collect_fakes.py:" in failed.error


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
