"""Which drills are due, by the standards, and whether restores become slower."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple

import msgspec

from goldcopy.drill.model import KIND, Drilled
from goldcopy.errors import Wrong
from goldcopy.vault import Vault

TREND: Final = 6
"""Last proved drills that a trend is made of."""
_SLOWER: Final = 1.5
"""Times the median of those before: slower than that is told."""


class Rule(NamedTuple):
    """What a standard wants, at the latest every so many months."""

    standard: str
    wants: str
    months: int
    operational: bool
    """Whether only an exercise on a real controller counts."""


RULES: Final = (
    Rule("CISA CPG 2.R", "backups are tested", 12, False),
    Rule("NERC CIP-009-6 R2.1", "recovery is tested", 15, False),
    Rule("NERC CIP-009-6 R2.3", "recovery is exercised operationally", 36, True),
)


class Term(msgspec.Struct, frozen=True):
    """One rule for one device."""

    standard: str
    wants: str
    last: datetime | None
    """The last drill that counts; None if there never was one."""
    until: datetime | None
    due: bool


class Due(msgspec.Struct, frozen=True):
    """What there is to drill of one device."""

    device: str
    terms: tuple[Term, ...]
    failing: tuple[str, ...]
    """The scenarios that did not pass when they were last drilled, each with the reason."""
    seconds: tuple[float, ...]
    """Of the last proved drills, oldest first."""
    trend: Literal["steady", "slower", "faster", ""]
    """Of the last one, against those before it; "" where there are too few."""

    @property
    def due(self) -> bool:
        """Whether any of the terms is over."""
        return any(term.due for term in self.terms)


def due(vault: Vault, devices: Iterable[str], now: datetime) -> list[Due]:
    """What is due of these devices at the time ``now``; "" is the vault. As ``Vault.notes``."""
    drills: dict[str, list[Drilled]] = {}
    for note in vault.notes(KIND):
        try:
            drills.setdefault(note.device, []).append(Drilled.of(note))
        except Wrong:
            continue  # what cannot be read proves nothing
    return [_device(name, drills.get(name, []), now) for name in devices]


def _device(name: str, drills: Sequence[Drilled], now: datetime) -> Due:
    proved = [one for one in drills if one.proved and one.state == "passed"]
    last = {one.scenario: one for one in drills if one.state != "not drilled"}
    seconds = tuple(one.seconds for one in proved if one.seconds is not None)[-TREND:]
    return Due(
        device=name,
        terms=tuple(_term(rule, proved, now) for rule in RULES if name),
        failing=tuple(f"{s}: {one.why}" for s, one in last.items() if one.state == "failed"),
        seconds=seconds,
        trend=_trend(seconds),
    )


def _term(rule: Rule, proved: Sequence[Drilled], now: datetime) -> Term:
    counts = [one.at for one in proved if one.scenario == "spare" or not rule.operational]
    last = max(counts, default=None)
    until = after(last, rule.months) if last else None
    return Term(rule.standard, rule.wants, last, until, until is None or now > until)


def _trend(seconds: Sequence[float]) -> Literal["steady", "slower", "faster", ""]:
    if len(seconds) < 2:
        return ""
    before = sorted(seconds[:-1])[(len(seconds) - 1) // 2]
    if seconds[-1] > _SLOWER * before:
        return "slower"
    return "faster" if seconds[-1] * _SLOWER < before else "steady"


def after(moment: datetime, months: int) -> datetime:
    """The same day so many calendar months later; the last one of a month that is shorter."""
    years, month = divmod(moment.month - 1 + months, 12)
    year, month = moment.year + years, month + 1
    day = min(moment.day, calendar.monthrange(year, month)[1])
    return moment.replace(year=year, month=month, day=day)
