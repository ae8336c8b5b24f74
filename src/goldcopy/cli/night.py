"""``goldcopy night``: all that a night does, in one run: pull, prove, copy, compare, tell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from goldcopy.cli.options import DEFAULT_INVENTORY, InventoryFile, Json

if TYPE_CHECKING:
    from goldcopy.inventory import Inventory
    from goldcopy.report.news import News
    from goldcopy.report.night import Night
    from goldcopy.vault import Vault


def night(
    report: Annotated[Path, typer.Option("--report", help="Where the report goes.")] = Path(
        "report"
    ),
    inventory: InventoryFile = DEFAULT_INVENTORY,
    as_json: Json = False,
) -> None:
    """Pull every device, prove a sample of the vault, sync replicas, report drift, tell news."""
    from goldcopy.cli import output
    from goldcopy.cli.drift import show, show_pairs
    from goldcopy.cli.options import opened, read_inventory
    from goldcopy.cli.pull import pulled
    from goldcopy.cli.report import leave
    from goldcopy.cli.standing import told_pair
    from goldcopy.cli.surveying import context, gathered
    from goldcopy.report.news import news

    plant = read_inventory(inventory)
    with opened(plant) as vault:
        context(plant, vault)
        outcomes = pulled(plant, vault, plant.devices)
        findings = [*_proved(vault), *_copied(plant)]
        found = gathered(plant, context(plant, vault), plant.devices, findings)
        files = leave(found, report)
        told = news(vault, found)
        trouble = _tell(plant, vault, told, found)
        if as_json:
            output.emit(
                {
                    "outcomes": outcomes,
                    "green": found.green,
                    "pairs": [told_pair(one) for one in found.pairs],
                    "findings": findings,
                    "news": told.lines,
                    "not_told": trouble,
                    "report": [str(path) for path in files],
                }
            )
        else:
            show(found.subjects)
            show_pairs(found.pairs)
            for text in (*findings, *trouble):
                output.console().print(output.styled(text, "bold red"))
            print(f"report  {files[0]}")
        if not found.quiet or trouble or any(one.state != "kept" for one in outcomes):
            raise typer.Exit(1)


def _proved(vault: Vault) -> tuple[str, ...]:
    """What a sample of the vault shows."""
    from goldcopy.vault.verify import verify

    return verify(vault, "sample").findings


def _copied(plant: Inventory) -> list[str]:
    """What is amiss with the replicas, once they were brought up to date as far as they can be."""
    import asyncio

    from goldcopy.cli.replicas import reachable
    from goldcopy.replica.sync import sync

    if not plant.replicas:
        return []
    done = asyncio.run(sync(plant.vault, reachable(plant)))
    return [f"replica {one.replica}: {one.trouble}" for one in done if one.trouble]


def _tell(plant: Inventory, vault: Vault, told: News, found: Night) -> Sequence[str]:
    """Send the news where the inventory says; they count as told only if somebody got them."""
    import asyncio

    from goldcopy.report.news import TOLD

    failed = _sent(plant, told) if told.lines else []
    if not failed:

        async def keep() -> None:
            async with vault.writing() as writer:
                await writer.note(TOLD, "", {"states": told.states, "lines": list(told.lines)})

        if told.lines or not vault.notes(TOLD):
            asyncio.run(keep())
    return failed


def _sent(plant: Inventory, told: News) -> list[str]:
    from goldcopy.report.notify import send

    return send([source.resolve() for source in plant.notify], told)
