"""The report as one HTML page: opens offline, loads nothing, prints well, needs no script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import jinja2

from goldcopy.drift.model import ORDER, Finding
from goldcopy.inventory import Rules
from goldcopy.report.night import Night, Subject
from goldcopy.report.text import sides, value_of
from goldcopy.snapshot.values import plain

_FOLDER = Path(__file__).parent
MOST = 200
"""Findings, gaps and rules shown of one device; all of them are in the JSON beside the page."""

_TONES = {"green": "good", "drift": "bad", "no-gold": "open", "gold-not-approved": "open"}
_GRAVE = ("gold-refused", "gold-mismatch", "other-device")
"""Somebody may be at work here: as grave as a setting that weighs high."""


class Mask(NamedTuple):
    """Rules that people have signed, and for which devices."""

    rules: Rules
    devices: list[str]


def page(night: Night) -> str:
    """The whole page. A device chooses names and values, so all text is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        finalize=_shown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"moment": _moment, "sides": sides, "value": value_of, "tone": tone}
    words = Counter(one.standing.verdict.word for one in night.subjects)
    subjects = sorted(night.subjects, key=_rank)
    return environment.get_template("page.html.j2").render(
        night=night,
        words=sorted(words.items(), key=lambda pair: (pair[0] == "green", -pair[1])),
        loud=[one for one in subjects if not one.standing.verdict.green],
        quiet=[one for one in subjects if one.standing.verdict.green],
        broken=[one for one in night.pairs if not one.good],
        whole=[one for one in night.pairs if one.good],
        masks=_masks(subjects),
        ranked=_ranked,
        most=MOST,
    )


def tone(word: str) -> str:
    """How a word looks: good, open (nobody has decided yet) or bad."""
    return _TONES.get(word, "bad")


def _shown(value: object) -> object:
    return plain(value) if type(value) is str else value


def _rank(one: Subject) -> tuple[int, int, str]:
    """The worst first; the quiet ones at the end."""
    verdict = one.standing.verdict
    severity = verdict.drift.severity if verdict.drift else None
    weight = severity or ("high" if verdict.word in _GRAVE else "medium")
    tones = {"bad": 0, "open": 1, "good": 2}
    return tones[tone(verdict.word)], -ORDER[weight], one.device.name


def _ranked(one: Subject) -> list[Finding]:
    drift = one.standing.verdict.drift
    found = drift.findings if drift else ()
    return sorted(found, key=lambda finding: (-ORDER[finding.severity], finding.path))


def _masks(subjects: Iterable[Subject]) -> list[Mask]:
    """What is not compared, or not exactly, and where: each set of signed rules once."""
    found: dict[str, Mask] = {}
    for one in subjects:
        gold = one.standing.judgement.gold
        if gold is not None and gold.statement.ruleset.rules:
            rules = gold.statement.ruleset
            found.setdefault(rules.digest, Mask(rules, [])).devices.append(one.device.name)
    return sorted(found.values(), key=lambda mask: mask.devices)


def _moment(when: datetime | None) -> str:
    return f"{when.astimezone():%Y-%m-%d %H:%M}" if when else "never"
