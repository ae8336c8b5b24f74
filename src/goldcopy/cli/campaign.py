"""``goldcopy campaign …``: many devices put back by one plan, one digest, wave after wave."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from goldcopy.cli.options import DEFAULT_INVENTORY, Devices, InventoryFile, Json
from goldcopy.cli.options import Zone as ZoneOption
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
from goldcopy.cli.restore import UNPROVED
from goldcopy.cli.restore_plan import LiveValues, Only

if TYPE_CHECKING:
    from goldcopy.inventory import Inventory
    from goldcopy.restore import Campaign, CampaignReceipt, GoldState, Job, Planned
    from goldcopy.snapshot import Snapshot
    from goldcopy.vault import Vault

Name = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="The start of its digest.")]


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
    from goldcopy.errors import Wrong
    from goldcopy.registry import Registry
    from goldcopy.restore import Means, Wanted, keep_plan, make_campaign, make_plans

    plant = read_inventory(inventory)
    devices = plant.select(*(names or ()), zone=zone)
    with opened(plant) as vault, sourced(plant, vault) as source:
        golds = {device.name: gold_of(plant, source, device) for device in devices}
        wanted = [
            Wanted(device, _loader(source, golds[device.name]), golds[device.name].scope)
            for device in devices
            if golds[device.name].valid
        ]

        without = {
            name: f"it has no valid gold copy: {gold.why}"
            for name, gold in golds.items()
            if not gold.valid
        }

        async def work() -> tuple[Planned, Campaign]:
            watch = Watch()
            async with vault.writing() as writer, watching(watch):
                means = Means(vault, writer, Registry.installed())
                found = await make_plans(
                    wanted,
                    means,
                    zones=plant.zones,
                    only=only or (),
                    values="all" if live_values else "settings",
                    watch=watch,
                )
                if not found.plans:
                    whys = without | found.refused | {o.device: o.error for o in found.outcomes}
                    said = "; ".join(f"{name}: {why}" for name, why in list(whys.items())[:5])
                    raise Wrong(f"there is no plan for any of these devices: {said}")
                made = make_campaign(found.plans, plant)
                for one in found.plans:
                    await keep_plan(vault, writer, one)
                await keep_plan(vault, writer, made)
                return found, made

        planned, campaign = asyncio.run(work())
    planned = planned._replace(refused=without | planned.refused)
    _show_plan(planned, campaign, as_json)
    if planned.refused or any(one.state != "kept" for one in planned.outcomes):
        raise typer.Exit(1)


def approve(
    name: Name,
    by: Signer,
    key: Key,
    inventory: InventoryFile = DEFAULT_INVENTORY,
    as_json: Json = False,
) -> None:
    """Approve a campaign, and so every plan in it, with your own key."""
    from goldcopy.cli import output
    from goldcopy.cli.options import opened, read_inventory
    from goldcopy.restore import find_campaign

    with opened(read_inventory(inventory)) as vault:
        found = find_campaign(vault, name)
        keep_approval(vault, found, by, key)
    if as_json:
        output.emit({"campaign": found.digest, "devices": len(found.parts), "by": by})
    else:
        print(f"{by} approves campaign {found.digest[:12]}: {len(found.parts)} devices")


def apply(
    name: Name,
    by: By,
    spare: Spare = False,
    in_run: InRun = False,
    break_glass: BreakGlass = "",
    inventory: InventoryFile = DEFAULT_INVENTORY,
    as_json: Json = False,
) -> None:
    """Carry a campaign out, wave after wave; called again after an interruption, it goes on."""
    import asyncio

    from goldcopy.cli.options import opened, read_inventory, sourced
    from goldcopy.cli.restoring import campaigning
    from goldcopy.registry import Registry
    from goldcopy.restore import CampaignWatch, Means, Permit, apply_campaign, find_campaign

    plant = read_inventory(inventory)
    with opened(plant) as vault, sourced(plant, vault) as source:
        found = find_campaign(vault, name)
        jobs = _jobs(plant, vault, source, found)
        permit = Permit(by, spare=spare, in_run=in_run, break_glass=break_glass)
        watch = CampaignWatch()

        async def work() -> CampaignReceipt:
            async with vault.writing() as writer, campaigning(watch):
                return await apply_campaign(
                    found,
                    jobs,
                    Means(vault, writer, Registry.installed()),
                    zones=plant.zones,
                    approvals=approvals_of(plant, vault),
                    permit=permit,
                    watch=watch,
                )

        receipt = asyncio.run(work())
    _show_receipt(receipt, as_json)
    if not receipt.proved:
        raise typer.Exit(UNPROVED)


# -- the parts -------------------------------------------------------------------------------------


def _loader(source: Vault, gold: GoldState) -> Callable[[], Snapshot]:
    return lambda: source.load(source.by_id(gold.snapshot)[0])


def _jobs(plant: Inventory, vault: Vault, source: Vault, found: Campaign) -> dict[str, Job]:
    from goldcopy.restore import Job, find_plan

    jobs: dict[str, Job] = {}
    for part in found.parts:
        (device,) = plant.select(part.device)[:1]
        one = find_plan(vault, part.plan)
        gold = gold_of(plant, source, device)
        target = _loader(source, type(gold)(True, "", one.target.snapshot, gold.scope))
        jobs[part.device] = Job(one, target, device, gold)
    return jobs


def _show_plan(planned: Planned, campaign: Campaign, as_json: bool) -> None:
    import msgspec

    from goldcopy.cli import output

    if as_json:
        output.emit(
            {
                "digest": campaign.digest,
                "campaign": msgspec.Raw(campaign.line),
                "refused": planned.refused,
                "outcomes": planned.outcomes,
            }
        )
        return
    by_device = {one.device: one for one in planned.plans}
    rows: list[output.Row] = []
    for number, wave in enumerate(campaign.waves, 1):
        for part in wave:
            one = by_device[part.device]
            rows.append(
                [
                    str(number),
                    part.device,
                    str(len(one.lines)),
                    str(len(one.left)),
                    str(one.unchanged),
                    part.plan[: output.SHORT],
                ]
            )
    titles = ["wave", "device", "writes", "not restorable", "as they should be", "plan"]
    output.table(titles, rows, right="wave writes")
    for name, why in planned.refused.items():
        output.console().print(output.styled(f"{name}: no plan: {why}", "red"))
    for outcome in planned.outcomes:
        if outcome.error:
            output.console().print(output.styled(outcome.error, "red"))
    print(f"campaign {campaign.digest[:12]}: stops after {campaign.stop_after} not proved")
    print(f"next: goldcopy campaign approve {campaign.digest[:12]} --by … --key …")
    print(f"then: goldcopy campaign apply {campaign.digest[:12]} --by …")


def _show_receipt(receipt: CampaignReceipt, as_json: bool) -> None:
    from goldcopy.cli import output
    from goldcopy.cli.restoring import STYLES

    if as_json:
        output.emit({"proved": receipt.proved, "receipt": receipt})
        return
    output.table(
        ["device", "state", "planned", "requests", "seconds", ""],
        [
            [
                one.device,
                output.styled(one.state, STYLES[one.state]),
                str(one.planned),
                str(one.groups),
                f"{one.seconds:.2f}",
                one.why,
            ]
            for one in receipt.results
        ],
        right="planned requests seconds",
    )
    proved = sum(one.state == "proved" for one in receipt.results)
    seconds = (receipt.ended - receipt.began).total_seconds()
    print(f"{proved} of {len(receipt.results)} devices proved in {seconds:.1f} s")
