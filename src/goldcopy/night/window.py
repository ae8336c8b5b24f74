"""A zone's window in absolute time.

It is the clock on the wall that people mean, so a window begins and ends by it, on days on which
clocks are changed too. Where the wall shows a time twice, the first counts; a time that it skips is
taken to be as far into the hour after. So no window is lost.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from goldcopy.inventory import Window


class Span(NamedTuple):
    """From ``begin`` to before ``end``, both in UTC."""

    begin: datetime
    end: datetime


def current(window: Window, now: datetime, zone: tzinfo | None = None) -> Span | None:
    """The window that is open now; None if none is.

    Args:
        window: of the zone.
        now: an aware time.
        zone: where the wall clock hangs; None is this computer's own time zone.
    """
    today = now.astimezone(zone).date()
    for day in (today, today - timedelta(days=1)):
        span = on(window, day, zone)
        if span.begin <= now < span.end:
            return span
    return None


def on(window: Window, day: date, zone: tzinfo | None = None) -> Span:
    """The window that begins on this day."""
    minutes = (window.end - window.begin) % (24 * 60)
    begin = _instant(day, window.begin, zone)
    end = _instant(day + timedelta(days=window.end < window.begin), window.end, zone)
    # All of it may be in the hour that is skipped: it must not be lost.
    return Span(begin, end if end > begin else begin + timedelta(minutes=minutes))


def _instant(day: date, minutes: int, zone: tzinfo | None) -> datetime:
    """PEP 495 with fold=0: the first of two, and past the gap by as much as it is into it."""
    wall = datetime.combine(day, time(minutes // 60, minutes % 60), zone)
    return wall.astimezone(UTC)
