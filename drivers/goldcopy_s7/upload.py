"""Uploading a block: one sequence from start to end, checked against the block's own header."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from goldcopy.errors import Malformed, Refused
from goldcopy_s7 import block
from goldcopy_s7.block import Block, Key
from goldcopy_s7.frames import END_UPLOAD, START_UPLOAD, UPLOAD
from goldcopy_s7.link import Link
from goldcopy_s7.pdu import Job, Reply
from goldcopy_s7.refusal import FIRST_UPLOAD, CpuRefused

_MORE = 1
_HEAD = 4  # of a fragment: length, 0x00FB
_LONGEST = 1 << 20
"""Bytes; no block of this family comes near."""


class _Started(NamedTuple):
    id: bytes
    size: int | None
    """Bytes announced; None where the CPU announces nothing."""


async def upload(link: Link, key: Key) -> Block:
    """The whole block. Nothing else may be asked over this link meanwhile.

    Raises ``Refused``: the CPU does not give it, or what it gave is not what it announced.
    """
    async with _started(link, key) as started:
        image = await _content(link, started)
    return block.from_upload(key, image)


@asynccontextmanager
async def _started(link: Link, key: Key) -> AsyncIterator[_Started]:
    try:
        reply = await _start(link, key)
    except CpuRefused as refusal:
        if refusal.code != FIRST_UPLOAD:
            raise
        reply = await _start(link, key)  # an S7-400 refuses the first one of a connection
    started = _announced(reply)
    try:
        yield started
    finally:
        if link.open:  # else the CPU has forgotten it with the connection
            await link.ask_all([Job(bytes((END_UPLOAD, 0, 0, 0)) + started.id)])


async def _start(link: Link, key: Key) -> Reply:
    filename = b"_" + key.name + b"A"
    head = bytes((START_UPLOAD,)) + bytes(7) + bytes((len(filename),))
    return await link.ask(Job(head + filename))


def _announced(reply: Reply) -> _Started:
    parameter = reply.parameter
    if len(parameter) < 8:
        raise Malformed(f"start upload answered with {parameter.hex(' ')}")
    digits = parameter[9 : 9 + parameter[8]] if len(parameter) > 8 else b""
    return _Started(parameter[4:8], int(digits) if digits.isdigit() else None)


async def _content(link: Link, started: _Started) -> bytes:
    longest = min(_LONGEST, started.size if started.size is not None else _LONGEST)
    request = Job(bytes((UPLOAD, 0, 0, 0)) + started.id)
    image = b""
    while True:
        reply = await link.ask(request)
        part, more = _fragment(reply)
        image += part
        if len(image) > longest:
            raise Refused(f"the upload has more than the {longest} bytes announced; not kept")
        if not more:
            break
        if not part:
            raise Refused("the upload has an empty part, and goes on; not kept")
    if started.size is not None and len(image) != started.size:
        raise Refused(f"{started.size} bytes were announced, {len(image)} came; not kept")
    return image


def _fragment(reply: Reply) -> tuple[bytes, bool]:
    parameter, data = reply.parameter, reply.data
    if len(parameter) < 2 or len(data) < _HEAD:
        raise Malformed(f"upload answered with {parameter.hex(' ')} and {len(data)} bytes")
    part = data[_HEAD:]
    if int.from_bytes(data[:2], "big") != len(part):
        raise Malformed(f"a part of {len(part)} bytes that claims {data[:2].hex()}")
    return part, bool(parameter[1] & _MORE)
