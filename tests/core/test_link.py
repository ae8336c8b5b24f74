"""The link and its faults, seen from a client; recordings and their replay."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.clock import on_a_clock
from tests.core.toy_controller import PASSWORD, ToyController
from tests.core.toy_driver import ToyFramer, ToySession

from goldcopy.driver import Courtesy, Meter, Secret, Target
from goldcopy.errors import Unreachable, Wrong
from goldcopy.testing import faults
from goldcopy.testing.faults import Fault
from goldcopy.testing.framing import ETHERNET_IP, MODBUS, OPC_UA, TPKT, Cutter, Framing
from goldcopy.testing.link import FaultyLink
from goldcopy.testing.record import Recording
from goldcopy.testing.replay import Replay
from goldcopy.testing.runs import offsets, sample
from goldcopy.wire import Direction, connect

FRAMING = Framing(0, 2, "big", 0)


def frame(number: int) -> bytes:
    return b"\0\x0a" + bytes([number]) * 8


class Client:
    """What one connection is sent, read by read."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def ask(self, *numbers: int) -> None:
        self.writer.write(b"".join(map(frame, numbers)))

    async def hear(self, patience: float = 0.05) -> list[bytes | None]:
        """The pieces that arrive before a silence; None for the end, ConnectionError raised."""
        pieces: list[bytes | None] = []
        try:
            while None not in pieces:
                async with asyncio.timeout(patience):
                    pieces.append(await self.reader.read(10_000) or None)
        except TimeoutError:
            pass
        return pieces

    async def hear_all(self, patience: float = 0.05) -> bytes:
        return b"".join(piece or b"" for piece in await self.hear(patience))


@asynccontextmanager
async def echoing() -> AsyncIterator[int]:
    """A server that sends back what comes."""
    serving = set()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        serving.add(task)
        with suppress(ConnectionError):
            while data := await reader.read(10_000):
                writer.write(data)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        serving.discard(task)

    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
    while serving:  # the link has closed all its connections  # noqa: ASYNC110
        await asyncio.sleep(0)


@asynccontextmanager
async def link(fault: Fault | None = None, delay: float = 0.0) -> AsyncIterator[FaultyLink]:
    async with echoing() as port, FaultyLink("127.0.0.1", port, FRAMING, fault, delay=delay) as one:
        yield one


@asynccontextmanager
async def client(link: FaultyLink) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection(link.host, link.port)
    yield Client(reader, writer)
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


# -- a link without a fault ------------------------------------------------------------------------


async def test_a_perfect_link_counts_what_passes() -> None:
    async with link() as one:
        async with client(one) as first, client(one) as second:
            for number in range(3):
                first.ask(number, number)
                assert await first.hear_all() == 2 * frame(number)
            second.ask(9)
            second.writer.write(frame(8)[:4])
            assert await second.hear_all() == frame(9) + frame(8)[:4]
            assert (one.open, one.peak, one.total) == (2, 2, 2)
        async with asyncio.timeout(5):
            await one.quiet()
        async with client(one) as third:
            third.ask(1)
            await third.hear()
        assert (one.peak, one.total) == (2, 3)
        assert one.bytes_out == one.bytes_in == 8 * 10 + 4
        assert one.requests == 8
        assert one.in_flight == 2
        assert one.frames == [10] * 8


async def test_a_server_that_is_not_there_looks_as_without_a_link() -> None:
    async with FaultyLink("127.0.0.1", 1, FRAMING) as one, client(one) as own:
        with pytest.raises(ConnectionResetError):
            await own.hear()


