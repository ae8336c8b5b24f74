"""OPC UA: asyncua's secure channel, our own crawler and codec."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar

import msgspec

from goldcopy.driver import Capability, Meter, Reading, Target
from goldcopy.errors import Wrong
from goldcopy.snapshot import Identity

from .channel import connect
from .client import Client
from .identity import identify
from .options import OpcUaOptions
from .pull import pull
from .server import Server, look

__all__ = ["OpcUaDriver", "OpcUaOptions", "OpcUaSession"]


class OpcUaSession:
    """An open session, for reading."""

    def __init__(self, client: Client, options: OpcUaOptions) -> None:
        self._client = client
        self._options = options
        self._server: Server | None = None

    async def identify(self) -> Identity:
        """DI nameplate of the one device, else BuildInfo; the server's state is the mode."""
        return await identify(self._client, await self._look())

    async def read(self) -> Reading:
        """All variables and files below the roots, each path once."""
        return await pull(self._client, await self._look(), self._options)

    async def _look(self) -> Server:
        if self._server is None:
            self._server = await look(self._client)
        return self._server


class OpcUaDriver:
    """Opens sessions with OPC UA servers over opc.tcp."""

    name: ClassVar[str] = "opcua"
    title: ClassVar[str] = "OPC UA"
    port: ClassVar[int] = 4840
    Options: ClassVar[type[msgspec.Struct]] = OpcUaOptions
    capabilities: ClassVar[Sequence[Capability]] = (
        Capability("identity", "done"),
        Capability("variables, arrays, matrices", "done"),
        Capability(
            "structures",
            "partial",
            "taken apart where the server publishes the definition, without subtyped members; "
            "else kept as bytes",
        ),
        Capability("parameters and properties", "done"),
        Capability("files (FileType)", "partial", "contents; directories that make files are not"),
        Capability("namespaces and type definitions", "done"),
        Capability(
            "secured channel",
            "partial",
            "Basic256Sha256, Aes128Sha256RsaOaep, Aes256Sha256RsaPss; no elliptic curves, no "
            "revocation lists, users by name and password",
        ),
        Capability(
            "program source", "impossible", "OPC UA shows a program's structure, not its code"
        ),
        Capability("events and history", "planned", "not read yet"),
        Capability("change token", "impossible", "no token of OPC UA covers values"),
        Capability("restore", "planned", "writes come with the restore"),
    )

    @asynccontextmanager
    async def open(self, target: Target, meter: Meter) -> AsyncIterator[OpcUaSession]:
        """Connect and log in on enter, close on exit, also when cancelled."""
        options = OpcUaOptions() if target.options is None else target.options
        if not isinstance(options, OpcUaOptions):
            raise Wrong(f"{target.device}: these are not options of an OPC UA device: {options!r}")
        async with connect(target, options, meter) as channel:
            yield OpcUaSession(Client(channel), options)
