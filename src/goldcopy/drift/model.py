"""Drift as data: what differs from a gold copy, and what could not be compared."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from goldcopy.inventory import Severity
from goldcopy.snapshot import Gap, Item

Sort = Literal["changed", "retyped", "added", "removed", "masked", "unreadable"]
"""``retyped``: the path is there, with another type or kind. ``masked``: a setting by what was
signed, and none by this pull's rules. ``unreadable``: a gap hides it now."""

ORDER: Final[dict[Severity, int]] = {"low": 0, "medium": 1, "high": 2}


class Finding(msgspec.Struct, frozen=True, gc=False):
    """One setting that is not as in the gold copy."""

    path: str
    sort: Sort
    severity: Severity
    old: Item | None
    """In the gold copy."""
    new: Item | None
    moved: tuple[str, ...] = ()
    """What of it moved, where more can be said than "its value": ``unit``, ``label``; parts of a
    block (``code``, ``interface``); members of a structure's definition."""
    why: str = ""
    """The gap's reason, or what else there is to know."""


class Identified(msgspec.Struct, frozen=True):
    """Something that the controller says of itself and that is not as in the gold copy."""

    field: str
    """``firmware``, ``serial``, ``mode`` ..., or ``driver``."""
    severity: Severity
    old: str
    new: str


class Drift(msgspec.Struct, frozen=True):
    """How a snapshot differs from a gold copy, within the scope."""

    findings: tuple[Finding, ...]
    """By path."""
    identity: tuple[Identified, ...]
    gaps: tuple[Gap, ...]
    """Of the snapshot, where they may hide something of the scope."""
    gold_gaps: tuple[Gap, ...]
    """The same, of the gold copy."""
    compared: int
    """Settings of the gold copy in the scope."""
    tolerated: int
    """Those that moved within their tolerance."""
    left_out: int
    """Items of the snapshot that are in the scope and not compared: the rules, or the driver,
    say that they are no setting."""

    @property
    def severity(self) -> Severity | None:
        """The highest of all that differs; None if nothing does."""
        found = [one.severity for one in self.findings]
        found += [one.severity for one in self.identity]
        return max(found, key=ORDER.__getitem__, default=None)
