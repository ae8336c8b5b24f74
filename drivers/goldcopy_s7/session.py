"""One pull: identity, then the list of blocks, then the blocks, then the memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import get_args

from goldcopy.driver import Reading
from goldcopy.errors import Refused, Wrong
from goldcopy.snapshot import Blob, Gap, Identity, Item, Role, Snapshot
from goldcopy_s7 import directory, identity, memory
from goldcopy_s7.block import SYSTEM, About, Block, Key
from goldcopy_s7.items import about_items, block_item, carried_item, path_of
from goldcopy_s7.layout import Layout
from goldcopy_s7.link import Link
from goldcopy_s7.options import BlockType, Options
from goldcopy_s7.refusal import NOT_IMPLEMENTED, PROTECTED, CpuRefused
from goldcopy_s7.upload import upload
from goldcopy_s7.variables import Run

_ALL: tuple[str, ...] = get_args(BlockType)
_NO_BLOCKS = (
    "the CPU has no block services: programs of an S7-1200/1500 cannot be read over classic S7"
)


class S7Session:
    """An open link to one CPU, for reading only."""

    def __init__(self, link: Link, options: Options, layouts: Mapping[int, Layout]) -> None:
        self._link = link
        self._options = options
        self._layouts = layouts
        self._who: identity.Found | None = None

    async def identify(self) -> Identity:
        """What the CPU says of itself."""
        return (await self._known()).identity

    async def read(self) -> Reading:
        """Blocks and memory, all of it asked for."""
        return await self._pull(await self._known(), None)

    async def read_since(self, previous: Snapshot) -> Reading:
        """Blocks whose header and footer are as in ``previous`` are carried; memory is read."""
        who = await self._known()
        now, before = who.identity, previous.identity
        same = (now.order_code, now.serial) == (before.order_code, before.serial)
        return await self._pull(who, previous if same else None)

    async def _pull(self, who: identity.Found, previous: Snapshot | None) -> Reading:
        return await _Pull(self._link, self._options, self._layouts, who, previous).read()

    async def _known(self) -> identity.Found:
        if self._who is None:
            self._who = identity.Found()
            await self._who.read(self._link, self._options.szl)
        return self._who


class _Pull:
    """What has been found so far."""

    def __init__(
        self,
        link: Link,
        options: Options,
        layouts: Mapping[int, Layout],
        who: identity.Found,
        previous: Snapshot | None,
    ) -> None:
        self._link = link
        self._options = options
        self._layouts = layouts
        self._who = who
        self._previous = previous
        self._items = list(who.items)
        self._gaps = list(who.gaps)
        self._carried: list[str] = []
        self._blobs: dict[str, bytes] = {}
        self._data_blocks_listed = False

    async def read(self) -> Reading:
        counts = await self._counts()
        keys = await self._keys(counts) if counts is not None else []
        known = await self._infos(keys)
        await self._blocks(known)
        await self._memory(self._lengths(keys, known))
        return Reading(self._items, self._gaps, self._carried, self._blobs)

    # -- the list ------------------------------------------------------------------------------

    @property
    def _wanted(self) -> tuple[str, ...]:
        blocks = self._options.blocks
        if isinstance(blocks, tuple):
            return blocks
        return (*_ALL, *SYSTEM) if blocks else ()

    @property
    def _needs_lengths(self) -> bool:
        return any(area.area == "DB" and not area.count for area in self._options.data)

    async def _counts(self) -> dict[str, int] | None:
        """How many blocks of each type; None where nothing is to be had."""
        if not self._wanted and not self._needs_lengths:
            return None
        try:
            return await directory.counts(self._link)
        except Refused as refusal:
            no_blocks = isinstance(refusal, CpuRefused) and refusal.code == NOT_IMPLEMENTED
            self._gap("block", f"{_NO_BLOCKS}: {refusal}" if no_blocks else str(refusal))
            return None

    async def _keys(self, counts: dict[str, int]) -> list[Key]:
        """Every block to ask about; one gap for all types whose list cannot be had."""
        keys: list[Key] = []
        missing: list[str] = []
        wanted = self._wanted
        for kind in (*wanted, "DB") if self._needs_lengths and "DB" not in wanted else wanted:
            try:
                if kind not in counts:
                    raise Refused("the CPU does not say how many there are")
                if kind not in SYSTEM:
                    numbers = await directory.numbers(self._link, kind, counts[kind])
                    keys += [Key(kind, number) for number in numbers]
                    self._data_blocks_listed |= kind == "DB"
                elif counts[kind]:
                    self._items.append(await self._system_functions(kind, counts[kind]))
            except Refused as refusal:
                if kind in SYSTEM:
                    self._gap(f"blocks/{kind}", str(refusal))
                else:
                    missing.append(f"{kind} cannot be listed: {refusal}")
        if missing:
            self._gap("block", "; ".join(missing))
        return keys

    async def _system_functions(self, kind: str, count: int) -> Item:
        """SFC and SFB are part of the firmware: the same firmware with as many has the same."""
        path, type_ = f"blocks/{kind}", f"ARRAY[{count}] OF UINT"
        now = self._who.identity
        if self._previous is not None and now.order_code and now.firmware:
            before, held = self._previous.identity, self._previous.by_path.get(path)
            same = (before.order_code, before.firmware) == (now.order_code, now.firmware)
            if same and held is not None and held.type == type_:
                self._carried.append(path)
                return Item(path, "block", type_, held.value)
        return Item(path, "block", type_, tuple(await directory.numbers(self._link, kind, count)))

    # -- the blocks ----------------------------------------------------------------------------

    async def _infos(self, keys: list[Key]) -> dict[Key, About]:
        """What the CPU says of each block."""
        self._link.meter.total += len(keys)
        known: dict[Key, About] = {}
        async for key, answer in directory.infos(self._link, keys):
            if isinstance(answer, Refused):
                self._gap(path_of(key), str(answer))
            else:
                known[key] = answer
        return known

    async def _blocks(self, known: dict[Key, About]) -> None:
        """Every block whole; what was read of it last is what ``known`` then says."""
        for key in [key for key in known if key.type in self._wanted]:
            content = self._unchanged(key, known[key])
            if content is None:
                try:
                    block = await self._upload(key, known[key])
                    known[key] = block.about
                    content = block_item(key, block, loads=self._options.download)
                except Refused as refusal:
                    self._gap(path_of(key), self._words(refusal))
            self._items += about_items(key, known[key])
            if content is not None:
                self._items.append(content)

    def _unchanged(self, key: Key, about: About) -> Item | None:
        """The block's content out of the previous snapshot, if its header proves it the same."""
        if self._previous is None:
            return None
        item = carried_item(key, about, self._previous, loads=self._options.download)
        if item is not None:
            self._carried.append(item.path)
            content = item.value
            if isinstance(content, Blob) and content.sha256 in self._previous.blobs:
                self._blobs[content.sha256] = self._previous.blobs[content.sha256]
        return item

    async def _upload(self, key: Key, about: About) -> Block:
        """The block; asked about again if it is not the one that the list told of."""
        self._link.meter.total += 1
        try:
            block = await upload(self._link, key)
        finally:
            self._link.meter.done += 1
        if not block.about.same_content(about):
            again = await directory.info(self._link, key)
            if not block.about.same_content(again):
                raise Refused(
                    "its header and the CPU's block info contradict each other: it was changed "
                    "while it was read, or its header lies; not kept"
                )
        return block

    def _words(self, refusal: Refused) -> str:
        if not isinstance(refusal, CpuRefused) or refusal.code != PROTECTED:
            return str(refusal)
        level = self._who.identity.protection or "not read"
        return f"{refusal}; protection level in force: {level}. Give the device its password"

    # -- the memory ----------------------------------------------------------------------------

    def _lengths(self, keys: list[Key], known: dict[Key, About]) -> memory.Lengths | None:
        if self._data_blocks_listed:
            dbs = [key for key in keys if key.type == "DB"]
            return {key.number: known[key].body_size if key in known else None for key in dbs}
        return None

    async def _memory(self, lengths: memory.Lengths | None) -> None:
        wanted, gaps = memory.runs(self._options.data, lengths)
        self._gaps += gaps
        found, gaps = await memory.read(self._link, wanted)
        self._gaps += gaps
        for run, octets in found.items():
            leaves = self._leaves(run, octets)
            # Nobody knows what is a setting in a data block without leaves: its bytes are all that
            # a backup can keep of it. Rules may say otherwise.
            role: Role = "setting" if run.area == "DB" and not leaves else "process"
            self._items += [memory.item_of(run, octets, role), *leaves]
        read = {run.number for run in wanted if run.area == "DB" and not run.start}
        told = {gap.path for gap in self._gaps}
        for number in self._layouts.keys() - read:
            if told.isdisjoint(("db", f"db/{number}")):
                self._gap(f"db/{number}", "it has a layout, but options.data leaves it out")

    def _leaves(self, run: Run, octets: bytes) -> Sequence[Item]:
        layout = self._layouts.get(run.number)
        if layout is None or run.area != "DB" or run.start:
            return ()
        path = memory.path_of(run)
        try:
            return layout.leaves(path, octets)
        except Wrong as misfit:  # the bytes are kept all the same
            self._gap(path, str(misfit))
            return ()

    def _gap(self, path: str, why: str) -> None:
        self._gaps.append(Gap(path, why))
