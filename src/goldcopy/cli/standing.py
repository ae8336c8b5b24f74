"""A device's standing and a pair's, for machines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldcopy.drift.change import Origin
    from goldcopy.drift.model import Finding
    from goldcopy.drift.pairs import Pair
    from goldcopy.gold.judgement import Judgement
    from goldcopy.report.night import Subject
    from goldcopy.snapshot import Item


def told_pair(one: Pair) -> dict[str, Any]:
    """A pair for machines."""
    import msgspec

    return msgspec.structs.asdict(one) | {
        "good": one.good,
        "findings": [_finding(finding, None) for finding in one.findings],
        "disagreements": [
            {
                "path": d.path,
                "other": d.other,
                "mine": _item(d.mine),
                "theirs": _item(d.theirs),
            }
            for d in one.disagreements
        ],
    }


def told(subject: Subject) -> dict[str, Any]:
    """A device for machines."""
    one = subject.standing
    drifted = one.verdict.drift
    return {
        "device": one.device,
        "state": one.verdict.word,
        "why": one.verdict.why,
        "gold": one.gold,
        "approved": _approved(one.judgement),
        "latest": one.latest,
        "severity": drifted.severity if drifted else None,
        "compared": drifted.compared if drifted else 0,
        "tolerated": drifted.tolerated if drifted else 0,
        "left_out": drifted.left_out if drifted else 0,
        "identity": [
            {
                "field": said.field,
                "severity": said.severity,
                "old": said.old,
                "new": said.new,
                "origin": subject.identity.get(said.field),
            }
            for said in (drifted.identity if drifted else ())
        ],
        "gaps": drifted.gaps if drifted else (),
        "findings": [
            _finding(finding, subject.origins.get(finding.path))
            for finding in (drifted.findings if drifted else ())
        ],
    }


def _approved(judgement: Judgement) -> Mapping[str, Any] | None:
    """By whom the gold copy was approved, until when, and which rules were signed with it."""
    if judgement.gold is None:
        return None
    said = judgement.gold.statement
    return {
        "by": [approval.by for approval in judgement.gold.approvals],
        "until": said.until,
        "ticket": said.ticket,
        "reason": said.reason,
        "scope": said.scope,
        "rules": said.masks,
    }


def _finding(finding: Finding, origin: Origin | None) -> Mapping[str, Any]:
    return {
        "path": finding.path,
        "sort": finding.sort,
        "severity": finding.severity,
        "old": _item(finding.old),
        "new": _item(finding.new),
        "moved": finding.moved,
        "why": finding.why,
        "origin": origin,
    }


def _item(item: Item | None) -> object:
    import msgspec

    from goldcopy.snapshot.canonical import item_line

    return msgspec.Raw(item_line(item)) if item else None
