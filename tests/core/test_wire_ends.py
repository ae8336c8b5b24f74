"""The wire: time limits, cancelling, endings, guard and counters, on a clock that jumps."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable
from typing import Literal

import pytest
from tests.core.clock import on_a_clock
from tests.core.toy_wire import (
    asking,
    frame,
    made,
    settle,
)

from goldcopy.driver import Courtesy, Meter
from goldcopy.errors import Malformed, Unreachable, WouldWrite
from goldcopy.wire import Exchange

# -- time limits ---------------------------------------------------------------------------------


@on_a_clock
async def test_silence_ends_at_the_time_limit_and_nothing_is_sent_twice() -> None:
    exchange, sock, _ = made(timeout=2.0)
    with pytest.raises(Unreachable, match="no answer within 2 s"):
        await exchange.ask(frame(1))
    assert asyncio.get_running_loop().time() == pytest.approx(2.0)
    assert not sock.open
    assert sock.numbers == [1]
    exchange.data_received(frame(1))  # too late
    with pytest.raises(Unreachable):
        await exchange.ask(frame(2))


@on_a_clock
async def test_a_slow_drip_does_not_move_the_time_limit() -> None:
    exchange, _, _ = made(timeout=2.0)
    task = asking(exchange, 1)
    await settle()
    for byte in frame(1, bytes(100)):
        exchange.data_received(bytes([byte]))
        await asyncio.sleep(0.5)
        if task.done():
            break
    with pytest.raises(Unreachable):
        await task
    assert asyncio.get_running_loop().time() == pytest.approx(2.0, abs=0.6)


@on_a_clock
async def test_the_oldest_request_is_timed_and_not_the_last_one_answered() -> None:
    exchange, _, _ = made(Courtesy(window=2), timeout=2.0)
    task = asking(exchange, *range(20))
    await settle()
    for n in range(1, 20):  # 0 is never answered
        await asyncio.sleep(0.3)
        if task.done():
            break
        exchange.data_received(frame(n))
    with pytest.raises(Unreachable):
        await task
    assert asyncio.get_running_loop().time() == pytest.approx(2.0, abs=0.31)


@on_a_clock
async def test_a_later_request_is_timed_from_its_own_sending() -> None:
    exchange, _, _ = made(timeout=2.0)
    task = asking(exchange, 1, 2)
    await asyncio.sleep(1.5)
    exchange.data_received(frame(1))
    with pytest.raises(Unreachable):
        await task
    assert asyncio.get_running_loop().time() == pytest.approx(3.5)


@on_a_clock
async def test_each_request_has_the_whole_time_limit() -> None:
    exchange, sock, _ = made(timeout=2.0)
    sock.answers_after = 1.9
    await exchange.ask_all([frame(n) for n in range(5)])
    assert asyncio.get_running_loop().time() == pytest.approx(5 * 1.9)
    await asyncio.sleep(60)  # idle is not silence
    assert sock.open


# -- cancelling and ending -----------------------------------------------------------------------


@on_a_clock
async def test_cancelling_one_waiter_ends_the_connection_for_all() -> None:
    exchange, sock, _ = made(Courtesy(window=2))
    first, second, third = asking(exchange, 1), asking(exchange, 2), asking(exchange, 3)
    await settle()
    first.cancel()
    done = await asyncio.gather(first, second, third, return_exceptions=True)
    assert isinstance(done[0], asyncio.CancelledError)
    assert isinstance(done[1], Unreachable)
    assert isinstance(done[2], Unreachable)
    assert done[1] is not done[2]  # one exception raised twice would mix its tracebacks
    assert not sock.open
    assert sock.numbers == [1, 2]
    with pytest.raises(Unreachable, match="cancelled"):
        await exchange.ask(frame(4))


@on_a_clock
async def test_a_reply_in_the_same_instant_as_the_cancel_is_harmless() -> None:
    exchange, sock, _ = made()
    task = asking(exchange, 1, 2)
    await settle()
    exchange.data_received(frame(1))
    task.cancel()
    exchange.data_received(frame(2))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not sock.open


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (lambda exchange: exchange.eof_received(), "closed the connection$"),
        (lambda exchange: exchange.connection_lost(OSError("reset")), "lost .reset"),
        (lambda exchange: exchange.connection_lost(None), "closed by the controller"),
        (
            lambda exchange: (exchange.data_received(frame(1)[:5]), exchange.eof_received()),
            "in the middle of a reply",
        ),
    ],
)
def test_a_lost_connection_tells_everybody(event: Callable[[Exchange], object], why: str) -> None:
    @on_a_clock
    async def run() -> None:
        exchange, sock, _ = made()
        tasks = [asking(exchange, n) for n in range(3)]
        await settle()
        event(exchange)
        for task in tasks:
            with pytest.raises(Unreachable, match=why):
                await task
        assert sock.numbers == [0]

    run()


@on_a_clock
async def test_the_first_reason_stays() -> None:
    exchange, _, _ = made()
    exchange.end(Malformed("first"))
    exchange.end(Unreachable("second"))
    with pytest.raises(Malformed, match="first"):
        await exchange.ask(frame(1))


@pytest.mark.parametrize("courtesy", [Courtesy(), Courtesy(pause=1000.0)])
def test_the_loop_does_not_keep_an_ended_exchange_until_its_timers_are_due(
    courtesy: Courtesy,
) -> None:
    @on_a_clock
    async def run() -> None:
        exchange, sock, _ = made(courtesy, timeout=1000.0)
        task = asking(exchange, 1, 2)
        await settle()
        exchange.data_received(frame(1))
        exchange.end(Unreachable("over"))
        with pytest.raises(Unreachable):
            await task
        await settle()
        kept = weakref.ref(exchange)
        del exchange, sock, task
        gc.collect()
        assert kept() is None

    run()


# -- guard, meter, recorder ----------------------------------------------------------------------


@on_a_clock
async def test_a_reading_exchange_sends_no_write_nor_what_was_asked_with_it() -> None:
    exchange, sock, meter = made(Courtesy(window=4))
    with pytest.raises(WouldWrite, match="nothing was sent"):
        await exchange.ask_all([frame(1), frame(2, service=b"W"), frame(3)])
    await asyncio.sleep(60)
    assert sock.data == b""
    assert meter == Meter()
    task = asking(exchange, 4)
    await settle()
    exchange.data_received(frame(4))
    assert await task == [frame(4)]
    assert sock.numbers == [4]


@on_a_clock
async def test_a_writing_exchange_may() -> None:
    exchange, sock, _ = made(writing=True)
    task = asyncio.create_task(exchange.ask(frame(1, service=b"W")))
    await settle()
    exchange.data_received(frame(1, service=b"W"))
    await task
    assert sock.numbers == [1]


@pytest.mark.parametrize(("count", "window", "trips"), [(10, 1, 10), (10, 4, 3), (8, 8, 1)])
def test_round_trips_are_the_floor_that_latency_sets(count: int, window: int, trips: int) -> None:
    @on_a_clock
    async def run() -> None:
        exchange, sock, meter = made(Courtesy(window=window))
        sock.answers_after = 1.0
        await exchange.ask_all([frame(n) for n in range(count)])
        assert meter.round_trips == trips
        assert asyncio.get_running_loop().time() == pytest.approx(trips)

    run()


@on_a_clock
async def test_the_recorder_has_each_byte_in_its_order() -> None:
    seen: list[tuple[Literal["out", "in"], bytes]] = []
    exchange, sock, meter = made(recorder=lambda direction, data: seen.append((direction, data)))
    task = asking(exchange, 1, 2)
    await settle()
    for piece in (frame(1)[:3], frame(1)[3:], frame(2, b"x")):
        exchange.data_received(piece)
    await task
    assert seen == [
        ("out", frame(1)),
        ("in", frame(1)[:3]),
        ("in", frame(1)[3:]),
        ("out", frame(2)),
        ("in", frame(2, b"x")),
    ]
    assert sum(len(data) for way, data in seen if way == "out") == meter.bytes_out == len(sock.data)
    assert sum(len(data) for way, data in seen if way == "in") == meter.bytes_in


@on_a_clock
async def test_to_ask_nothing_is_to_send_nothing() -> None:
    exchange, sock, _ = made()
    assert await exchange.ask_all([]) == []
    assert sock.data == b""
