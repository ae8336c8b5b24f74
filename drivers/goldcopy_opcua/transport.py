"""asyncua's socket and secure channel, with what they lack for a reading session.

Of asyncua 2.1.0 we keep the cryptography, the chunks and the handshake. Changed here:

- a message that only reads is told from any other where messages become bytes (the guard);
- whatever arrives amiss ends the connection with the reason; asyncua logs it and lets the caller
  find a closed socket;
- an abort chunk ends its request at once (OPC 10000-6, 6.7.3); asyncua lets it time out;
- the buffer sizes of the Acknowledge are taken as the server means them (OPC 10000-6, 7.1.2.4):
  asyncua confuses the two directions and applies the server's limits for requests to responses.
"""

from __future__ import annotations

import asyncio
import logging
import struct
import time
from typing import Any

from asyncua import ua
from asyncua.client.ua_client import UASocketProtocol
from asyncua.common.connection import MessageChunk, SecureConnection, TransportLimits
from asyncua.common.utils import Buffer
from asyncua.crypto.security_policies import SecurityPolicy
from asyncua.ua.ua_binary import header_from_binary, nodeid_to_binary, struct_from_binary
from asyncua.ua.uaerrors import UaStatusCodeError

from goldcopy.driver import Meter
from goldcopy.errors import GoldcopyError, Malformed, Unreachable

from . import status
from .answers import header
from .codec import Reader
from .encode import string
from .guard import ReadGuard

BUFFER = 65_536
"""Bytes of one chunk that we take."""
LARGEST = 64 * 1024 * 1024
"""Bytes of one response that we take."""
_SMALLEST = 8192  # OPC 10000-6, 7.1.2.4: no buffer is smaller
_TYPES = frozenset({b"MSG", b"OPN", b"CLO", b"ACK", b"ERR"})
_EPOCH = 116_444_736_000_000_000  # 1970 in ticks of 100 ns since 1601

# asyncua logs as warnings and errors what we raise, and for debugging every request, logins
# included. None of it may reach a terminal or a log, whatever the application has set up.
logging.getLogger("asyncua").setLevel(logging.CRITICAL + 1)


class Fault(Exception):
    """The server answered a request with a status instead of a result."""

    def __init__(self, code: int) -> None:
        super().__init__(status.name(code))
        self.status = code


class _Limits(TransportLimits):
    """The limits of one connection; ``max_request`` is the server's, 0 for none."""

    max_request = 0

    def update_client_limits(self, msg: ua.Acknowledge) -> None:
        if msg.ReceiveBufferSize < _SMALLEST or msg.SendBufferSize > BUFFER:
            raise Malformed(
                f"the server announces buffers of {msg.ReceiveBufferSize} and {msg.SendBufferSize} "
                f"bytes; {_SMALLEST} to {BUFFER} are possible"
            )
        self.max_send_buffer = msg.ReceiveBufferSize
        self.max_request = msg.MaxMessageSize


class _Aborted:
    """An abort chunk: the server gave up on one response."""

    def __init__(self, request_id: int, code: int) -> None:
        self.request_id = request_id
        self.status = code


class _Secured(SecureConnection):
    """Messages to chunks and back."""

    def __init__(self, policy: SecurityPolicy, guard: ReadGuard, meter: Meter) -> None:
        self.limits = _Limits(BUFFER, BUFFER, 0, LARGEST)
        super().__init__(policy, self.limits)
        self._guard = guard
        self._meter = meter

    def message_to_binary(
        self,
        message: bytes,
        message_type: ua.MessageType = ua.MessageType.SecureMessage,  # type: ignore[assignment]
        request_id: int = 0,
    ) -> bytes:
        self._guard.check(message)
        if 0 < self.limits.max_request < len(message):
            raise Fault(status.REQUEST_TOO_LARGE)
        chunks = super().message_to_binary(message, message_type, request_id)
        self._meter.requests += 1
        self._meter.bytes_out += len(chunks)
        return chunks

    def _receive(self, msg: MessageChunk) -> Any:  # noqa: ANN401 - asyncua's own signature
        if msg.MessageHeader.ChunkType == ua.ChunkType.Abort:  # type: ignore[comparison-overlap]
            self._check_incoming_chunk(msg)
            self._drop_incoming_parts()
            code = int.from_bytes(msg.Body[:4], "little")
            return _Aborted(msg.SequenceHeader.RequestId, code)
        return super()._receive(msg)


