"""``goldcopy restore plan``: every write that would take a device to a snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from goldcopy.cli.options import DEFAULT_INVENTORY, InventoryFile, Json
from goldcopy.cli.permitting import approvals_of, gold_of

if TYPE_CHECKING:
    from goldcopy.cli import output
    from goldcopy.inventory import Device, Inventory
    from goldcopy.restore.gates import GoldState, Refusal
    from goldcopy.restore.model import Plan, Write
    from goldcopy.snapshot import Snapshot
    from goldcopy.vault import Vault

SHOWN = 40
"""Writes shown; ``--json`` has all."""
PARTS_SHOWN = 8
"""Places shown of one array, or one block of bytes."""

Name = Annotated[str, typer.Argument(metavar="DEVICE")]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="GLOB", help="Paths that may be written; as often as needed."),
]
LiveValues = Annotated[
    bool, typer.Option("--live-values", help="Put live values back too, as recorded.")
]


class Sides(NamedTuple):
    """From where to where a plan goes."""

    live: Snapshot
    target: Snapshot


def plan(
    device: Name,
    to: Annotated[
        str,
        typer.Option("--to", metavar="SNAPSHOT", help="Where to go; the gold copy, if not told."),
    ] = "",
    only: Only = None,
    live_values: LiveValues = False,
    inventory: InventoryFile = DEFAULT_INVENTORY,
    as_json: Json = False,
) -> None:
    """Read the device, and list every write that would take it to a snapshot. Writes nothing."""
    import asyncio

    import msgspec

    from goldcopy.cli import output
    from goldcopy.cli.advice import advised
    from goldcopy.cli.options import opened, read_inventory, sourced
    from goldcopy.restore.journal import unfinished
    from goldcopy.restore.kept import keep_plan
    from goldcopy.restore.plan import EVERYTHING, make_plan

    plant = read_inventory(inventory)
    (chosen,) = plant.select(device)[:1]
    with opened(plant) as vault, sourced(plant, vault) as source:
        gold = gold_of(plant, source, chosen)
        target = _target(source, chosen, to, gold)
        with advised(vault.path, chosen.name):
            _pull(plant, vault, chosen)
        live = vault.load(vault.log(chosen.name)[0])
        scope = gold.scope if gold.snapshot == target.id else EVERYTHING
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
        sides = Sides(live, target)
        against = _speaking_against(plant, vault, made, sides, gold)
        if as_json:
            refusals = [one._asdict() for one in against]
            output.emit(
                {"digest": made.digest, "plan": msgspec.Raw(made.line), "refusals": refusals}
            )
        else:
            _show_plan(made, sides, against, unfinished(vault.path, chosen.name))


# -- the parts -------------------------------------------------------------------------------------


def _target(vault: Vault, device: Device, to: str, gold: GoldState) -> Snapshot:
    from goldcopy.errors import Wrong

    if to and to != f"{device.name}@gold":
        return vault.load(vault.resolve(to))
    if not gold.snapshot:
        raise Wrong(
            f"{device.name} has no valid gold copy: {gold.why}\n"
            f"next: goldcopy log {device.name}   lists its snapshots; name one with --to"
        )
    found = [entry for entry in vault.by_id(gold.snapshot) if entry.device == device.name]
    if not found:
        raise Wrong(f"the vault has no snapshot {gold.snapshot[:12]} of {device.name}")
    return vault.load(found[0])


def _pull(plant: Inventory, vault: Vault, device: Device) -> None:
    """Read the device now. Raises ``Unreachable``."""
    import asyncio

    from goldcopy.cli.pull import pull_into
    from goldcopy.errors import Unreachable

    (outcome,) = asyncio.run(pull_into(vault, [device], plant.zones, full=True))
    if outcome.state != "kept":
        raise Unreachable(outcome.error)


def _speaking_against(
    plant: Inventory, vault: Vault, made: Plan, sides: Sides, gold: GoldState
) -> list[Refusal]:
    """What would have it refused, were it applied now by somebody who takes nothing upon them."""
    from goldcopy.restore.gates import Permit, before, on_device

    (device,) = plant.select(made.device)[:1]
    permit = Permit("")
    found = before(
        made,
        sides.target,
        device,
        vault=vault.id,
        gold=gold,
        approvals=approvals_of(plant, vault),
        permit=permit,
    )
    return [*found, *on_device(made, device, sides.live, permit)]


def _show_plan(made: Plan, sides: Sides, against: Sequence[Refusal], left: Sequence[Path]) -> None:
    from goldcopy.cli import output
    from goldcopy.cli.advice import steps, unended
    from goldcopy.cli.pull import grouped, named

    rows = [row for write in made.writes[:SHOWN] for row in _rows(write, sides)]
    if rows:
        output.table(["write", "now", "to", "limits", "critical"], rows)
    if len(made.lines) > SHOWN:
        print(f"and {len(made.lines) - SHOWN} writes more (--json has all)")
    for why, paths in grouped((one.why, one.path) for one in made.left).items():
        output.console().print(output.styled(f"not restored: {named(paths)}: {why}", "yellow"))
    counts = {
        "not restorable": len(made.left),
        "as they should be": made.unchanged,
        "live values stay as they are": made.kept_live,
    }
    said = [
        writes(len(made.lines)),
        *(f"{n} {what}" for what, n in counts.items() if n),
    ]
    print(f"plan {made.digest[:12]}: {', '.join(said)}")
    if not made.lines:
        use = "prove nothing" if made.left else "read the device once more, to prove that"
        print(f"nothing is to be written; applying it would {use}")
    for path in left:
        text = f"not yet: restore {path.stem.partition('@')[2][: output.SHORT]} was interrupted"
        output.console().print(output.styled(text, "bold red"))
        print(*unended(made.device), sep="\n")
    for refusal in against:
        output.console().print(output.styled(f"not yet: {refusal.why}", "yellow"))
    for step in steps(against, made.device, made.digest):
        print(step)
    print(output.called(f"then: goldcopy restore apply {made.digest[:12]} --by NAME"))


def writes(number: int) -> str:
    """So many writes, in words."""
    return f"{number} write{'' if number == 1 else 's'}"


def _rows(write: Write, sides: Sides) -> Iterator[output.Row]:
    """A row for the write; for an array or bytes one for each place that is to change."""
    from goldcopy.cli import output
    from goldcopy.cli.diff import joined, parts
    from goldcopy.snapshot.diff import Change

    now, critical = write.now, output.styled(", ".join(write.critical), "bold yellow")
    low, high = (("" if x is None else f"{x:g}") for x in (now.low, now.high))
    limits = f"{low}..{high}" if low or high else ""
    found = parts(Change(write.path, "changed", now, write.wanted), sides.live, sides.target)
    for part in found[:PARTS_SHOWN]:
        old = output.value_text(part.type, part.old, now.unit)
        new = output.value_text(part.type, part.new, now.unit)
        yield [write.path + joined(part), old, new, limits, critical]
    if len(found) > PARTS_SHOWN:
        yield [write.path, f"and {len(found) - PARTS_SHOWN} places more", "", "", critical]
    if not found:
        old = output.value_text(now.type, now.value, now.unit)
        new = output.value_text(now.type, write.value, now.unit)
        yield [write.path, old, new, limits, critical]
