"""The S7 driver: what it can do, and opening a session."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import ClassVar

import msgspec

from goldcopy.driver import Capability, Meter, Section, Session, Target, Writer
from goldcopy.snapshot import Item
from goldcopy_s7 import options
from goldcopy_s7.layout import Layout, load
from goldcopy_s7.link import opened
from goldcopy_s7.sections import sections
from goldcopy_s7.session import S7Session
from goldcopy_s7.writer import S7Writer


class S7Driver:
    """Classic S7 over ISO-on-TCP: S7-300 and S7-400; of S7-1200 and S7-1500 what they permit."""

    name: ClassVar[str] = "s7"
    title: ClassVar[str] = "Siemens S7 (ISO-on-TCP)"
    port: ClassVar[int] = 102
    Options: ClassVar[type[msgspec.Struct]] = options.Options
    capabilities: ClassVar[Sequence[Capability]] = (
        Capability(
            "hardware", "partial", "never run on a real CPU: simulators and recordings only"
        ),
        Capability("identity", "done"),
        Capability(
            "blocks of S7-300/400",
            "partial",
            "OB, FB, FC, DB, SDB as MC7 code; symbols and comments are not in the CPU",
        ),
        Capability("SFC and SFB", "partial", "listed; a CPU gives no content of them"),
        Capability(
            "programs of S7-1200/1500",
            "impossible",
            "their CPUs refuse block services to this protocol",
        ),
        Capability("data blocks", "done"),
        Capability(
            "data blocks of S7-1200/1500",
            "partial",
            "only with PUT/GET, full access and non-optimized blocks, by number and length",
        ),
        Capability(
            "symbolic tags of S7-1200/1500",
            "impossible",
            "S7CommPlus: the licence of s7commplus is unclear (GPL, LGPL parts in an MIT wheel);"
            " these CPUs give non-optimized blocks over PUT/GET, and OPC UA",
        ),
        Capability("flags, inputs, outputs, timers, counters", "done"),
        Capability(
            "data blocks as named leaves",
            "partial",
            "with a layout file; else all bytes are one setting, live values too: rules can tell",
        ),
        Capability("writing data blocks", "done"),
        Capability(
            "downloading blocks",
            "partial",
            "OB, FB, FC, SDB, with options.download, in STOP, and read back; no DB, no F-CPU, no"
            " S7-400H",
        ),
        Capability("change token", "partial", "covers blocks; actual values are always read"),
    )

    def open(self, target: Target, meter: Meter) -> AbstractAsyncContextManager[Session]:
        """Connect, agree on PDU and parallel jobs, give the password if there is one."""
        return _reading(target, meter)

    def open_writing(self, target: Target, meter: Meter) -> AbstractAsyncContextManager[Writer]:
        """As ``open``, for a restore."""
        return _writing(target, meter)

    def sections(self, item: Item, content: bytes) -> Sequence[Section]:
        """Header, code, interface and so on of a block; () for what is none."""
        return sections(content) if item.path.startswith("block/") else ()


@asynccontextmanager
async def _reading(target: Target, meter: Meter) -> AsyncIterator[Session]:
    chosen = target.options_as(options.Options)
    layouts = await asyncio.to_thread(_layouts, chosen)
    async with opened(target, chosen, meter) as link:
        yield S7Session(link, chosen, layouts)


@asynccontextmanager
async def _writing(target: Target, meter: Meter) -> AsyncIterator[Writer]:
    chosen = target.options_as(options.Options)
    layouts = await asyncio.to_thread(_layouts, chosen)
    async with opened(target, chosen, meter, writing=True) as link:
        yield S7Writer(link, chosen, layouts)


def _layouts(chosen: options.Options) -> dict[int, Layout]:
    """Raises ``Wrong`` with file and line for what cannot be a layout."""
    return {one.number: load(*one.files).layout(one.number, one.name) for one in chosen.layouts}