async def test_a_server_that_hangs_up_in_a_frame_is_passed_on() -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(1) + frame(2)[:3])
        writer.close()

    server = await asyncio.start_server(half, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        for fault in (None, faults.duplicate(9)):
            async with FaultyLink("127.0.0.1", port, FRAMING, fault) as one, client(one) as own:
                pieces = await own.hear(1.0)
                assert pieces[-1] is None
                assert b"".join(piece or b"" for piece in pieces) == frame(1) + frame(2)[:3]


@on_a_clock
async def test_latency_delays_each_byte_and_serialises_nothing() -> None:
    loop = asyncio.get_running_loop()
    async with link(delay=0.5) as one, client(one) as own:
        arrived: list[tuple[float, bytes | None]] = []
        for number in range(10):
            loop.call_at(number * 0.1, own.ask, number)
        while len(arrived) < 10:
            piece = await own.reader.read(1000)
            arrived.append((round(loop.time(), 3), piece))
        assert arrived == [(round(number * 0.1 + 1.0, 3), frame(number)) for number in range(10)]


# -- faults ----------------------------------------------------------------------------------------


async def answers(fault: Fault, *asked: int) -> bytes:
    async with link(fault) as one, client(one) as own:
        own.ask(*asked)
        heard = await own.hear_all()
        assert one.struck.is_set()
        return heard


async def test_silence_begins_with_its_frame_and_never_ends() -> None:
    async with link(faults.silence(2)) as one:
        async with client(one) as own:
            own.ask(0, 1, 2, 3)
            assert await own.hear_all() == frame(0) + frame(1)
        async with client(one) as own:
            own.ask(4)
            assert await own.hear() == []  # open, and nothing comes


@pytest.mark.parametrize("since", [0, 1, 2])
async def test_a_dead_link_loses_requests_too(since: int) -> None:
    async with link(faults.dead(since)) as one, client(one) as own:
        for number in range(4):
            own.ask(number)
            assert await own.hear_all() == (frame(number) if number < since else b"")
        assert len(one.frames) == since
        assert one.requests == 4


@pytest.mark.parametrize("after", range(21))
async def test_a_cut_passes_so_many_bytes_and_the_next_connection_is_sound(after: int) -> None:
    async with link(faults.cut(after, reset=False)) as one:
        async with client(one) as own:
            own.ask(0, 1)
            pieces = await own.hear(5)
            assert pieces[-1] is None
            assert b"".join(p or b"" for p in pieces) == (frame(0) + frame(1))[:after]
        assert one.bytes_in == after
        async with client(one) as own:
            own.ask(5)
            assert await own.hear_all() == frame(5)


@pytest.mark.parametrize("after", [0, 4, 10, 13])
async def test_a_cut_by_reset_is_a_reset(after: int) -> None:
    async with link(faults.cut(after, reset=True)) as one, client(one) as own:
        own.ask(0, 1)
        assert await own.reader.readexactly(after) == (frame(0) + frame(1))[:after]
        with pytest.raises(ConnectionResetError):
            await own.hear(5)


async def test_content_faults_change_their_frame_only() -> None:
    for fault in (
        faults.garbage(1),
        faults.inverted(1),
        faults.flipped(1, 17),
        faults.mutated(1, 2, 7),
    ):
        heard = await answers(fault, 0, 1, 2)
        assert len(heard) == 30
        assert heard[:10] + heard[20:] == frame(0) + frame(2)
        assert heard[10:20] != frame(1)
    assert heard[10:12] == frame(1)[:2]  # mutated keeps what it is told to
    assert await answers(faults.inverted(0), 0) == bytes(b ^ 0xFF for b in frame(0))
    assert await answers(faults.flipped(0, 17), 0) == frame(0)[:2] + b"\2" + frame(0)[3:]
    assert await answers(faults.garbage(0), 0) == await answers(faults.garbage(0), 0)


async def test_a_duplicate() -> None:
    assert await answers(faults.duplicate(1), 0, 1, 2) == b"".join(map(frame, (0, 1, 1, 2)))


async def test_a_late_frame_waits_for_the_next_request() -> None:
    async with link(faults.late(1)) as one, client(one) as own:
        own.ask(0, 1)
        assert await own.hear_all() == frame(0)
        own.ask(2)
        assert await own.hear_all() == frame(1) + frame(2)
        own.ask(3)
        assert await own.hear_all() == frame(3)


async def test_a_late_frame_lets_those_pass_that_were_asked_for_before() -> None:
    async with link(faults.late(0)) as one, client(one) as own:
        own.ask(0, 1, 2)
        assert await own.hear_all() == frame(1) + frame(2)
        own.ask(3)
        assert await own.hear_all() == frame(0) + frame(3)


async def test_fragments() -> None:
    async with link(faults.fragmented()) as one, client(one) as own:
        own.ask(*range(20))
        pieces = await own.hear()
        assert b"".join(p or b"" for p in pieces) == b"".join(map(frame, range(20)))
        sizes = [len(piece or b"") for piece in pieces]
        assert max(sizes) <= 3 * 2  # now and then the client finds two pieces together
        assert len(sizes) > 60


async def test_a_long_frame_has_its_ends_in_fragments() -> None:
    framing = Framing(0, 4, "big", 0)
    data = (20_000).to_bytes(4) + random.Random(1).randbytes(19_996)
    async with (
        echoing() as port,
        FaultyLink("127.0.0.1", port, framing, faults.fragmented()) as one,
        client(one) as own,
    ):
        own.writer.write(data)
        pieces = [piece or b"" for piece in await own.hear(0.5)]
    assert b"".join(pieces) == data
    assert 100 < len(pieces) < 2000


async def test_a_heap() -> None:
    async with link(faults.coalesced()) as one, client(one) as own:
        for number in range(5):
            own.ask(number)
            await asyncio.sleep(0)
        assert await own.hear() == [b"".join(map(frame, range(5)))]


@on_a_clock
async def test_a_drip() -> None:
    loop = asyncio.get_running_loop()
    async with link(faults.drip(0.5, 12)) as one, client(one) as own:
        own.ask(0, 1)
        at = []
        for _ in range(12):
            assert len(await own.reader.read(1)) == 1
            at.append(loop.time())
        assert at == pytest.approx([0.5 * n for n in range(12)])
        assert await own.reader.readexactly(8) == frame(1)[2:]


async def test_nobody_there() -> None:
    async with link(faults.REFUSED) as one:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(one.host, one.port)
    async with link(faults.HALF_OPEN) as one, client(one) as own:
        own.ask(1)
        assert await own.hear() == []
        assert (one.requests, one.frames, one.open) == (1, [], 1)


# -- frames and samples ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("framing", "whole"),
    [
        (MODBUS, bytes.fromhex("0001 0000 0006 01 03 0000 0001")),
        (TPKT, bytes.fromhex("0300 0016 11e0 0000 0001 00c1 0201 00c2 0201 02c0 010a")),
        (ETHERNET_IP, bytes.fromhex("6500 0400") + bytes(20) + bytes.fromhex("0100 0000")),
        (OPC_UA, b"ACKF" + (28).to_bytes(4, "little") + bytes(20)),
    ],
)
@given(st.data())
def test_frames_of_the_protocols(framing: Framing, whole: bytes, data: st.DataObject) -> None:
    stream, cutter, cut = 3 * whole + whole[:-1], Cutter(framing), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        cut += list(cutter.feed(stream[:size]))
        stream = stream[size:]
    assert cut == 3 * [whole]
    assert cutter.rest == whole[:-1]


