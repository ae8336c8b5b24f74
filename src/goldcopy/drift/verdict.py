"""The one word for a device. It is green for one reason only, and each other word has its own.

Pure: the same facts give the same word. First comes what makes a comparison worthless: no good gold
copy, no pull of now. Then what differs for sure, then what could not be seen.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

from goldcopy.drift.compare import compare
from goldcopy.drift.known import Pulled, Unknown, unknown
from goldcopy.drift.model import Drift
from goldcopy.drift.moved import Sections
from goldcopy.gold.judgement import Judgement, State
from goldcopy.gold.scope import Scope
from goldcopy.snapshot import Snapshot

Word = (
    Literal[
        "green",  # the gold copy is valid, the pull complete and fresh, and nothing differs
        "drift",
        "no-gold",  # nobody has proposed one
        "gold-not-approved",
        "gold-expired",
        "gold-revoked",
        "gold-refused",  # forged, by the wrong person, of another device: the judge's reason tells
        "gold-lost",  # approved, and the vault does not have the snapshot
        "gold-mismatch",  # the snapshot at hand is not the one that was signed
        "gold-incomplete",  # it has gaps in its own scope
        "other-rules",  # pulled with rules that were not signed
        "gaps",
    ]
    | Unknown
)
_GOLD: Final[dict[State, Word]] = {
    "missing": "no-gold",
    "not-approved": "gold-not-approved",
    "expired": "gold-expired",
    "revoked": "gold-revoked",
}


class Verdict(msgspec.Struct, frozen=True):
    """What is to be said of a device."""

    word: Word
    why: str
    """A sentence for a person; "" if it is green."""
    drift: Drift | None = None
    """The comparison, wherever one could be made, even if it does not count."""

    @property
    def green(self) -> bool:
        """Whether nobody needs to look."""
        return self.word == "green"


def verdict(
    device: str,
    judgement: Judgement,
    gold: Snapshot | None,
    pulled: Pulled,
    *,
    at: datetime,
    max_age: timedelta,
    sections: Sections | None = None,
) -> Verdict:
    """Judge a device.

    Args:
        device: its name.
        judgement: of its gold copy, for the time ``at``.
        gold: the snapshot that ``judgement`` names, if the vault has it.
        pulled: what is known of the device itself.
        at: now.
        max_age: a snapshot older than this says nothing about now.
        sections: how the driver takes blocks apart.
    """
    trouble = _no_gold(device, judgement, gold, at)
    if trouble is not None:
        return Verdict(*trouble)
    drift = _compared(judgement, gold, pulled.snapshot, sections)
    trouble = _no_pull(device, judgement, pulled, at, max_age)
    if trouble is not None:
        return Verdict(*trouble, drift)
    assert drift is not None, "a valid gold copy and a snapshot can be compared"
    # What surely differs is told before what could not be seen.
    if drift.identity or any(one.sort != "unreadable" for one in drift.findings):
        return Verdict("drift", _said(drift), drift)
    trouble = _incomplete(drift)
    return Verdict(*trouble, drift) if trouble else Verdict("green", "", drift)


Trouble = tuple[Word, str] | None


def _compared(
    judgement: Judgement, gold: Snapshot | None, now: Snapshot | None, sections: Sections | None
) -> Drift | None:
    if judgement.valid is None or gold is None or now is None:
        return None
    statement = judgement.valid
    return compare(gold, now, statement.ruleset, Scope(statement.scope), sections)


def _no_gold(device: str, judgement: Judgement, gold: Snapshot | None, at: datetime) -> Trouble:
    """Why there is nothing to compare with."""
    statement = judgement.valid
    if statement is None:
        return _GOLD.get(judgement.state, "gold-refused"), judgement.why or judgement.state
    if statement.device != device:
        return "gold-refused", f"the gold copy is one of {statement.device}"
    if at > statement.until:
        return "gold-expired", f"it ended at {statement.until:%Y-%m-%d %H:%M} UTC"
    if gold is None:
        return "gold-lost", f"the vault has no snapshot {statement.snapshot[:12]}"
    if (gold.id, gold.settings, gold.device) != (statement.snapshot, statement.settings, device):
        return "gold-mismatch", f"snapshot {gold.id[:12]} is not the one that was signed"
    return None


def _no_pull(
    device: str, judgement: Judgement, pulled: Pulled, at: datetime, max_age: timedelta
) -> Trouble:
    """Why nothing is known of the device as it is now, or not enough."""
    trouble = unknown(device, pulled, at, max_age)
    if trouble is not None:
        return trouble
    now, statement = pulled.snapshot, judgement.valid
    if now is not None and statement is not None and now.rules != statement.rules:
        return "other-rules", (
            "it was pulled with rules that are not those signed with the gold copy; "
            "take the change of rules back, or attest the gold copy again"
        )
    return None


def _incomplete(drift: Drift) -> Trouble:
    """Why the comparison did not see all that it speaks of."""
    if drift.gold_gaps:
        gap, more = drift.gold_gaps[0], len(drift.gold_gaps) - 1
        what = f"{gap.path}{f' and {more} more' if more else ''}"
        return "gold-incomplete", (
            f"the gold copy lacks {what}: {gap.reason}; "
            "propose one that has it, or leaves it out of its scope (--but-gaps)"
        )
    if not drift.compared:
        return "empty", "the gold copy has no setting in its scope"
    if drift.gaps or drift.findings:
        if not drift.gaps:
            return "gaps", f"{drift.findings[0].path} cannot be read: {drift.findings[0].why}"
        gap, more = drift.gaps[0], len(drift.gaps) - 1
        also = f", and {more} more" if more else ""
        return "gaps", f"{gap.path} cannot be read: {gap.reason}{also}"
    return None


def _said(drift: Drift) -> str:
    counts = {"identity": len(drift.identity)}
    for finding in drift.findings:
        counts[finding.sort] = counts.get(finding.sort, 0) + 1
    return ", ".join(f"{count} {sort}" for sort, count in counts.items() if count)
