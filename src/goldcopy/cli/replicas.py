"""``goldcopy vault …`` about its replicas: other places that hold what the vault holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from goldcopy.cli.options import DEFAULT_INVENTORY, InventoryFile, Json

if TYPE_CHECKING:
    from goldcopy.inventory import Inventory
    from goldcopy.replica.contract import Opening


def sync(inventory: InventoryFile = DEFAULT_INVENTORY, as_json: Json = False) -> None:
    """Bring the replicas up to date; one that is down is caught up the next time."""
    import asyncio

    from goldcopy.cli import output
    from goldcopy.cli.options import read_inventory
    from goldcopy.cli.steps import steps
    from goldcopy.errors import VaultDamaged
    from goldcopy.replica.sync import sync as bring

    plant = read_inventory(inventory)
    with steps("files sent") as progress:
        done = asyncio.run(
            bring(plant.vault, reachable(plant), lambda _, sent, total: progress(sent, total))
        )
    if as_json:
        output.emit(
            [
                {
                    "replica": one.replica,
                    "sent": one.sent,
                    "behind": one.lag.behind,
                    "since": one.lag.since,
                    "trouble": str(one.trouble or ""),
                    "notes": one.notes,
                }
                for one in done
            ]
        )
    else:
        for one in done:
            said = f"{one.sent} files sent, " + _behind(one.lag.behind)
            style = "red" if one.trouble else "green"
            output.console().print(output.styled(f"{one.replica:<16} {said}", style))
            for text in [*([str(one.trouble)] if one.trouble else []), *one.notes]:
                output.console().print(output.styled(f"{'':<16} {text}", "yellow"))
    if any(isinstance(one.trouble, VaultDamaged) for one in done):
        raise VaultDamaged("a replica or the vault is not what it was; see above")
    if any(one.trouble for one in done):
        raise typer.Exit(1)


def replicas(inventory: InventoryFile = DEFAULT_INVENTORY, as_json: Json = False) -> None:
    """Show each replica: how far it is behind, and when it was last verified. Asks nobody."""
    from goldcopy.cli import output
    from goldcopy.cli.options import read_inventory
    from goldcopy.replica.state import lags

    plant = read_inventory(inventory)
    found = lags(plant.vault, [place.name for place in plant.replicas])
    if as_json:
        output.emit(
            [
                {"replica": one.replica, "behind": one.behind, "since": one.since, "last": one.last}
                for one in found
            ]
        )
        return
    output.table(
        ["replica", "packs", "behind", "since", "last seen", "last verified", "trouble"],
        [
            [
                one.replica,
                str(one.last.packs),
                str(one.behind),
                output.local(one.since) if one.since else "",
                output.local(one.last.seen) if one.last.seen else "never",
                output.local(one.last.verified) if one.last.verified else "never",
                one.last.trouble,
            ]
            for one in found
        ],
        right="packs behind",
    )
    if not found:
        print("the inventory names no replicas: the vault is in one place only")


def compare(
    sample: Annotated[
        int | None, typer.Option("--sample", help="Compare so many files only, chosen anew.")
    ] = None,
    inventory: InventoryFile = DEFAULT_INVENTORY,
    as_json: Json = False,
) -> None:
    """Compare every replica with the vault, byte by byte."""
    import asyncio

    from goldcopy.cli import output
    from goldcopy.cli.options import read_inventory
    from goldcopy.cli.steps import steps
    from goldcopy.errors import VaultDamaged
    from goldcopy.replica.check import check

    plant = read_inventory(inventory)
    with steps("files compared") as progress:
        found = asyncio.run(
            check(plant.vault, reachable(plant), sample, lambda _, n, total: progress(n, total))
        )
    if as_json:
        output.emit({"findings": found.findings, "compared": found.compared})
    else:
        for name, number in found.compared.items():
            print(f"{name or 'vault'}: {number} files compared")
        for finding in found.findings:
            output.console().print(
                output.styled(f"{finding.replica or 'vault'}: {finding.words}", "red")
            )
    if any(finding.doubtful for finding in found.findings):
        raise VaultDamaged("the vault or a replica is not what it was; see above")
    if found.findings:
        raise typer.Exit(1)


def attest(inventory: InventoryFile = DEFAULT_INVENTORY, as_json: Json = False) -> None:
    """Attack every replica with this machine's own rights; print what was refused."""
    import asyncio

    from goldcopy.cli import output
    from goldcopy.cli.options import read_inventory
    from goldcopy.errors import VaultDamaged
    from goldcopy.replica.attest import attest as attack

    plant = read_inventory(inventory)
    rows = asyncio.run(attack(reachable(plant)))
    if as_json:
        output.emit([row._asdict() for row in rows])
    else:
        styles = {"refused": "green", "succeeded": "bold red", "not tried": "yellow"}
        output.table(
            ["replica", "attack", "outcome", ""],
            [
                [
                    row.replica,
                    row.attack,
                    output.styled(
                        "SUCCEEDED" if row.outcome == "succeeded" else row.outcome,
                        styles.get(row.outcome, "dim"),
                    ),
                    row.words,
                ]
                for row in rows
            ],
            names=2,
        )
        for name, advice in {row.replica: row.advice for row in rows if row.advice}.items():
            print(f"{name}: {advice}")
    harmed = [row for row in rows if row.outcome == "succeeded"]
    if harmed:
        names = ", ".join(sorted({row.replica for row in harmed}))
        raise VaultDamaged(
            f"{len(harmed)} attacks succeeded ({names}): a thief of this machine could do the same"
        )
    if any(row.outcome == "not tried" for row in rows):
        raise typer.Exit(1)


def repair(inventory: InventoryFile = DEFAULT_INVENTORY, as_json: Json = False) -> None:
    """Put back damaged or missing packs from a replica whose copy proves itself."""
    import asyncio

    from goldcopy.cli import output
    from goldcopy.cli.options import read_inventory
    from goldcopy.errors import VaultDamaged
    from goldcopy.replica.repair import repair as mend
    from goldcopy.vault.me import me

    plant = read_inventory(inventory)
    done = asyncio.run(mend(plant.vault, reachable(plant), me()))
    if as_json:
        output.emit(done)
    else:
        for one in done:
            style = "green" if one.replica else "bold red"
            output.console().print(output.styled(f"{one.pack}: {one.words}", style))
        if not done:
            print("no pack is damaged or missing")
    if any(not one.replica for one in done):
        raise VaultDamaged("no good copy was found of some packs; see above")


def reachable(plant: Inventory) -> dict[str, Opening]:
    """How to open each replica. Raises ``Wrong`` if there is none."""
    from goldcopy.errors import Wrong
    from goldcopy.replica.opening import openings
    from goldcopy.vault import marker

    if not plant.replicas:
        raise Wrong("the inventory names no replicas; add replicas: [{name: …, folder: …}]")
    return dict(openings(plant.replicas, marker.read(plant.vault).vault))


def _behind(packs: int) -> str:
    return f"{packs} packs behind" if packs else "up to date"
