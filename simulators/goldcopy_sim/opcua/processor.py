"""One connection: asyncua keeps its secure channel and its session, the rest is answered here."""

from __future__ import annotations

import time
from typing import Any, cast

from asyncua import ua
from asyncua.common.connection import TransportLimits
from asyncua.common.utils import Buffer, ServiceError
from asyncua.crypto.security_policies import SecurityPolicyNone
from asyncua.server.internal_server import InternalServer
from asyncua.server.internal_session import SessionState
from asyncua.server.uaprocessor import UaProcessor
from asyncua.ua.ua_binary import nodeid_to_binary, struct_to_binary, uatcp_to_binary
from asyncua.ua.uaerrors import UaError
from cryptography.exceptions import InvalidSignature

from ..service import Service
from .amiss import carried_out
from .controller import Controller
from .ids import ObjectIds, StatusCodes, standard
from .outlet import Outlet
from .requests import WRITES, Desk, named, results

KEPT = frozenset(
    {"ActivateSession", "CloseSession", "CreateSession", "FindServers", "GetEndpoints"}
)
"""Services that asyncua answers as a controller does."""


class Processor(UaProcessor):
    """Logs every service, keeps the limits, misbehaves as it is told."""

    def __init__(
        self,
        controller: Controller,
        desk: Desk,
        server: InternalServer,
        outlet: Outlet,
        limits: TransportLimits,
    ) -> None:
        super().__init__(server, outlet, limits)
        self._controller = controller
        self._desk = desk
        self._outlet = outlet
        self._reads = 0

    async def process(self, header: ua.Header, body: Buffer) -> bool:
        """Take one chunk. A channel that cannot be opened is refused in words and closed."""
        try:
            return bool(await super().process(header, body))  # type: ignore[no-untyped-call]
        except (InvalidSignature, ServiceError, UaError, ValueError):
            if cast(bytes, header.MessageType) != ua.MessageType.SecureOpen:
                raise
            # OPC 10000-6, 7.1.5: no more is said than that the checks failed.
            status = ua.StatusCode(ua.UInt32(StatusCodes.BadSecurityChecksFailed))
            reason = ua.ErrorMessage(status, ua.String("security checks failed"))
            self._outlet.write(uatcp_to_binary(cast(ua.MessageType, ua.MessageType.Error), reason))
            return False

    def open_secure_channel(self, algohdr: Any, seqhdr: Any, body: Any) -> None:  # noqa: ANN401
        """Open the channel for a client whose certificate is trusted."""
        trusted, shown = self._controller.settings.trusted_clients, algohdr.SenderCertificate
        if trusted is not None and shown and shown not in trusted:
            raise ServiceError(StatusCodes.BadSecurityChecksFailed)
        super().open_secure_channel(algohdr, seqhdr, body)  # type: ignore[no-untyped-call]

    async def _process_message(
        self,
        typeid: ua.NodeId,
        requesthdr: ua.RequestHeader,
        seqhdr: ua.SequenceHeader,
        body: Buffer,
    ) -> bool:
        """Answer one request; what is raised becomes a ServiceFault."""
        service = named(typeid)
        if service in KEPT:
            self._note(Service(service, writes=False))
            if self._mute():
                return True
            if service in ("CreateSession", "ActivateSession"):
                self._check_channel()
            kept = await super()._process_message(typeid, requesthdr, seqhdr, body)  # type: ignore[no-untyped-call]
            self._outlet.dripping = self._controller.fault == "slow" and self._active()
            return bool(kept)
        try:
            request = self._desk.decode(service, body)
        except ServiceError:
            self._note(Service(service, service in WRITES, "undecodable"))
            raise
        if request is None:
            self._note(Service(service, service in WRITES))
            if self._mute():
                return True
            raise ServiceError(StatusCodes.BadServiceUnsupported)
        self._note(Service(service, request.writes, request.detail))
        if self._mute():
            return True
        user = self._user(requesthdr)
        if service == "Read" and not await self._may_read():
            return False
        if not request.nodes:
            raise ServiceError(StatusCodes.BadNothingToDo)
        if 0 < (self._controller.limit(request.limit) if request.limit else 0) < request.nodes:
            raise ServiceError(StatusCodes.BadTooManyOperations)
        role = self._controller.role(user)
        carried_out(
            self._controller.mishap if service == "Write" else None,
            lambda: results(request.run(role)),
            lambda body: self._answer(service, body, requesthdr.RequestHandle, seqhdr.RequestId),
            self._outlet.abort,
        )
        return True

    async def close(self) -> None:
        """Give back what the connection held."""
        self._desk.close()
        await super().close()  # type: ignore[no-untyped-call]

    def _note(self, service: Service) -> None:
        self._controller.log.append(service)

    def _active(self) -> bool:
        return self.session is not None and self.session.is_activated()

    def _mute(self) -> bool:
        return self._controller.fault == "silent" and self._active()

    def _check_channel(self) -> None:
        """An unsecured channel is for discovery, unless sessions without security are offered."""
        unsecured = self._connection.security_policy.URI == SecurityPolicyNone.URI
        offered = self._controller.settings.security
        if unsecured and ua.SecurityPolicyType.NoSecurity not in offered:
            raise ServiceError(StatusCodes.BadSecurityPolicyRejected)

    def _user(self, header: ua.RequestHeader) -> str | None:
        """The user of the activated session that a request belongs to (OPC 10000-4, 5.6)."""
        if self.session is None or header.AuthenticationToken != self.session.auth_token:
            raise ServiceError(StatusCodes.BadSessionIdInvalid)
        if self.session.state is SessionState.Closed:
            raise ServiceError(StatusCodes.BadSessionClosed)
        if not self.session.is_activated():
            raise ServiceError(StatusCodes.BadSessionNotActivated)
        self.session_last_activity = time.monotonic()
        self.session.touch()
        return self.session.user.name

    async def _may_read(self) -> bool:
        """Count a Read; False where the connection was dropped instead of answering it."""
        self._reads += 1
        if self._reads >= self._controller.settings.fault_at:
            if self._controller.fault == "cut":
                self._outlet.abort()
                return False
            if self._controller.fault == "close-session" and self.session is not None:
                await self.session.close_session()
                raise ServiceError(StatusCodes.BadSessionClosed)
        return True

    def _answer(self, service: str, body: bytes, handle: int, request: int) -> None:
        if service == "Read":
            handle += self._controller.fault == "wrong-handle"
            request += self._controller.fault == "wrong-request"
        header = ua.ResponseHeader(RequestHandle=cast(ua.IntegerId, handle))
        kind = getattr(ObjectIds, f"{service}Response_Encoding_DefaultBinary")
        message = nodeid_to_binary(standard(kind)) + struct_to_binary(header) + body
        self._outlet.write(self._connection.message_to_binary(message, request_id=request))
