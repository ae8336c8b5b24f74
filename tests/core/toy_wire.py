"""A protocol and a socket for tests of the wire."""

from __future__ import annotations

import asyncio
import struct
from typing import NamedTuple

from goldcopy.driver import Courtesy, Meter
from goldcopy.errors import Malformed
from goldcopy.wire import Exchange, Recorder

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
