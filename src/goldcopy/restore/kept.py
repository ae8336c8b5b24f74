"""Plans in the vault: kept once, found again by the beginning of their digest."""

from __future__ import annotations

from typing import Final, TypeVar

from goldcopy.errors import Wrong
from goldcopy.restore.campaign import Campaign
from goldcopy.restore.model import Plan
from goldcopy.vault import Vault, Writer

PLAN: Final = "plan"
CAMPAIGN: Final = "campaign"
P = TypeVar("P", Plan, Campaign)


async def keep_plan(vault: Vault, writer: Writer, plan: Plan | Campaign) -> None:
    """Keep a plan, unless the vault has it. A vault that cannot be read here gets it once more."""
    kind = PLAN if isinstance(plan, Plan) else CAMPAIGN
    if not vault.sealed:
        for note in vault.notes(kind, plan.device):
            if note.body.get("digest") == plan.digest:
                return
    await writer.note(kind, plan.device, {"digest": plan.digest, kind: plan.line.decode()})


def find_plan(vault: Vault, prefix: str, device: str | None = None) -> Plan:
    """The plan whose digest begins so; for a device, if told, which spares reading all others.

    Raises ``Wrong`` if there is none, or more than one.
    """
    return _sure(Plan.read(_line(vault, PLAN, prefix, device)), prefix)


def find_campaign(vault: Vault, prefix: str) -> Campaign:
    """The same for a campaign."""
    return _sure(Campaign.read(_line(vault, CAMPAIGN, prefix)), prefix)


def _line(vault: Vault, kind: str, prefix: str, device: str | None = None) -> str:
    found = {
        str(note.body["digest"]): str(note.body[kind])
        for note in vault.notes(kind, device)
        if str(note.body.get("digest", "")).startswith(prefix)
    }
    if len(found) != 1 or not prefix:
        group = "restore" if kind == PLAN else "campaign"
        many = f"{len(found)} {kind}s begin" if found else f"no {kind} begins"
        step = "give more of its digest" if found else f"goldcopy {group} plan makes one"
        raise Wrong(f"{many} with {prefix!r}: {step}")
    return next(iter(found.values()))


def _sure(plan: P, prefix: str) -> P:
    """The digest is of the plan itself, whatever the note says."""
    if not plan.digest.startswith(prefix):
        raise Wrong(f"the {PLAN} {prefix} is not what its digest says")
    return plan
