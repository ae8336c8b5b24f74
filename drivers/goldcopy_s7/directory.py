"""The list of a CPU's blocks, and what it says of each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import islice
from struct import Struct

from goldcopy.errors import Refused
from goldcopy_s7 import block
from goldcopy_s7.block import TYPES, About, Key
from goldcopy_s7.frames import BLOCK_INFO, LIST_BLOCKS, LIST_OF_TYPE
from goldcopy_s7.link import Link
from goldcopy_s7.pdu import Userdata
from goldcopy_s7.refusal import NONE_AVAILABLE, CpuRefused

_COUNT = Struct(">BBH")  # 0x30, type in ASCII, how many
_ENTRY = Struct(">HBB")  # number, flags, language
_BATCH = 64
"""Windows between two reports of progress."""
_CODES = {ord(f"{code:X}"): name for name, code in TYPES.items()}


async def counts(link: Link) -> dict[str, int]:
    """How many blocks there are of each type.

    Raises ``Refused`` where the CPU has no block services.
    """
    data = await link.gather(Userdata(LIST_BLOCKS), 0x1000)
    if len(data) % _COUNT.size:
        raise Refused(f"a list of blocks of {len(data)} bytes; it has {_COUNT.size} for each type")
    return {_CODES[code]: count for _, code, count in _COUNT.iter_unpack(data) if code in _CODES}


async def numbers(link: Link, kind: str, count: int) -> list[int]:
    """The numbers of the blocks of one type, sorted.

    Raises ``Refused`` if the CPU's list is not ``count`` different blocks.
    """
    if not count:
        return []
    request = Userdata(LIST_OF_TYPE, b"0%X" % TYPES[kind])
    try:
        data = await link.gather(request, _ENTRY.size * count)
    except CpuRefused as refusal:
        if refusal.code != NONE_AVAILABLE:
            raise
        data = b""
    found = {number for number, _, _ in _ENTRY.iter_unpack(data[: len(data) // 4 * 4])}
    if len(data) != _ENTRY.size * count or len(found) != count:
        raise Refused(
            f"the CPU counts {count} {kind} blocks, its list has {len(found)} in {len(data)} bytes"
        )
    return sorted(found)


async def infos(link: Link, keys: Sequence[Key]) -> AsyncIterator[tuple[Key, About | Refused]]:
    """What the CPU says of each block, or why it does not."""
    coming = iter(keys)
    while some := list(islice(coming, _BATCH * link.window)):
        for key, answer in zip(some, await _ask(link, some), strict=True):
            yield key, answer
        link.meter.done += len(some)


async def info(link: Link, key: Key) -> About:
    """What the CPU says of one block. Raises ``Refused``."""
    (answer,) = await _ask(link, [key])
    if isinstance(answer, Refused):
        raise answer
    return answer


async def _ask(link: Link, keys: Iterable[Key]) -> list[About | Refused]:
    keys = list(keys)
    answers: list[About | Refused] = []
    replies = await link.ask_all([Userdata(BLOCK_INFO, key.name + b"A") for key in keys])
    for key, reply in zip(keys, replies, strict=True):
        try:
            if reply.error:
                refusal = CpuRefused(reply.error)
                refusal.raise_if_not_now()
                raise refusal
            answers.append(block.from_info(key, reply.data))
        except Refused as refusal:
            answers.append(refusal)
    return answers
