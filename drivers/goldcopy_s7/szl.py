"""System status lists: what a CPU says about itself, with every length checked."""

from __future__ import annotations

from struct import Struct

from goldcopy.errors import Refused
from goldcopy_s7.frames import READ_SZL
from goldcopy_s7.link import Link
from goldcopy_s7.pdu import Userdata

_HEAD = Struct(">HHHH")  # id, index, bytes of a record, count of records
_ASKED = Struct(">HH")
_LONGEST = 0x10000


async def read(link: Link, number: int, index: int = 0) -> list[bytes]:
    """The records of a status list.

    Raises ``Refused`` if the CPU does not give it, or its lengths contradict one another.
    """
    data = await link.gather(Userdata(READ_SZL, _ASKED.pack(number, index)), _LONGEST)
    return records(data, number)


def records(data: bytes, number: int) -> list[bytes]:
    """Take a reply apart. Raises ``Refused`` if it is not what it says."""
    if len(data) < _HEAD.size:
        raise Refused(f"the status list has {len(data)} bytes, its header alone has {_HEAD.size}")
    told, _, size, count = _HEAD.unpack_from(data)
    if told != number:
        raise Refused(f"the CPU answered with status list {told:04X}")
    if not size or len(data) != _HEAD.size + size * count:
        raise Refused(
            f"the status list announces {count} records of {size} bytes, and has "
            f"{len(data) - _HEAD.size} bytes"
        )
    return [data[at : at + size] for at in range(_HEAD.size, len(data), size)]


def by_index(rows: list[bytes]) -> dict[int, bytes]:
    """Records by the index that each begins with."""
    return {int.from_bytes(row[:2], "big"): row for row in rows}
