"""What the vault can prove of the plant, against ATT&CK for ICS (M0953, Data Backup) and standards.

Nothing is claimed that is not in the vault: where there is no record, it says "no evidence".
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import msgspec

from goldcopy.report.night import Night, Subject
from goldcopy.vault import Vault

DRILL: Final = "drill"
"""The kind of note that a drill leaves; its body says ``proved``."""
VERIFIED: Final = timedelta(days=30)
"""So long ago at most a replica may have been compared with the vault."""
DRILLED: Final = timedelta(days=15 * 30)
"""CIP-009-6 R2: recovery is tested every 15 calendar months."""

_JUDGED: Final = ("green", "drift", "gaps")
"""Words that come of a comparison with what the device holds now."""
NEEDS: Final = ("fresh snapshot", "valid gold copy", "verified replica", "passed drill")
_ALL: Final = NEEDS
_KNOWN_GOOD: Final = NEEDS[:3]


class Technique(NamedTuple):
    """A technique that M0953 mitigates, and what recovery from it takes."""

    id: str
    name: str
    needs: Sequence[str]


# https://attack.mitre.org/mitigations/M0953/: the techniques that backups mitigate.
TECHNIQUES: Final = (
    Technique("T0892", "Change Credential", _ALL),
    Technique("T0809", "Data Destruction", _ALL),
    Technique("T0813", "Denial of Control", _ALL),
    Technique("T0815", "Denial of View", _ALL),
    Technique("T0826", "Loss of Availability", _ALL),
    Technique("T0827", "Loss of Control", _ALL),
    Technique("T0828", "Loss of Productivity and Revenue", _ALL),
    Technique("T0829", "Loss of View", _ALL),
    # Seeing the manipulation and knowing what was right is what these take first.
    Technique("T0831", "Manipulation of Control", _KNOWN_GOOD),
    Technique("T0832", "Manipulation of View", _KNOWN_GOOD),
)


class Standing(msgspec.Struct, frozen=True):
    """What there is of one device."""

    device: str
    has: dict[str, bool]
    why: dict[str, str]
    """Of what it lacks, in words."""

    def lacks(self, needs: Sequence[str]) -> list[str]:
        """Which of these it does not have."""
        return [need for need in needs if not self.has[need]]


class Requirement(NamedTuple):
    """One line of a standard, and the evidence for it."""

    standard: str
    clause: str
    wants: str
    evidence: str
    """"no evidence" where there is none."""


def standings(vault: Vault, night: Night, max_age: timedelta) -> list[Standing]:
    """What there is of each device. Raises as ``Vault.notes``."""
    replica, replica_why = _replica(night)
    drills = _drills(vault)
    found = []
    for one in night.subjects:
        name, latest = one.device.name, one.standing.latest
        fresh = latest is not None and night.at - latest.facts.taken <= max_age
        drilled = drills.get(name, _Drilled(night.at, passed=False, why="no evidence"))
        has = {
            "fresh snapshot": fresh and not _holes(one),
            "valid gold copy": not _gold_why(one),
            "verified replica": replica,
            "passed drill": drilled.passed and night.at - drilled.at <= DRILLED,
        }
        why = {
            "fresh snapshot": _snapshot_why(latest is not None, fresh),
            "valid gold copy": _gold_why(one),
            "verified replica": replica_why,
            "passed drill": drilled.why,
        }
        found.append(Standing(name, has, {need: why[need] for need in NEEDS if not has[need]}))
    return found


def _holes(one: Subject) -> int:
    """What could not be read, of what the gold copy speaks of; of all, where there is none."""
    drift, latest = one.standing.verdict.drift, one.standing.latest
    return len(drift.gaps) if drift else latest.gaps if latest else 0


def _snapshot_why(there: bool, fresh: bool) -> str:
    if not there:
        return "no evidence"
    return "the last one has gaps" if fresh else "the last one is too old"


def _replica(night: Night) -> tuple[bool, str]:
    if not night.replicas:
        return False, "no evidence: the inventory names no replica"
    good = [
        one.replica
        for one in night.replicas
        if not one.behind and one.last.verified and night.at - one.last.verified <= VERIFIED
    ]
    return bool(good), "" if good else "no replica is up to date and was lately verified"


class _Drilled(NamedTuple):
    at: datetime
    passed: bool
    why: str


def _drills(vault: Vault) -> dict[str, _Drilled]:
    """The last drill of each device that says anything: a restore was proved, or a drill failed."""
    found = {}
    for note in vault.notes(DRILL):
        state, day = note.body.get("state"), f"{note.time:%Y-%m-%d}"
        if state == "failed":
            why = f"the one of {day} failed: {note.body.get('why', '')}"
            found[note.device] = _Drilled(note.time, passed=False, why=why)
        elif state == "passed" and note.body.get("proved") is True:
            found[note.device] = _Drilled(note.time, passed=True, why=f"the last was {day}")
    return found


def _gold_why(one: Subject) -> str:
    """Why there is no gold copy that a restore could use; "" if there is."""
    verdict = one.standing.verdict
    if one.standing.judgement.state != "valid":
        return one.standing.judgement.why
    return f"{verdict.word}: {verdict.why}" if verdict.word.startswith("gold-") else ""


# -- ATT&CK ----------------------------------------------------------------------------------------


def layer(night: Night, found: Sequence[Standing]) -> dict[str, Any]:
    """A layer for the ATT&CK Navigator (format 4.5, domain ICS)."""
    return {
        "name": f"M0953 Data Backup, {night.at:%Y-%m-%d}",
        "versions": {"attack": "16", "navigator": "5.1.0", "layer": "4.5"},
        "domain": "ics-attack",
        "description": (
            f"Share of {len(found)} devices with all that recovery takes, by evidence in the "
            f"goldcopy vault {night.vault}."
        ),
        "techniques": [_scored(technique, found) for technique in TECHNIQUES],
        "gradient": {"colors": ["#ff6666", "#ffe766", "#8ec843"], "minValue": 0, "maxValue": 100},
        "sorting": 3,
        "hideDisabled": False,
    }


def _scored(technique: Technique, found: Sequence[Standing]) -> dict[str, Any]:
    short = [one for one in found if one.lacks(technique.needs)]
    # Rounded down: 100 is said only where nothing falls short.
    score = 100 * (len(found) - len(short)) // len(found) if found else 0
    lines = [f"{one.device}: lacks {', '.join(one.lacks(technique.needs))}" for one in short]
    return {
        "techniqueID": technique.id,
        "score": score,
        "enabled": True,
        "comment": "\n".join(lines) or "no evidence" * (not found),
        "metadata": [{"name": "wants", "value": ", ".join(technique.needs)}],
    }


# -- standards -------------------------------------------------------------------------------------


def requirements(night: Night, found: Sequence[Standing]) -> list[Requirement]:
    """The clauses on backup and recovery, each with the evidence that the vault has for it."""

    def share(need: str) -> str:
        have = sum(one.has[need] for one in found)
        return f"{have} of {len(found)} devices: {need}" if have else "no evidence"

    verified = "; ".join(
        f"{one.replica} compared {one.last.verified:%Y-%m-%d}"
        for one in night.replicas
        if one.last.verified
    )
    gold, drills = share("valid gold copy"), share("passed drill")
    judged = sum(one.standing.verdict.word in _JUDGED for one in night.subjects)
    monitored = f"{judged} of {len(found)} devices compared with their gold copy at this report"
    rows = [
        ("IEC 62443-3-3", "SR 7.3", "backups of user-level and system-level information",
         share("fresh snapshot")),
        ("IEC 62443-3-3", "SR 7.3 RE 1", "the reliability of backups is verified", verified),
        ("IEC 62443-3-3", "SR 7.4", "recovery to a known secure state after a failure", drills),
        ("NIST SP 800-53", "CP-9", "backups, kept confidential, intact and available",
         share("verified replica")),
        ("NIST SP 800-53", "CP-9(1)", "backups are tested for reliability", verified),
        ("NIST SP 800-53", "CP-10", "recovery to a known state within a set time", drills),
        ("NERC CIP-009-6", "R1.4", "backups are verified to have completed",
         share("fresh snapshot")),
        ("NERC CIP-009-6", "R2", "recovery is tested every 15 months", drills),
        ("NERC CIP-010-4", "R1", "a baseline of each system is named and approved", gold),
        ("NERC CIP-010-4", "R2", "the baseline is watched for change every 35 days",
         monitored if judged else ""),
    ]  # fmt: skip
    return [Requirement(a, b, c, evidence or "no evidence") for a, b, c, evidence in rows]
