"""Where a frame ends, as plain data: all that the link knows of a protocol."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Framing:
    """A length field of ``size`` bytes at ``offset``; its value and ``add`` are the whole frame."""

    offset: int
    size: int
    byteorder: Literal["big", "little"]
    add: int
    more: tuple[int, int] | None = None
    """A place in the frame and the byte there which says that the next frame goes on with it."""

    @property
    def header(self) -> int:
        """Bytes up to the end of the length field."""
        return self.offset + self.size

    def goes_on(self, frame: bytes) -> bool:
        """Whether the next frame belongs to the same message."""
        return self.more is not None and frame[self.more[0]] == self.more[1]


MODBUS = Framing(4, 2, "big", 6)
TPKT = Framing(2, 2, "big", 0)
"""S7 (RFC 1006)."""
ETHERNET_IP = Framing(2, 2, "little", 24)
OPC_UA = Framing(4, 4, "little", 0, more=(3, ord("C")))


class Cutter:
    """Cuts one direction of one connection into frames."""

    def __init__(self, framing: Framing) -> None:
        self._framing = framing
        self.rest = b""
        """The beginning of a frame that is not complete."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take in what arrived, give the frames that are complete now."""
        framing = self._framing
        self.rest += data
        while len(self.rest) >= framing.header:
            field = self.rest[framing.offset : framing.header]
            length = max(framing.header, int.from_bytes(field, framing.byteorder) + framing.add)
            if len(self.rest) < length:
                return
            frame, self.rest = self.rest[:length], self.rest[length:]
            yield frame
