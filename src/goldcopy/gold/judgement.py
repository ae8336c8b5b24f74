"""The words of a judgement: the notes that are judged, what counts, what is refused and why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal

import msgspec

from goldcopy.gold.statement import Statement

PROPOSAL: Final = "gold.proposal"
APPROVAL: Final = "gold.approval"
REVOCATION: Final = "gold.revocation"

Reason = Literal[
    "unreadable",  # no statement, or not of this kind of note
    "forged",  # the signature is not over this statement
    "unknown-signer",  # the key is in no line of the allowed signers
    "wrong-person",  # the key is another person's
    "key-not-valid",  # for this purpose or at this time
    "other-vault",
    "other-device",
    "no-proposal",  # it answers a proposal that is not there
    "other-snapshot",
    "other-terms",  # scope, rules, end ... are not those proposed
    "same-person",  # who has approved already, or whose key has
    "expired",  # approved after its end
    "misdated",  # before what it answers, or later than it was kept
]
State = Literal["valid", "missing", "not-approved", "expired", "revoked"] | Reason


class GoldNote(msgspec.Struct, frozen=True):
    """A note of a vault, as far as it is about gold copies."""

    kind: str
    time: datetime
    """When the vault got it."""
    statement: str
    signature: str = ""
    """Armored; "" for a proposal that is not signed."""

    @classmethod
    def of(cls, kind: str, time: datetime, body: Mapping[str, object]) -> GoldNote:
        """From the body of a note; what is not there is "", which the judge refuses."""
        said, signature = (str(body.get(key, "")) for key in ("statement", "signature"))
        return cls(kind, time, said, signature)

    def body(self) -> dict[str, str]:
        """The body of the note, as it is kept."""
        return {"statement": self.statement, "signature": self.signature}


class Approval(msgspec.Struct, frozen=True):
    """A signature that counts."""

    by: str
    key: str
    """Fingerprint."""
    time: datetime


class Refusal(msgspec.Struct, frozen=True):
    """A note that does not count, and why."""

    reason: Reason
    kind: str
    by: str
    """Whom it says it is from; "" if it cannot be read."""
    why: str
    """A sentence for a person."""
    proposal: str = ""
    """Digest of the proposal that it is, or answers."""


class Candidate(msgspec.Struct):
    """A proposal, and who stands behind it."""

    statement: Statement
    proposer_key: str = ""
    """Fingerprint; "" if the proposal is not signed."""
    approvals: list[Approval] = []
    revoked: Approval | None = None
    revoked_why: str = ""
    complete: int = -1
    """Position of the note with which there were enough approvals; -1 if there are not."""


class Judgement(msgspec.Struct, frozen=True):
    """The gold copy of a device at one time."""

    state: State
    why: str
    """A sentence for a person; "" if it is valid."""
    gold: Candidate | None
    """What enough people have approved last, whatever became of it since."""
    pending: tuple[Candidate, ...]
    """Proposals that lack approvals, oldest first, neither revoked nor past their end."""
    refused: tuple[Refusal, ...]

    @property
    def valid(self) -> Statement | None:
        """The statement on the gold copy, if that is good now."""
        return self.gold.statement if self.gold and self.state == "valid" else None
