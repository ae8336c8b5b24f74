"""OPC UA: asyncua's secure channel, our own crawler and codec."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar

import msgspec

from goldcopy.driver import Capability, Meter, Target

from .channel import connect
from .client import Client
from .options import OpcUaOptions
from .server import look
from .session import OpcUaSession
from .writer import OpcUaWriter

__all__ = ["OpcUaDriver", "OpcUaOptions", "OpcUaSession", "OpcUaWriter"]


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
        Capability(
            "writing values",
            "partial",
            "scalars, arrays, matrices, structures; with a member of a structure the others are "
            "written as they were read just before; no status, no time stamps",
        ),
        Capability("writing files, calling methods", "planned", "a restore writes values only"),
    )

    @asynccontextmanager
    async def open(self, target: Target, meter: Meter) -> AsyncIterator[OpcUaSession]:
        """Connect and log in on enter, close on exit, also when cancelled."""
        options = target.options_as(OpcUaOptions)
        async with connect(target, options, meter) as channel:
            yield OpcUaSession(Client(channel), options)

    @asynccontextmanager
    async def open_writing(self, target: Target, meter: Meter) -> AsyncIterator[OpcUaWriter]:
        """As ``open``, for a restore; the server's limits are asked for at once."""
        options = target.options_as(OpcUaOptions)
        async with connect(target, options, meter, writing=True) as channel:
            client = Client(channel)
            yield OpcUaWriter(client, options, await look(client))
