"""How one snapshot differs from another, item by item."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

import msgspec

from goldcopy.snapshot.canonical import item_line
from goldcopy.snapshot.model import Gap, Identity, Item
from goldcopy.snapshot.whole import Snapshot

_RUN = re.compile(r"(.*?)(\d+)\.\.(\d+)")
_NUMBERED = re.compile(r"(.*?)(\d+)")

Sort = Literal["added", "removed", "changed", "unreadable"]


class Change(NamedTuple):
    """One item that is not as it was."""

    path: str
    sort: Sort
    """``unreadable``: it was read before, and now is a gap. That is not the same as removed."""
    old: Item | None
    new: Item | None
    why: str = ""
    """The gap's reason: where ``sort`` is ``unreadable``; where it is ``added``, of the gap that
    hid the item before."""


def same(old: Item, new: Item) -> bool:
    """Whether two items have one canonical form: NaN equals itself, 0.0 is not -0.0."""
    if (
        old == new
        and _plainly(old.value, new.value)
        and (old.low is new.low or _plainly(old.low, new.low))
        and (old.high is new.high or _plainly(old.high, new.high))
    ):
        return True
    if _plainly_not(old.value, new.value):
        return False
    return item_line(old) == item_line(new)


def _plainly_not(one: object, other: object) -> bool:
    """Whether two scalars surely have two forms: of one kind, and unequal, but no two NaNs."""
    kind = type(one)
    if kind is not type(other) or one == other or kind is tuple:
        return False
    return kind is not float or one == one or other == other


def _plainly(one: object, other: object) -> bool:
    """Whether two things that are ``==`` also have one form, as far as that is cheap to tell.

    True == 1 == 1.0 and 0.0 == -0.0, but their forms differ.
    """
    kind = type(one)
    if kind is not type(other) or kind is tuple:
        return False
    return kind is not float or one != 0.0 or math.copysign(1, one) == math.copysign(1, other)  # type: ignore[arg-type]


def diff(old: Snapshot, new: Snapshot) -> list[Change]:
    """All changes from ``old`` to ``new``, by path. Both are sorted, so it is one merge."""
    before, after = Cover(old.gaps), Cover(new.gaps)
    return [_explained(change, before, after) for change in _merge(old.items, new.items)]


def _merge(old: tuple[Item, ...], new: tuple[Item, ...]) -> Iterator[Change]:
    i = j = 0
    while i < len(old) and j < len(new):
        before, after = old[i], new[j]
        if before.path == after.path:
            if not same(before, after):
                yield Change(before.path, "changed", before, after)
            i += 1
            j += 1
        elif before.path < after.path:
            yield Change(before.path, "removed", before, None)
            i += 1
        else:
            yield Change(after.path, "added", None, after)
            j += 1
    yield from (Change(item.path, "removed", item, None) for item in old[i:])
    yield from (Change(item.path, "added", None, item) for item in new[j:])


class Cover:
    """Which gap hides a path: its own, one of a folder above it, or a run of numbers."""

    def __init__(self, gaps: Iterable[Gap]) -> None:
        self._gaps = {gap.path: gap for gap in gaps}
        self._runs: dict[str, list[tuple[int, int, Gap]]] = {}
        for gap in self._gaps.values():
            if run := _RUN.fullmatch(gap.path):
                self._runs.setdefault(run[1], []).append((int(run[2]), int(run[3]), gap))

    def of(self, path: str) -> Gap | None:
        """The gap that covers this path, if any."""
        if not self._gaps:
            return None
        folder = path
        while folder:
            if found := self._gaps.get(folder) or self._in_run(folder):
                return found
            folder = folder.rpartition("/")[0]
        return None

    def _in_run(self, path: str) -> Gap | None:
        numbered = _NUMBERED.fullmatch(path)
        if numbered is None:
            return None
        number = int(numbered[2])
        runs = self._runs.get(numbered[1], ())
        return next((gap for first, last, gap in runs if first <= number <= last), None)


def _explained(change: Change, before: Cover, after: Cover) -> Change:
    """Where a gap covers one side, nobody knows whether the item came or went: say so."""
    if change.sort == "removed" and (gap := after.of(change.path)):
        return change._replace(sort="unreadable", why=gap.reason)
    if change.sort == "added" and (gap := before.of(change.path)):
        return change._replace(why=gap.reason)
    return change


def identity_changes(old: Identity, new: Identity) -> list[tuple[str, str, str]]:
    """The fields of the identity that differ: name, old, new."""
    before, after = msgspec.structs.asdict(old), msgspec.structs.asdict(new)
    return [(name, before[name], after[name]) for name in before if before[name] != after[name]]


def gap_changes(old: Snapshot, new: Snapshot) -> tuple[list[Gap], list[Gap]]:
    """Gaps that have come and gaps that have gone."""
    return sorted(set(new.gaps) - set(old.gaps), key=lambda g: g.path), sorted(
        set(old.gaps) - set(new.gaps), key=lambda g: g.path
    )
