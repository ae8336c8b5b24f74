"""What came of a night, in one line and one exit code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import msgspec

from goldcopy.night.turns import Left
from goldcopy.report.night import Night


class Copies(msgspec.Struct, frozen=True):
    """What became of the replicas."""

    places: int = 0
    good: int = 0
    """Up to date, and not unlike the vault in any file that was compared."""
    findings: tuple[str, ...] = ()
    doubtful: bool = False
    """Whether the integrity of one of them, or of the vault, is in doubt."""


class Account(msgspec.Struct, frozen=True):
    """All that a night did."""

    night: Night
    left: tuple[Left, ...]
    vault: tuple[str, ...]
    """Why the vault's integrity is in doubt; none if what was proved is good."""
    copies: Copies
    trouble: tuple[str, ...]
    """What could not be done."""
    stale_after: timedelta
    seconds: float

    @property
    def stale(self) -> tuple[str, ...]:
        """The devices without a snapshot that is young enough, whatever else is amiss."""
        since = self.night.at - self.stale_after
        return tuple(
            one.device.name
            for one in self.night.subjects
            if one.standing.latest is None or one.standing.latest.facts.taken < since
        )

    @property
    def code(self) -> int:
        """The exit code (docs/cli.md): 0, 1 or 3, whichever is the worst."""
        if self.vault or self.copies.doubtful:
            return 3
        well = self.night.quiet and not self.trouble and not self.copies.findings
        return 0 if well and not self.stale else 1

    @property
    def line(self) -> str:
        """One line for a person and a log."""
        return f"goldcopy night: {', '.join(self._parts())} ({_spent(self.seconds)})"

    def _parts(self) -> Iterator[str]:
        subjects = self.night.subjects
        yield f"{self.night.green} of {len(subjects)} green"
        words = Counter(one.standing.verdict.word for one in subjects)
        for word, count in sorted(words.items(), key=lambda item: (-item[1], item[0])):
            if word != "green":
                yield f"{count} {word.replace('-', ' ')}"
        unlike = sum(not pair.good for pair in self.night.pairs)
        if unlike:
            yield f"{unlike} of {len(self.night.pairs)} pairs not good"
        if self.stale:
            yield f"{len(self.stale)} without a fresh snapshot"
        for sort, words_of in (("window", "outside their window"), ("back-off", "backing off")):
            count = sum(one.sort == sort for one in self.left)
            if count:
                yield f"{count} {words_of}"
        if self.copies.places:
            yield f"replicas {self.copies.good}/{self.copies.places}"
        yield "vault in doubt" if self.vault else "vault ok"
        if self.trouble:
            yield f"{len(self.trouble)} not done"


def _spent(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f}s"
    minutes = round(seconds / 60)
    return f"{minutes}m" if minutes < 60 else f"{minutes // 60}h{minutes % 60:02}m"
