"""``goldcopy campaign …``: many devices put back by one plan, one digest, wave after wave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from goldcopy.cli.campaign_plan import loading
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
    from goldcopy.inventory import Inventory
    from goldcopy.restore import Campaign, CampaignReceipt, Job
    from goldcopy.vault import Vault

Name = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="The start of its digest.")]


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

    plant = read_inventory(inventory)
    with opened(plant) as vault:
        found = find_campaign(vault, name)
        needed = _needed(plant, found)
        people = keep_approval(plant, vault, found, by, key)
    short, devices = found.digest[: output.SHORT], len(found.parts)
    if as_json:
        body = {"campaign": found.digest, "devices": devices, "by": by}
        output.emit(body | {"approvals": sorted(people)})
    else:
        print(f"{by} approves campaign {short}: {devices} devices")
        print(approved(people, needed, f"goldcopy campaign apply {short} --by NAME"))


def apply(
    name: Name,
    by: By,
    spare: Spare = False,
    in_run: InRun = False,
    break_glass: BreakGlass = "",
    hold: Hold = "0s",
    inventory: InventoryFile = DEFAULT_INVENTORY,
    as_json: Json = False,
) -> None:
    """Carry a campaign out, wave after wave; called again after an interruption, it goes on."""
    import asyncio
    import sys

    from goldcopy.cli import output
    from goldcopy.cli.advice import either
    from goldcopy.cli.options import opened, read_inventory, sourced
    from goldcopy.cli.restoring import campaigning
    from goldcopy.errors import Unproved, VaultDamaged, VaultUnavailable
    from goldcopy.registry import Registry
    from goldcopy.restore import (
        CampaignWatch,
        Means,
        Permit,
        apply_campaign,
        find_campaign,
        unfinished,
    )

    plant = read_inventory(inventory)
    with opened(plant) as vault, sourced(plant, vault) as source:
        found = find_campaign(vault, name)
        jobs = _jobs(plant, vault, source, found)
        permit = Permit(by, spare=spare, in_run=in_run, break_glass=break_glass)
        watch, seconds = CampaignWatch(), held_for(hold)

        async def work() -> CampaignReceipt:
            async with vault.writing() as writer, campaigning(watch):
                return await apply_campaign(
                    found,
                    jobs,
                    Means(vault, writer, Registry.installed(), hold=seconds),
                    zones=plant.zones,
                    approvals=approvals_of(plant, vault),
                    permit=permit,
                    watch=watch,
                )

        again = f"goldcopy campaign apply {found.digest[: output.SHORT]} --by NAME"
        try:
            receipt = asyncio.run(work())
        except KeyboardInterrupt:
            print(*either(f"{again}   goes on where it was"), file=sys.stderr)
            raise
        except (VaultUnavailable, VaultDamaged) as error:
            if not any(unfinished(vault.path, part.device) for part in found.parts):
                raise
            then = either(f"{again}   goes on with what is not finished")
            raise Unproved("\n".join([str(error), *then])) from error
        _show_receipt(receipt, as_json)
        if not receipt.proved:
            print(*_next(plant, vault, found, receipt, again), sep="\n", file=sys.stderr)
            raise typer.Exit(UNPROVED)
        if any(one.moved for one in receipt.results):
            raise typer.Exit(1)


# -- the parts -------------------------------------------------------------------------------------


def _needed(plant: Inventory, found: Campaign) -> int:
    """How many have to approve, so that it is enough for each of its devices."""
    return max(plant.select(part.device)[0].approvers for part in found.parts)


def _next(
    plant: Inventory, vault: Vault, found: Campaign, receipt: CampaignReceipt, again: str
) -> list[str]:
    """Lines on what to do about a campaign that is not proved."""
    from goldcopy.cli.advice import GLASS, either
    from goldcopy.restore import unfinished

    people = approvals_of(plant, vault)(found.digest)
    if len(people) < _needed(plant, found) and not receipt.permit.break_glass.strip():
        short = found.digest[:12]
        return either(f"goldcopy campaign approve {short} --by NAME --key SSH_KEY", GLASS)
    left = [one.device for one in receipt.results if one.state != "proved"]
    if any(unfinished(vault.path, name) for name in left):
        return either(f"{again}   goes on with what is not finished")
    return either(f"goldcopy campaign plan {' '.join(left)}   once it is mended")


def _jobs(plant: Inventory, vault: Vault, source: Vault, found: Campaign) -> dict[str, Job]:
    from goldcopy.restore import Job, find_plan

    jobs: dict[str, Job] = {}
    for part in found.parts:
        (device,) = plant.select(part.device)[:1]
        one = find_plan(vault, part.plan, part.device)
        target = loading(source, one.target.snapshot)
        jobs[part.device] = Job(one, target, device, gold_of(plant, source, device))
    return jobs


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
                "; ".join(filter(None, [one.why, *(f"{path}: moved" for path in one.moved[:3])])),
            ]
            for one in receipt.results
        ],
        right="planned requests seconds",
    )
    proved = sum(one.state == "proved" for one in receipt.results)
    seconds = (receipt.ended - receipt.began).total_seconds()
    print(f"{proved} of {len(receipt.results)} devices proved in {seconds:.1f} s")
