"""Who has approved a plan: signed statements on its digest, in the vault as notes.

The same signatures as for gold copies (SSHSIG, ``ssh-keygen -Y``), over another statement: one can
never be taken for the other.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from functools import cached_property
from typing import Final, NamedTuple, Protocol

import msgspec

from goldcopy.errors import Wrong
from goldcopy.gold import sshsig
from goldcopy.gold.signers import Signers
from goldcopy.restore.gates import Approvals
from goldcopy.vault import Note, Vault

FORMAT: Final = "goldcopy-plan-approval/1"
APPROVAL: Final = "plan.approval"


class Approvable(Protocol):
    """A plan, or a campaign of many."""

    @property
    def vault(self) -> str:
        """Id of the vault in which it counts."""
        ...

    @property
    def device(self) -> str:
        """Its name; empty for many."""
        ...

    @property
    def digest(self) -> str:
        """What is approved."""
        ...


class PlanApproval(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True
):
    """What a person signs: this plan, for this device (or this campaign), now."""

    format: str = FORMAT
    vault: str
    device: str
    plan: str
    """Digest of the plan."""
    by: str
    """A principal of the ``allowed_signers`` file."""
    time: datetime

    @classmethod
    def of(cls, plan: Approvable, by: str) -> PlanApproval:
        """The approval of a plan or a campaign, to be signed by this person."""
        now = datetime.now(UTC).replace(microsecond=0)
        return cls(vault=plan.vault, device=plan.device, plan=plan.digest, by=by, time=now)

    @cached_property
    def line(self) -> bytes:
        """The bytes to sign, line feed included."""
        return msgspec.json.encode(self).replace(b"\x7f", b"\\u007f") + b"\n"

    def body(self, signature: str) -> dict[str, object]:
        """The body of the note."""
        return {"statement": self.line.decode(), "signature": signature}


class Heard(NamedTuple):
    """One approval, and why it does not count; "" if it does."""

    plan: str
    by: str
    why: str


def approvals(vault: Vault, signers: Signers) -> Approvals:
    """Who has approved the plan with a given digest; what does not count is left out."""

    def people(digest: str) -> Collection[str]:
        return {one.by for one in heard(vault, signers) if one.plan == digest and not one.why}

    return people


def heard(vault: Vault, signers: Signers) -> list[Heard]:
    """All approvals of plans, oldest first. Raises as ``Vault.notes``."""
    found: list[Heard] = []
    keys: dict[str, set[str]] = {}
    for note in vault.notes(APPROVAL):
        statement, key, why = _judged(note, vault.id, signers)
        if statement is None:
            found.append(Heard("", "", why))
            continue
        used = keys.setdefault(statement.plan, set())
        if not why and key in used:  # one person under two names
            why = "this key has approved the plan already"
        used.add(key)
        found.append(Heard(statement.plan, statement.by, why))
    return found


def read(line: bytes) -> PlanApproval:
    """A statement as it was signed. Raises ``Wrong`` unless it is one in its only form."""
    try:
        statement = msgspec.json.decode(line, type=PlanApproval)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Wrong(f"no approval of a plan: {error}") from None
    if statement.format != FORMAT or statement.line != line:
        raise Wrong("no approval of a plan in its canonical form")
    return statement


def _judged(note: Note, vault: str, signers: Signers) -> tuple[PlanApproval | None, str, str]:
    try:
        line = str(note.body.get("statement", "")).encode()
        statement = read(line)
        signature = sshsig.parse(str(note.body.get("signature", "")))
        signature.verify(line)
    except Wrong as error:
        return None, "", f"forged, or not readable: {error}"
    key = signature.key.fingerprint
    if (statement.vault, statement.device) != (vault, note.device):
        return statement, key, "it is about another device, or of another vault"
    lines = [one for one in signers.of(signature.key) if one.is_for(statement.by)]
    if not lines:
        return statement, key, f"the key {key} is not one of {statement.by}"
    # Both times: whoever has a key that was taken out of use could date a statement back.
    for at in (statement.time, note.time):
        whys = [one.refusal(sshsig.NAMESPACE, at) for one in lines]
        if all(whys):
            return statement, key, whys[0]
    return statement, key, ""
