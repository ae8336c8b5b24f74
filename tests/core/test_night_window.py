"""A zone's window by the clock on the wall, on days on which clocks are changed too."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldcopy.inventory import Window
from goldcopy.night.window import current, on

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [UTC, BERLIN, ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe")]


def of(text: str) -> Window:
    begin, end = (int(part[:2]) * 60 + int(part[3:]) for part in text.split("-"))
    return Window(begin, end)


windows = st.builds(Window, st.integers(0, 1439), st.integers(0, 1439)).filter(
    lambda window: window.begin != window.end
)
days = st.dates(date(2020, 1, 1), date(2035, 12, 31))


@pytest.mark.parametrize(
    ("window", "day", "begin", "end"),
    [
        ("01:00-05:00", date(2026, 11, 24), "24T00:00", "24T04:00"),
        ("22:30-04:00", date(2026, 11, 24), "24T21:30", "25T03:00"),
        ("01:00-05:00", date(2026, 3, 29), "29T00:00", "29T03:00"),  # an hour is skipped
        ("02:00-03:00", date(2026, 3, 29), "29T01:00", "29T02:00"),  # all of it is skipped
        ("02:10-02:40", date(2026, 3, 29), "29T01:10", "29T01:40"),
        ("01:00-05:00", date(2026, 10, 25), "24T23:00", "25T04:00"),  # an hour is there twice
        ("02:15-02:45", date(2026, 10, 25), "25T00:15", "25T00:45"),
    ],
)
def test_in_berlin(window: str, day: date, begin: str, end: str) -> None:
    span = on(of(window), day, BERLIN)
    assert (f"{span.begin:%dT%H:%M}", f"{span.end:%dT%H:%M}") == (begin, end)
    assert span.begin.tzinfo is UTC


@given(windows, days, st.sampled_from(ZONES))
def test_no_window_is_lost_and_none_is_much_longer(window: Window, day: date, zone: tzinfo) -> None:
    span = on(window, day, zone)
    length = timedelta(minutes=(window.end - window.begin) % 1440)
    assert timedelta() < span.end - span.begin
    assert abs(span.end - span.begin - length) <= timedelta(hours=1)


@given(windows, days, st.sampled_from(ZONES), st.integers(-1440, 2 * 1440))
def test_it_is_open_from_its_begin_to_its_end(
    window: Window, day: date, zone: tzinfo, minutes: int
) -> None:
    span = on(window, day, zone)
    now = span.begin + timedelta(minutes=minutes)
    open_then = [
        one
        for other in range(-2, 4)
        if (one := on(window, day + timedelta(days=other), zone)).begin <= now < one.end
    ]
    found = current(window, now, zone)
    assert found in open_then if open_then else found is None


@given(windows, st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)))
def test_where_no_clock_is_changed_the_wall_tells(window: Window, wall: datetime) -> None:
    minute = wall.hour * 60 + wall.minute
    inside = window.begin <= minute < window.end
    if window.end < window.begin:
        inside = not window.end <= minute < window.begin
    assert (current(window, wall.replace(tzinfo=UTC), UTC) is not None) == inside


def test_without_a_zone_it_is_this_computers_own() -> None:
    now = datetime.now().astimezone()
    minute = now.hour * 60 + now.minute
    around = Window((minute - 60) % 1440, (minute + 60) % 1440)
    past = Window((minute - 180) % 1440, (minute - 120) % 1440)
    assert current(around, now) is not None
    assert current(past, now) is None
