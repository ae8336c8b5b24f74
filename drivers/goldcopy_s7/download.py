"""Downloading a block: the CPU asks for its parts, links it in, and gives it back as a proof."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from goldcopy.errors import GoldcopyError, Malformed, Refused, Unreachable
from goldcopy_s7 import pdu
from goldcopy_s7.block import Block, Key
from goldcopy_s7.frames import (
    DOWNLOAD,
    DOWNLOAD_ENDED,
    PI_SERVICE,
    REQUEST_DOWNLOAD,
    framed,
    is_job,
    unframed,
)
from goldcopy_s7.link import Link
from goldcopy_s7.pdu import Job
from goldcopy_s7.refusal import NOT_FOUND, CpuRefused
from goldcopy_s7.upload import upload

_HEAD = 18  # of a part: PDU header 12, parameter 2, length and constant 4
_CONSTANT = b"\x00\xfb"
_UNTOUCHED = "the CPU has taken nothing, and works with the block it had"
_PASSIVE = (
    "it may be in the CPU as a passive copy, in part or whole, which is not linked in: the CPU "
    "works with the block it had"
)
_NOT_LINKED = (
    "it is in the CPU as a passive copy, which is not linked in: the CPU works with the block it "
    "had"
)
_MAYBE_LINKED = (
    "it is in the CPU, and nobody knows whether as a passive copy or linked in: pull the block to "
    "tell"
)
_UNPROVED = "it is in the CPU and linked in, and could not be read back as a proof: pull it to tell"


async def download(link: Link, key: Key, block: Block) -> None:
    """Load a block, link it in, and read it back. Nothing else may be asked meanwhile.

    Never retried. Raises ``Refused``, ``Unreachable``, ``Malformed``; each tells what state the
    block may be in.
    """
    await _transfer(link, key, block)
    arguments = b"\x01\x00" + key.name + b"P"
    linking = bytes((PI_SERVICE, *bytes(6), 0xFD)) + len(arguments).to_bytes(2, "big") + arguments
    with _told(_MAYBE_LINKED, Unreachable, Malformed):
        (linked,) = await link.ask_all([Job(linking + b"\x05_INSE")])
    if linked.error:
        # The CPU finds nothing to link in: the end of the transfer has not reached it.
        state = _PASSIVE if linked.error == NOT_FOUND else _NOT_LINKED
        raise Refused(f"{CpuRefused(linked.error)}; {state}")
    with _told(_UNPROVED, Refused, Unreachable, Malformed):
        found = await upload(link, key)
    if found.image != block.image:
        pairs = zip(found.image, block.image, strict=False)
        at = next((at for at, (one, other) in enumerate(pairs) if one != other), len(found.image))
        raise Refused(
            f"the CPU says that it is linked in, and gives back another block, from byte {at} on"
        )


async def _transfer(link: Link, key: Key, block: Block) -> None:
    filename = b"_" + key.name + b"P"
    request = Job(
        bytes((REQUEST_DOWNLOAD, 0, 1, *bytes(5), len(filename)))
        + filename
        + b"\x0d1%06d%06d" % (len(block.image), block.about.body_size)
    )
    parts = _Parts(request, filename, block.image, link)
    with _told(_PASSIVE, Unreachable, Malformed):
        reply = await link.ask_serving(request, parts)
    if reply.error:
        raise Refused(f"{CpuRefused(reply.error)}; {_UNTOUCHED}")
    if parts.error:
        raise Refused(f"the CPU ended the download: {CpuRefused(parts.error)}; {_PASSIVE}")
    if parts.left:
        raise Refused(f"the CPU ended the download without the last {parts.left} bytes; {_PASSIVE}")


class _Parts:
    """Gives the CPU the parts that it asks for."""

    def __init__(self, request: Job, filename: bytes, image: bytes, link: Link) -> None:
        self.done = False
        self.error = 0
        """Why the CPU has ended it, if it was not content."""
        self._request = request
        self._filename = bytes((len(filename),)) + filename
        self._rest: bytes | None = image
        self._room, self._tpdu = link.pdu - _HEAD, link.tpdu

    @property
    def left(self) -> int:
        """Bytes that were not asked for."""
        return len(self._rest or b"")

    def answer(self, frame: bytes) -> bytes | None:
        """See ``wire.Server``."""
        if not is_job(frame):
            self.done |= bool(pdu.parsed(unframed(frame), self._request).error)
            return None
        reference, parameter = pdu.asked(unframed(frame))
        function = parameter[0]
        if parameter[8:] != self._filename:
            raise Malformed(f"the CPU asks for another block: {parameter.hex(' ')}")
        if function == DOWNLOAD and self._rest is not None and not self.done:
            part, self._rest = self._rest[: self._room], self._rest[self._room :] or None
            more = self._rest is not None
            data = len(part).to_bytes(2, "big") + _CONSTANT + part
            return framed(pdu.answered(reference, bytes((DOWNLOAD, more)), data), self._tpdu)
        if function == DOWNLOAD_ENDED and not self.done:
            self.done = True
            self.error = int.from_bytes(parameter[2:4], "big")
            return framed(pdu.answered(reference, bytes((DOWNLOAD_ENDED,))), self._tpdu)
        raise Malformed(f"the CPU asks for what is not due: {parameter.hex(' ')}")


@contextmanager
def _told(state: str, *kinds: type[GoldcopyError]) -> Iterator[None]:
    """Add to an error what state the block is in."""
    try:
        yield
    except kinds as error:
        kind = Refused if isinstance(error, Refused) else type(error)
        raise kind(f"{error}; {state}") from None
