"""What is new since it was told last: each state of a device is told once, not every night."""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

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
    states = {one.device.name: _state(one) for one in night.subjects}
    lines = [
        _line(one)
        for one in night.subjects
        if states[one.device.name] != before.get(one.device.name)
        # A device that is green from the start is no news; that one is green again is.
        and not (one.standing.verdict.green and one.device.name not in before)
    ]
    told = hashlib.sha256("\n".join(night.findings).encode()).hexdigest()
    if night.findings and before.get("") != told:
        lines = [*(f"vault: {finding}" for finding in night.findings), *lines]
    return News(tuple(lines), {**before, **states, "": told})


def _state(one: Subject) -> str:
    """The same as long as there is nothing else to say."""
    verdict = one.standing.verdict
    drift = verdict.drift
    parts: list[object] = [verdict.word]
    if drift is not None:
        parts += [[f.path, f.sort, repr(f.new.value) if f.new else ""] for f in drift.findings]
        parts += [[told.field, told.new] for told in drift.identity]
        parts += [gap.path for gap in drift.gaps]
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


def _line(one: Subject) -> str:
    verdict = one.standing.verdict
    return f"{one.device.name}: {verdict.word}" + (f" ({verdict.why})" if verdict.why else "")
