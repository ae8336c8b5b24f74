"""The same controller read in two ways: a controller, or a host between, that lies to one is found.

Only settings are held against each other: the two were not read at the same moment.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

import msgspec

from goldcopy.drift.known import Pulled, Unknown, unknown
from goldcopy.drift.same import alike
from goldcopy.gold.scope import Scope
from goldcopy.inventory import Rules, SameAs
from goldcopy.snapshot import Gap, Item, Snapshot
from goldcopy.snapshot.diff import Cover

Word = Literal["agree", "disagree", "gaps"] | Unknown


class Disagreement(NamedTuple):
    """One setting that the two paths do not tell alike."""

    path: str
    """On this device."""
    other: str
    """On the other one."""
    mine: Item | None
    """None: it is not there."""
    theirs: Item | None


class SecondPath(msgspec.Struct, frozen=True):
    """What two ways of reading one controller have shown."""

    word: Word
    why: str
    """A sentence for a person; "" if they agree."""
    disagreements: tuple[Disagreement, ...] = ()
    compared: int = 0
    """Settings that both have told."""
    gaps: tuple[tuple[str, Gap], ...] = ()
    """Device, and what of the mapping it could not read."""


def second_path(
    mine: tuple[str, Pulled],
    other: tuple[str, Pulled],
    link: SameAs,
    rules: Rules,
    *,
    at: datetime,
    max_age: timedelta,
) -> SecondPath:
    """Hold two devices of the inventory against each other that are one controller.

    Args:
        mine: name of the device that has ``same_as``, and the latest that is known of it.
        other: the same of the device that it names.
        link: the mapping.
        rules: of the first device; their tolerances count.
        at: now.
        max_age: a snapshot older than this says nothing about now.
    """
    for device, pulled in (mine, other):
        if trouble := unknown(device, pulled, at, max_age):
            return SecondPath(*trouble)
    one, two = mine[1].snapshot, other[1].snapshot
    assert one is not None
    assert two is not None
    back = SameAs(one.device, tuple((theirs, own) for own, theirs in link.map))
    gaps = (*_gaps(one, link), *_gaps(two, back))
    hidden = Cover(one.gaps), Cover(two.gaps)
    found: dict[tuple[str, str], Disagreement] = {}
    compared = 0
    for path, there in _pairs(one, two, link, back):
        own, their = one.by_path.get(path), two.by_path.get(there)
        if own is None or their is None:
            if hidden[0].of(path) is None and hidden[1].of(there) is None:
                found[path, there] = Disagreement(path, there, own, their)
            continue
        compared += 1
        tolerance = rules.tolerance(path)
        if not alike(own.type, own.value, their.type, their.value, tolerance):
            found[path, there] = Disagreement(path, there, own, their)
    disagreements = tuple(found[pair] for pair in sorted(found))
    return SecondPath(
        *_word(one, two, disagreements, compared, gaps), disagreements, compared, gaps
    )


def _pairs(one: Snapshot, two: Snapshot, link: SameAs, back: SameAs) -> Iterator[tuple[str, str]]:
    """All that the mapping speaks of and that is a setting on a side where it is, each once."""
    told: dict[tuple[str, str], None] = {}
    for item in one.items:
        if item.role == "setting" and (there := link.other(item.path)):
            told[item.path, there] = None
    for item in two.items:
        if item.role == "setting" and (here := back.other(item.path)):
            known = one.by_path.get(here)
            # What the first device does not count as a setting, or maps elsewhere, is no matter.
            if link.other(here) == item.path and (known is None or known.role == "setting"):
                told[here, item.path] = None
    # A path that is named was surely meant to be there, whatever the other side calls it.
    for path, there in link.map:
        if not path.endswith("**") and path not in one.by_path:
            told[path, there] = None
    yield from told


def _gaps(snapshot: Snapshot, link: SameAs) -> tuple[tuple[str, Gap], ...]:
    scope = Scope([path for path, _ in link.map])
    return tuple((snapshot.device, gap) for gap in snapshot.gaps if scope.touched_by(gap.path))


def _word(
    one: Snapshot,
    two: Snapshot,
    disagreements: tuple[Disagreement, ...],
    compared: int,
    gaps: tuple[tuple[str, Gap], ...],
) -> tuple[Word, str]:
    if disagreements:
        first = disagreements[0]
        return "disagree", (
            f"{one.device} and {two.device} tell {len(disagreements)} settings differently, "
            f"first {first.path}: one of them is not what the controller holds"
        )
    if gaps:
        device, gap = gaps[0]
        return "gaps", f"{device}: {gap.path} cannot be read: {gap.reason}"
    if not compared:
        return "empty", f"the mapping of {one.device} to {two.device} fits no setting"
    return "agree", ""
