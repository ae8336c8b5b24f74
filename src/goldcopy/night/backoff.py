"""Devices that keep failing: asked with fewer attempts, then less often. They stay an alarm."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

RETRIES: Final = 2
"""Further attempts for a device that answered last time."""
EVERY_NIGHT: Final = 3
"""So many nights in a row a device is asked each night, then every second, then every fourth."""
LONGEST: Final = 4
"""Nights."""
_NIGHT: Final = timedelta(hours=12)
"""Failures that are nearer to one another are of one night."""


class Patience(NamedTuple):
    """How a device is asked tonight."""

    nights: int
    """In a row in which it gave no snapshot."""
    retries: int
    until: datetime | None
    """It is left alone until then; None if it is not."""


def patience(failures: Iterable[datetime], now: datetime) -> Patience:
    """What is due to a device whose pulls failed at these times since its last snapshot."""
    nights = 0
    last: datetime | None = None
    for failed in sorted(failures):
        if last is None or failed - last >= _NIGHT:
            nights, last = nights + 1, failed
    retries = max(0, RETRIES - nights)
    if last is None or nights < EVERY_NIGHT:
        return Patience(nights, retries, None)
    pause = min(2 ** (nights - EVERY_NIGHT + 1), LONGEST)
    # Half a night early: the next one may begin somewhat sooner than the last.
    until = last + timedelta(days=pause) - _NIGHT
    return Patience(nights, retries, until if now < until else None)
