"""The S7 driver: what it can do, and opening a session."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import ClassVar

import msgspec

from goldcopy.driver import Capability, Meter, Session, Target
from goldcopy.errors import Wrong
from goldcopy_s7 import memory, options
from goldcopy_s7.link import opened
from goldcopy_s7.session import S7Session


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
        Capability("flags, inputs, outputs, timers, counters", "done"),
        Capability("change token", "partial", "covers blocks; actual values are always read"),
    )

    def open(self, target: Target, meter: Meter) -> AbstractAsyncContextManager[Session]:
        """Connect, agree on PDU and parallel jobs, give the password if there is one."""
        return _session(target, meter)


@asynccontextmanager
async def _session(target: Target, meter: Meter) -> AsyncIterator[Session]:
    chosen = target.options if target.options is not None else options.Options()
    if not isinstance(chosen, options.Options):
        raise Wrong(f"the options of {target.device} are not those of the s7 driver")
    memory.check(chosen.data)
    async with opened(target, chosen, meter) as link:
        yield S7Session(link, chosen)
