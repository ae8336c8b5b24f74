"""Writing the values of data blocks: bytes, or leaves of a layout. Nothing is sent twice."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from goldcopy.errors import Malformed, Refused, Unsupported, Wrong
from goldcopy.snapshot import Item
from goldcopy_s7 import directory, memory
from goldcopy_s7.block import Key
from goldcopy_s7.layout import Layout, Leaf
from goldcopy_s7.link import Link
from goldcopy_s7.options import Options
from goldcopy_s7.pdu import Job
from goldcopy_s7.refusal import NOT_IMPLEMENTED, CpuRefused, item_words
from goldcopy_s7.session import S7Session
from goldcopy_s7.variables import Run, write_bit, write_bytes

_PATH = re.compile(r"db/(\d+)(?:/(.+))?", re.DOTALL)
_WRITE_HEAD = 28  # PDU header 10, parameter 14, data header 4
_OK = b"\xff"


class S7Writer(S7Session):
    """An open link to one CPU, for writing too."""

    def __init__(self, link: Link, options: Options, layouts: Mapping[int, Layout]) -> None:
        super().__init__(link, options, layouts)
        self._sizes: dict[int, int] = {}

    def groups(self, items: Sequence[Item]) -> Sequence[Sequence[Item]]:
        """Each item by itself."""
        return [[item] for item in items]

    async def write(self, group: Sequence[Item]) -> None:
        """Write the items of one group, each acknowledged before the next is sent."""
        for item in group:
            await self._write(item)

    async def _write(self, item: Item) -> None:
        """Write a data block, a part of it, or a leaf; return once the CPU has acknowledged it.

        A data block that takes several requests may be half written where one fails. Raises
        ``Unsupported``, ``Wrong`` (nothing was sent), ``Refused``, and what the link raises.
        """
        found = _PATH.fullmatch(item.path)
        if found is None:
            raise Unsupported(f"{item.path}: only values of data blocks can be written")
        number, name = int(found[1]), found[2]
        layout = self._layouts.get(number)
        if layout is not None and name in layout.by_name:
            layout.fit(await self._size(number))
            await self._write_leaf(layout, layout.by_name[name], item)
        elif name is None or name.isdecimal():
            await self._write_bytes(number, int(name or 0), item)
        else:
            raise Wrong(f"{item.path}: no layout has this leaf; nothing was written")

    async def _write_bytes(self, number: int, start: int, item: Item) -> None:
        value = item.value
        if not isinstance(value, bytes):
            raise Wrong(f"{item.path}: its content is not at hand; nothing was written")
        if not start and len(value) != await self._size(number):
            raise Wrong(
                f"{item.path}: the data block has {self._sizes[number]} bytes, not {len(value)}; "
                "nothing was written"
            )
        await self._put(number, start, value)

    async def _write_leaf(self, layout: Layout, leaf: Leaf, item: Item) -> None:
        """A bit alone; else the leaf's bytes, in which others may have a part, read just before."""
        body = bytearray(layout.size)
        if leaf.bit is not None:
            layout.encode(leaf.name, item.value, body)
            place = leaf.offset * 8 + leaf.bit
            bit = bool(body[leaf.offset] >> leaf.bit & 1)
            await self._acknowledged(write_bit(layout.number, place, bit))
            return
        span = Run("DB", layout.number, leaf.offset, leaf.size)
        found, gaps = await memory.read(self._link, [span])
        if gaps:
            raise Refused(f"{item.path}: {gaps[0].reason}; nothing was written")
        body[leaf.offset : leaf.offset + leaf.size] = found[span]
        layout.encode(leaf.name, item.value, body)
        content = bytes(body[leaf.offset : leaf.offset + leaf.size])
        await self._put(layout.number, leaf.offset, content)

    async def _put(self, number: int, start: int, content: bytes) -> None:
        most = self._link.pdu - _WRITE_HEAD
        for at in range(0, len(content), most):
            part = content[at : at + most]
            await self._acknowledged(write_bytes(number, start + at, part))

    async def _acknowledged(self, job: Job) -> None:
        reply = await self._link.ask(job)
        if reply.parameter != job.parameter[:2] or len(reply.data) != 1:
            raise Malformed(
                f"a write was answered with {reply.parameter.hex()}, {reply.data.hex()}"
            )
        if reply.data != _OK:
            raise Refused(f"not written: {item_words(reply.data[0])}; {memory.OPTIMIZED}")

    async def _size(self, number: int) -> int:
        """Bytes of a data block: what the CPU tells, else what the options say."""
        if number not in self._sizes:
            try:
                self._sizes[number] = (
                    await directory.info(self._link, Key("DB", number))
                ).body_size
            except CpuRefused as refusal:
                told = [area.count for area in self._options.data if area.number == number]
                if refusal.code != NOT_IMPLEMENTED or not told:
                    raise
                self._sizes[number] = told[0]
        return self._sizes[number]
