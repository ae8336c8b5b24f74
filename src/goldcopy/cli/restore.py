"""``goldcopy restore …``: known-good parameters back into a controller, and the proof of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from goldcopy.cli.options import DEFAULT_INVENTORY, InventoryFile, Json
from goldcopy.cli.permitting import (
    BreakGlass,
    By,
    InRun,
    Key,
    Signer,
    Spare,
    approvals_of,
    gold_of,
    keep_approval,
)
from goldcopy.cli.restore_plan import Name

if TYPE_CHECKING:
    from goldcopy.inventory import Device
    from goldcopy.restore.means import Means
    from goldcopy.restore.receipt import Receipt
    from goldcopy.vault import Vault

UNPROVED = 4
SHOWN = 40
"""Leaves shown; ``--json`` has all."""

PlanName = Annotated[str, typer.Argument(metavar="PLAN", help="The start of a plan's digest.")]


def approve(
    name: PlanName,
    by: Signer,
    key: Key,
    inventory: InventoryFile = DEFAULT_INVENTORY,
    as_json: Json = False,
) -> None:
    """Approve a plan with your own key: its digest, for its device, now."""
    from goldcopy.cli import output
    from goldcopy.cli.options import opened, read_inventory
    from goldcopy.restore.kept import find_plan

    with opened(read_inventory(inventory)) as vault:
        found = find_plan(vault, name)
        keep_approval(vault, found, by, key)
    if as_json:
        output.emit({"plan": found.digest, "device": found.device, "by": by})
    else:
        print(
            f"{by} approves plan {found.digest[:12]}: {len(found.lines)} writes to {found.device}"
        )


def apply(
    name: PlanName,
    by: By,
    spare: Spare = False,
    in_run: InRun = False,
    break_glass: BreakGlass = "",
    inventory: InventoryFile = DEFAULT_INVENTORY,
    as_json: Json = False,
) -> None:
    """Carry out a plan, and prove each leaf by reading it back. Exit code 0 only if all are."""
    from goldcopy.cli.options import opened, read_inventory, sourced
    from goldcopy.restore.apply import apply as carry_out
    from goldcopy.restore.gates import Permit
    from goldcopy.restore.kept import find_plan

    plant = read_inventory(inventory)
    with opened(plant) as vault, sourced(plant, vault) as source:
        found = find_plan(vault, name)
        (device,) = plant.select(found.device)[:1]
        target = source.load(source.by_id(found.target.snapshot)[0])
        permit = Permit(by, spare=spare, in_run=in_run, break_glass=break_glass)
        gold = gold_of(plant, source, device)
        approved = approvals_of(plant, vault)

        async def work(means: Means) -> Receipt:
            return await carry_out(
                found,
                target,
                device,
                means,
                gold=gold,
                approvals=approved,
                permit=permit,
            )

        _show_receipt(_run(vault, device, work), as_json)


def resume(
    device: Name, inventory: InventoryFile = DEFAULT_INVENTORY, as_json: Json = False
) -> None:
    """Go on with a restore that was interrupted; first by reading what there is now."""
    _interrupted(device, inventory, as_json, back=False)


def rollback(
    device: Name, inventory: InventoryFile = DEFAULT_INVENTORY, as_json: Json = False
) -> None:
    """Put back what an interrupted restore has written; proved in the same way."""
    _interrupted(device, inventory, as_json, back=True)


def list_(inventory: InventoryFile = DEFAULT_INVENTORY, as_json: Json = False) -> None:
    """Show what was restored, and what is not finished."""
    from goldcopy.cli import output
    from goldcopy.cli.options import opened, read_inventory
    from goldcopy.restore.journal import unfinished

    with opened(read_inventory(inventory)) as vault:
        receipts = vault.notes("receipt")
        left = [str(path) for path in unfinished(vault.path)]
        if as_json:
            output.emit({"receipts": receipts, "unfinished": left})
            return
        output.table(
            ["when", "device", "plan", "by", "proved"],
            [
                [
                    output.local(note.time),
                    note.device,
                    str(note.body.get("plan", ""))[: output.SHORT],
                    note.by,
                    "yes" if note.body.get("proved") else output.styled("NO", "bold red"),
                ]
                for note in receipts
            ],
        )
        for path in left:
            text = f"not finished: {path}; goldcopy restore resume or rollback"
            output.console().print(output.styled(text, "bold red"))


# -- the parts -------------------------------------------------------------------------------------


def _interrupted(name: str, inventory: Path, as_json: bool, back: bool) -> None:
    from goldcopy.cli.options import opened, read_inventory
    from goldcopy.errors import Wrong
    from goldcopy.restore.apply import resume as go_on
    from goldcopy.restore.apply import rollback as go_back
    from goldcopy.restore.journal import unfinished

    plant = read_inventory(inventory)
    (device,) = plant.select(name)[:1]
    with opened(plant) as vault:
        journals = unfinished(vault.path, device.name)
        if not journals:
            raise Wrong(f"no restore of {device.name} was interrupted")
        step = go_back if back else go_on

        async def work(means: Means) -> Receipt:
            return await step(journals[-1], device, means)

        receipt = _run(vault, device, work)
        _show_receipt(receipt, as_json, wanted_back=back)


def _run(vault: Vault, device: Device, work: Callable[[Means], Awaitable[Receipt]]) -> Receipt:
    import asyncio

    from goldcopy.cli.restoring import restoring
    from goldcopy.registry import Registry
    from goldcopy.restore.means import Means

    async def main() -> Receipt:
        async with vault.writing() as writer:
            means = Means(vault, writer, Registry.installed())
            async with restoring(device.name, means.watch):
                return await work(means)

    return asyncio.run(main())


def _show_receipt(receipt: Receipt, as_json: bool, wanted_back: bool = False) -> None:
    from goldcopy.cli import output

    good = receipt.rolled_back if wanted_back else receipt.proved
    if as_json:
        output.emit(
            {"proved": receipt.proved, "rolled_back": receipt.rolled_back, "receipt": receipt}
        )
    else:
        for leaf in [one for one in receipt.leaves if one.verdict != "proved"][:SHOWN]:
            style = "yellow" if leaf.verdict in ("unchanged", "not restorable") else "bold red"
            output.console().print(
                output.styled(f"{leaf.path}: {leaf.verdict}  {leaf.why}".rstrip(), style)
            )
        if receipt.why:
            output.console().print(output.styled(receipt.why, "bold red"))
        for path in receipt.moved[:SHOWN]:
            output.console().print(output.styled(f"{path}: moved meanwhile", "yellow"))
        counts = ", ".join(f"{count} {verdict}" for verdict, count in receipt.counts.items())
        seconds = (receipt.ended - receipt.began).total_seconds()
        print(f"{receipt.device}: {counts or 'nothing to write'}; {seconds:.1f} s")
    if not good:
        raise typer.Exit(UNPROVED)
