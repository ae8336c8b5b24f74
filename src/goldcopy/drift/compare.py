"""A snapshot held against a gold copy: what a person has to look at, and nothing else.

Settings within the scope count, by the rules that were signed with the gold copy. Process values do
not drift. What cannot be compared is told as such and is never equal.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Final

import msgspec

from goldcopy.drift.model import Drift, Finding, Identified
from goldcopy.drift.moved import Sections, moved, without_role
from goldcopy.gold.scope import Scope, gap_paths, touches
from goldcopy.inventory import Rule, Rules, Severity
from goldcopy.snapshot import Gap, Item, Snapshot
from goldcopy.snapshot.diff import Change, diff, identity_changes, same

_IDENTITY: Final[dict[str, Severity]] = {"name": "medium"}
"""What a controller says of itself weighs high, but for the name that a person gave to it."""


def compare(
    gold: Snapshot,
    now: Snapshot,
    rules: Rules,
    scope: Scope | None = None,
    sections: Sections | None = None,
) -> Drift:
    """How ``now`` differs from ``gold``.

    Args:
        gold: the gold copy.
        now: another snapshot of the same device.
        rules: those that were signed with the gold copy; they decide what is a setting.
        scope: what the gold copy speaks of; everything if None.
        sections: how the driver takes blocks apart; None if they are compared as a whole.
    """
    return _Comparison(gold, now, rules, scope or Scope(["**"]), sections).drift()


class _Comparison:
    def __init__(
        self, gold: Snapshot, now: Snapshot, rules: Rules, scope: Scope, sections: Sections | None
    ) -> None:
        self._gold = gold
        self._now = now
        self._rules = rules
        self._scope = scope
        self._sections = sections
        self._tolerated = 0

    def drift(self) -> Drift:
        findings = tuple(self._findings())
        return Drift(
            findings=findings,
            identity=tuple(self._identity()),
            gaps=self._gaps(self._now),
            gold_gaps=self._gaps(self._gold),
            compared=sum(self._counts(self._gold)),
            tolerated=self._tolerated,
            left_out=sum(not setting for setting in self._counts(self._now)),
        )

    def _counts(self, snapshot: Snapshot) -> Iterator[bool]:
        """For each item in the scope, whether it is a setting."""
        # A snapshot that was pulled with these very rules has the roles that they give.
        ruled = snapshot.rules == self._rules.digest
        everything = self._scope.everything
        for item in snapshot.items:
            if everything or item.path in self._scope:
                role = None if ruled else self._rules.role(item.path)
                yield (role or item.role) == "setting"

    def _identity(self) -> Iterator[Identified]:
        if self._gold.driver != self._now.driver:
            yield Identified("driver", "high", self._gold.driver, self._now.driver)
        for field, old, new in identity_changes(self._gold.identity, self._now.identity):
            yield Identified(field, _IDENTITY.get(field, "high"), old, new)

    # -- items ---------------------------------------------------------------------------------

    def _findings(self) -> Iterator[Finding]:
        for change in diff(self._gold, self._now):
            if change.path in self._scope and self._is_setting(change):
                finding = self._finding(change)
                if finding is not None:
                    yield finding

    def _is_setting(self, change: Change) -> bool:
        """By the signed rules; where they say nothing, if it is one on either side."""
        role = self._rules.role(change.path)
        if role is not None:
            return role == "setting"
        sides = (change.old, change.new)
        return any(item is not None and item.role == "setting" for item in sides)

    def _finding(self, change: Change) -> Finding | None:
        rule = self._rules.rule(change.path)
        severity: Severity = (rule.severity if rule else None) or "medium"
        old, new = change.old, change.new
        if old is None or new is None:
            return Finding(change.path, change.sort, severity, old, new, why=change.why)
        if old.role != new.role:
            masked = new.role != "setting"
            old, new = without_role(old), without_role(new)
            alike = same(old, new)
            if masked:
                why = "by what was signed it is a setting, by the rules of this pull it is none"
                names = () if alike else self._moved(old, new)[0]
                return Finding(change.path, "masked", severity, change.old, change.new, names, why)
            if alike:
                return None
        if (old.type, old.kind) != (new.type, new.kind):
            return Finding(change.path, "retyped", severity, change.old, change.new)
        if self._is_tolerated(old, new):
            self._tolerated += 1
            return None
        names, slight, why = self._moved(old, new)
        if slight and (rule is None or rule.severity is None):
            severity = "low"
        return Finding(change.path, "changed", severity, change.old, change.new, names, why)

    def _moved(self, old: Item, new: Item) -> tuple[tuple[str, ...], bool, str]:
        return moved(self._gold, self._now, old, new, self._sections)

    def _is_tolerated(self, old: Item, new: Item) -> bool:
        """Whether only the value moved, and not far."""
        tolerance = self._rules.tolerance(old.path)
        if tolerance is None or not tolerance.covers(old.type, old.value, new.value):
            return False
        return same(msgspec.structs.replace(old, value=new.value), new)

    # -- gaps ----------------------------------------------------------------------------------

    def _gaps(self, snapshot: Snapshot) -> tuple[Gap, ...]:
        return tuple(
            gap
            for gap in snapshot.gaps
            if self._scope.touched_by(gap.path) and not self._is_masked(gap)
        )

    def _is_masked(self, gap: Gap) -> bool:
        """Whether surely nothing that a gap hides is a setting, by the signed rules."""
        return all(map(self._masks, gap_paths(gap.path)))

    def _masks(self, path: str) -> bool:
        """Whether the rules mask a path, and all below it unless it is known to be an item."""
        rules = self._rules
        if rules.role(path) not in ("process", "diagnostic"):
            return False
        if path in self._gold.by_path:
            return True
        below = rules.rule(path + "/\0")
        if below is None or below.role == "setting":
            return False
        place = self._places[below]
        return not any(place < later and touches(match, path) for later, match in self._named)

    @cached_property
    def _places(self) -> dict[Rule, int]:
        """Rule -> where it stands, last."""
        return {rule: place for place, rule in enumerate(self._rules.rules)}

    @cached_property
    def _named(self) -> list[tuple[int, str]]:
        """The rules that make something a setting: where they stand, and what they match."""
        rules = enumerate(self._rules.rules)
        return [(place, rule.match) for place, rule in rules if rule.role == "setting"]
