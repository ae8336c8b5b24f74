"""The OPC UA simulator as the rest of the world uses it."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterable, Mapping
from typing import ClassVar, Self

from asyncua import ua

from ..mishap import Mishap
from ..service import LOOPBACK, Connections, Recorded, Service, Value
from .controller import Controller
from .flat import flat
from .machine import machine
from .model import Model
from .security import Identity, self_signed
from .server import PlcServer
from .settings import FAULTS, Settings
from .twin import Loaded
from .wiping import wipe

_REACH: Mapping[str, object] = {
    "endpoint": "",
    "security": "None",
    "server_certificate": None,
    "trust": None,
    "certificate": None,
    "key": None,
}
"""A twin listens on this computer alone and has nothing to prove."""


class OpcUaSimulator:
    """A controller that speaks OPC UA, and can misbehave."""

    FAULTS: ClassVar[Mapping[str, str]] = FAULTS

    def __init__(
        self,
        name: str,
        model: Model,
        *,
        port: int = 0,
        fault: str | None = None,
        settings: Settings | None = None,
        identity: Identity | None = None,
    ) -> None:
        """Make a controller that is not listening yet.

        Args:
            name: what it calls itself.
            model: what it holds; it outlives a restart.
            port: 0 takes a free one.
            fault: one of ``FAULTS``; it may be changed at any time.
            settings: limits, users, security, latency.
            identity: certificate and key; by default it makes its own at the first start.
        """
        self.host = LOOPBACK
        self.port = port
        self.name = name
        self.model = model
        self.identity = identity
        self._controller = Controller(model, settings or Settings())
        self.fault = fault
        self.log: list[Service] = self._controller.log
        self.connections: Connections = self._controller.connections
        self._server: PlcServer | None = None
        self.lacks: Mapping[str, str] = {}
        self.reach: Mapping[str, object] = {}
        self._places: Mapping[str, ua.NodeId] = {}

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
        """The controller that a backup is of, open to everybody on this computer."""
        found = Loaded(items, identity)
        settings = Settings(security=[ua.SecurityPolicyType.NoSecurity])
        made = cls(name, found.model, port=port, settings=settings)
        made.lacks, made.reach, made._places = found.lacks, _REACH, found.places
        return made

    def wipe(self) -> None:
        """Every value that can be written is zero or empty."""
        wipe(self.model)

    def lock(self) -> str:
        """Nobody gets in without a name that nobody has."""
        settings = dataclasses.replace(self._controller.settings, anonymous=None, users={})
        self._controller.settings = settings
        return "a user name and a password that are not known"

    @classmethod
    def demo(
        cls,
        name: str,
        *,
        port: int = 0,
        fault: str | None = None,
        settings: Settings | None = None,
        reorder: bool = False,
    ) -> Self:
        """An oven or a packer of Example Controls; the name gives its state.

        ``reorder`` turns the namespace table around: same URIs, other indexes.
        """
        model = machine(name, reorder=reorder)
        return cls(name, model, port=port, fault=fault, settings=settings)

    @classmethod
    def flat(
        cls,
        folders: int = 100,
        variables: int = 100,
        *,
        properties: bool = False,
        port: int = 0,
        fault: str | None = None,
        settings: Settings | None = None,
    ) -> Self:
        """A benchmark: ``folders`` of ``variables`` Doubles each, by default unsecured."""
        settings = settings or Settings(security=[ua.SecurityPolicyType.NoSecurity])
        model = flat(folders, variables, properties=properties)
        return cls("bench", model, port=port, fault=fault, settings=settings)

    @property
    def fault(self) -> str | None:
        """How it misbehaves."""
        return self._controller.fault

    @fault.setter
    def fault(self, fault: str | None) -> None:
        if fault is not None and fault not in FAULTS:
            raise ValueError(f"{fault!r} is no fault of this simulator: {', '.join(FAULTS)}")
        self._controller.fault = fault

    @property
    def mishap(self) -> Mishap | None:
        """What goes wrong with one write; it may be changed at any time."""
        return self._controller.mishap

    @mishap.setter
    def mishap(self, mishap: Mishap | None) -> None:
        self._controller.mishap = mishap

    @property
    def certificate(self) -> bytes:
        """Its certificate (DER), once it has been started with any security."""
        if self.identity is None:
            raise LookupError(f"{self.name} has no certificate yet: start it first")
        return self.identity.der

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"opc.tcp://{self.host}:{self.port}"

    async def __aenter__(self) -> Self:
        """Listen; a restart keeps port, certificate and values."""
        secured = set(self._controller.settings.security) - {ua.SecurityPolicyType.NoSecurity}
        if secured and self.identity is None:
            application = self.model.uris[1]
            self.identity = await asyncio.to_thread(self_signed, application, self.name)
        self._server = PlcServer(self._controller, self.name, self.identity)
        self.port = await self._server.listen(self.port)
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Stop listening and cut every connection."""
        if self._server is not None:
            await self._server.stop()
            self._server = None

    def values(self) -> Mapping[str, tuple[str, Value]]:
        """The variables and files of its own: address -> (IEC type, value).

        A structure is listed by its members, ``address#Zones[1].Setpoint``; one whose definition
        the controller keeps to itself is BYTES. Namespace 0 is the standard's, not the
        controller's, and is left out.
        """
        return dict(self.model.values())

    def hidden(self) -> Mapping[str, str]:
        """Those of ``values`` that no user can read: address -> the status code they get."""
        return dict(self.model.hidden())

    def change(self, address: str, value: Value) -> None:
        """Set a value behind everybody's back; of a twin, what has no address by its path."""
        if address in self._places:
            self.model.variables[self._places[address]].change(value, self.model.uris)
        else:
            self.model.change(address, value)

    def tick(self) -> None:
        """Let the process values move on by one step."""
        self.model.tick()
