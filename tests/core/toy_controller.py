"""A controller with a protocol of its own, small enough to be read in a minute.

A request is length (2 bytes, of the whole), number (2), service (1), arguments; a reply has a
status in place of the service. Services: L log in, I identify, V version, N names from an index on,
G get, S set, X set without saying so.
"""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from goldcopy.snapshot import Value

PASSWORD = "correct horse battery staple"
PAGE = 4
HEAD = struct.Struct(">HHc")
OK, DENIED, UNKNOWN, LOCKED = b"\0", b"\1", b"\2", b"\3"
TYPES = {"DINT": b"i", "REAL": b"r", "STRING": b"s", "BYTES": b"b"}
SERVICES = {b"L": "login", b"I": "identify", b"V": "version", b"N": "names", b"G": "get"}


class Asked(NamedTuple):
    name: str
    writes: bool


def encoded(type_: str, value: Value) -> bytes:
    if isinstance(value, float):
        return TYPES[type_] + struct.pack(">f", value)
    if isinstance(value, int):
        return TYPES[type_] + struct.pack(">i", value)
    return TYPES[type_] + (value.encode() if isinstance(value, str) else bytes(value))  # type: ignore[arg-type]


def reading() -> dict[str, tuple[str, Value]]:
    held: dict[str, tuple[str, Value]] = {f"axis/{n}/limit": ("DINT", 1000 * n) for n in range(5)}
    held["gain"] = ("REAL", 0.25)
    held["offset"] = ("REAL", -0.0)
    held["name"] = ("STRING", "press 7")
    held["recipe"] = ("BYTES", bytes(range(256)) + b"more than is kept inline")
    return held


@dataclass
class ToyController:
    """Listens on loopback; ``secret`` is there and is not told to anybody."""

    port: int = 0
    log: list[Asked] = field(default_factory=list)
    held: dict[str, tuple[str, Value]] = field(default_factory=reading)
    version: int = 1
    connections: int = 0

    async def __aenter__(self) -> Self:
        self._clients: set[asyncio.StreamWriter] = set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for client in list(self._clients):
            client.transport.abort()
        while self._clients:  # noqa: ASYNC110
            await asyncio.sleep(0)

    def set(self, name: str, value: Value) -> None:
        self.held[name] = (self.held[name][0], value)
        self.version += 1

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        self.connections += 1
        try:
            while True:
                head = await reader.readexactly(2)
                rest = await reader.readexactly(int.from_bytes(head) - 2)
                number, service, arguments = rest[:2], rest[2:3], rest[3:]
                reply = number + self._answer(service, arguments)
                writer.write((len(reply) + 2).to_bytes(2) + reply)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone
        finally:
            writer.close()
            self._clients.discard(writer)

    def _answer(self, service: bytes, arguments: bytes) -> bytes:
        self.log.append(Asked(SERVICES.get(service, "set"), service not in SERVICES))
        match service:
            case b"L":
                return OK if arguments == PASSWORD.encode() else DENIED
            case b"I":
                return OK + b"Toys\0Press"
            case b"V":
                return OK + self.version.to_bytes(4)
            case b"N":
                start = int.from_bytes(arguments)
                names = sorted([*self.held, "secret"])
                page = b"".join(bytes([len(n)]) + n.encode() for n in names[start : start + PAGE])
                return OK + bytes([start + PAGE < len(names)]) + page
            case b"G":
                if arguments == b"secret":
                    return LOCKED
                held = self.held.get(arguments.decode())
                return UNKNOWN if held is None else OK + encoded(*held)
        name, _, value = arguments.partition(b"\0")
        self.set(name.decode(), struct.unpack(">i", value[1:])[0])
        return OK
