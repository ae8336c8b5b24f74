"""A device that listens, on loopback alone."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Self

from goldcopy_sim.service import LOOPBACK, Connections

from .connection import Connection
from .device import Device


class Listener(Device):
    """Gives a device its port."""

    host: str = LOOPBACK
    port: int = 0
    lacks: Mapping[str, str] = MappingProxyType({})
    """Of a twin: path of an item of its backup -> why it does not hold that as it was."""
    reach: Mapping[str, object] = MappingProxyType({})
    """Of a twin: what of a device's options has to be otherwise for it."""

    def listen_at(self, port: int) -> None:
        """Say where, before it is entered; 0 takes a free port."""
        self.port = port
        self.connections = Connections()
        self._live: set[Connection] = set()

    def lock(self) -> str:
        """Classic CIP has no credentials."""
        return ""

    async def __aenter__(self) -> Self:
        """Listen; ``port`` then holds the real port."""
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Connection(self, self.connections, self._live), self.host, self.port
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Stop listening and cut every connection."""
        self._server.close()
        for connection in list(self._live):
            connection.abort()
        await self._server.wait_closed()
