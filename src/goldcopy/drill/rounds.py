"""Drills over many devices: which gold copy, one scenario after the other, each noted at once."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from goldcopy.drift.survey import Plant, judged
from goldcopy.drill import faults
from goldcopy.drill.ground import Gold, Ground
from goldcopy.drill.model import KIND, ON_TWIN, ON_VAULT, Drilled, Scenario
from goldcopy.drill.run import drill, on_spare
from goldcopy.drill.source import Source, taken
from goldcopy.errors import GoldcopyError, Wrong
from goldcopy.gold.scope import Scope
from goldcopy.gold.signers import Signers
from goldcopy.inventory import Device
from goldcopy.registry import Registry
from goldcopy.replica.contract import Opening
from goldcopy.vault import Entry, Reader, Vault

PULLS: Final = 5
"""Last pulls of a device that its pace is the median of."""


class Spare(NamedTuple):
    """A real controller that may be overwritten."""

    host: str
    port: int
    in_run: bool = False


@dataclass(frozen=True)
class Round:
    """What a round of drills is made with."""

    vault: Vault
    reader: Reader | None
    replicas: Mapping[str, Opening]
    signers: Signers
    registry: Registry
    by: str
    tell: Callable[[Drilled], None] = lambda drilled: None
    """Called with each one when it is done."""


async def run(
    round: Round,
    devices: Sequence[Device],
    scenarios: Sequence[Scenario] = (),
    spare: Spare | None = None,
) -> list[Drilled]:
    """Drill the devices, and note in the vault what came of it.

    Args:
        round: vault, replicas, drivers.
        devices: which, in this order.
        scenarios: which; none: all of them, on a spare the one that there is.
        spare: what one device is restored to instead of a twin.

    Raises ``VaultUnavailable`` if no replica can be used, or somebody else writes the vault;
    ``VaultDamaged`` if what a replica holds is no vault any more.
    """
    wanted = tuple(scenarios) or ((*ON_TWIN, *ON_VAULT) if spare is None else ("spare",))
    done: list[Drilled] = []
    async with (
        round.vault.writing(round.by) as writer,
        aclosing(_all(round, devices, wanted, spare)) as drills,
    ):
        async for drilled in drills:
            note = await writer.note(KIND, drilled.device, drilled.body(round.by))
            done.append(Drilled.of(note))
            round.tell(done[-1])
    return done


async def _all(
    round: Round, devices: Sequence[Device], wanted: Sequence[Scenario], spare: Spare | None
) -> AsyncGenerator[Drilled, None]:
    vault = round.vault
    if {*wanted} - {"dead-replica"}:
        async with taken(round.replicas, vault.path, vault.id, round.reader) as source:
            for device in devices:
                async with aclosing(_device(round, source, device, wanted, spare)) as drills:
                    async for drilled in drills:
                        yield drilled
            if "missing-key" in wanted:
                with tempfile.TemporaryDirectory(prefix="goldcopy-drill-") as folder:
                    yield await asyncio.to_thread(faults.without_key, source, Path(folder))
    if "dead-replica" in wanted:
        yield await faults.dead(round.replicas, vault.path, vault.id, round.reader)


async def _device(
    round: Round, source: Source, device: Device, wanted: Sequence[Scenario], spare: Spare | None
) -> AsyncGenerator[Drilled, None]:
    try:
        entry, gold = await asyncio.to_thread(_gold, round, source, device)
    except GoldcopyError as error:
        why = str(error).replace(str(source.vault.path), source.name)  # the copy is gone soon
        for scenario in wanted:
            if scenario not in ("missing-key", "dead-replica"):
                yield Drilled(
                    device=device.name,
                    scenario=scenario,
                    state="not drilled",
                    why=why,
                    source=source.name,
                )
        return
    ground = Ground(round.registry, round.by)
    for scenario in wanted:
        if scenario == "spare" and spare is not None:
            yield await on_spare(device, gold, *spare[:2], ground, spare.in_run)
        elif scenario == "tampered-gold":
            with tempfile.TemporaryDirectory(prefix="goldcopy-drill-") as folder:
                yield await asyncio.to_thread(
                    faults.tampered, source, entry, round.reader, Path(folder)
                )
        elif scenario in ON_TWIN:
            yield await drill(device, gold, scenario, ground)


def _gold(round: Round, source: Source, device: Device) -> tuple[Entry, Gold]:
    """The gold copy of a device, as the source has it. Raises ``Wrong`` without a valid one."""
    vault, now = source.vault, datetime.now(UTC)
    plant = Plant(vault, round.signers, round.registry, now, timedelta(days=365))
    judgement = judged(plant, device)
    said = judgement.valid
    if said is None:
        why = judgement.why or judgement.state
        raise Wrong(f"{device.name}: {source.name} has no valid gold copy of it: {why}")
    found = [entry for entry in vault.by_id(said.snapshot) if entry.device == device.name]
    if not found:
        raise Wrong(f"{device.name}: {source.name} has no snapshot {said.snapshot[:12]}")
    gold = Gold(
        vault.load(found[0]),
        Scope(said.scope),
        source.name,
        pace(vault, device.name),
        (*source.told, *(one.replace(str(vault.path), source.name) for one in vault.doubts)),
    )
    return found[0], gold


def pace(vault: Vault, device: str) -> float | None:
    """Seconds that one request took on the device itself, by its last pulls; None if unknown."""
    last = [entry.facts for entry in vault.log(device) if entry.facts.requests][:PULLS]
    return median(facts.seconds / facts.requests for facts in last) if last else None
