"""A session with one server: connected, logged in, closed whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

from asyncua import ua
from asyncua.client.client import Client
from asyncua.client.ua_client import UaClient, UASocketProtocol
from asyncua.ua.uaerrors import UaStatusCodeError

from goldcopy.driver import Meter, Target
from goldcopy.errors import GoldcopyError, Malformed, Refused, Unreachable, in_words

from . import answers, security, services, status
from .codec import Reader, Undecodable
from .guard import ReadGuard
from .options import OpcUaOptions
from .transport import Fault, Wire

SESSION_TIMEOUT = 60_000
"""Milliseconds after which the server drops a session whose client has died."""
GOODBYE = 2.0
"""Seconds that closing may take; a server that hangs must not hold up a cancelled pull."""

T = TypeVar("T")


class _UaClient(UaClient):
    """asyncua's client over our wire."""

    def __init__(self, timeout: float, guard: ReadGuard, meter: Meter) -> None:
        super().__init__(timeout)
        self._guard = guard
        self._meter = meter
        self.wire: Wire | None = None

    def _make_protocol(self) -> UASocketProtocol:
        self.wire = Wire(self.security_policy, self._guard, self._meter, self._timeout)
        self.protocol = self.wire
        return self.wire


class Channel:
    """An activated session. Made by ``connect``."""

    def __init__(
        self, target: Target, options: OpcUaOptions, meter: Meter, *, writing: bool = False
    ) -> None:
        self.target = target
        self.meter = meter
        self.guard = ReadGuard(writing=writing)
        self.application_uri = ""
        """The server's own, once the session is open."""
        self.window = max(1, target.courtesy.window)
        courtesy = target.courtesy
        self._gap = max(courtesy.pause, 1 / courtesy.rate if courtesy.rate else 0.0)
        self._free = asyncio.Semaphore(self.window)
        self._pace = asyncio.Lock()
        self._next_send = 0.0
        self._renewal = 0.0
        self._loop = asyncio.get_running_loop()
        host = f"[{target.host}]" if ":" in target.host else target.host
        self._client = Client(f"opc.tcp://{host}:{target.port}{options.endpoint}", target.timeout)
        self._link = _UaClient(target.timeout, self.guard, meter)
        self._client.uaclient = self._link
        self._client.session_timeout = SESSION_TIMEOUT
        self._client.name = self._client.description = "goldcopy"
        self._client.product_uri = "urn:goldcopy"
        self._client.set_locale([options.locale] if options.locale else [])

    # -- for the rest of the driver ----------------------------------------------------------------

    async def ask(self, service: int, body: bytes) -> Reader:
        """Send one request; a reader behind the header of its response.

        Raises ``Fault`` with the status that the server answered instead; ``Unreachable`` and
        ``Malformed`` end the connection.
        """
        async with self._free:
            await self._paced()
            await self._renewed()
            wire = self._wire()
            handle, answer = wire.send(service, body)
            try:
                async with asyncio.timeout(self.target.timeout):
                    message = bytes(await answer)
            except TimeoutError:
                wire.end(Unreachable(f"no answer within {self.target.timeout:g} s"))
                raise self._failure() from None
        return self._checked(service, handle, message)

    def _checked(self, service: int, handle: int, message: bytes) -> Reader:
        reader = Reader(message)
        try:
            head = answers.header(reader)
        except Undecodable as error:
            raise self._end(f"a response cannot be decoded ({error})") from None
        if head.handle != handle:
            raise self._end(f"a response names request {head.handle} instead of {handle}")
        if status.bad(head.status):
            raise Fault(head.status)
        if head.service != services.REPLY[service]:
            raise self._end(f"a response of type {head.service} to a request of type {service}")
        return reader

    # -- opening and closing -----------------------------------------------------------------------

    async def open(self, own: security.Credentials | None, options: OpcUaOptions) -> None:
        """Hello, secure channel, session, login."""
        client, target = self._client, self.target
        if own is not None:
            client.application_uri = own.application_uri
            policy = security.choose(await self.offered(), options, own)
            client.security_policy = policy  # type: ignore[assignment]
            self._link.set_security(policy)
        else:
            client.application_uri = "urn:goldcopy:client"
        if target.username:
            client.set_user(target.username)
        if target.password is not None:
            client.set_password(target.password.reveal())
        await self._socket()
        session = await self._do(client.create_session)
        for endpoint in session.ServerEndpoints[:1]:
            self.application_uri = endpoint.Server.ApplicationUri or ""
        await self._do(
            lambda: client.activate_session(client._username, client._password),  # noqa: SLF001
            user=target.username,
        )

    async def close(self) -> None:
        """Close session, channel and socket, in bounded time; also after a failure."""
        wire = self._link.wire
        if wire is None:
            return
        patience = min(GOODBYE, self.target.timeout)
        try:
            if wire.failure is None:
                with suppress(Exception):  # the server may be gone; the socket is closed below
                    async with asyncio.timeout(patience):
                        await self._client.close_session()
                        await self._client.close_secure_channel()
        finally:
            await wire.closed(patience)

    async def offered(self) -> list[ua.EndpointDescription]:
        """What the server offers, asked over an unsecured channel of its own (Part 4, 5.5.4)."""
        await self._socket()
        try:
            return await self._do(self._client.get_endpoints)
        finally:
            with suppress(Exception):
                await self._client.close_secure_channel()
            if self._link.wire is not None:
                await self._link.wire.closed(min(GOODBYE, self.target.timeout))
            self._link.disconnect_socket()

    async def _socket(self) -> None:
        where = f"{self.target.host}:{self.target.port}"
        try:
            async with asyncio.timeout(self.target.timeout):
                await heedful(self._client.connect_socket)
        except TimeoutError:
            raise Unreachable(
                f"no connection to {where} within {self.target.timeout:g} s; check address, "
                "cable, firewall"
            ) from None
        except PermissionError as error:
            raise Refused(f"this computer may not connect to {where} ({error.strerror})") from None
        except OSError as error:
            raise Unreachable(f"no connection to {where} ({in_words(error)})") from None
        await self._do(self._client.send_hello)
        await self._do(self._client.open_secure_channel)
        self._plan_renewal()

    async def _do(self, step: Callable[[], Awaitable[T]], *, user: str = "") -> T:
        """One step of asyncua's, its errors made ours."""
        await self._paced()
        try:
            return await heedful(step)
        except Exception as error:
            raise self._ours(error, user) from None

    def _ours(self, error: Exception, user: str) -> GoldcopyError:
        wire = self._link.wire
        if isinstance(error, GoldcopyError):
            return error
        if wire is not None and wire.failure is not None:
            return wire.failure
        if isinstance(error, Fault):
            return status.error(error.status, user=user)
        if isinstance(error, UaStatusCodeError):
            return status.error(error.code, user=user)
        if isinstance(error, TimeoutError):
            return Unreachable(f"no answer within {self.target.timeout:g} s")
        if isinstance(error, OSError):
            return Unreachable(f"the connection was lost ({in_words(error)})")
        return Malformed(f"the server's answer makes no sense ({error or type(error).__name__})")

    # -- pace and renewal --------------------------------------------------------------------------

    async def _paced(self) -> None:
        if not self._gap:
            return
        async with self._pace:
            await asyncio.sleep(self._next_send - self._loop.time())
            self._next_send = self._loop.time() + self._gap

    async def _renewed(self) -> None:
        """Renew the channel's keys when three quarters of their life are over (Part 4, 5.5.2)."""
        if self._loop.time() < self._renewal:
            return
        self._renewal = self._loop.time() + self.target.timeout
        await self._do(lambda: self._client.open_secure_channel(renew=True))
        self._plan_renewal()

    def _plan_renewal(self) -> None:
        self._renewal = self._loop.time() + self._client.secure_channel_timeout * 0.75 / 1000

    # -- ends --------------------------------------------------------------------------------------

    def _wire(self) -> Wire:
        wire = self._link.wire
        if wire is None:
            raise Unreachable("the session is not open")
        return wire

    def _failure(self) -> GoldcopyError:
        return self._wire().failure or Unreachable("the connection was lost")

    def _end(self, why: str) -> GoldcopyError:
        self._wire().end(Malformed(f"{why}; the connection was closed"))
        return self._failure()


