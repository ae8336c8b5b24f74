"""``goldcopy change …``: a change that is expected, with its ticket: before, after, and whose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from goldcopy.cli.options import DEFAULT_INVENTORY, Devices, InventoryFile, Json

if TYPE_CHECKING:
    from goldcopy.collect import Outcome
    from goldcopy.vault import Vault

Ticket = Annotated[str, typer.Argument(help="The number under which others know the change.")]


def open_(
    ticket: Ticket,
    names: Devices = None,
    reason: Annotated[str, typer.Option("--reason")] = "",
    inventory: InventoryFile = DEFAULT_INVENTORY,
    as_json: Json = False,
) -> None:
    """Begin a change: a snapshot of each device now, so that what moves until close is its own."""
    from goldcopy.cli import output
    from goldcopy.cli.options import opened, read_inventory
    from goldcopy.cli.pull import print_outcomes, pulled
    from goldcopy.drift.change import OPENED, opening

    plant = read_inventory(inventory)
    devices = plant.select(*(names or ()))
    with opened(plant) as vault:
        outcomes = pulled(plant, vault, devices)
        bodies = {
            one.device: opening(ticket, reason, vault.log(one.device)[0])
            for one in outcomes
            if one.state == "kept"
        }
        _note(vault, OPENED, bodies)
        if as_json:
            output.emit({"ticket": ticket, "devices": outcomes})
        else:
            print_outcomes(outcomes)
            print(f"change {ticket} is open for {', '.join(bodies) or 'no device'}")
        _unless_all(outcomes)


def close(
    ticket: Ticket, inventory: InventoryFile = DEFAULT_INVENTORY, as_json: Json = False
) -> None:
    """End a change: a snapshot of each device, and what moved in between, under the ticket."""
    from goldcopy.cli import diff, output
    from goldcopy.cli.options import opened, read_inventory
    from goldcopy.cli.pull import pulled
    from goldcopy.drift.change import CLOSED, closing, still_open
    from goldcopy.snapshot.diff import diff as changes_of

    plant = read_inventory(inventory)
    with opened(plant) as vault:
        found = {window.device: window for window in still_open(vault, ticket)}
        outcomes = pulled(plant, vault, plant.select(*found))
        bodies: dict[str, Mapping[str, object]] = {}
        for one in outcomes:
            if one.state != "kept":
                continue
            window, after = found[one.device], vault.log(one.device)[0]
            before = vault.resolve(window.before)
            old, new = vault.load(before), vault.load(after)
            moved = [change.path for change in changes_of(old, new)]
            bodies[one.device] = closing(ticket, after, moved)
            if not as_json:
                output.console().print(output.styled(one.device, "bold"))
                diff.report(before, old, after, new, as_json=False)
        _note(vault, CLOSED, bodies)
        if as_json:
            output.emit({"ticket": ticket, "devices": bodies, "outcomes": outcomes})
        else:
            print(f"change {ticket} is closed for {', '.join(bodies) or 'no device'}")
        _unless_all(outcomes)


def list_(inventory: InventoryFile = DEFAULT_INVENTORY, as_json: Json = False) -> None:
    """Show all changes, open ones too."""
    from goldcopy.cli import output
    from goldcopy.cli.options import opened, read_inventory
    from goldcopy.drift.change import windows

    with opened(read_inventory(inventory)) as vault:
        found = windows(vault)
        if as_json:
            output.emit(found)
            return
        output.table(
            ["ticket", "device", "opened", "closed", "by", "reason"],
            [
                [
                    one.ticket,
                    one.device,
                    output.local(one.opened),
                    output.local(one.closed) if one.closed else output.styled("open", "yellow"),
                    one.by,
                    one.reason,
                ]
                for one in found
            ],
        )


def _note(vault: Vault, kind: str, bodies: Mapping[str, Mapping[str, object]]) -> None:
    import asyncio

    async def keep() -> None:
        async with vault.writing() as writer, asyncio.TaskGroup() as notes:
            for device, body in bodies.items():
                notes.create_task(writer.note(kind, device, body))

    if bodies:
        asyncio.run(keep())


def _unless_all(outcomes: Sequence[Outcome]) -> None:
    if any(one.state != "kept" or one.gaps for one in outcomes):
        raise typer.Exit(1)
