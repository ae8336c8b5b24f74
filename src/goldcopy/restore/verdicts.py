"""The verdict on each leaf, from what was sent and what was read."""

from __future__ import annotations

from collections.abc import Sequence

from goldcopy.restore.journal import Journal
from goldcopy.restore.leaf import part_of, stands
from goldcopy.restore.model import Write
from goldcopy.restore.receipt import Leaf
from goldcopy.snapshot import Item, Snapshot
from goldcopy.snapshot.diff import Cover, diff
from goldcopy.snapshot.values import to_json


def verdict(write: Write, journal: Journal, found: Snapshot | None, met: str) -> Leaf:
    """What became of one leaf.

    Args:
        write: what was planned.
        journal: what was sent of it.
        found: what the device holds; None if nobody knows.
        met: what it held when the restore was gone on with, if that was neither old nor new.
    """
    path, turned = write.path, journal.turned
    sent, put_back = path in journal.sent("restore"), path in journal.sent("rollback")
    if found is None:
        if sent:
            return Leaf(path, "in doubt", "it cannot be read")
        return Leaf(path, "unchanged", "it was not sent, and cannot be read now")
    item = found.by_path.get(path)
    if turned is None and stands(item, write.wanted):
        return Leaf(path, "proved", met)
    if stands(item, write.now):
        said = met or (turned.said.get(path, "") if turned else "")
        return Leaf(path, "rolled back" if put_back else "unchanged", said)
    why = amiss(write, item, Cover(found.gaps))
    if not sent:
        return Leaf(path, "failed", f"it was not written by this restore; {why}")
    if turned is not None and not put_back:
        return Leaf(path, "in doubt", f"nothing could be sent to put it back; {why}")
    return Leaf(path, "in doubt" if item is None else "failed", why)


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
