"""Whether anything is known of a device as it is now."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

from goldcopy.snapshot import Snapshot

SLACK: Final = timedelta(minutes=5)
"""By which the clocks of two machines may differ."""

Unknown = Literal[
    "never-read",
    "not-read",  # the last pull gave no snapshot: not reached, interrupted, refused
    "other-device",  # the snapshot is of another device
    "empty",  # the pull found nothing at all
    "stale",
    "misdated",  # taken in the future: a clock is wrong, so nothing is known of its age
]


class Pulled(msgspec.Struct, frozen=True):
    """The latest that is known of a device."""

    snapshot: Snapshot | None
    """The last one that was kept; None if there never was one."""
    taken: datetime | None = None
    """When its pull began."""
    error: str = ""
    """Why a later pull gave no snapshot; "" if there was none, or it is this one."""


def unknown(
    device: str, pulled: Pulled, at: datetime, max_age: timedelta
) -> tuple[Unknown, str] | None:
    """Why nothing is known of ``device`` at the time ``at``, in a word and a sentence; or None."""
    now, taken = pulled.snapshot, pulled.taken
    if pulled.error:
        return "not-read", pulled.error
    if now is None or taken is None:
        return "never-read", f"there is no snapshot of {device}"
    if now.device != device:
        return "other-device", f"the snapshot is one of {now.device}, not of {device}"
    if not now.items:
        return "empty", f"the pull of {device} found nothing at all"
    if taken > at + SLACK:
        return "misdated", (
            f"the snapshot of {device} is dated {taken:%Y-%m-%d %H:%M} UTC, which is to come"
        )
    if at - taken > max_age:
        return "stale", f"no snapshot of {device} since {taken:%Y-%m-%d %H:%M} UTC"
    return None
