"""Plans in the vault: kept once, found again by the beginning of their digest."""

from __future__ import annotations

from goldcopy.errors import Wrong
from goldcopy.restore.model import Plan
from goldcopy.vault import Vault, Writer

PLAN = "plan"


async def keep_plan(vault: Vault, writer: Writer, plan: Plan) -> None:
    """Keep a plan, unless the vault has it. A vault that cannot be read here gets it once more."""
    if not vault.sealed:
        for note in vault.notes(PLAN, plan.device):
            if note.body.get("digest") == plan.digest:
                return
    body = {"digest": plan.digest, "plan": plan.line.decode()}
    await writer.note(PLAN, plan.device, body)


def find_plan(vault: Vault, prefix: str) -> Plan:
    """The plan whose digest begins so. Raises ``Wrong`` if there is none, or more than one."""
    found = {
        note.body["digest"]: note.body["plan"]
        for note in vault.notes(PLAN)
        if str(note.body.get("digest", "")).startswith(prefix)
    }
    if len(found) != 1 or not prefix:
        raise Wrong(f"{len(found)} plans begin with {prefix!r}; goldcopy restore plan makes one")
    ((digest, line),) = found.items()
    plan = Plan.read(str(line))
    if plan.digest != digest:
        raise Wrong(f"the plan {prefix} is not what its digest says")
    return plan
