"""The second half of the demo: gold copies, drift from them, and a restore that proves itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from goldcopy.drift.survey import Plant, Standing
    from goldcopy.inventory import Device
    from goldcopy.restore.receipt import Receipt
    from goldcopy.vault import Vault

ENGINEER, LEAD = "demo-engineer", "demo-shift-lead"


class Approvers:
    """Two people of the demo, whose keys are made for it and forgotten with it."""

    def __init__(self, vault: Vault) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        from goldcopy.gold import signers

        self.vault = vault
        self._keys = {name: Ed25519PrivateKey.generate() for name in (ENGINEER, LEAD)}
        self.signers = signers.parse("".join(_line(n, k) for n, k in self._keys.items()))

    def plant(self) -> Plant:
        """What a survey of the demo needs."""
        from goldcopy.drift.survey import Plant
        from goldcopy.registry import Registry

        now = datetime.now(UTC)
        return Plant(self.vault, self.signers, Registry.installed(), now, timedelta(hours=26))

    async def name_gold(self, devices: Sequence[Device]) -> None:
        """Propose and approve the last snapshot of each device, as two people do."""
        from goldcopy.gold import sshsig
        from goldcopy.gold.judgement import APPROVAL, PROPOSAL
        from goldcopy.gold.scope import gap_paths
        from goldcopy.gold.statement import Statement

        async with self.vault.writing() as writer:
            for device in devices:
                found = self.vault.load(self.vault.log(device.name)[0])
                # What nobody can read is left out of the scope, in plain sight.
                hidden = [path for gap in found.gaps for path in gap_paths(gap.path)]
                scope = ("**", *(f"!{path}" for path in hidden))
                now = datetime.now(UTC)
                made = Statement.propose(
                    found,
                    device.rules,
                    vault=self.vault.id,
                    by=ENGINEER,
                    reason="as commissioned",
                    until=now + timedelta(days=365),
                    time=now,
                    scope=scope,
                )
                answer = made.approval(LEAD, now)
                signature = sshsig.sign(answer.line, self._keys[LEAD])
                proposal = {"statement": made.line.decode(), "signature": ""}
                approval = {"statement": answer.line.decode(), "signature": signature}
                await writer.note(PROPOSAL, device.name, proposal)
                await writer.note(APPROVAL, device.name, approval)

    async def restore(self, device: Device, standing: Standing) -> Receipt:
        """Plan, approve and apply: what the device should hold, written and read back."""
        from goldcopy.gold import sshsig
        from goldcopy.gold.scope import Scope
        from goldcopy.registry import Registry
        from goldcopy.restore import Means, apply
        from goldcopy.restore.approval import APPROVAL, PlanApproval, approvals
        from goldcopy.restore.gates import GoldState, Permit
        from goldcopy.restore.plan import make_plan

        assert standing.gold is not None
        gold = standing.judgement.valid
        assert gold is not None
        scope = Scope(gold.scope)
        live = self.vault.load(self.vault.log(device.name)[0])
        target = self.vault.load(standing.gold)
        plan = make_plan(live, target, device, vault=self.vault.id, scope=scope)
        approval = PlanApproval.of(plan, LEAD)
        body = approval.body(sshsig.sign(approval.line, self._keys[LEAD]))
        async with self.vault.writing() as writer:
            await writer.note(APPROVAL, device.name, body)
            return await apply(
                plan,
                target,
                device,
                Means(self.vault, writer, Registry.installed()),
                gold=GoldState(True, "", gold.snapshot, scope),
                approvals=approvals(self.vault, self.signers),
                permit=Permit(ENGINEER, in_run=True),
            )


def _line(name: str, key: Ed25519PrivateKey) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return f'{name} namespaces="goldcopy" {public}\n'
