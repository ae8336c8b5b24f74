"""The wire: a controller that asks back is answered while a writing exchange serves it."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.clock import on_a_clock
from tests.core.toy_wire import HEADER, asking, frame, frames, made, settle

from goldcopy.driver import Courtesy
from goldcopy.errors import GoldcopyError, Malformed, Unreachable, WouldWrite
from goldcopy.wire import Exchange


def question(number: int, text: bytes = b"") -> bytes:
    return frame(number, text, b"Q")


class Parts:
    """Answers so many questions, each with its own text."""

    def __init__(self, count: int) -> None:
        self.left = count
        self.done = False

    def answer(self, asked: bytes) -> bytes | None:
        if asked[6:7] != b"Q":
            self.done |= asked[HEADER.size :] == b"refused"
            return None
        if self.done:
            raise Malformed("a question too many")
        self.left -= 1
        self.done = not self.left
        return frame(HEADER.unpack_from(asked)[1], asked[HEADER.size :], b"A")


def writing(exchange: Exchange, server: Parts, number: int = 1) -> asyncio.Task[bytes]:
    async def run() -> bytes:
        with exchange.serving(server):
            return await exchange.ask(frame(number, b"take", b"W"))

    return asyncio.create_task(run())


@given(st.lists(st.integers(0, 3), min_size=1, max_size=6), st.integers(0, 6), st.integers(1, 30))
def test_each_question_is_answered_and_the_reply_comes_after_the_last(
    numbers: list[int], before: int, size: int
) -> None:
    """Whether the reply comes first or last, however it is cut, and whatever is numbered alike."""

    @on_a_clock
    async def run() -> None:
        exchange, sock, meter = made(Courtesy(window=1), writing=True)
        task = writing(exchange, Parts(len(numbers)))
        await settle()
        stream = [question(number, bytes((at,))) for at, number in enumerate(numbers)]
        stream.insert(before, frame(1, b"reply"))
        data = b"".join(stream)
        for at in range(0, len(data), size):
            assert not task.done()
            exchange.data_received(data[at : at + size])
            await settle()
        assert await task == frame(1, b"reply")
        sent = [frame(number, bytes((at,)), b"A") for at, number in enumerate(numbers)]
        assert frames(sock.data)[1:] == sent
        assert meter.requests == 1
        assert sock.open
        again = asking(exchange, 2)  # and the exchange goes on as ever
        await settle()
        exchange.data_received(frame(2))
        assert await again == [frame(2)]

    run()


@on_a_clock
async def test_a_refused_request_ends_at_once() -> None:
    exchange, sock, _ = made(writing=True)
    task = writing(exchange, Parts(3))
    await settle()
    exchange.data_received(frame(1, b"refused"))
    assert await task == frame(1, b"refused")
    exchange.data_received(question(9))  # nobody serves any more
    assert not sock.open


@pytest.mark.parametrize("steps", range(4))
def test_each_step_has_the_time_limit_and_no_more(steps: int) -> None:
    """No reply at all, and then silence after the reply, and after each question."""

    @on_a_clock
    async def run() -> None:
        exchange, sock, _ = made(timeout=2.0, writing=True)
        task = writing(exchange, Parts(9))
        await settle()
        for step in range(steps):
            await asyncio.sleep(1.5)
            assert sock.open
            exchange.data_received(question(step) if step else frame(1))
        with pytest.raises(Unreachable, match="no answer within 2 s"):
            await task
        assert asyncio.get_running_loop().time() == pytest.approx(1.5 * steps + 2)
        assert not sock.open

    run()


@pytest.mark.parametrize(
    "arrives",
    [
        pytest.param([question(5), question(6)], id="a question too many"),
        pytest.param([frame(1), frame(1)], id="the reply twice"),
        pytest.param([frame(2)], id="a reply to something else"),
        pytest.param([frame(1), question(5), question(5)], id="a question after the end"),
    ],
)
def test_what_cannot_be_trusted_ends_the_connection(arrives: list[bytes]) -> None:
    @on_a_clock
    async def run() -> None:
        exchange, sock, _ = made(writing=True)
        task = writing(exchange, Parts(1))
        await settle()
        for one in arrives:
            exchange.data_received(one)
        assert not sock.open
        (done,) = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(done, Malformed) or done == frame(1)
        with pytest.raises(Malformed):
            await exchange.ask(frame(3))
        exchange.data_received(question(7))  # what the dead connection still brings
        assert len(frames(sock.data)) <= 2

    run()


@on_a_clock
async def test_a_question_before_anything_was_asked_is_not_answered() -> None:
    exchange, sock, _ = made(writing=True)
    with exchange.serving(Parts(1)):
        exchange.data_received(question(1))
        assert not sock.open
        assert not sock.data


@pytest.mark.parametrize("answered", [False, True])
def test_cancelled_or_lost_in_the_middle_leaves_nothing_open(answered: bool) -> None:
    @on_a_clock
    async def run() -> None:
        for lost in (False, True):
            exchange, sock, _ = made(writing=True)
            task = writing(exchange, Parts(2))
            await settle()
            exchange.data_received(frame(1) if answered else question(1))
            if lost:
                exchange.connection_lost(None)
            else:
                task.cancel()
            with pytest.raises((asyncio.CancelledError, GoldcopyError)):
                await task
            assert not sock.open or lost
            with pytest.raises(Unreachable):
                await exchange.ask(frame(2))

    run()


@on_a_clock
async def test_a_reading_exchange_serves_nobody() -> None:
    exchange, sock, _ = made()
    with pytest.raises(WouldWrite), exchange.serving(Parts(1)):
        pass
    exchange.data_received(question(1))
    assert not sock.open