@asynccontextmanager
async def connect(
    target: Target, options: OpcUaOptions, meter: Meter, *, writing: bool = False
) -> AsyncIterator[Channel]:
    """A session, for reading unless ``writing``; closed with its context, also when cancelled.

    Raises ``Wrong`` before anything is sent, ``Unreachable``, ``Refused``, ``Malformed``.
    """
    own = await security.prepare(target, options)
    channel = Channel(target, options, meter, writing=writing)
    try:
        await channel.open(own, options)
        yield channel
    finally:
        await channel.close()


async def endpoints(target: Target) -> list[ua.EndpointDescription]:
    """What a server offers, nothing of it verified: to look at, before anybody trusts it."""
    return await Channel(target, OpcUaOptions(security="None"), Meter()).offered()


async def spread(width: int, jobs: Iterable[T], work: Callable[[T], Awaitable[None]]) -> None:
    """Do all jobs, ``width`` of them at a time; each worker finishes one before the next."""
    waiting = iter(jobs)

    async def worker() -> None:
        for job in waiting:
            await work(job)

    if width == 1:
        await worker()
        return
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(width):
                group.create_task(worker())
    except BaseExceptionGroup as several:
        raise several.exceptions[0] from None


async def heedful(step: Callable[[], Awaitable[T]]) -> T:
    """Do a step of asyncua's that cannot swallow a cancellation.

    It waits with ``asyncio.wait_for``, which before Python 3.12 returns as if nothing had happened
    when the answer comes in the same instant as the cancellation.
    """
    try:
        return await step()
    finally:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError
