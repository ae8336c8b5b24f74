"""A stream, however it was cut up on its way, cut into the frames of a protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from goldcopy.errors import Malformed

LONGEST = 24 + 0xFFFF
"""Bytes of the longest frame: EtherNet/IP's 16-bit length and its header; others have less."""


class Frames:
    """What has arrived on one connection. ``length`` is that of a ``Framer``."""

    def __init__(self, length: Callable[[memoryview], int]) -> None:
        self._length = length
        self.rest = b""
        """The beginning of a frame that is not complete."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take in what arrived, give the frames that are complete now. Raises ``Malformed``."""
        data = self.rest + data
        view, at = memoryview(data), 0
        while at < len(data):
            length = self._length(view[at:])
            if length > LONGEST:
                raise Malformed(f"a reply that claims {length} bytes; no frame is as long")
            if length == 0 or at + length > len(data):
                break
            yield data[at : at + length]
            at += length
        self.rest = data[at:]
        if len(self.rest) > LONGEST:
            raise Malformed(f"{len(self.rest)} bytes that make no frame")
