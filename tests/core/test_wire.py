"""The wire: replies, requests, window and pace, on a clock that only tests move."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.clock import on_a_clock
from tests.core.toy_wire import (
    HEADER,
    ToyFramer,
    ToySocket,
    asking,
    frame,
    made,
    settle,
)

from goldcopy.driver import Courtesy, Meter
from goldcopy.errors import GoldcopyError, Malformed
from goldcopy.wire import LONGEST, Exchange

# -- matching and framing ------------------------------------------------------------------------


def pieces(data: st.DataObject, whole: bytes) -> Iterator[bytes]:
    while whole:
        size = data.draw(st.integers(1, len(whole)))
        yield whole[:size]
        whole = whole[size:]


@given(st.data(), st.integers(1, 8), st.lists(st.binary(max_size=20), min_size=1, max_size=20))
def test_each_reply_reaches_its_request_however_the_stream_is_cut_and_ordered(
    data: st.DataObject, window: int, texts: list[bytes]
) -> None:
    @on_a_clock
    async def run() -> None:
        exchange, sock, meter = made(Courtesy(window=window))
        task = asking(exchange, *range(len(texts)))
        await settle()
        answered: set[int] = set()
        while len(answered) < len(texts):
            open_ = [n for n in sock.numbers if n not in answered]
            assert 1 <= len(open_) <= window
            batch = data.draw(st.lists(st.sampled_from(open_), min_size=1, unique=True))
            answered |= set(batch)
            for piece in pieces(data, b"".join(frame(n, texts[n]) for n in batch)):
                exchange.data_received(piece)
        assert await task == [frame(n, text) for n, text in enumerate(texts)]
        assert sock.numbers == list(range(len(texts)))  # in order, and each once
        assert sock.open
        assert meter.requests == len(texts)
        assert meter.bytes_out == len(sock.data)
        assert meter.bytes_in == sum(len(frame(0, text)) for text in texts)

    run()


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=6))
def test_whatever_arrives_no_request_gets_what_is_not_its_own(chunks: list[bytes]) -> None:
    @on_a_clock
    async def run() -> None:
        exchange, sock, _ = made(Courtesy(window=2), timeout=1.0)
        task = asking(exchange, 1, 2)
        await settle()
        for chunk in chunks:
            exchange.data_received(chunk)
        try:
            for number, reply in zip((1, 2), await task, strict=True):
                assert HEADER.unpack_from(reply)[:2] == (len(reply), number)
        except GoldcopyError:
            assert not sock.open

    run()


@pytest.mark.parametrize(
    "arrives",
    [
        pytest.param(frame(7), id="a number that nobody used"),
        pytest.param(frame(1) + frame(1), id="a reply twice"),
        pytest.param(frame(3), id="a reply to what was not sent yet"),
        pytest.param(b"\0\0\0\3abc", id="a length below the header"),
        pytest.param((LONGEST + 1).to_bytes(4), id="a length that no frame has"),
        pytest.param(b"\xff\xff\xff\xff", id="a length of 4 GiB"),
        pytest.param(frame(1) + frame(2) + b"\0", id="a byte after all was answered"),
    ],
)
def test_what_cannot_be_trusted_ends_the_connection(arrives: bytes) -> None:
    @on_a_clock
    async def run() -> None:
        exchange, sock, _ = made(Courtesy(window=2))
        first, second = asking(exchange, 1, 2), asking(exchange, 3)
        await settle()
        exchange.data_received(arrives)
        assert not sock.open
        done = await asyncio.gather(first, second, return_exceptions=True)
        assert isinstance(done[1], Malformed)
        assert isinstance(done[0], Malformed) or done[0] == [frame(1), frame(2)]
        with pytest.raises(Malformed):
            await exchange.ask(frame(4))
        exchange.data_received(frame(1))  # what the dead connection still brings
        assert sock.numbers == [1, 2] or arrives.startswith(frame(1))

    run()


@on_a_clock
async def test_bytes_that_nobody_asked_for_are_noticed_by_the_next_request() -> None:
    exchange, sock, _ = made()
    exchange.data_received(frame(1))
    assert not sock.open
    with pytest.raises(Malformed, match="belongs to no request"):
        await exchange.ask(frame(1))


@on_a_clock
async def test_memory_stays_bounded_when_no_frame_ever_begins() -> None:
    class Undecided(ToyFramer):
        def length(self, data: memoryview) -> int:
            return 0

    exchange = Exchange(Undecided(), timeout=5, courtesy=Courtesy(), meter=Meter())
    sock = ToySocket(exchange)
    task = asking(exchange, 1)
    await settle()
    for _ in range(LONGEST // 1024 + 1):
        exchange.data_received(bytes(1024))
    assert not sock.open
    with pytest.raises(Malformed, match="make no frame"):
        await task


@on_a_clock
async def test_the_longest_frame_is_taken_and_one_byte_more_is_not() -> None:
    exchange, sock, _ = made()
    task = asking(exchange, 1)
    await settle()
    exchange.data_received(frame(1, bytes(LONGEST - HEADER.size)))
    assert [len(reply) for reply in await task] == [LONGEST]
    task = asking(exchange, 2)
    await settle()
    exchange.data_received(frame(2, bytes(LONGEST - HEADER.size + 1)))
    assert not sock.open
    with pytest.raises(Malformed, match="no frame is as long"):
        await task


# -- window and pace -----------------------------------------------------------------------------


@pytest.mark.parametrize(("window", "at_once"), [(1, 1), (3, 3), (0, 1), (-1, 1)])
def test_the_window_is_never_exceeded_by_several_callers(window: int, at_once: int) -> None:
    @on_a_clock
    async def run() -> None:
        exchange, sock, _ = made(Courtesy(window=window))
        tasks = [asking(exchange, *range(n, n + 4)) for n in (0, 10, 20)]
        await settle()
        for answered in range(12):
            assert len(sock.numbers) == min(12, answered + at_once)
            exchange.data_received(frame(sock.numbers[answered]))
            await settle()
        assert [len(await task) for task in tasks] == [4, 4, 4]

    run()


@on_a_clock
async def test_a_driver_may_lower_the_window_to_what_was_granted() -> None:
    exchange, sock, _ = made(Courtesy(window=4))
    task = asking(exchange, *range(8))
    await settle()
    exchange.window = 2
    exchange.data_received(frame(0) + frame(1))
    assert sock.numbers == [0, 1, 2, 3]
    exchange.data_received(frame(2))
    assert sock.numbers == [0, 1, 2, 3, 4]
    exchange.data_received(b"".join(frame(n) for n in (3, 4)))
    exchange.data_received(b"".join(frame(n) for n in (5, 6)))
    exchange.data_received(frame(7))
    assert await task == [frame(n) for n in range(8)]


@on_a_clock
async def test_a_number_in_flight_is_not_used_again_until_it_is_answered() -> None:
    exchange, sock, _ = made(Courtesy(window=8))
    task = asking(exchange, 1, 2, 1, 3)
    await settle()
    assert sock.numbers == [1, 2]
    exchange.data_received(frame(2))
    assert sock.numbers == [1, 2]
    exchange.data_received(frame(1, b"first"))
    assert sock.numbers == [1, 2, 1, 3]
    exchange.data_received(frame(3) + frame(1, b"second"))
    assert await task == [frame(1, b"first"), frame(2), frame(1, b"second"), frame(3)]


@pytest.mark.parametrize(
    ("courtesy", "sent_at"),
    [
        (Courtesy(rate=4.0), [0, 0.25, 0.5, 0.75]),
        (Courtesy(rate=4.0, window=4), [0, 0.25, 0.5, 0.75]),
        (Courtesy(pause=0.5), [0, 0.62, 1.24, 1.86]),  # a pause begins with the reply
        (Courtesy(pause=0.03, window=4), [0, 0.03, 0.06, 0.09]),
        (Courtesy(pause=0.5, rate=1.0), [0, 1.0, 2.0, 3.0]),
        (Courtesy(window=4), [0, 0, 0, 0]),
        (Courtesy(), [0, 0.12, 0.24, 0.36]),
    ],
)
def test_the_pace(courtesy: Courtesy, sent_at: list[float]) -> None:
    @on_a_clock
    async def run() -> None:
        exchange, sock, _ = made(courtesy)
        sock.answers_after = 0.12
        await exchange.ask_all([frame(n) for n in range(4)])
        assert [one.at for one in sock.sent] == pytest.approx(sent_at)

    run()


@on_a_clock
async def test_a_pace_slower_than_the_time_limit_is_no_silence() -> None:
    exchange, sock, _ = made(Courtesy(pause=10.0), timeout=1.0)
    sock.answers_after = 0.5
    assert len(await exchange.ask_all([frame(n) for n in range(3)])) == 3
