"""The steps of a night. What goes wrong in one is told, and keeps no other from being done."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from goldcopy.cli.pull import pull_into
from goldcopy.cli.replicas import reachable
from goldcopy.cli.report import leave
from goldcopy.collect import Outcome
from goldcopy.errors import GoldcopyError, VaultDamaged, VaultUnavailable
from goldcopy.inventory import Inventory
from goldcopy.night.summary import Copies
from goldcopy.night.turns import Left, past, turns
from goldcopy.replica.check import check
from goldcopy.replica.sync import Synced, sync
from goldcopy.report.night import Night
from goldcopy.vault import Vault
from goldcopy.vault.verify import verify

SAMPLE: Final = 8
"""Files of each replica that are compared each night."""
LEAST: Final = 600.0
"""Seconds for the replicas, even if the controllers took all of the night."""


class Read(NamedTuple):
    """What came of the pulls."""

    outcomes: list[Outcome]
    left: tuple[Left, ...]
    trouble: tuple[str, ...] = ()
    damage: tuple[str, ...] = ()


def pulled(plant: Inventory, vault: Vault, began: datetime) -> Read:
    """Pull the devices whose turn it is."""
    found = turns(plant, past(vault, plant.devices), began, datetime.now(UTC))
    devices = [turn.device for turn in found.asked]
    if not devices:  # nothing to write, so nobody needs to be kept from writing
        return Read([], found.left)
    terms = {turn.device.name: turn.terms for turn in found.asked}
    try:
        outcomes = asyncio.run(
            pull_into(vault, devices, plant.zones, keep_process=False, terms=terms)
        )
    except VaultDamaged as error:
        return Read([], found.left, damage=(str(error),))
    except VaultUnavailable as error:
        return Read([], found.left, trouble=(str(error),))
    return Read(outcomes, found.left)


def proved(vault: Vault) -> tuple[str, ...]:
    """What a sample of the vault shows."""
    try:
        return verify(vault, "sample").findings
    except VaultDamaged as error:
        return (str(error),)


def copied(plant: Inventory, until: datetime) -> Copies:
    """Bring the replicas up to date as far as they can be, and compare a sample of each."""
    places = len(plant.replicas)
    if not places:
        return Copies()
    seconds = max(LEAST, (until - datetime.now(UTC)).total_seconds())
    try:
        return asyncio.run(_copied(plant, seconds))
    except TimeoutError:
        return Copies(places, 0, (f"replicas: not done within {seconds / 60:.0f} minutes",))
    except GoldcopyError as error:
        said = (f"replicas: {error}",)
        return Copies(places, 0, said, isinstance(error, VaultDamaged))


async def _copied(plant: Inventory, seconds: float) -> Copies:
    async with asyncio.timeout(seconds):
        openings = reachable(plant)
        synced = await sync(plant.vault, openings)
        whole = {one.replica: openings[one.replica] for one in synced if not one.trouble}
        compared = (await check(plant.vault, whole, SAMPLE)).findings
    findings = [f"replica {one.replica}: {one.trouble}" for one in synced if one.trouble]
    # What does not belong there, and does no harm, is no news each night: `vault compare` tells it.
    amiss = [one for one in compared if one.doubtful or one.kind == "unreachable"]
    findings += [f"replica {one.replica}: {one.words}" for one in amiss]
    bad = {one.replica for one in amiss}
    return Copies(
        places=len(synced),
        good=sum(name not in bad for name in whole),
        findings=tuple(findings),
        doubtful=any(one.doubtful for one in amiss) or _damaged(synced),
    )


def _damaged(synced: Sequence[Synced]) -> bool:
    return any(isinstance(one.trouble, VaultDamaged) for one in synced)


def reported(found: Night, folder: Path) -> tuple[list[Path], list[str]]:
    """Leave the report: the files, and why there are none."""
    try:
        return leave(found, folder), []
    except VaultUnavailable as error:
        return [], [str(error)]
