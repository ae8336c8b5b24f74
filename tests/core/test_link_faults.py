"""The faults of a link, seen from a client."""

from __future__ import annotations

import asyncio
import random

import pytest
from tests.core.clock import on_a_clock
from tests.core.echoing_link import client, echoing, frame, link

from goldcopy.testing import faults
from goldcopy.testing.faults import Fault
from goldcopy.testing.framing import Framing
from goldcopy.testing.link import FaultyLink


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
