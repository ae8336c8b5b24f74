"""The plans of many devices at once: each is read, kept, and compared with its target."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Mapping, Sequence
from typing import NamedTuple

from goldcopy.collect import Outcome, Watch, collect
from goldcopy.errors import GoldcopyError
from goldcopy.inventory import Device, Zone
from goldcopy.restore.means import Means
from goldcopy.restore.model import Plan, Values
from goldcopy.restore.plan import EVERYTHING, make_plan
from goldcopy.snapshot import Snapshot
from goldcopy.vault import Facts, Kept


class Wanted(NamedTuple):
    """A device, and what it is to hold."""

    device: Device
    target: Callable[[], Snapshot]
    """Loads the snapshot. May block: it is called in a thread."""
    scope: Container[str] = EVERYTHING


class Planned(NamedTuple):
    """What a survey found."""

    plans: list[Plan]
    outcomes: list[Outcome]
    """Of the reading, one for each device."""
    refused: dict[str, str]
    """Device -> why there is no plan for it, though it was read."""


async def make_plans(
    wanted: Sequence[Wanted],
    means: Means,
    *,
    zones: Mapping[str, Zone],
    only: Sequence[str] = (),
    values: Values = "settings",
    watch: Watch | None = None,
) -> Planned:
    """Read every device once, keep what it holds, and plan. Nothing is written to any of them.

    ``watch`` is written to as the reading goes on.

    Raises ``VaultUnavailable``, ``VaultDamaged``.
    """
    by_name = {one.device.name: one for one in wanted}
    plans: dict[str, Plan] = {}
    refused: dict[str, str] = {}

    def plan(live: Snapshot) -> None:
        one = by_name[live.device]
        try:
            plans[live.device] = make_plan(
                live,
                one.target(),
                one.device,
                vault=means.vault.id,
                only=only,
                scope=one.scope,
                values=values,
            )
        except GoldcopyError as error:
            refused[live.device] = str(error)

    async def keep(snapshot: Snapshot, facts: Facts) -> Kept:
        kept = await means.writer.keep(snapshot, facts)
        await asyncio.to_thread(plan, snapshot)
        return kept

    outcomes = await collect(
        [one.device for one in wanted],
        keep,
        zones=zones,
        registry=means.registry,
        pulling=means.writer.pulling,
        full=True,
        keep_process=True,
        retries=means.retries,
        pause=means.retry_pause,
        watch=watch,
    )
    return Planned([plans[name] for name in by_name if name in plans], outcomes, refused)
