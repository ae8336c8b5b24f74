"""A client of a few lines for tests: every byte is put together here, by hand."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import NamedTuple

from goldcopy_sim.enip.server import Listener

HEADER = struct.Struct("<HHII8sI")
CONTEXT = b"contexts"
PEER_ID = 0x11223344
ROUTER, MANAGER = b"\x20\x02\x24\x01", b"\x20\x06\x24\x01"
HANG = 10.0


class Answer(NamedTuple):
    status: int
    extended: tuple[int, ...]
    data: bytes


class Frame(NamedTuple):
    command: int
    session: int
    status: int
    context: bytes
    data: bytes


def name(text: str) -> bytes:
    """A symbolic path: ``Program:Main.Recipe[2].Time``; an index takes the 8-bit form."""
    path = b""
    for part in text.split("."):
        word, _, index = part.partition("[")
        path += bytes((0x91, len(word))) + word.encode() + b"\0" * (len(word) % 2)
        for one in filter(None, index.rstrip("]").split(",")):
            path += bytes((0x28, int(one)))
    return path


def plain(class_: int, instance: int, attribute: int | None = None) -> bytes:
    path = bytes((0x20, class_, 0x25, 0)) + struct.pack("<H", instance)
    return path if attribute is None else path + bytes((0x30, attribute))


def request(service: int, path: bytes, data: bytes = b"") -> bytes:
    return bytes((service, len(path) // 2)) + path + data


def parse(message: bytes) -> Answer:
    words = message[3]
    extended = struct.unpack_from(f"<{words}H", message, 4)
    return Answer(message[2], extended, message[4 + 2 * words :])


def packed(*requests: bytes) -> bytes:
    """A multiple service packet."""
    at, offsets = 2 + 2 * len(requests), []
    for one in requests:
        offsets.append(at)
        at += len(one)
    body = struct.pack(f"<H{len(requests)}H", len(requests), *offsets)
    return request(0x0A, ROUTER, body + b"".join(requests))


def unpacked(data: bytes) -> list[Answer]:
    (count,) = struct.unpack_from("<H", data)
    offsets = [*struct.unpack_from(f"<{count}H", data, 2), len(data)]
    return [parse(data[start:end]) for start, end in pairwise(offsets)]


class Wire:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.session = 0
        self.connection = 0
        self.sequence = 0
        self.serial = 0

    def send(self, command: int, data: bytes = b"", *, session: int | None = None) -> None:
        handle = self.session if session is None else session
        self.writer.write(HEADER.pack(command, len(data), handle, 0, CONTEXT, 0) + data)

    async def frame(self) -> Frame:
        async with asyncio.timeout(HANG):
            head = await self.reader.readexactly(HEADER.size)
            command, length, session, status, context, _ = HEADER.unpack(head)
            data = await self.reader.readexactly(length)
        return Frame(command, session, status, context, data)

    async def register(self) -> Frame:
        self.send(0x65, b"\x01\0\0\0")
        found = await self.frame()
        self.session = found.session
        return found

    def send_outside(self, message: bytes) -> None:
        self.send(0x6F, struct.pack("<IHHHHHH", 0, 5, 2, 0, 0, 0xB2, len(message)) + message)

    async def outside(self, message: bytes) -> Answer:
        """Unconnected."""
        self.send_outside(message)
        found = await self.frame()
        assert found.data[:10] == bytes.fromhex("00000000 0000 0200 0000")
        return parse(found.data[16:])

    async def open(
        self, size: int = 4000, *, large: bool = True, path: bytes = b"\x01\x00\x20\x02\x24\x01"
    ) -> Answer:
        """A class 3 connection; the serial number is another each time."""
        self.serial += 1
        head = struct.pack(
            "<BBIIHHIB3x", 10, 5, 0, PEER_ID, self.serial, 0x1009, id(self) & 0xFFFFFFFF, 7
        )
        if large:
            sizes = struct.pack("<IIII", 2000000, 0x42000000 | size, 2000000, 0x42000000 | size)
        else:
            sizes = struct.pack("<IHIH", 2000000, 0x4200 | size, 2000000, 0x4200 | size)
        tail = b"\xa3" + bytes((len(path) // 2,)) + path
        answer = await self.outside(request(0x5B if large else 0x54, MANAGER, head + sizes + tail))
        if not answer.status:
            (self.connection,) = struct.unpack_from("<I", answer.data)
        return answer

    async def close_connection(self) -> Answer:
        serial = struct.pack("<HHI", self.serial, 0x1009, id(self) & 0xFFFFFFFF)
        body = b"\x0a\x05" + serial + b"\x03\x00\x01\x00\x20\x02\x24\x01"
        return await self.outside(request(0x4E, MANAGER, body))

    def send_inside(self, message: bytes, *, sequence: int | None = None) -> int:
        if sequence is None:
            self.sequence += 1
            sequence = self.sequence
        head = struct.pack(
            "<IHHHHIHHH", 0, 0, 2, 0xA1, 4, self.connection, 0xB1, 2 + len(message), sequence
        )
        self.send(0x70, head + message)
        return sequence

    async def inside(self, message: bytes) -> Answer:
        """Over the class 3 connection; the reply must bear all the right marks."""
        sequence = self.send_inside(message)
        found = await self.frame()
        assert (found.command, found.session, found.status) == (0x70, self.session, 0)
        identifier, got = struct.unpack_from("<I", found.data, 12)[0], found.data[20:22]
        assert (identifier, got) == (PEER_ID, struct.pack("<H", sequence))
        return parse(found.data[22:])

    async def ask(self, service: int, path: bytes, data: bytes = b"") -> Answer:
        return await self.inside(request(service, path, data))


@asynccontextmanager
async def wired(simulator: Listener) -> AsyncIterator[Wire]:
    """A bare connection to a simulator that listens."""
    reader, writer = await asyncio.open_connection(simulator.host, simulator.port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()


@asynccontextmanager
async def opened(
    simulator: Listener, size: int = 4000, *, path: bytes | None = None
) -> AsyncIterator[Wire]:
    """A simulator that runs, and a class 3 connection to it."""
    if path is None:
        path = b"\x20\x02\x24\x01" if simulator.slot is None else b"\x01\x00\x20\x02\x24\x01"
    async with simulator, wired(simulator) as wire:
        await wire.register()
        assert (await wire.open(size, large=size > 500, path=path)).status == 0
        yield wire
