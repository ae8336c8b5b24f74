"""A Modbus TCP controller: a :class:`Controller` on a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from typing import Self, Unpack

from goldcopy_sim.service import LOOPBACK, Connections, Recorded, Value

from . import plant
from .connection import Connection
from .controller import Controller, Habits
from .tables import Bits, Registers, Unit
from .twin import loaded


class ModbusSimulator(Controller):
    """A Modbus TCP controller on loopback: any functions, several units, misbehaving on request."""

    def __init__(
        self,
        units: Mapping[int, Unit] | None = None,
        *,
        port: int = 0,
        **habits: Unpack[Habits],
    ) -> None:
        """Set one up.

        Args:
            units: the memory behind each unit identifier; the first one has the short addresses
                in ``values()``. Without any: unit 1 with empty tables.
            port: 0 takes a free one.
            habits: see :class:`Controller`.
        """
        super().__init__(units or {1: Unit()}, **habits)
        self.host = LOOPBACK
        self.port = port
        self.connections = Connections()
        self._live: list[Connection] = []
        self._server: asyncio.Server | None = None
        self.lacks: Mapping[str, str] = {}
        self.reach: Mapping[str, object] = {}

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
        """The controller that a backup is of: addresses that it does not have are holes."""
        found = loaded(items, identity, options)
        objects = found.objects or None
        units = {found.unit: found.memory()}
        made = cls(units, port=port, identity=objects, server_id=found.server_id)
        made.lacks = found.lacks
        return made

    def wipe(self) -> None:
        """Every coil is off and every holding register 0."""
        for unit in self.units.values():
            for coil in unit.coils:
                unit.coils[coil] = False
            for register in unit.holding:
                unit.holding[register] = 0

    def lock(self) -> str:
        """Modbus has no credentials."""
        return ""

    @classmethod
    def demo(cls, name: str, *, port: int = 0, fault: str | None = None) -> Self:
        """The mixer and filler of ``plant``: one register map, values and serial by name."""
        return cls(
            {1: plant.unit(name)},
            port=port,
            fault=fault,
            identity=plant.identity(name),
            server_id=plant.SERVER_ID,
        )

    @classmethod
    def flat(cls, registers: int = 65_536, *, port: int = 0, delay: float = 0.0) -> Self:
        """Nothing but holding registers without a hole, all of them different: for benchmarks."""
        return cls({1: plant.flat(registers)}, port=port, delay=delay)

    async def __aenter__(self) -> Self:
        """Listen; ``port`` then holds the real port."""
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Connection(self, self.connections, self._live), LOOPBACK, self.port
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Stop listening and cut every connection."""
        assert self._server is not None
        self._server.close()
        ending = [connection.ended for connection in self._live]
        for connection in list(self._live):
            connection.transport.abort()
        await asyncio.gather(*ending)
        await self._server.wait_closed()

    def values(self) -> dict[str, tuple[str, Value]]:
        """All it holds, as ``holding/17``, ``file/4/0``, ``fifo/1000`` or ``unit2:coil/3``."""
        held: dict[str, tuple[str, Value]] = {}
        for name, table in self._tables():
            kind = "BOOL" if isinstance(table, Bits) else "WORD"
            held |= {f"{name}/{address}": (kind, table[address]) for address in table}
        for prefix, unit in self._prefixed():
            for address, queue in unit.fifos.items():
                held[f"{prefix}fifo/{address}"] = (f"ARRAY[{len(queue)}] OF WORD", tuple(queue))
        return held

    def change(self, address: str, value: Value) -> None:
        """Set one bit or word without a request.

        Raises:
            LookupError: there is nothing at ``address``, or it is a queue.
            ValueError, TypeError: it cannot hold ``value``.
        """
        place, _, number = address.rpartition("/")
        table = dict(self._tables()).get(place)
        if table is None or not number.isdecimal() or int(number) not in table:
            raise LookupError(f"there is no bit or word {address!r} to change")
        if not isinstance(value, int):
            raise TypeError(f"{address} holds a bit or a word, not {value!r}")
        if isinstance(table, Bits):
            table[int(number)] = value  # type: ignore[assignment]  # Bits refuses what is no bool
        else:
            table[int(number)] = value

    def _tables(self) -> Iterator[tuple[str, Bits | Registers]]:
        for prefix, unit in self._prefixed():
            for name, table in unit.tables():
                yield f"{prefix}{name}", table

    def _prefixed(self) -> list[tuple[str, Unit]]:
        units = list(self.units.items())
        return [(f"unit{i}:" if n else "", unit) for n, (i, unit) in enumerate(units)]
