"""``goldcopy restore …``: known-good parameters back into a controller, and the proof of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from goldcopy.cli.options import DEFAULT_INVENTORY, UNPROVED, InventoryFile, Json
from goldcopy.cli.permitting import (
    BreakGlass,
    By,
    Hold,
    InRun,
    Key,
    Signer,
    Spare,
    approvals_of,
    approved,
    gold_of,
    held_for,
    keep_approval,
)

if TYPE_CHECKING:
    from rich.text import Text

    from goldcopy.inventory import Device
    from goldcopy.restore.means import Means
    from goldcopy.restore.receipt import Receipt
    from goldcopy.vault import Vault

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
    from goldcopy.cli.restore_plan import writes
    from goldcopy.restore.kept import find_plan

    plant = read_inventory(inventory)
    with opened(plant) as vault:
        found = find_plan(vault, name)
        (device,) = plant.select(found.device)[:1]
        people = keep_approval(plant, vault, found, by, key)
    short = found.digest[: output.SHORT]
    if as_json:
        body = {"plan": found.digest, "device": found.device, "by": by}
        output.emit(body | {"approvals": sorted(people)})
    else:
        print(f"{by} approves plan {short}: {writes(len(found.lines))} to {found.device}")
        print(approved(people, device.approvers, f"goldcopy restore apply {short} --by NAME"))


def apply(
    name: PlanName,
    by: By,
    spare: Spare = False,
    in_run: InRun = False,
    break_glass: BreakGlass = "",
    hold: Hold = "0s",
    inventory: InventoryFile = DEFAULT_INVENTORY,
    as_json: Json = False,
) -> None:
    """Carry out a plan, and prove each leaf by reading it back. Exit code 0 only if all are."""
    from goldcopy.cli.advice import advised
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
        approvals = approvals_of(plant, vault)

        async def work(means: Means) -> Receipt:
            return await carry_out(
                found,
                target,
                device,
                means,
                gold=gold,
                approvals=approvals,
                permit=permit,
            )

        with advised(vault.path, device.name, found.digest):
            receipt = run(vault, device, work, held_for(hold))
        show_receipt(receipt, as_json)


def list_(inventory: InventoryFile = DEFAULT_INVENTORY, as_json: Json = False) -> None:
    """Show what was restored, and what is not finished."""
    from goldcopy.cli import output
    from goldcopy.cli.advice import unended
    from goldcopy.cli.options import opened, read_inventory
    from goldcopy.restore.journal import unfinished

    with opened(read_inventory(inventory)) as vault:
        receipts = vault.notes("receipt")
        left = unfinished(vault.path)
        if as_json:
            output.emit({"receipts": receipts, "unfinished": [str(path) for path in left]})
            return
        output.table(
            ["when", "device", "plan", "by", "proved"],
            [
                [
                    output.local(note.time),
                    note.device,
                    str(note.body.get("plan", ""))[: output.SHORT],
                    str(note.body.get("permit", {}).get("by", note.by)),
                    _came_of(note.body),
                ]
                for note in receipts
            ],
        )
        for path in left:
            device, _, plan = path.stem.partition("@")
            text = f"{device}: restore {plan[: output.SHORT]} is at work, or was interrupted"
            output.console().print(output.styled(text, "bold red"))
            print(*unended(device), sep="\n")


# -- the parts -------------------------------------------------------------------------------------


def _came_of(body: Mapping[str, object]) -> Text | str:
    from goldcopy.cli import output

    if body.get("proved"):
        return "yes"
    if body.get("rolled_back"):
        return output.styled("no, and put back", "yellow")
    return output.styled("NO", "bold red")


def run(
    vault: Vault, device: Device, work: Callable[[Means], Awaitable[Receipt]], hold: float = 0.0
) -> Receipt:
    """Do something with a device that ends in a receipt, and show meanwhile how it goes on."""
    import asyncio

    from goldcopy.cli.restoring import restoring
    from goldcopy.registry import Registry
    from goldcopy.restore.means import Means

    async def main() -> Receipt:
        async with vault.writing() as writer:
            means = Means(vault, writer, Registry.installed(), hold=hold)
            async with restoring(device.name, means.watch):
                return await work(means)

    return asyncio.run(main())


def show_receipt(receipt: Receipt, as_json: bool, wanted_back: bool = False) -> None:
    """Print what came of a restore; exit code 4 if that is not as was wanted."""
    import sys

    from goldcopy.cli import output
    from goldcopy.cli.advice import after

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
            print(_verdict(receipt, wanted_back), *after(receipt), sep="\n", file=sys.stderr)
    if not good:
        raise typer.Exit(UNPROVED)
    if receipt.moved:  # as was wanted, and something beside it is not as it was
        raise typer.Exit(1)


def _verdict(receipt: Receipt, wanted_back: bool) -> str:
    """What a receipt that is not as was wanted comes to."""
    if wanted_back:
        return f"{receipt.device}: NOT all of it is as it was found"
    if receipt.rolled_back:
        return f"{receipt.device}: not restored; it is as it was found, which was read back"
    return f"{receipt.device}: NOT proved; what each value holds is said above"