def test_a_message_in_several_frames_is_one() -> None:
    assert OPC_UA.goes_on(b"MSGC\x08\0\0\0")
    assert not OPC_UA.goes_on(b"MSGF\x08\0\0\0")
    assert not MODBUS.goes_on(b"\0\0\0C\0\0")


@given(st.lists(st.integers(1, 300), min_size=1, max_size=60), st.integers(20, 3000))
def test_cuts_are_everywhere_or_at_the_ends_of_frames_and_between(
    frames: list[int], most: int
) -> None:
    places = offsets(frames, most)
    total = sum(frames)
    assert places == sorted(set(places))
    assert places[0] == 0
    assert places[-1] == total
    if total < most:
        assert len(places) == total + 1
    else:
        assert len(places) <= most
        assert {1, total - 1} <= set(places)


@given(st.integers(0, 500), st.integers(2, 50))
def test_a_sample_is_spread_from_first_to_last(total: int, most: int) -> None:
    chosen = sample(total, most)
    assert len(chosen) == min(total, most)
    assert chosen == sorted(set(chosen))
    assert not total or (chosen[0], chosen[-1]) == (0, total - 1)


# -- recordings ------------------------------------------------------------------------------------

Passed = list[tuple[Direction, bytes]]


@given(st.lists(st.tuples(st.sampled_from(["out", "in"]), st.binary())))
def test_a_recording_comes_back(tmp_path_factory: pytest.TempPathFactory, passed: Passed) -> None:
    file = tmp_path_factory.mktemp("recording") / "session.jsonl"
    Recording(passed).save(file)
    assert Recording.load(file).passed == passed
    assert len(file.read_text().splitlines()) == len(passed)


NO_LINES = ["", "{}", '{"way":"up","hex":""}', '{"way":"in","hex":"0g"}', "\xff"]


@pytest.mark.parametrize("line", NO_LINES)
def test_what_is_no_recording_is_refused(tmp_path: Path, line: str) -> None:
    file = tmp_path / "session.jsonl"
    file.write_text('{"way":"out","hex":"00"}\n' + line + "\n", "latin-1")
    with pytest.raises(Wrong, match=r"session\.jsonl, line 2: "):
        Recording.load(file)


async def read(target: Target, recording: Recording | None = None) -> list[str]:
    async with connect(target, ToyFramer(), Meter(), recorder=recording) as exchange:
        session = ToySession(exchange.ask_all, Meter())
        await session._log_in(target)  # noqa: SLF001
        return [f"{item}" for item in (await session.read()).items]


def both(recording: Recording) -> dict[str, bytes]:
    """All that was sent in each direction."""
    ways = {way for way, _ in recording.passed}
    assert ways == {"out", "in"}
    return {way: b"".join(data for one, data in recording.passed if one == way) for way in ways}


async def test_a_recorded_session_is_played_again_and_nothing_else(tmp_path: Path) -> None:
    file, on_link = tmp_path / "press.jsonl", Recording()
    async with ToyController() as controller:
        courtesy, password = Courtesy(window=3), Secret(PASSWORD)
        async with FaultyLink("127.0.0.1", controller.port, FRAMING, recorder=on_link) as one:
            target = Target("press", one.host, one.port, courtesy=courtesy, password=password)
            recording = Recording()
            items = await read(target, recording)
            recording.save(file)
    assert both(recording) == both(on_link)
    async with Replay(Recording.load(file)) as replay:
        again = Target("press", replay.host, replay.port, courtesy=courtesy, password=password)
        for _ in range(2):
            assert await read(again) == items
        assert replay.strayed == ""
        other = Target("press", replay.host, replay.port, password=Secret("open sesame"))
        with pytest.raises(Unreachable):
            await read(other)
        assert replay.strayed.startswith("in entry 0 came ")


async def test_a_client_that_asks_for_more_than_was_recorded() -> None:
    async with Replay(Recording([("out", b"ab"), ("in", b"cd")])) as replay:
        reader, writer = await asyncio.open_connection(replay.host, replay.port)
        for byte in (b"a", b"b"):
            writer.write(byte)
            await asyncio.sleep(0.01)
        assert await reader.read(10) == b"cd"
        writer.write(b"e")
        assert await reader.read(10) == b""
        assert replay.strayed == "after the end of the recording came 65"
        writer.close()
