"""What the notes of a device amount to at a given time: its gold copy, and what was refused.

Pure, offline, from public keys only. Nothing that anybody writes into a vault can displace a gold
copy, but a newer proposal that enough people have signed, or a revocation that one of them has.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from goldcopy.errors import Wrong
from goldcopy.gold import sshsig
from goldcopy.gold.judgement import (
    APPROVAL,
    PROPOSAL,
    REVOCATION,
    Approval,
    Candidate,
    GoldNote,
    Judgement,
    Reason,
    Refusal,
    State,
)
from goldcopy.gold.signers import Signers
from goldcopy.gold.statement import Statement, parse

_ACTIONS: Final = {
    PROPOSAL: ("propose", "reattest"),
    APPROVAL: ("approve",),
    REVOCATION: ("revoke",),
}
SLACK: Final = timedelta(minutes=5)
"""By which the clocks of two machines may differ."""


class _Refused(Exception):
    def __init__(self, reason: Reason, why: str) -> None:
        super().__init__(why)
        self.reason: Reason = reason


def judge(
    notes: Iterable[GoldNote],
    signers: Signers,
    *,
    vault: str,
    device: str,
    approvers: int,
    at: datetime,
) -> Judgement:
    """Judge the notes of a device.

    Args:
        notes: its notes, oldest first; those later than ``at``, and of other kinds, are left out.
        signers: who may sign.
        vault: its id.
        device: its name.
        approvers: different people that must have approved; from two on, one of them at least is
            not who proposed: neither by name nor, where the proposal is signed, by key.
        at: the time to judge for.
    """
    court = _Court(signers, vault, device, approvers)
    for note in notes:
        if note.kind in _ACTIONS and note.time <= at:
            court.hear(note)
    return court.judgement(at)


class _Court:
    def __init__(self, signers: Signers, vault: str, device: str, approvers: int) -> None:
        self._signers = signers
        self._vault = vault
        self._device = device
        self._approvers = max(1, approvers)
        self._candidates: dict[str, Candidate] = {}
        self._refused: list[Refusal] = []
        self._heard = 0

    def hear(self, note: GoldNote) -> None:
        """Let a note count, or refuse it."""
        self._heard += 1
        statement: Statement | None = None
        try:
            statement = _read(note)
            self._about_this(statement)
            if note.kind == PROPOSAL:
                self._propose(statement, note)
            else:
                self._answer(statement, note)
        except _Refused as refusal:
            by = statement.by if statement else ""
            about = "" if statement is None else statement.proposal
            if statement is not None and note.kind == PROPOSAL:
                about = statement.digest
            self._refused.append(Refusal(refusal.reason, note.kind, by, str(refusal), about))

    def _about_this(self, statement: Statement) -> None:
        if statement.vault != self._vault:
            raise _Refused("other-vault", f"it is about the vault {statement.vault}, not this one")
        if statement.device != self._device:
            raise _Refused("other-device", f"it is about {statement.device}, not {self._device}")

    def _propose(self, statement: Statement, note: GoldNote) -> None:
        key = self._signed(statement, note).key if note.signature else ""
        # The same proposal again is nothing new: else an old gold copy could be made the newest.
        candidate = self._candidates.setdefault(statement.digest, Candidate(statement))
        candidate.proposer_key = candidate.proposer_key or key

    def _answer(self, statement: Statement, note: GoldNote) -> None:
        candidate = self._candidates.get(statement.proposal)
        if candidate is None:
            raise _Refused("no-proposal", f"there is no proposal {statement.proposal[:12]}")
        proposed = candidate.statement
        if (statement.snapshot, statement.settings) != (proposed.snapshot, proposed.settings):
            raise _Refused(
                "other-snapshot",
                f"it is about snapshot {statement.snapshot[:12]}, the proposal about "
                f"{proposed.snapshot[:12]}",
            )
        signed = self._signed(statement, note)
        if statement.time < proposed.time - SLACK:
            raise _Refused("misdated", "it is dated before the proposal that it answers")
        if note.kind == REVOCATION:
            candidate.revoked = candidate.revoked or signed
            candidate.revoked_why = candidate.revoked_why or statement.reason
        else:
            self._approve(candidate, statement, signed, note.time)

    def _approve(
        self, candidate: Candidate, statement: Statement, signed: Approval, kept: datetime
    ) -> None:
        proposed = candidate.statement
        terms = proposed.terms()
        differs = [key for key, said in statement.terms().items() if said != terms[key]]
        if differs:
            raise _Refused("other-terms", f"its {', '.join(differs)} is not as proposed")
        if max(signed.time, kept) > proposed.until:
            raise _Refused("expired", f"what it approves ended on {_day(proposed.until)}")
        for earlier in candidate.approvals:
            if earlier.by.casefold() == signed.by.casefold():
                raise _Refused("same-person", f"{signed.by} has approved it already")
            if earlier.key == signed.key:
                raise _Refused("same-person", f"its key is the one that {earlier.by} has used")
        candidate.approvals.append(signed)
        if candidate.complete < 0 and self._enough(candidate):
            candidate.complete = self._heard

    def _enough(self, candidate: Candidate) -> bool:
        """Whether enough different people approve, not the proposer alone where two are wanted."""
        proposer = candidate.statement.proposed_by.casefold()
        others = [
            one
            for one in candidate.approvals
            if one.by.casefold() != proposer and one.key != candidate.proposer_key
        ]
        return len(candidate.approvals) >= self._approvers and (
            self._approvers == 1 or bool(others)
        )

    def _signed(self, statement: Statement, note: GoldNote) -> Approval:
        """By whom a statement is signed; refused unless that is who it says it is from."""
        try:
            signature = sshsig.parse(note.signature)
            signature.verify(note.statement.encode())
        except Wrong as error:
            raise _Refused(
                "forged", f"the signature is not one of this statement: {error}"
            ) from None
        key = signature.key
        lines = self._signers.of(key)
        if not lines:
            raise _Refused("unknown-signer", f"the key {key.fingerprint} is nobody's")
        lines = [line for line in lines if line.is_for(statement.by)]
        if not lines:
            raise _Refused(
                "wrong-person", f"the key {key.fingerprint} is not one of {statement.by}"
            )
        if statement.time > note.time + SLACK:
            raise _Refused("misdated", "it is dated later than the vault got it")
        # Both: whoever has stolen a key that was taken out of use could date a statement back.
        for at in (statement.time, note.time):
            whys = [line.refusal(sshsig.NAMESPACE, at) for line in lines]
            if all(whys):
                raise _Refused("key-not-valid", f"{statement.by}: {whys[0]}")
        return Approval(statement.by, key.fingerprint, statement.time)

    def judgement(self, at: datetime) -> Judgement:
        """What it all amounts to."""
        candidates = list(self._candidates.values())
        gold = max(
            (c for c in candidates if c.complete >= 0), key=lambda c: c.complete, default=None
        )
        pending = tuple(
            c for c in candidates if c.complete < 0 and not c.revoked and c.statement.until >= at
        )
        state, why = self._state(gold, pending, at)
        return Judgement(state, why, gold, pending, tuple(self._refused))

    def _state(
        self, gold: Candidate | None, pending: tuple[Candidate, ...], at: datetime
    ) -> tuple[State, str]:
        if gold is not None:
            if gold.revoked is not None:
                by, day = gold.revoked.by, _day(gold.revoked.time)
                return "revoked", f"{by} revoked it on {day}: {gold.revoked_why}"
            if at > gold.statement.until:
                return "expired", f"it ended on {_day(gold.statement.until)}; attest it again"
            return "valid", ""
        if pending:
            return self._lacking(pending[-1])
        if self._refused:
            last = self._refused[-1]
            return last.reason, f"{last.by or 'a note'}: {last.why}"
        if any(candidate.revoked for candidate in self._candidates.values()):
            return "revoked", "what was proposed was revoked before enough people approved it"
        if self._candidates:
            return "expired", "what was proposed ended before enough people approved it"
        return "missing", "nobody has proposed one"

    def _lacking(self, latest: Candidate) -> tuple[State, str]:
        """Why a proposal is not a gold copy."""
        have = [one.by for one in latest.approvals]
        said = f"{len(have)} of {self._approvers} approvals"
        said += (f" ({', '.join(have)})" if have else "") + (
            f"; proposed by {latest.statement.proposed_by}"
        )
        if len(have) >= self._approvers:
            said += ", who is not enough alone"
        refused = [one for one in self._refused if one.proposal == latest.statement.digest]
        if refused:
            said += f"; refused: {refused[-1].by}: {refused[-1].why}"
        if refused and not have:
            return refused[-1].reason, said
        return "not-approved", said


def _read(note: GoldNote) -> Statement:
    try:
        statement = parse(note.statement.encode())
    except (Wrong, UnicodeEncodeError) as error:
        raise _Refused("unreadable", str(error)) from None
    if statement.action not in _ACTIONS[note.kind]:
        raise _Refused("unreadable", f"a {note.kind} with a statement to {statement.action}")
    return statement


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
