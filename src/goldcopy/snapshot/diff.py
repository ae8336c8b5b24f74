"""How one snapshot differs from another, item by item."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

import msgspec

from goldcopy.snapshot.canonical import item_line
from goldcopy.snapshot.model import Gap, Identity, Item, Snapshot
from goldcopy.snapshot.values import Value, array_of, to_json

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


class Element(NamedTuple):
    """One array element that is not as it was."""

    number: int
    """0-based, in the flat order of the array."""
    old: Value | None
    new: Value | None


def same(old: Item, new: Item) -> bool:
    """Whether two items have one canonical form: NaN equals itself, 0.0 is not -0.0."""
    if (
        old == new
        and _plainly(old.value, new.value)
        and (old.low is new.low or _plainly(old.low, new.low))
        and (old.high is new.high or _plainly(old.high, new.high))
    ):
        return True
    return item_line(old) == item_line(new)


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
    before = {gap.path: gap.reason for gap in old.gaps}
    after = {gap.path: gap.reason for gap in new.gaps}
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


def covering(path: str, gaps: Mapping[str, str]) -> str | None:
    """The path of the gap that covers this path (itself or a folder above it), if any."""
    while gaps:
        if path in gaps:
            return path
        path, slash, _ = path.rpartition("/")
        if not slash:
            break
    return None


def _explained(change: Change, before: Mapping[str, str], after: Mapping[str, str]) -> Change:
    """Where a gap covers one side, nobody knows whether the item came or went: say so."""
    if change.sort == "removed" and (gap := covering(change.path, after)) is not None:
        return change._replace(sort="unreadable", why=after[gap])
    if change.sort == "added" and (gap := covering(change.path, before)) is not None:
        return change._replace(why=before[gap])
    return change


def elements(old: Item, new: Item) -> list[Element]:
    """The elements that differ between two arrays; [] if either is no array."""
    before, after = old.value, new.value
    if not isinstance(before, tuple) or not isinstance(after, tuple):
        return []
    old_type, new_type = array_of(old.type), array_of(new.type)
    assert old_type is not None
    assert new_type is not None
    found = []
    for index in range(max(len(before), len(after))):
        one = before[index] if index < len(before) else None
        other = after[index] if index < len(after) else None
        if _text(old_type[1], one) != _text(new_type[1], other):
            found.append(Element(index, one, other))
    return found


def identity_changes(old: Identity, new: Identity) -> list[tuple[str, str, str]]:
    """The fields of the identity that differ: name, old, new."""
    before, after = msgspec.structs.asdict(old), msgspec.structs.asdict(new)
    return [(name, before[name], after[name]) for name in before if before[name] != after[name]]


def gap_changes(old: Snapshot, new: Snapshot) -> tuple[list[Gap], list[Gap]]:
    """Gaps that have come and gaps that have gone."""
    return sorted(set(new.gaps) - set(old.gaps), key=lambda g: g.path), sorted(
        set(old.gaps) - set(new.gaps), key=lambda g: g.path
    )


def _text(type_name: str, value: Value | None) -> object:
    return None if value is None else (type_name, to_json(type_name, value))
