"""What a protocol plugs into the exchange."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Literal, Protocol

Direction = Literal["out", "in"]
Recorder = Callable[[Direction, bytes], None]


class Framer(Protocol):
    """What the exchange must know of a protocol. Holds no connection and does no I/O."""

    def length(self, data: memoryview) -> int:
        """Length in bytes of the first frame in ``data``; 0 while that cannot be told yet.

        May be more than is there. Raises ``Malformed`` when it can be no frame of this protocol.
        """
        ...

    def key(self, frame: bytes) -> Hashable:
        """The same for a request and its reply, and for no other of this connection."""
        ...

    def only_reads(self, request: bytes) -> bool:
        """Whether the request is on the protocol's read list."""
        ...


class Server(Protocol):
    """Answers a controller that asks back while it does what a write asked of it."""

    done: bool
    """Whether all was asked; also once the controller has refused what was asked of it."""

    def answer(self, frame: bytes) -> bytes | None:
        """What to send back; None for the reply to the request. Raises ``Malformed``."""
        ...
