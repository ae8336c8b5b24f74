"""A server that echoes frames, a faulty link before it, and a client of both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from goldcopy.testing.faults import Fault
from goldcopy.testing.framing import Framing
from goldcopy.testing.link import FaultyLink

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
