"""The report as one HTML page: opens offline, loads nothing, prints well, needs no script."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path

import jinja2

from goldcopy.drift.model import ORDER, Finding
from goldcopy.report.night import Night, Subject
from goldcopy.report.text import sides

_FOLDER = Path(__file__).parent
FINDINGS = 200
"""Shown of one device; all of them are in the JSON beside the page."""

_TONES = {"green": "good", "drift": "bad", "no-gold": "open", "gold-not-approved": "open"}


def page(night: Night) -> str:
    """The whole page. A device chooses names and values, so all text is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"moment": _moment, "sides": sides, "tone": tone}
    words = Counter(one.standing.verdict.word for one in night.subjects)
    return environment.get_template("page.html.j2").render(
        night=night,
        words=sorted(words.items(), key=lambda pair: (pair[0] != "green", -pair[1])),
        subjects=sorted(night.subjects, key=_rank),
        ranked=_ranked,
        most=FINDINGS,
    )


def tone(word: str) -> str:
    """How a word looks: good, open (nobody has decided yet) or bad."""
    return _TONES.get(word, "bad")


def _rank(one: Subject) -> tuple[int, int, str]:
    """The worst first; the quiet ones at the end."""
    verdict = one.standing.verdict
    severity = verdict.drift.severity if verdict.drift else None
    tones = {"bad": 0, "open": 1, "good": 2}
    return tones[tone(verdict.word)], -ORDER[severity] if severity else 1, one.device.name


def _ranked(one: Subject) -> list[Finding]:
    drift = one.standing.verdict.drift
    found = drift.findings if drift else ()
    return sorted(found, key=lambda finding: (-ORDER[finding.severity], finding.path))


def _moment(when: datetime | None) -> str:
    return f"{when.astimezone():%Y-%m-%d %H:%M}" if when else "never"
