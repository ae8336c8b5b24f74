"""The electronic data sheet in a device: upload by the file object (class 0x37)."""

from __future__ import annotations

from goldcopy.errors import Refused
from goldcopy.snapshot import Gap, Item
from goldcopy_enip import guard
from goldcopy_enip.attributes import Attribute, Cursor, checked, refusal, singles, there
from goldcopy_enip.epath import logical
from goldcopy_enip.link import Link

_FILE = (guard.FILE, 0xC8)
_PATH = logical(*_FILE)
_SIZE, _CHECKSUM = 6, 7
_MOST = 8 << 20
_PACKET = 200
_LAST = (2, 4)
"""Kinds of packet behind which nothing comes: the last, the only one."""


async def read(link: Link) -> Item | Gap | None:
    """The file; None where the device holds none."""
    (begun,) = checked([await link.ask(guard.UPLOAD, _PATH, bytes((_PACKET,)))])
    if begun.status:
        return Gap("file/eds", refusal(begun)) if there(begun) else None
    try:
        return Item("file/eds", "file", "BYTES", await _upload(link, Cursor(begun.data)))
    except Refused as why:
        return Gap("file/eds", str(why))


async def is_sheet(link: Link, content: bytes) -> bool:
    """Whether the device tells the size and the checksum that this has."""
    size, told = await singles(link, [Attribute(*_FILE, one) for one in (_SIZE, _CHECKSUM)], 8)
    if size.status or told.status:
        return False
    now = (int.from_bytes(size.data, "little"), int.from_bytes(told.data, "little"))
    return now == (len(content), _sum(content))


async def _upload(link: Link, begun: Cursor) -> bytes:
    size, step = begun.number(4), begun.number(1)
    if not 0 < size <= _MOST or not 0 < step <= _PACKET:
        raise Refused(f"a file of {size} bytes in packets of {step}")
    content = b""
    for number in range(-(-size // step) + 1):
        (reply,) = checked([await link.ask(guard.TRANSFER, _PATH, bytes((number & 0xFF,)))])
        if reply.status:
            raise Refused(f"the upload broke off at {len(content)} bytes: {refusal(reply)}")
        part = Cursor(reply.data)
        if part.number(1) != number & 0xFF:
            raise Refused("the packets of the upload are out of order")
        kind = part.number(1)
        content += part.rest
        if kind in _LAST:
            break
    content, told = content[:-2], int.from_bytes(content[-2:], "little")
    if len(content) != size or _sum(content) != told:
        raise Refused(f"{len(content)} of {size} bytes came, or its checksum is wrong; not kept")
    return content


def _sum(content: bytes) -> int:
    """Two's complement of the sum of all bytes (CIP 1, 5A-42)."""
    return -sum(content) & 0xFFFF
