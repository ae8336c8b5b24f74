"""Drivers for the toy controller with a connection of their own, and its mistakes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tests.core.toy_driver import (
    ToyDriver,
    ToyFramer,
    ToySession,
)

from goldcopy.driver import Meter, Target
from goldcopy.errors import Malformed, Unreachable


class Naive:
    """One request after the other over a stream, as one would write it on a Friday."""

    def __init__(self, target: Target, meter: Meter) -> None:
        self.target = target
        self.meter = meter
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter

    async def ask_all(self, requests: Sequence[bytes]) -> list[bytes]:
        return [await self.ask(request) for request in requests]

    async def ask(self, request: bytes) -> bytes:
        self.writer.write(request)
        self.meter.requests += 1
        self.meter.bytes_out += len(request)
        try:
            async with asyncio.timeout(self.target.timeout):
                reply = await self.reply()
        except TimeoutError:
            raise Unreachable("silence") from None
        except (asyncio.IncompleteReadError, ConnectionError):
            raise Unreachable("cut") from None
        if reply[2:4] != request[2:4]:
            raise Malformed("not ours")
        self.meter.round_trips += 1
        self.meter.bytes_in += len(reply)
        return reply

    async def reply(self) -> bytes:
        head = await self.reader.readexactly(2)
        length = ToyFramer().length(memoryview(head))
        return head + await self.reader.readexactly(length - 2)

    async def close(self) -> None:
        self.writer.close()


class NoMatching(Naive):
    """Goes on after silence, and takes the next frame for its own."""

    async def ask(self, request: bytes) -> bytes:
        self.writer.write(request)
        try:
            async with asyncio.timeout(self.target.timeout):
                return await self.reply()
        except TimeoutError:
            return request[:4] + b"\3"
        except (asyncio.IncompleteReadError, ConnectionError):
            raise Unreachable("cut") from None


class IgnoresCut(Naive):
    """Takes the end of the connection for the end of the list."""

    async def ask(self, request: bytes) -> bytes:
        try:
            return await super().ask(request)
        except Unreachable:
            return request[:4] + b"\0\0" if request[4:5] == b"N" else request[:4] + b"\3"


class RaisesForeign(Naive):
    async def ask(self, request: bytes) -> bytes:
        self.writer.write(request)
        async with asyncio.timeout(self.target.timeout):
            return await self.reply()


class NoTimeout(Naive):
    async def ask(self, request: bytes) -> bytes:
        self.writer.write(request)
        try:
            return await self.reply()
        except (asyncio.IncompleteReadError, ConnectionError):
            raise Unreachable("cut") from None


class Patient(Naive):
    """Waits anew for each byte."""

    async def ask(self, request: bytes) -> bytes:
        self.writer.write(request)
        data = b""
        while len(data) < 2 or len(data) < int.from_bytes(data[:2]):
            try:
                async with asyncio.timeout(self.target.timeout):
                    byte = await self.reader.read(1)
            except (TimeoutError, ConnectionError):
                raise Unreachable("silence") from None
            if not byte:
                raise Unreachable("cut")
            data += byte
        return data


class OneReadOneFrame(Naive):
    async def reply(self) -> bytes:
        reply = await self.reader.read(4096)
        ToyFramer().length(memoryview(reply))
        if len(reply) < 5 or len(reply) != int.from_bytes(reply[:2]):
            raise Malformed("half a frame")
        return reply


class Leaks(Naive):
    async def close(self) -> None:
        task = asyncio.current_task()
        assert task
        if not task.cancelling():
            self.writer.close()


class Swallows(Naive):
    """Takes a cancellation for silence."""

    async def ask(self, request: bytes) -> bytes:
        try:
            return await super().ask(request)
        except asyncio.CancelledError:
            raise Unreachable("silence") from None


class NaiveDriver(ToyDriver):
    def __init__(self, kind: type[Naive]) -> None:
        self.kind = kind

    @asynccontextmanager
    async def open(self, target: Target, meter: Meter) -> AsyncIterator[ToySession]:
        naive = self.kind(target, meter)
        try:
            naive.reader, naive.writer = await asyncio.open_connection(target.host, target.port)
        except OSError:
            raise Unreachable("nobody there") from None
        try:
            session = ToySession(naive.ask_all, meter)
            await session._log_in(target)  # noqa: SLF001
            yield session
        finally:
            await naive.close()
