"""``goldcopy restore plan``: every write that would take a device to a snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from goldcopy.cli.options import DEFAULT_INVENTORY, InventoryFile, Json
from goldcopy.cli.permitting import gold_of

if TYPE_CHECKING:
    from goldcopy.inventory import Device, Inventory
    from goldcopy.restore.gates import GoldState
    from goldcopy.restore.model import Plan
    from goldcopy.snapshot import Snapshot
    from goldcopy.vault import Vault

SHOWN = 40
"""Writes shown; ``--json`` has all."""

Name = Annotated[str, typer.Argument(metavar="DEVICE")]
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


# -- the parts -------------------------------------------------------------------------------------


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