class Wire(UASocketProtocol):
    """One connection to one server. Ended by the first thing amiss."""

    def __init__(
        self, policy: SecurityPolicy, guard: ReadGuard, meter: Meter, timeout: float
    ) -> None:
        super().__init__(timeout, security_policy=policy)
        self.failure: GoldcopyError | None = None
        """Why the connection ended."""
        self.gone = asyncio.get_running_loop().create_future()
        self._connection: _Secured = _Secured(policy, guard, meter)
        self._meter = meter
        self._received = bytearray()
        self._answered = True

    def send(self, service: int, body: bytes) -> tuple[int, asyncio.Future[Buffer]]:
        """Send a request of our own encoding; its handle, and what will hold the response."""
        if self.failure is not None or self.transport is None:
            raise self.failure or Unreachable("the connection is closed")
        self._request_handle += 1
        request_id = self._request_id + 1
        message = b"".join(
            (
                struct.pack("<BBH", 1, 0, service),
                nodeid_to_binary(self.authentication_token),
                struct.pack("<q", _EPOCH + time.time_ns() // 100),
                struct.pack("<II", self._request_handle, 0),
                b"\xff\xff\xff\xff",  # no audit entry
                struct.pack("<I", int(self.timeout * 1000)),
                b"\x00\x00\x00",  # no additional header
                body,
            )
        )
        self.revolve_security_token()
        chunks = self._connection.message_to_binary(message, request_id=request_id)
        self._request_id = request_id
        future: asyncio.Future[Buffer] = asyncio.get_running_loop().create_future()
        self._callbackmap[request_id] = future
        self._trip()
        self.transport.write(chunks)
        return self._request_handle, future

    def end(self, why: GoldcopyError) -> None:
        """Close at once; whoever still waits gets ``why``. The first reason stays."""
        if self.failure is None:
            self.failure = why
        self._fail_all_pending(self.failure)
        if self.transport is not None:
            self.transport.abort()

    async def closed(self, patience: float) -> None:
        """Flush and close; the socket is gone when this returns."""
        if self.transport is not None:
            self.transport.close()
            try:
                async with asyncio.timeout(patience):
                    await asyncio.shield(self.gone)
            except TimeoutError:
                pass
            finally:
                self.end(Unreachable("the session has ended"))
        await asyncio.shield(self.gone)

    # -- what asyncua calls ------------------------------------------------------------------------

    async def send_hello(
        self, url: str, max_messagesize: int = 0, max_chunkcount: int = 0
    ) -> ua.Acknowledge:
        """Say Hello with buffers that we keep to (OPC 10000-6, 7.1.2.3)."""
        if self.failure is not None or self.transport is None:
            raise self.failure or Unreachable("the connection is closed")
        body = struct.pack("<IIIII", 0, BUFFER, BUFFER, LARGEST, 0) + string(url)
        frame = b"HELF" + struct.pack("<I", 8 + len(body)) + body
        answer: asyncio.Future[ua.Acknowledge] = asyncio.get_running_loop().create_future()
        self._callbackmap[0] = answer
        self._meter.requests += 1
        self._meter.bytes_out += len(frame)
        self._trip()
        self.transport.write(frame)
        return await asyncio.wait_for(answer, self.timeout)

    def _send_request(
        self,
        request: Any,  # noqa: ANN401 - asyncua's own signature
        timeout: float = 1,
        message_type: ua.MessageType = ua.MessageType.SecureMessage,  # type: ignore[assignment]
    ) -> asyncio.Future[Any]:
        self._trip()
        return super()._send_request(request, timeout, message_type)

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        self.end(Unreachable(f"the connection was lost ({exc or 'closed by the server'})"))
        super().connection_lost(exc)
        if not self.gone.done():
            self.gone.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Cut the stream into chunks and hand each message to its request."""
        if self.failure is not None:
            return
        self._meter.bytes_in += len(data)
        self._answered = True
        self._received += data
        try:
            while (size := self._frame_size()) and self.failure is None:
                frame = bytes(self._received[:size])
                del self._received[:size]
                self._take(frame)
        except GoldcopyError as error:
            self.end(error)
        except UaStatusCodeError as error:
            self.end(status.error(error.code))
        except Exception as error:
            self.end(Malformed(f"what the server sent is no valid message ({_said(error)})"))

    def _frame_size(self) -> int:
        """Bytes of the first chunk; 0 while it is not whole."""
        if len(self._received) < 8:
            if self._received and not any(t.startswith(self._received[:3]) for t in _TYPES):
                raise Malformed(f"not OPC UA: {bytes(self._received).hex(' ')}")
            return 0
        kind, final, size = struct.unpack_from("<3scI", self._received)
        if kind not in _TYPES or final not in (b"F", b"C", b"A") or not 8 <= size <= BUFFER:
            raise Malformed(f"not OPC UA: {bytes(self._received[:8]).hex(' ')}")
        return int(size) if size <= len(self._received) else 0

    def _take(self, frame: bytes) -> None:
        buffer = Buffer(frame)
        chunk = header_from_binary(buffer)
        message = self._connection.receive_from_header_and_body(chunk, buffer)
        if isinstance(message, _Aborted):
            self._settle(message.request_id, Fault(message.status))
        elif isinstance(message, ua.ErrorMessage):
            raise status.error(message.Error.value)
        elif isinstance(message, ua.Acknowledge):
            self._settle(0, message)
        elif isinstance(message, ua.Message):
            body: Buffer = message.body()  # type: ignore[no-untyped-call]
            if frame.startswith(b"OPN"):
                self._open_channel(body.copy())
            self._settle(message.request_id(), body)  # type: ignore[no-untyped-call]
        elif message is not None:
            raise Malformed("the server sent what only a client may send")

    def _settle(self, request_id: int, outcome: Buffer | ua.Acknowledge | Fault) -> None:
        """Hand a response to its request; one that nobody asked for is the end."""
        waiting = self._callbackmap.pop(request_id, None)
        if waiting is None:
            raise Malformed(
                f"a response to request {request_id}, which is not in flight; the connection was "
                "closed, since values behind it could belong to another"
            )
        if waiting.done():
            return  # given up by its caller, but known: this answer can reach nobody else
        if isinstance(outcome, Fault):
            waiting.set_exception(outcome)
        else:
            waiting.set_result(outcome)

    def _open_channel(self, body: Buffer) -> None:
        asked = self._open_secure_channel_exchange
        if not isinstance(asked, ua.OpenSecureChannelParameters):
            raise Malformed("a secure channel that was not asked for")
        code = header(Reader(bytes(body))).status
        if status.bad(code):
            raise status.error(code)
        response = struct_from_binary(ua.OpenSecureChannelResponse, body)
        self._open_secure_channel_exchange = response
        self._connection.set_channel(response.Parameters, asked.RequestType, asked.ClientNonce)

    def _trip(self) -> None:
        """One round trip more, unless this request leaves together with another."""
        self._meter.round_trips += self._answered
        self._answered = False


def _said(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
