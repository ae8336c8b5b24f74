"""The wire: matching, window, pace, limits and endings, mostly on a clock that only tests move."""

from __future__ import annotations

import asyncio
import gc
import socket
import struct
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, Literal, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.clock import on_a_clock

from goldcopy.driver import Courtesy, Meter, Target
from goldcopy.errors import GoldcopyError, Malformed, Refused, Unreachable, WouldWrite
from goldcopy.wire import LONGEST, Exchange, Recorder, connect

HEADER = struct.Struct(">IHc")  # whole length, number, R to read or W to write


def frame(number: int, text: bytes = b"", service: bytes = b"R") -> bytes:
    return HEADER.pack(HEADER.size + len(text), number, service) + text


class ToyFramer:
    def length(self, data: memoryview) -> int:
        if len(data) < 4:
            return 0
        length = int.from_bytes(data[:4])
        if length < HEADER.size:
            raise Malformed(f"a frame of {length} bytes")
        return length

    def key(self, frame: bytes) -> int:
        return int(HEADER.unpack_from(frame)[1])

    def only_reads(self, request: bytes) -> bool:
        return request[6:7] == b"R"


def frames(data: bytes) -> list[bytes]:
    cut = []
    while data:
        length = int.from_bytes(data[:4])
        cut.append(data[:length])
        data = data[length:]
    return cut


# -- a socket that the test drives ----------------------------------------------------------------


class Sent(NamedTuple):
    at: float
    number: int


class ToySocket(asyncio.Transport):
    """What the exchange has sent, and when; whether it is still open."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__()
        self.exchange = exchange
        self.sent: list[Sent] = []
        self.data = b""
        self.open = True
        self.answers_after: float | None = None
        exchange.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert self.open
        self.data += data
        loop = asyncio.get_running_loop()
        for one in frames(bytes(data)):
            self.sent.append(Sent(loop.time(), HEADER.unpack_from(one)[1]))
            if self.answers_after is not None:
                loop.call_later(self.answers_after, self.exchange.data_received, one)

    def abort(self) -> None:
        if self.open:
            self.open = False
            asyncio.get_running_loop().call_soon(self.exchange.connection_lost, None)

    @property
    def numbers(self) -> list[int]:
        return [one.number for one in self.sent]


def made(
    courtesy: Courtesy | None = None,
    *,
    timeout: float = 5.0,
    writing: bool = False,
    recorder: Recorder | None = None,
) -> tuple[Exchange, ToySocket, Meter]:
    meter = Meter()
    exchange = Exchange(
        ToyFramer(),
        timeout=timeout,
        courtesy=courtesy or Courtesy(),
        meter=meter,
        writing=writing,
        recorder=recorder,
    )
    return exchange, ToySocket(exchange), meter


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def asking(exchange: Exchange, *numbers: int) -> asyncio.Task[list[bytes]]:
    return asyncio.create_task(exchange.ask_all([frame(n) for n in numbers]))


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


# -- connecting, over real sockets ---------------------------------------------------------------

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Served:
    """How many connections a small server sees."""

    def __init__(self) -> None:
        self.open = 0
        self.total = 0
        self.quiet = asyncio.Event()


@asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[tuple[Target, Served]]:
    served = Served()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.open += 1
        served.total += 1
        served.quiet.clear()
        try:
            await serve(reader, writer)
            await reader.read()  # until the other side closes
        except ConnectionError:
            pass  # that closes it too
        finally:
            writer.close()
            served.open -= 1
            served.quiet.set()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield Target("toy", "127.0.0.1", port, timeout=5.0), served


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1000):
        writer.write(data)


async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def test_a_session_over_a_socket() -> None:
    async with serving(echo) as (target, served):
        meter = Meter()
        async with connect(target, ToyFramer(), meter) as exchange:
            requests = [frame(n, bytes(n)) for n in range(100)]
            assert await exchange.ask_all(requests) == requests
        async with asyncio.timeout(5):
            await served.quiet.wait()
        assert served.total == 1
        assert meter.bytes_in == meter.bytes_out == sum(map(len, requests))
        with pytest.raises(Unreachable, match="ended"):
            await exchange.ask(frame(1))


async def test_the_socket_is_closed_when_the_context_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop, sockets = asyncio.get_running_loop(), []
    create: Callable[..., Awaitable[tuple[asyncio.BaseTransport, object]]] = loop.create_connection

    async def noted(*args: object) -> tuple[asyncio.BaseTransport, object]:
        transport, protocol = await create(*args)
        sockets.append(transport.get_extra_info("socket"))
        return transport, protocol

    monkeypatch.setattr(loop, "create_connection", noted)
    async with serving(echo) as (target, _):
        async with connect(target, ToyFramer(), Meter()):
            assert sockets[0].fileno() != -1
        assert sockets[0].fileno() == -1


async def test_an_error_in_the_session_closes_the_socket_too() -> None:
    async with serving(echo) as (target, served):
        with pytest.raises(ZeroDivisionError):
            async with connect(target, ToyFramer(), Meter()):
                raise ZeroDivisionError
        async with asyncio.timeout(5):
            await served.quiet.wait()


async def test_a_server_that_hangs_up() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.read(1000))[:3])
        writer.close()

    async with (
        serving(hang_up) as (target, _),
        connect(target, ToyFramer(), Meter()) as exchange,
    ):
        with pytest.raises(Unreachable, match="in the middle of a reply"):
            await exchange.ask(frame(1))


async def test_a_closed_port_is_unreachable() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        target = Target("toy", "127.0.0.1", free.getsockname()[1])
        with pytest.raises(Unreachable, match=f"127.0.0.1:{target.port} .Connect"):
            async with connect(target, ToyFramer(), Meter()):
                pass


@pytest.fixture
def full() -> Iterator[int]:
    """A port whose queue is full: the kernel lets a connection attempt wait."""
    with socket.socket() as server, socket.socket() as one, socket.socket() as other:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for taken in (one, other):
            taken.setblocking(False)
            taken.connect_ex(server.getsockname())
        yield server.getsockname()[1]


async def test_a_connection_attempt_has_the_time_limit(full: int) -> None:
    with pytest.raises(Unreachable, match=r"within 0\.2 s; check address, cable, firewall"):
        async with connect(Target("toy", "127.0.0.1", full, timeout=0.2), ToyFramer(), Meter()):
            pass


async def test_an_error_of_this_computer_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    async def denied(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", denied)
    with pytest.raises(Refused, match="this computer may not connect"):
        async with connect(Target("toy", "127.0.0.1", 1), ToyFramer(), Meter()):
            pass


async def use(target: Target) -> None:
    async with connect(target, ToyFramer(), Meter()) as exchange:
        await exchange.ask_all([frame(n) for n in range(3)])
        await exchange.ask(frame(3))


async def nothing_left(before: set[asyncio.Task[Any]]) -> None:
    async with asyncio.timeout(5):
        while asyncio.all_tasks() - before:  # noqa: ASYNC110  # nothing tells of a task's end
            await asyncio.sleep(0.001)


async def test_cancelling_while_connecting_leaves_nothing(full: int) -> None:
    before = asyncio.all_tasks()
    task = asyncio.create_task(use(Target("toy", "127.0.0.1", full, timeout=30)))
    await asyncio.sleep(0.05)
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await nothing_left(before)


@pytest.mark.parametrize("serve", [echo, mute])
async def test_cancelling_at_every_step_closes_the_socket(serve: Serve) -> None:
    async with serving(serve) as (target, served):
        before = asyncio.all_tasks()
        for steps in range(40):
            task = asyncio.create_task(use(target))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await nothing_left(before)
            assert served.open == 0
        assert served.total > 10
