"""The wire over real sockets: connecting, closing, and cancelling at every step."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.core.toy_wire import (
    ToyFramer,
    frame,
)

from goldcopy.driver import Meter, Target
from goldcopy.errors import Refused, Unreachable
from goldcopy.wire import connect

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
        with pytest.raises(Unreachable, match=rf"127.0.0.1:{target.port} \(Connection refused\)"):
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
