"""asyncua's server, turned into a controller.

Kept of asyncua: TCP framing, secure channel, session, discovery, the standard address space.
Replaced: what a connection answers (:mod:`.processor`), the clock, and how it stops.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from asyncua import ua
from asyncua.server.binary_server_asyncio import BinaryServer, OPCUAProtocol
from asyncua.server.server import Server

from ..service import LOOPBACK
from .attributes import Attributes
from .browse import References
from .controller import Controller
from .ids import AttributeIds, ObjectIds, standard
from .outlet import Outlet
from .processor import Processor
from .requests import Desk
from .security import Doorkeeper, Identity
from .space import Standard

_LIMITS = {
    ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead: "max_nodes_per_read",
    ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerWrite: "max_nodes_per_write",
    ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerBrowse: "max_nodes_per_browse",
}
_POINTS = ObjectIds.Server_ServerCapabilities_MaxBrowseContinuationPoints


class Protocol(OPCUAProtocol):
    """A TCP connection, counted."""

    listener: Listener
    gone: asyncio.Event

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Put our processor in the place of asyncua's."""
        assert isinstance(transport, asyncio.Transport)
        if self.listener.closing:
            transport.abort()
            return
        super().connection_made(transport)
        controller = self.listener.controller
        outlet = Outlet(transport, controller.settings.delay)
        self.processor = Processor(
            controller, self.listener.desk(), self.iserver, outlet, self.limits
        )
        self.processor.set_policies(self.policies)  # type: ignore[no-untyped-call]
        controller.connections.opened()

    def connection_lost(self, ex: BaseException | None) -> None:
        """Count it out."""
        super().connection_lost(ex)
        if self.processor is not None:
            self.listener.controller.connections.closed()
        self.gone.set()


class Listener(BinaryServer):
    """The listening socket."""

    def __init__(self, server: PlcServer, port: int) -> None:
        super().__init__(server.iserver, LOOPBACK, port, server.limits)
        self.controller = server.controller
        self.closing = False
        self._attributes = Attributes(self.controller.model, self.iserver.aspace)
        self._references = References(self.iserver.aspace)

    def desk(self) -> Desk:
        """Where a new connection's requests are taken."""
        views = self.iserver.view_service
        return Desk(self.controller, self._attributes, self._references, views)

    async def stop(self) -> None:
        """Accept no more, cut every connection, wait until nothing of them is left.

        Whoever is accepted while asyncua's own stop is under way would keep it waiting for the
        30 s that a client has to activate a session.
        """
        self.closing = True
        if self._server is not None:
            self._server.close()
        clients = [each for each in self.clients if isinstance(each, Protocol)]
        for client in clients:
            if client.transport:
                client.transport.abort()
        for client in clients:
            await client.gone.wait()
        await super().stop()

    def _make_protocol(self) -> Protocol:
        made = Protocol(self.iserver, self._policies, self.clients, self.closing_tasks, self.limits)
        made.listener, made.gone = self, asyncio.Event()
        return made


class PlcServer(Server):
    """The server of one controller."""

    def __init__(self, controller: Controller, name: str, identity: Identity | None) -> None:
        super().__init__(iserver=Standard(user_manager=Doorkeeper(controller)))
        settings = controller.settings
        self.controller = controller
        self.name = name
        self._application_uri = controller.model.uris[1]
        self.application_type = ua.ApplicationType.Server
        self.set_endpoint(f"opc.tcp://{LOOPBACK}/{name}")
        self.set_security_policy(list(settings.security))
        tokens: list[type] = [ua.AnonymousIdentityToken] if settings.anonymous else []
        if settings.users:
            tokens.append(ua.UserNameIdentityToken)
        self.set_identity_tokens(tokens)
        if identity:
            self.iserver.certificate, self.iserver.private_key = identity
        self.disable_clock()

    async def listen(self, port: int) -> int:
        """Fill the address space, listen on loopback; returns the port."""
        await self.init()
        model = self.controller.model
        await self.nodes.namespace_array.write_value(list(model.uris))
        await asyncio.to_thread(model.enter, self.iserver)
        await self.set_build_info(*model.build)
        await self._setup_server_nodes()
        await self.iserver.start()
        await self._follow()
        self.bserver = Listener(self, port)
        self.bserver.set_policies(self._policies)
        try:
            await self.bserver.start()
        except BaseException:
            await self.iserver.stop()
            raise
        return self.bserver.port

    async def _follow(self) -> None:
        """Let the standard's variables tell the limits, and the time of each read."""
        kinds = ua.VariantType
        for number, name in _LIMITS.items():
            self._live(number, kinds.UInt32, partial(self.controller.published, name))
        points = self.controller.settings.max_browse_continuation_points
        await self.get_node(standard(_POINTS)).write_value(ua.Variant(points, kinds.UInt16))
        status = await self.iserver.server_status_node.read_value()
        self._live(
            ObjectIds.Server_ServerStatus,
            kinds.ExtensionObject,
            lambda: dataclasses.replace(status, CurrentTime=datetime.now(UTC)),
        )
        clock = ObjectIds.Server_ServerStatus_CurrentTime
        self._live(clock, kinds.DateTime, lambda: datetime.now(UTC))

    def _live(self, number: int, kind: ua.VariantType, value: Callable[[], object]) -> None:
        """Work a variable of the standard out at each read."""
        self.iserver.aspace.set_attribute_value_callback(
            standard(number), AttributeIds.Value, lambda *_: ua.DataValue(ua.Variant(value(), kind))
        )
