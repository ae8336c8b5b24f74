"""What is new since it was told last: each state of a device is told once, not every night."""

from __future__ import annotations

import hashlib
from typing import Any, Final, NamedTuple

import msgspec

from goldcopy.drift.pairs import Pair
from goldcopy.report.night import Night, Subject
from goldcopy.vault import Vault

TOLD: Final = "report.told"
"""The kind of note that says which states people have been told of."""


class News(msgspec.Struct, frozen=True):
    """What people should be told now."""

    lines: tuple[str, ...]
    """A line for each device whose state is another than when it was told last."""
    states: dict[str, str]
    """Digest of the state of each device, to be kept once it was told."""

    @property
    def title(self) -> str:
        """One line over all of it."""
        return f"goldcopy: {len(self.lines)} news" if self.lines else "goldcopy: nothing new"


def news(vault: Vault, night: Night) -> News:
    """Hold a night against what was told last. Raises as ``Vault.notes``."""
    notes = vault.notes(TOLD)
    before = {str(k): str(v) for k, v in notes[-1].body.get("states", {}).items()} if notes else {}
    told = [_subject(one) for one in night.subjects] + [_pair(one) for one in night.pairs]
    states = {one.key: one.state for one in told}
    lines = [
        one.line
        for one in told
        # What is good from the start is no news; that it is good again is.
        if one.state != before.get(one.key) and not (one.good and one.key not in before)
    ]
    amiss = _digest(list(night.findings))
    if night.findings and before.get("") != amiss:
        lines = [*(f"vault: {finding}" for finding in night.findings), *lines]
    return News(tuple(lines), {**before, **states, "": amiss})


class _Told(NamedTuple):
    key: str
    state: str
    """The same as long as there is nothing else to say."""
    good: bool
    line: str


def _subject(one: Subject) -> _Told:
    verdict = one.standing.verdict
    drift = verdict.drift
    parts: list[object] = [verdict.word]
    if drift is not None:
        parts += [[f.path, f.sort, repr(f.new.value) if f.new else ""] for f in drift.findings]
        parts += [[told.field, told.new] for told in drift.identity]
        parts += [gap.path for gap in drift.gaps]
    line = _line(one.device.name, verdict.word, verdict.why)
    return _Told(one.device.name, _digest(parts), verdict.green, line)


def _pair(one: Pair) -> _Told:
    name = f"{one.device}, {one.sort} of {one.other}"
    parts: list[object] = [one.word, [f.path for f in one.findings]]
    parts += [[d.path, d.other] for d in one.disagreements]
    return _Told(name, _digest(parts), one.good, _line(name, one.word, one.why))


def _digest(parts: list[Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


def _line(name: str, word: str, why: str) -> str:
    return f"{name}: {word}" + (f" ({why})" if why else "")
