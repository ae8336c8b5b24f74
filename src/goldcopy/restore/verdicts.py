"""The verdict on each leaf, from what was sent and what was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from goldcopy.restore.journal import Journal
from goldcopy.restore.leaf import part_of, stands
from goldcopy.restore.model import Write
from goldcopy.restore.receipt import Leaf
from goldcopy.snapshot import Item, Snapshot
from goldcopy.snapshot.diff import Cover, diff
from goldcopy.snapshot.values import to_json


def verdicts(journal: Journal, found: Snapshot | None, met: Mapping[str, str]) -> list[Leaf]:
    """What became of each leaf, in the order of the plan.

    Args:
        journal: what was planned, and what was sent of it.
        found: what the device holds; None if nobody knows.
        met: what leaves held when the restore was gone on with, where that was neither old nor new.
    """
    sent, put_back = journal.sent("restore"), journal.sent("rollback")
    if found is None:
        return [
            Leaf(one.path, "in doubt", "it cannot be read")
            if one.path in sent
            else Leaf(one.path, "unchanged", "it was not sent, and cannot be read now")
            for one in journal.writes
        ]
    gaps, turned = Cover(found.gaps), journal.turned

    def verdict(write: Write) -> Leaf:
        path = write.path
        item = found.by_path.get(path)
        if turned is None and stands(item, write.wanted):
            return Leaf(path, "proved", met.get(path, ""))
        if stands(item, write.now):
            said = met.get(path) or (turned.said.get(path, "") if turned else "")
            return Leaf(path, "rolled back" if path in put_back else "unchanged", said)
        why = amiss(write, item, gaps)
        if path not in sent:
            return Leaf(path, "failed", f"it was not written by this restore; {why}")
        if turned is not None and path not in put_back:
            return Leaf(path, "in doubt", f"nothing could be sent to put it back; {why}")
        return Leaf(path, "in doubt" if item is None else "failed", why)

    return [verdict(one) for one in journal.writes]


def amiss(write: Write, item: Item | None, gaps: Cover) -> str:
    """Why a leaf does not stand as it was to be."""
    if item is None:
        gap = gaps.of(write.path)
        return f"it cannot be read: {gap.reason}" if gap else "it is not there any more"
    old, new, holds = (to_json(one.type, one.value) for one in (write.now, write.wanted, item))
    return f"it holds {holds!r}; it held {old!r}, and {new!r} was to be written"


def moved(
    before: Snapshot | None, found: Snapshot | None, writes: Sequence[Write]
) -> tuple[str, ...]:
    """The settings beside the plan that are not as they were before."""
    if before is None or found is None:
        return ()
    planned = {write.path for write in writes}
    return tuple(
        change.path
        for change in diff(before, found)
        if not part_of(change.path, planned)
        and any(one and one.role == "setting" for one in (change.old, change.new))
    )
