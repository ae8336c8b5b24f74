"""Modbus TCP: framing, connections and delay around a :class:`Controller`.

Framing follows the Modbus Messaging on TCP/IP Implementation Guide V1.0b, 3.1.3: an MBAP header
of transaction, protocol (0), length and unit. A header that cannot be right closes the
connection, as nothing after it could be trusted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from struct import Struct
from typing import ClassVar, Self

from goldcopy_sim.mishap import Mishap
from goldcopy_sim.service import LOOPBACK, Connections, Recorded, Service, Value

from . import plant
from .amiss import WRITING, carried_out
from .controller import ALL_FUNCTIONS, Controller
from .faults import FAULTS, Conduct
from .journal import service
from .spec import MAX_PDU, MAX_READ_REGISTERS, ExceptionCode
from .tables import Bits, Registers, Unit
from .twin import loaded

_MBAP = Struct(">HHHB")
_SMALLEST = _MBAP.size + 1
_LENGTHS = range(2, MAX_PDU + 2)  # the unit identifier, then a PDU


class ModbusSimulator:
    """A Modbus TCP controller on loopback: any functions, several units, misbehaving on request.

    Args:
        units: the memory behind each unit identifier; the first one has the short addresses in
            ``values()``. Without any: unit 1 with empty tables.
        port: 0 takes a free one.
        fault: one of ``FAULTS``; may be set and unset while it runs.
        delay: seconds from a request to its reply, for each independently of the others: true
            latency, not service time. The event loop rounds up to about a millisecond.
        max_connections: one more connection closes the oldest that is not in mid-exchange, and
            is itself refused if all are.
        functions, identity, server_id, mute, refuse, max_registers, over_limit, unknown_unit:
            the device's habits, see :class:`Controller`.

    Raises:
        ValueError: a setting that no controller could have, or an unknown fault.
    """

    FAULTS: ClassVar[Mapping[str, str]] = FAULTS

    def __init__(
        self,
        units: Mapping[int, Unit] | None = None,
        *,
        port: int = 0,
        fault: str | None = None,
        delay: float = 0.0,
        max_connections: int | None = None,
        functions: frozenset[int] = ALL_FUNCTIONS,
        identity: Mapping[int, bytes] | None = None,
        server_id: bytes | None = None,
        mute: frozenset[int] = frozenset(),
        refuse: Mapping[int, int] | None = None,
        max_registers: int = MAX_READ_REGISTERS,
        over_limit: int = ExceptionCode.ILLEGAL_DATA_VALUE,
        unknown_unit: int | None = ExceptionCode.GATEWAY_TARGET_FAILED_TO_RESPOND,
    ) -> None:
        self.controller = Controller(
            units or {1: Unit()},
            functions=functions,
            identity=identity,
            server_id=server_id,
            mute=mute,
            refuse=refuse,
            max_registers=max_registers,
            over_limit=over_limit,
            unknown_unit=unknown_unit,
        )
        self.host = LOOPBACK
        self.port = port
        self.fault = fault
        self.mishap: Mishap | None = None
        self.delay = delay
        self.max_connections = max_connections
        self.log: list[Service] = []
        self.connections = Connections()
        self.live: list[Connection] = []
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
        for unit in self.controller.units.values():
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

    @property
    def fault(self) -> str | None:
        """The fault in force, one of ``FAULTS``."""
        return self._fault

    @fault.setter
    def fault(self, name: str | None) -> None:
        if name is not None and name not in FAULTS:
            raise ValueError(f"no fault {name!r}; there are: {', '.join(sorted(FAULTS))}")
        self._fault = name

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), LOOPBACK, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()
        ending = [connection.ended for connection in self.live]
        for connection in list(self.live):
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

    def admit(self, newcomer: Connection) -> None:
        """Count a connection in; where there are too many, close one."""
        self.connections.opened()
        self.live.append(newcomer)
        if self.fault == "refuse-connection":
            newcomer.transport.close()
        elif self.max_connections is not None:
            staying = [c for c in self.live if not c.transport.is_closing()]
            if len(staying) > self.max_connections:
                next(c for c in staying if c is newcomer or not c.in_exchange).transport.close()

    def dismiss(self, connection: Connection) -> None:
        """Count a connection out."""
        self.connections.closed()
        self.live.remove(connection)

    def _tables(self) -> Iterator[tuple[str, Bits | Registers]]:
        for prefix, unit in self._prefixed():
            for name, table in unit.tables():
                yield f"{prefix}{name}", table

    def _prefixed(self) -> list[tuple[str, Unit]]:
        units = list(self.controller.units.items())
        return [(f"unit{i}:" if n else "", unit) for n, (i, unit) in enumerate(units)]


def _frame(transaction: int, unit: int, reply: bytes) -> bytes:
    return _MBAP.pack(transaction, 0, len(reply) + 1, unit) + reply


class Connection(asyncio.Protocol):
    """One client's connection: takes requests off the stream, however it is cut up."""

    def __init__(self, simulator: ModbusSimulator) -> None:
        self._simulator = simulator
        self._answer = simulator.controller.answer
        self._rest = b""
        self._pending = 0
        self._conduct: Conduct | None = None
        self.transport: asyncio.Transport
        self.ended = asyncio.get_running_loop().create_future()

    @property
    def in_exchange(self) -> bool:
        """Whether a request has begun that is not answered yet."""
        return bool(self._rest) or self._pending > 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._simulator.admit(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._simulator.dismiss(self)
        self.ended.set_result(None)

    def pause_writing(self) -> None:
        """The client does not take its replies: take no more requests."""
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """It does again."""
        self.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Serve all complete requests at hand, and answer them with one write."""
        conduct = self._current_conduct()
        data, at, replies, broken = self._rest + data, 0, list[bytes](), False
        while len(data) - at >= _SMALLEST:
            transaction, protocol, length, unit = _MBAP.unpack_from(data, at)
            if protocol != 0 or length not in _LENGTHS:
                broken = True
                break
            end = at + 6 + length
            if end > len(data):
                break
            pdu = data[at + 7 : end]
            self._simulator.log.append(service(unit, pdu))
            at = end
            if self._simulator.mishap and pdu[0] in WRITING:
                self._write(self._simulator.mishap, transaction, unit, pdu)
                continue
            reply = self._serve(unit, pdu, conduct)
            if reply is not None:
                replies.append(_frame(transaction, unit, reply))
        self._rest = data[at:]
        out, hang_up = conduct.outgoing(replies) if conduct else (b"".join(replies), False)
        self._send(out, hang_up or broken)

    def _current_conduct(self) -> Conduct | None:
        fault = self._simulator.fault
        if fault is None:
            self._conduct = None
        elif self._conduct is None or self._conduct.fault != fault:
            self._conduct = Conduct(fault)
        return self._conduct

    def _serve(self, unit: int, pdu: bytes, conduct: Conduct | None) -> bytes | None:
        instead = conduct.instead(pdu) if conduct else None
        return self._answer(unit, pdu) if instead is None else instead

    def _write(self, mishap: Mishap, transaction: int, unit: int, pdu: bytes) -> None:
        """Carry out a writing request as the mishap has it."""
        fate = mishap.of_request()

        def act() -> None:
            reply = carried_out(self._answer, mishap, unit, pdu)
            if fate == "cut":
                self.transport.abort()
            elif fate != "lost" and reply is not None:
                self._send(_frame(transaction, unit, reply) * (2 if fate == "twice" else 1), False)

        if fate == "late":
            mishap.later(act)
        elif fate != "dropped":
            act()

    def _send(self, out: bytes, hang_up: bool) -> None:
        if self._simulator.delay and (out or hang_up):
            self._pending += 1
            loop = asyncio.get_running_loop()
            loop.call_later(self._simulator.delay, self._send_delayed, out, hang_up)
        else:
            self._send_now(out, hang_up)

    def _send_delayed(self, out: bytes, hang_up: bool) -> None:
        self._pending -= 1
        self._send_now(out, hang_up)

    def _send_now(self, out: bytes, hang_up: bool) -> None:
        if self.transport.is_closing():
            return
        if out:
            self.transport.write(out)
        if hang_up:
            self.transport.close()
