"""``goldcopy night``: all that a night does, in one run: pull, prove, copy, compare, tell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from goldcopy.cli.options import DEFAULT_INVENTORY, InventoryFile, Json

if TYPE_CHECKING:
    from goldcopy.inventory import Inventory
    from goldcopy.night.summary import Account
    from goldcopy.report.news import News
    from goldcopy.vault import Vault


def night(
    report: Annotated[
        Path | None,
        typer.Option("--report", help="Where the report goes, if not where the inventory says."),
    ] = None,
    install: Annotated[
        bool, typer.Option("--install", help="Print what makes systemd run it; do nothing.")
    ] = False,
    inventory: InventoryFile = DEFAULT_INVENTORY,
    as_json: Json = False,
) -> None:
    """Pull every device, prove a sample of the vault, sync replicas, report drift, tell news."""
    import time
    from datetime import UTC, datetime, timedelta

    from goldcopy.cli import output
    from goldcopy.cli.night_steps import copied, proved, pulled, reported
    from goldcopy.cli.options import opened, read_inventory
    from goldcopy.cli.standing import told_pair
    from goldcopy.cli.surveying import context, gathered
    from goldcopy.night.begun import begin, end
    from goldcopy.night.summary import Account
    from goldcopy.report.news import news

    plant = read_inventory(inventory)
    if install:
        _install(plant, inventory, as_json)
        return
    start = time.monotonic()
    with opened(plant) as vault:
        context(plant, vault, plant.night.stale)
        deadline = timedelta(seconds=plant.night.deadline)
        began = begin(vault.path, datetime.now(UTC), deadline)
        read = pulled(plant, vault, began)
        findings = (*read.damage, *proved(vault))
        copies = copied(plant, began + deadline)
        amiss = [*findings, *copies.findings, *read.trouble]
        survey = context(plant, vault, plant.night.stale)
        found = gathered(plant, survey, plant.devices, amiss)
        files, unwritten = reported(found, report or plant.night.report)
        told = news(vault, found)
        untold = _tell(plant, vault, told)
        account = Account(
            night=found,
            left=read.left,
            vault=findings,
            copies=copies,
            trouble=(*read.trouble, *unwritten, *untold),
            stale_after=survey.max_age,
            seconds=time.monotonic() - start,
        )
        if not read.trouble and not read.damage:  # else another run may be at work on this night
            end(vault.path)
        if as_json:
            output.emit(
                {
                    "summary": account.line,
                    "outcomes": read.outcomes,
                    "left": read.left,
                    "stale": account.stale,
                    "green": found.green,
                    "pairs": [told_pair(one) for one in found.pairs],
                    "findings": found.findings,
                    "news": told.lines,
                    "not_told": untold,
                    "report": [str(path) for path in files],
                }
            )
        else:
            _show(account, files)
        if account.code:
            raise typer.Exit(account.code)


def _show(account: Account, files: Sequence[Path]) -> None:
    from goldcopy.cli import output
    from goldcopy.cli.drift import show, show_pairs

    out = output.console()
    show(account.night.subjects)
    show_pairs(account.night.pairs)
    for left in account.left:
        out.print(output.styled(f"{left.device}: not asked: {left.why}", "yellow"))
    for text in (*account.vault, *account.copies.findings, *account.trouble):
        out.print(output.styled(text, "bold red"))
    for path in files[:1]:
        print(f"report  {path}")
    out.print(output.styled(account.line, "bold red" if account.code else "bold green"))


def _install(plant: Inventory, inventory: Path, as_json: bool) -> None:
    import sys

    from goldcopy.cli import output
    from goldcopy.night.install import Site, service, steps, timer

    command = Path(sys.executable).with_name("goldcopy")
    site = Site.of(plant, inventory.absolute(), command.absolute())
    if as_json:
        output.emit({"service": service(site), "timer": timer(site), "steps": steps(site)})
    else:
        print(steps(site), end="")


def _tell(plant: Inventory, vault: Vault, told: News) -> list[str]:
    """Send the news where the inventory says; they count as told only if somebody got them.

    What could not be done, in words.
    """
    import asyncio

    from goldcopy.errors import GoldcopyError
    from goldcopy.report.news import TOLD

    async def keep() -> None:
        async with vault.writing() as writer:
            await writer.note(TOLD, "", {"states": told.states, "lines": list(told.lines)})

    try:
        failed = _sent(plant, told) if told.lines else []
        if not failed and (told.lines or not vault.notes(TOLD)):
            asyncio.run(keep())
    except GoldcopyError as error:
        return [str(error)]
    return failed


def _sent(plant: Inventory, told: News) -> list[str]:
    from goldcopy.report.notify import send

    return send([source.resolve() for source in plant.notify], told)
