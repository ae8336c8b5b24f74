"""``goldcopy restore …``: known-good parameters back into a controller, and the proof of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from goldcopy.cli.options import DEFAULT_INVENTORY, InventoryFile, Json

if TYPE_CHECKING:
    from goldcopy.inventory import Device, Inventory
    from goldcopy.restore.apply import Means
    from goldcopy.restore.approval import Approvable
    from goldcopy.restore.gates import Approvals, GoldState
    from goldcopy.restore.model import Plan
    from goldcopy.restore.receipt import Receipt
    from goldcopy.snapshot import Snapshot
    from goldcopy.vault import Vault, Writer

UNPROVED = 4
SHOWN = 40
"""Writes and leaves shown; ``--json`` has all."""

Name = Annotated[str, typer.Argument(metavar="DEVICE")]
PlanName = Annotated[str, typer.Argument(metavar="PLAN", help="The start of a plan's digest.")]
Signer = Annotated[str, typer.Option("--by", help="Who you are, as the allowed signers say.")]
Key = Annotated[Path, typer.Option("--key", help="Your SSH key, or its public half.")]
By = Annotated[str, typer.Option("--by", help="Who applies it.")]
Spare = Annotated[
    bool, typer.Option("--spare", help="A replacement: another serial or firmware is right.")
]
InRun = Annotated[
    bool, typer.Option("--in-run", help="Write although the controller runs its program.")
]
BreakGlass = Annotated[
    str, typer.Option("--break-glass", help="Go on without approvals: the reason. Recorded.")
]
Only = Annotated[
    list[str] | None, typer.Option("--only", help="Globs of paths that may be written.")
]
LiveValues = Annotated[
    bool, typer.Option("--live-values", help="Put live values back too, as recorded.")
]


def plan(
    device: Name,
    to: Annotated[
        str, typer.Option("--to", help="The snapshot to go to; the gold copy, if none is named.")
    ] = "",
    only: Only = None,
    live_values: LiveValues = False,
    inventory: InventoryFile = DEFAULT_INVENTORY,
    as_json: Json = False,
) -> None:
    """Read the device, and list every write that would take it to a snapshot. Writes nothing."""
    import asyncio

    from goldcopy.cli.options import opened, read_inventory, sourced
    from goldcopy.errors import Unreachable
    from goldcopy.restore.kept import keep_plan
    from goldcopy.restore.plan import EVERYTHING, make_plan

    plant = read_inventory(inventory)
    (chosen,) = plant.select(device)[:1]
    with opened(plant) as vault, sourced(plant, vault) as source:
        gold = gold_of(plant, source, chosen) if plant.gold else None
        target = _target(source, chosen, to, gold)
        outcome = _pulled(plant, vault, chosen)
        if outcome:
            raise Unreachable(outcome)
        live = vault.load(vault.log(chosen.name)[0])
        scope = gold.scope if gold and gold.snapshot == target.id else EVERYTHING
        made = make_plan(
            live,
            target,
            chosen,
            vault=vault.id,
            only=only or (),
            scope=scope,
            values="all" if live_values else "settings",
        )

        async def keep() -> None:
            async with vault.writing() as writer:
                await keep_plan(vault, writer, made)

        asyncio.run(keep())
        _show_plan(made, chosen, as_json)


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

        async def work(writer: Writer) -> Receipt:
            return await carry_out(
                found,
                target,
                device,
                _means(vault, writer),
                gold=gold,
                approvals=approved,
                permit=permit,
            )

        _show_receipt(_run(vault, work), as_json)


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

        async def work(writer: Writer) -> Receipt:
            return await step(journals[-1], device, _means(vault, writer))

        receipt = _run(vault, work)
        _show_receipt(receipt, as_json, wanted_back=back)


def _run(vault: Vault, work: Callable[[Writer], Awaitable[Receipt]]) -> Receipt:
    import asyncio

    async def main() -> Receipt:
        async with vault.writing() as writer:
            return await work(writer)

    return asyncio.run(main())


def _means(vault: Vault, writer: Writer) -> Means:
    from goldcopy.registry import Registry
    from goldcopy.restore.apply import Means

    return Means(vault, writer, Registry.installed())


def keep_approval(vault: Vault, found: Approvable, by: str, key: Path) -> None:
    """Sign the approval of a plan or a campaign, and keep it."""
    import asyncio

    from goldcopy.cli.signing import signature_of
    from goldcopy.restore.approval import APPROVAL, PlanApproval

    made = PlanApproval.of(found, by)
    body = made.body(signature_of(made.line, key))

    async def keep() -> None:
        async with vault.writing() as writer:
            await writer.note(APPROVAL, found.device, body)

    asyncio.run(keep())


def gold_of(plant: Inventory, vault: Vault, device: Device) -> GoldState:
    """What is known of the gold copy of a device."""
    from goldcopy.cli.surveying import context
    from goldcopy.drift.survey import judged
    from goldcopy.gold.scope import Scope
    from goldcopy.restore.gates import GoldState

    if plant.gold is None:
        return GoldState(False, "the inventory does not say who may approve gold copies")
    judgement = judged(context(plant, vault), device)
    said = judgement.valid
    if said is None:
        return GoldState(False, judgement.why or judgement.state)
    return GoldState(True, "", said.snapshot, Scope(said.scope))


def approvals_of(plant: Inventory, vault: Vault) -> Approvals:
    """Who has approved a plan or a campaign, by its digest."""
    from goldcopy.gold import signers
    from goldcopy.restore.approval import approvals

    if plant.gold is None:
        return lambda digest: ()
    return approvals(vault, signers.read(plant.gold.signers))


def _target(vault: Vault, device: Device, to: str, gold: GoldState | None) -> Snapshot:
    from goldcopy.errors import Wrong

    if to and to != f"{device.name}@gold":
        return vault.load(vault.resolve(to))
    if gold is None or not gold.snapshot:
        why = gold.why if gold else "the inventory does not say who may approve one"
        raise Wrong(f"{device.name} has no valid gold copy ({why}); name a snapshot with --to")
    found = [entry for entry in vault.by_id(gold.snapshot) if entry.device == device.name]
    if not found:
        raise Wrong(f"the vault has no snapshot {gold.snapshot[:12]} of {device.name}")
    return vault.load(found[0])


def _pulled(plant: Inventory, vault: Vault, device: Device) -> str:
    """Read the device now; why it could not be read, if so."""
    import asyncio

    from goldcopy.cli.pull import pull_into

    (outcome,) = asyncio.run(pull_into(vault, [device], plant.zones, full=True))
    return "" if outcome.state == "kept" else outcome.error


def _show_plan(made: Plan, device: Device, as_json: bool) -> None:
    import msgspec

    from goldcopy.cli import output

    if as_json:
        output.emit({"digest": made.digest, "plan": msgspec.Raw(made.line)})
        return
    rows: list[output.Row] = []
    for write in made.writes[:SHOWN]:
        now = write.now
        low, high = (("" if x is None else f"{x:g}") for x in (now.low, now.high))
        rows.append(
            [
                write.path,
                output.value_text(now.type, now.value, now.unit),
                output.value_text(now.type, write.value, now.unit),
                f"{low}..{high}" if low or high else "",
                output.styled(", ".join(write.critical), "bold yellow"),
            ]
        )
    if rows:
        output.table(["write", "now", "to", "limits", "live"], rows)
    if len(made.lines) > SHOWN:
        print(f"and {len(made.lines) - SHOWN} writes more (--json has all)")
    for left in made.left[:SHOWN]:
        output.console().print(output.styled(f"not restored: {left.path}: {left.why}", "yellow"))
    print(
        f"plan {made.digest[:12]}: {len(made.lines)} writes, {len(made.left)} not restorable, "
        f"{made.unchanged} as they should be, {made.kept_live} live values stay as they are"
    )
    print(
        f"next: {device.approvers} times goldcopy restore approve {made.digest[:12]} --by … --key …"
    )
    print(f"then: goldcopy restore apply {made.digest[:12]} --by …")


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
