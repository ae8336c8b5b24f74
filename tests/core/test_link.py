"""A link without a fault, seen from a client."""

from __future__ import annotations

import asyncio

import pytest
from tests.core.clock import on_a_clock
from tests.core.echoing_link import FRAMING, client, frame, link

from goldcopy.testing import faults
from goldcopy.testing.link import FaultyLink


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
