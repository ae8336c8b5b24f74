"""Who may restore what: the gold copy, the approvals, and what a person takes upon themselves."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from goldcopy.inventory import Device, Inventory
    from goldcopy.restore.approval import Approvable
    from goldcopy.restore.gates import Approvals, GoldState
    from goldcopy.vault import Vault

NOBODY = (
    "the inventory does not say who may approve; add: "
    "gold: {signers: ./allowed_signers, approvers: 1}"
)

Signer = Annotated[
    str, typer.Option("--by", metavar="NAME", help="Who you are, as the allowed signers say.")
]
Key = Annotated[
    Path, typer.Option("--key", metavar="SSH_KEY", help="Your SSH key, or its public half.")
]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who you are. Recorded.")]
Spare = Annotated[
    bool, typer.Option("--spare", help="A replacement: another serial or firmware is right.")
]
InRun = Annotated[
    bool, typer.Option("--in-run", help="Write although the controller runs its program.")
]
BreakGlass = Annotated[
    str,
    typer.Option(
        "--break-glass",
        metavar="REASON",
        help="Go on without approvals and gold copy. The reason is recorded.",
    ),
]
Hold = Annotated[
    str,
    typer.Option(
        "--hold", metavar="TIME", help="Read all once more after 5s, say: does it stay as written?"
    ),
]


def held_for(text: str) -> float:
    """Seconds of ``--hold``. Raises ``Wrong``."""
    from goldcopy.errors import Wrong
    from goldcopy.inventory import seconds_of

    seconds = seconds_of(text)
    if seconds is None:
        raise Wrong(f"--hold {text}: write it as 5s or 2m")
    return seconds


def keep_approval(
    plant: Inventory, vault: Vault, found: Approvable, by: str, key: Path
) -> Collection[str]:
    """Sign the approval of a plan or a campaign, and keep it; who has approved it by now.

    Raises ``Wrong`` if it does not count.
    """
    import asyncio

    from goldcopy.cli.signing import signature_of
    from goldcopy.errors import Wrong
    from goldcopy.gold import signers
    from goldcopy.restore.approval import APPROVAL, PlanApproval, heard

    if plant.gold is None:
        raise Wrong(NOBODY)
    made = PlanApproval.of(found, by)
    body = made.body(signature_of(made.line, key))

    async def keep() -> None:
        async with vault.writing() as writer:
            await writer.note(APPROVAL, found.device, body)

    asyncio.run(keep())
    known = signers.read(plant.gold.signers)
    said = [one for one in heard(vault, known) if one.plan == made.plan]
    people = {one.by for one in said if not one.why}
    if by not in people:
        where = f"who may approve is in {plant.gold.signers}"
        raise Wrong(f"this approval by {by} does not count: {said[-1].why}; {where}")
    return people


def approved(people: Collection[str], needed: int, then: str) -> str:
    """How far it is, in words, and what to do ``then``."""
    from goldcopy.cli.output import called

    names = ", ".join(sorted(people))
    so_far = f"{len(people)} of {needed} approvals: {names}"
    enough = len(people) >= needed
    return f"{so_far}\nnext: {called(then) if enough else 'the same by somebody else'}"


def gold_of(plant: Inventory, vault: Vault, device: Device) -> GoldState:
    """What is known of the gold copy of a device."""
    from goldcopy.cli.surveying import context
    from goldcopy.drift.survey import judged
    from goldcopy.gold.scope import Scope
    from goldcopy.restore.gates import GoldState

    if plant.gold is None:
        return GoldState(False, NOBODY)
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
