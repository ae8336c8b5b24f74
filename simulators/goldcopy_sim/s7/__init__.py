"""A simulated classic S7 CPU: real blocks, fragmented lists, transfer, protection, faults."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Mapping
from typing import Self, Unpack

from goldcopy_sim.service import LOOPBACK, Connections, Recorded, Value

from . import demo, leaf
from .block import Block, Key, Kind
from .connection import Connection
from .cpu import Cpu, Identity, Options
from .twin import Loaded

__all__ = ["Block", "Identity", "Key", "Kind", "Options", "S7Simulator"]


class S7Simulator(Cpu):
    """A simulated S7-300: its program, its memory, its answers, its protection."""

    def __init__(
        self,
        *,
        port: int = 0,
        blocks: Iterable[Block] = (),
        memory: Mapping[str, bytes] | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Set up a CPU; see ``Cpu`` for what it can be told."""
        super().__init__(blocks=blocks, memory=memory, **options)
        self.host, self.port = LOOPBACK, port
        self.connections = Connections()
        self._live: set[Connection] = set()
        self.lacks: Mapping[str, str] = {}
        self.reach: Mapping[str, object] = {}
        self._leaves: Mapping[str, tuple[int, str]] = {}

    @classmethod
    def twin(
        cls,
        items: Iterable[Recorded],
        identity: Mapping[str, str],
        options: Mapping[str, object],
        *,
        name: str,
        port: int = 0,
    ) -> Self:
        """The CPU that a backup is of, in the rack and slot where it is asked for."""
        found = Loaded(items, identity)
        made = cls(port=port, memory=found.memory(), **found.options(options))
        found.fill(made)
        made.lacks, made.reach = found.lacks, {"remote_tsap": None}
        made._leaves = found.leaves
        return made

    def wipe(self) -> None:
        """Every data block is zero; its program blocks stay."""
        for memory in self.data.values():
            memory[:] = bytes(len(memory))
        for address, (number, type_) in self._leaves.items():
            if number in self.data:
                leaf.blank(self.data[number], address, type_)

    def change(self, address: str, value: Value) -> None:
        """As ``Cpu.change``; a twin knows the members of its data blocks too: ``db5.dbw14``."""
        if address not in self._leaves:
            super().change(address, value)
            return
        number, type_ = self._leaves[address]
        leaf.put(self.data[number], address, type_, value)

    def lock(self) -> str:
        """Protection level 3."""
        self.protection, self.password = 3, secrets.token_hex(4)
        return "protection level 3, with another password"

    @classmethod
    def demo(cls, name: str, *, port: int = 0, fault: str | None = None) -> Self:
        """A CPU 315-2 PN/DP on a press or a conveyor; the same name gives the same state."""
        return cls(
            port=port,
            fault=fault,
            blocks=demo.program(name),
            memory=demo.memory(name),
            identity=demo.identity(name),
            pdu=240,
        )

    @classmethod
    def flat(
        cls, dbs: int = 100, size: int = 4096, *, port: int = 0, **options: Unpack[Options]
    ) -> Self:
        """Data blocks alone, for measuring how fast a client reads."""
        return cls(port=port, blocks=demo.flat(dbs, size), **options)

    @classmethod
    def many(cls, blocks: int = 220, *, port: int = 0, **options: Unpack[Options]) -> Self:
        """As many blocks as wanted, of all types."""
        return cls(port=port, blocks=demo.many(blocks), **options)

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
