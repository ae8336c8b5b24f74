"""``goldcopy pull``: read controllers now, and keep what they hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from goldcopy.cli.options import DEFAULT_INVENTORY, Devices, InventoryFile, Json
from goldcopy.cli.options import Zone as ZoneOption

if TYPE_CHECKING:
    from goldcopy.collect import Outcome, Terms
    from goldcopy.inventory import Device, Inventory, Zone
    from goldcopy.vault import Vault


def pull(
    names: Devices = None,
    zone: ZoneOption = "",
    full: Annotated[
        bool, typer.Option("--full", help="Read everything, whatever change tokens say.")
    ] = False,
    inventory: InventoryFile = DEFAULT_INVENTORY,
    as_json: Json = False,
) -> None:
    """Read controllers now and keep a snapshot of each. Changes nothing in them."""
    import asyncio

    from goldcopy.cli import output
    from goldcopy.cli.options import opened, read_inventory

    plant = read_inventory(inventory)
    devices = plant.select(*(names or ()), zone=zone)
    with opened(plant) as vault:
        outcomes = asyncio.run(pull_into(vault, devices, plant.zones, full))
        if as_json:
            output.emit({"devices": outcomes})
        else:
            print_outcomes(outcomes)
        if any(outcome.state != "kept" or outcome.gaps for outcome in outcomes):
            raise typer.Exit(1)


async def pull_into(
    vault: Vault,
    devices: Sequence[Device],
    zones: Mapping[str, Zone],
    full: bool = False,
    keep_process: bool = True,
    terms: Mapping[str, Terms] | None = None,
    shown: bool = True,
) -> list[Outcome]:
    """Pull devices into a vault; ``shown`` on standard error, unless the caller shows its own.

    The vault is locked before the first controller is asked, so that two runs never ask it at once.
    That a device gave no snapshot is noted too, and that a pull was killed: the last snapshot must
    not look like news.
    """
    import asyncio
    from contextlib import nullcontext

    from goldcopy.cli.progress import watching
    from goldcopy.collect import Watch, collect
    from goldcopy.collect.begun import pulling
    from goldcopy.drift.survey import FAILED

    watch = Watch()
    async with vault.writing() as writer, watching(watch) if shown else nullcontext():
        with pulling(vault.path, [device.name for device in devices]):
            outcomes = await collect(
                devices,
                writer.keep,
                zones=zones,
                previous=writer.latest,
                pulling=writer.pulling,
                full=full,
                keep_process=keep_process,
                terms=terms,
                watch=watch,
            )
            async with asyncio.TaskGroup() as notes:
                for one in outcomes:
                    if one.state != "kept":
                        told = {"error": one.error, "attempts": one.attempts, "late": one.late}
                        notes.create_task(writer.note(FAILED, one.device, told))
        return outcomes


def print_outcomes(outcomes: Sequence[Outcome], gaps: bool = True) -> None:
    """One line a device, then each failure and each kind of gap in words."""
    from goldcopy.cli import output

    output.table(
        ["device", "state", "items", "gaps", "settings", "requests", "seconds", "id"],
        [
            [
                one.device,
                output.styled(one.state, "green" if one.state == "kept" else "bold red"),
                str(one.items),
                output.styled(str(one.gaps), "yellow" if one.gaps else ""),
                _settings(one),
                str(one.requests),
                f"{one.seconds:.2f}",
                one.id[: output.SHORT],
            ]
            for one in outcomes
        ],
        right="items gaps requests seconds",
    )
    out = output.console()
    for one in outcomes:
        if one.error:
            out.print(output.styled(one.error, "red"))
        for reason, paths in grouped(
            (gap.reason, gap.path) for gap in one.gap_list if gaps
        ).items():
            text = f"{one.device}: not read: {named(paths)}: {reason}"
            out.print(output.styled(text, "yellow"))


PATHS_SHOWN = 6


def grouped(reasons: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Paths by their reason, from pairs of both: twenty holes of one kind are one line."""
    found: dict[str, list[str]] = {}
    for reason, path in reasons:
        found.setdefault(reason, []).append(path)
    return found


def named(paths: Sequence[str]) -> str:
    """The first of them by name."""
    more = f" and {len(paths) - PATHS_SHOWN} more" if len(paths) > PATHS_SHOWN else ""
    return ", ".join(paths[:PATHS_SHOWN]) + more


def _settings(one: Outcome) -> str:
    if one.state != "kept":
        return ""
    return "as before" if one.unchanged else "new"


def pulled(plant: Inventory, vault: Vault, devices: Sequence[Device]) -> list[Outcome]:
    """Pull devices, as the night does: live values are left out unless the inventory wants them."""
    import asyncio

    return asyncio.run(pull_into(vault, devices, plant.zones, keep_process=False))
