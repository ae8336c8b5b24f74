"""Who may restore what: the gold copy, the approvals, and what a person takes upon themselves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from goldcopy.inventory import Device, Inventory
    from goldcopy.restore.approval import Approvable
    from goldcopy.restore.gates import Approvals, GoldState
    from goldcopy.vault import Vault

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
