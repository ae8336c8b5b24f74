"""Whether the standby of a pair could take over: it is as the active one, in all that is set."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

from goldcopy.drift.compare import compare
from goldcopy.drift.known import Pulled, Unknown, unknown
from goldcopy.drift.model import Drift
from goldcopy.drift.moved import Sections
from goldcopy.gold.scope import Scope
from goldcopy.inventory import Rules
from goldcopy.snapshot import Snapshot

Word = (
    Literal[
        "ready",
        "differs",
        "unlike",  # other hardware, firmware or protection: it may not run what the active one does
        "gaps",
    ]
    | Unknown
)
_OWN: Final = ("serial", "name", "mode")
"""What a controller of a pair says of itself alone."""


class Parity(msgspec.Struct, frozen=True):
    """How the standby of a pair stands to the active one."""

    word: Word
    why: str
    """A sentence for a person; "" if it is ready."""
    drift: Drift | None = None
    """From the active one to the standby, wherever it could be compared."""
    modes: tuple[str, str] = ("", "")
    """Operating mode of the active one and of the standby, as they say; goldcopy does not know
    which modes of which controller can take over, so a person reads them."""


def parity(
    active: tuple[str, Pulled],
    standby: tuple[str, Pulled],
    rules: Rules,
    *,
    at: datetime,
    max_age: timedelta,
    scope: Scope | None = None,
    sections: Sections | None = None,
) -> Parity:
    """Judge a pair.

    Args:
        active: name of the active device, and the latest that is known of it.
        standby: the same of the standby.
        rules: those of the active one; they hold for both.
        at: now.
        max_age: a snapshot older than this says nothing about now.
        scope: what has to be alike; everything if None.
        sections: how the driver takes blocks apart.
    """
    for device, pulled in (active, standby):
        if trouble := unknown(device, pulled, at, max_age):
            return Parity(*trouble)
    one, other = active[1].snapshot, standby[1].snapshot
    assert one is not None
    assert other is not None
    drift = _alike(compare(one, other, rules, scope, sections))
    word, why = _word(one, other, drift)
    return Parity(word, why, drift, (one.identity.mode, other.identity.mode))


def _alike(drift: Drift) -> Drift:
    """The comparison without what two controllers cannot have in common."""
    identity = tuple(one for one in drift.identity if one.field not in _OWN)
    return msgspec.structs.replace(drift, identity=identity)


def _word(active: Snapshot, standby: Snapshot, drift: Drift) -> tuple[Word, str]:
    if drift.identity:
        said = ", ".join(f"{one.field} {one.old!r} and {one.new!r}" for one in drift.identity)
        return "unlike", f"{active.device} and {standby.device} are not alike: {said}"
    surely = [one for one in drift.findings if one.sort != "unreadable"]
    if surely:
        return "differs", f"{len(surely)} settings of {standby.device} are not as on the active one"
    if not drift.compared:
        return "empty", f"{active.device} has no setting in the scope"
    for snapshot, gaps in ((active, drift.gold_gaps), (standby, drift.gaps)):
        if gaps:
            return "gaps", f"{snapshot.device}: {gaps[0].path} cannot be read: {gaps[0].reason}"
    if drift.findings:
        return "gaps", f"{standby.device}: {drift.findings[0].path} cannot be read"
    return "ready", ""
