"""Writing: values of data blocks, as many as one request carries, and blocks as a whole.

Nothing is sent twice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from goldcopy.errors import Refused, Unsupported, Wrong
from goldcopy.snapshot import Item
from goldcopy_s7 import directory, loading, memory, packing
from goldcopy_s7.block import Key
from goldcopy_s7.layout import Layout, Leaf
from goldcopy_s7.link import Link
from goldcopy_s7.options import Options
from goldcopy_s7.packing import Patch
from goldcopy_s7.refusal import NOT_IMPLEMENTED, CpuRefused
from goldcopy_s7.session import S7Session
from goldcopy_s7.variables import Run

_PATH = re.compile(r"db/(\d+)(?:/(.+))?", re.DOTALL)
_MOST = 0xFFFF  # the highest number of a data block, the last byte in one


class _Change(NamedTuple):
    """One item to be written into a data block."""

    item: Item
    patch: Patch
    leaf: Leaf | None = None
    """None where the item is bytes."""

    def over(self, held: bytes) -> Patch:
        """The patch, put over these bytes of the leaf: it may leave bits of them alone."""
        assert self.leaf is not None
        body = bytearray(self.leaf.offset) + held
        self.leaf.encode(self.item.value, body)
        return self.patch._replace(content=bytes(body[self.leaf.offset :]))

    @property
    def is_partial(self) -> bool:
        """Whether the leaf does leave some alone: a text that is not full, a row of BOOLs."""
        if self.leaf is None or self.leaf.bit is not None:
            return False
        return self.over(b"\xff" * self.leaf.size) != self.patch

    @property
    def run(self) -> Run:
        """Where it is."""
        return Run("DB", self.patch.number, self.patch.start, len(self.patch.content))


class S7Writer(S7Session):
    """An open link to one CPU, for writing too."""

    def __init__(self, link: Link, options: Options, layouts: Mapping[int, Layout]) -> None:
        super().__init__(link, options, layouts)
        self._sizes: dict[int, int] = {}

    def groups(self, items: Sequence[Item]) -> Sequence[Sequence[Item]]:
        """Values of data blocks together, as many as one request carries; a block by itself."""
        cut: list[list[Item]] = []
        patches: list[Patch] | None = None
        coming = iter(items)
        for patch in packing.folded(map(self._attempt, items)):
            some = [*islice(coming, len(patch.paths) if patch else 1)]
            together = None
            if patch is not None and patches is not None:
                together = packing.bundled(patches, patch, self._link.pdu)
            if together is None:
                cut.append(some)
                patches = None if patch is None else packing.bundled([], patch, self._link.pdu)
            else:
                cut[-1] += some
                patches = together
        return cut

    async def write(self, group: Sequence[Item]) -> None:
        """Write one group; return once the CPU has acknowledged all of it.

        A data block that takes several requests may be half written where one fails. Raises
        ``Unsupported``, ``Wrong`` (nothing was sent), ``Refused``, and what the link raises.
        """
        for items in self.groups(group):
            key = loading.key_of(items[0].path)
            if key is not None:
                await loading.load(self._link, self._options, key, items[0])
            else:
                await self._write(items)

    # -- values of data blocks -----------------------------------------------------------------

    async def _write(self, items: Sequence[Item]) -> None:
        changes = [self._change(item) for item in items]
        for change in changes:
            await self._fit(change)
        for patches in packing.requests(await self._patches(changes), self._link.pdu):
            packing.check(await self._link.ask(packing.job(patches)), patches)

    def _attempt(self, item: Item) -> Patch | None:
        """What the item writes; None for what cannot be written."""
        try:
            return self._change(item).patch
        except (Unsupported, Wrong):
            return None

    def _change(self, item: Item) -> _Change:
        """What the item writes, over zeros. Raises ``Unsupported``, ``Wrong``."""
        found = _PATH.fullmatch(item.path)
        if found is None:
            raise Unsupported(f"{item.path}: only values of data blocks, and blocks, are written")
        number, name = int(found[1]), found[2]
        layout = self._layouts.get(number)
        if layout is not None and name in layout.by_name:
            return _leaf_change(item, number, layout.by_name[name])
        if name is not None and not name.isdecimal():
            raise Wrong(f"{item.path}: no layout has this leaf; nothing was written")
        if not isinstance(item.value, bytes):
            raise Wrong(f"{item.path}: its content is not at hand; nothing was written")
        start = int(name or 0)
        if number > _MOST or start > _MOST:
            raise Wrong(f"{item.path}: no CPU has this; nothing was written")
        return _Change(item, Patch(number, start, item.value, None, (item.path,)))

    async def _fit(self, change: _Change) -> None:
        """Raise ``Wrong`` unless the data block is as long as its layout, or as what it gets."""
        item, (number, start, content, *_) = change.item, change.patch
        if change.leaf is not None:
            self._layouts[number].fit(await self._size(number))
        elif not start and len(content) != await self._size(number):
            raise Wrong(
                f"{item.path}: the data block has {self._sizes[number]} bytes, not {len(content)}; "
                "nothing was written"
            )

    async def _patches(self, changes: Sequence[_Change]) -> list[Patch]:
        """What to write, with what the CPU holds now in the bits that are to be left alone."""
        partial = [change for change in changes if change.is_partial]
        found, gaps = await memory.read(self._link, [change.run for change in partial])
        if gaps:
            raise Refused(f"{gaps[0].path}: {gaps[0].reason}; nothing was written")
        return [
            change.over(found[change.run]) if change in partial else change.patch
            for change in changes
        ]

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
                    raise Refused(f"DB{number}: {refusal}; nothing was written") from None
                self._sizes[number] = told[0]
        return self._sizes[number]


def _leaf_change(item: Item, number: int, leaf: Leaf) -> _Change:
    """Raises ``Wrong`` for a value that the leaf cannot hold."""
    change = _Change(item, Patch(number, leaf.offset, b"", leaf.bit, (item.path,)), leaf)
    over = change.over(bytes(leaf.size))
    if leaf.bit is not None:
        over = over._replace(content=bytes((over.content[0] >> leaf.bit & 1,)))
    return change._replace(patch=over)
