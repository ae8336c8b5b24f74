"""``goldcopy campaign plan``: what would take many devices to their gold copies, in waves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import typer

from goldcopy.cli.options import DEFAULT_INVENTORY, Devices, InventoryFile, Json
from goldcopy.cli.options import Zone as ZoneOption
from goldcopy.cli.permitting import gold_of
from goldcopy.cli.restore_plan import LiveValues, Only

if TYPE_CHECKING:
    from goldcopy.errors import Wrong
    from goldcopy.inventory import Inventory
    from goldcopy.restore import Campaign, Plan, Planned, Refusal
    from goldcopy.snapshot import Snapshot
    from goldcopy.vault import Vault

NAMED = 5
"""Devices named in one line."""


def plan(
    names: Devices = None,
    zone: ZoneOption = "",
    only: Only = None,
    live_values: LiveValues = False,
    inventory: InventoryFile = DEFAULT_INVENTORY,
    as_json: Json = False,
) -> None:
    """Read devices, and plan what would take each to its gold copy, in waves. Writes nothing."""
    import asyncio

    from goldcopy.cli.options import opened, read_inventory, sourced
    from goldcopy.cli.progress import watching
    from goldcopy.collect import Watch
    from goldcopy.registry import Registry
    from goldcopy.restore import Means, Wanted, keep_plan, make_campaign, make_plans

    plant = read_inventory(inventory)
    devices = plant.select(*(names or ()), zone=zone)
    with opened(plant) as vault, sourced(plant, vault) as source:
        golds = {device.name: gold_of(plant, source, device) for device in devices}
        without = {
            name: f"it has no valid gold copy: {gold.why}"
            for name, gold in golds.items()
            if not gold.valid
        }
        wanted = [
            Wanted(device, loading(source, golds[device.name].snapshot), golds[device.name].scope)
            for device in devices
            if device.name not in without
        ]
        watch = Watch()

        async def work() -> tuple[Planned, Campaign]:
            async with vault.writing() as writer, watching(watch):
                found = await make_plans(
                    wanted,
                    Means(vault, writer, Registry.installed()),
                    zones=plant.zones,
                    only=only or (),
                    values="all" if live_values else "settings",
                    watch=watch,
                )
                found = found._replace(refused=without | found.refused)
                if not found.plans:
                    raise _none(found)
                made = make_campaign(found.plans, plant)
                for one in found.plans:
                    await keep_plan(vault, writer, one)
                await keep_plan(vault, writer, made)
                return found, made

        planned, campaign = asyncio.run(work())
        against = {one.device: _against(plant, vault, one) for one in planned.plans}
        _show_plan(planned, campaign, against, as_json)
    if planned.refused or any(one.state != "kept" for one in planned.outcomes):
        raise typer.Exit(1)


# -- the parts -------------------------------------------------------------------------------------


def loading(source: Vault, snapshot: str) -> Callable[[], Snapshot]:
    """Loads a snapshot once it is asked for."""
    return lambda: source.load(source.by_id(snapshot)[0])


def _none(found: Planned) -> Wrong:
    from goldcopy.errors import Wrong

    whys = found.refused | {one.device: one.error for one in found.outcomes if one.error}
    said = [f"{name}: {why.removeprefix(f'{name}: ')}" for name, why in whys.items()]
    more = [f"and {len(said) - NAMED} more"] if len(said) > NAMED else []
    return Wrong(f"no plan for any of these devices: {'; '.join([*said[:NAMED], *more])}")


def _against(plant: Inventory, vault: Vault, made: Plan) -> list[Refusal]:
    """What would have one device refused, by what is known without reading it again."""
    from goldcopy.restore.gates import Permit, may_be_written, who

    (device,) = plant.select(made.device)[:1]
    permit = Permit("")
    return [
        *may_be_written(made, device, vault.id),
        *who(made, device, made.live.identity, permit),
    ]


def _show_plan(
    planned: Planned, campaign: Campaign, against: Mapping[str, list[Refusal]], as_json: bool
) -> None:
    import msgspec

    from goldcopy.cli import output
    from goldcopy.cli.advice import steps

    if as_json:
        output.emit(
            {
                "digest": campaign.digest,
                "campaign": msgspec.Raw(campaign.line),
                "refused": planned.refused,
                "refusals": {
                    name: [one._asdict() for one in found] for name, found in against.items()
                },
                "outcomes": planned.outcomes,
            }
        )
        return
    by_device = {one.device: one for one in planned.plans}
    rows: list[output.Row] = []
    for number, wave in enumerate(campaign.waves, 1):
        for part in wave:
            one = by_device[part.device]
            counts = (len(one.lines), len(one.left), one.unchanged)
            why = "; ".join(refusal.why for refusal in against[part.device])
            said = output.styled(f"not yet: {why}" if why else "", "yellow")
            rows.append([str(number), part.device, *map(str, counts), said])
    titles = ["wave", "device", "writes", "not restorable", "as they should be", ""]
    output.table(titles, rows, right="wave writes not-restorable as-they-should-be")
    for name, text in planned.refused.items():
        output.console().print(output.styled(f"{name}: no plan: {text}", "red"))
    for outcome in planned.outcomes:
        if outcome.error:
            output.console().print(output.styled(outcome.error, "red"))
    short = campaign.digest[: output.SHORT]
    print(f"campaign {short}: stops after {campaign.stop_after} not proved")
    found = [one for refusals in against.values() for one in refusals]
    for step in steps(found, "DEVICE", ""):
        print(step)
    print(output.called(f"next: goldcopy campaign approve {short} --by NAME --key SSH_KEY"))
    print(output.called(f"then: goldcopy campaign apply {short} --by NAME"))
