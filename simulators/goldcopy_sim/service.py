"""What every simulated controller offers: a service log, a connection count, a way to run alone.

A simulator is used from tests, from ``goldcopy simulate`` and by hand. It listens on loopback
only, whatever it is told: simulated plants must never be reachable from a real one.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol, Self

from goldcopy_sim.mishap import Mishap

LOOPBACK = "127.0.0.1"

Value = bool | int | float | str | bytes | tuple["Value", ...]


class Service(NamedTuple):
    """One service that a client asked for."""

    name: str
    """In the protocol's words: ``read holding registers``, ``Browse``, ``UPLOAD``."""
    writes: bool
    """Whether it would change anything in the controller, be it a lock or a clock."""
    detail: str = ""
    """Its arguments, for a person who reads the log."""


@dataclass
class Connections:
    """How many connections the controller sees."""

    open: int = 0
    peak: int = 0
    total: int = 0

    def opened(self) -> None:
        """Count a connection that was just accepted."""
        self.open += 1
        self.total += 1
        self.peak = max(self.peak, self.open)

    def closed(self) -> None:
        """Count a connection that has ended."""
        self.open -= 1


class Simulator(Protocol):
    """The shape of a simulator. Nothing needs to inherit from it."""

    FAULTS: ClassVar[Mapping[str, str]]
    """Protocol-level misbehaviours by name, each with what it does."""

    host: str
    port: int
    fault: str | None
    mishap: Mishap | None
    log: list[Service]
    connections: Connections

    @classmethod
    def demo(cls, name: str, *, port: int = 0, fault: str | None = None) -> Self:
        """A believable controller; the same name always gives the same state."""
        ...

    async def __aenter__(self) -> Self:
        """Listen; ``port`` then holds the real port."""
        ...

    async def __aexit__(self, *exc: object) -> None:
        """Stop listening and cut every connection."""
        ...

    def values(self) -> Mapping[str, tuple[str, Value]]:
        """All it holds: address in the protocol's words -> (IEC 61131-3 type, value)."""
        ...

    def change(self, address: str, value: Value) -> None:
        """Set a value behind everybody's back, as somebody at the panel would."""
        ...


class Faulty:
    """A controller that can be told to misbehave, and not in ways that it does not have."""

    FAULTS: ClassVar[Mapping[str, str]]
    _fault: str | None = None

    @property
    def fault(self) -> str | None:
        """The misbehaviour in force, one of ``FAULTS``; it may be changed at any time."""
        return self._fault

    @fault.setter
    def fault(self, name: str | None) -> None:
        if name is not None and name not in self.FAULTS:
            there = ", ".join(sorted(self.FAULTS))
            raise ValueError(f"no fault is called {name!r}; there are {there}")
        self._fault = name


class Recorded(Protocol):
    """One item of a backup, as ``twin`` gets it: enough to hold it again."""

    @property
    def path(self) -> str:
        """Where it is in the backup."""
        ...

    @property
    def kind(self) -> str:
        """``block``, ``tag``, ``parameter``, ``file`` or ``event``."""
        ...

    @property
    def type(self) -> str:
        """IEC 61131-3."""
        ...

    @property
    def value(self) -> Value:
        """Big content too."""
        ...

    @property
    def role(self) -> str:
        """``setting``, ``process`` or ``diagnostic``."""
        ...

    @property
    def access(self) -> str:
        """``read`` or ``read-write``."""
        ...

    @property
    def label(self) -> str:
        """For people."""
        ...

    @property
    def unit(self) -> str:
        """Of the value; "" if none is told."""
        ...

    @property
    def low(self) -> int | float | None:
        """The lowest value; None if none is told."""
        ...

    @property
    def high(self) -> int | float | None:
        """Likewise, the highest."""
        ...

    @property
    def address(self) -> str:
        """In the protocol's words, as ``values`` has it; "" if it has none that stays."""
        ...


def run_alone(kind: type[Simulator]) -> None:
    """Serve one simulator from the command line until interrupted."""
    faults = "\n".join(f"  {name}: {what}" for name, what in _sorted(kind.FAULTS))
    parser = argparse.ArgumentParser(
        description=kind.__doc__,
        epilog=f"faults:\n{faults}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--name", default="demo", help="which controller; a name gives its state")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--fault", choices=sorted(kind.FAULTS), default=None)
    args = parser.parse_args()

    async def serve() -> None:
        async with kind.demo(args.name, port=args.port, fault=args.fault) as simulator:
            print(f"{args.name} listens on {simulator.host}:{simulator.port}", flush=True)
            await asyncio.Event().wait()

    try:
        asyncio.run(serve())
    except KeyboardInterrupt:
        print("stopped")


def _sorted(faults: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield from sorted(faults.items())
