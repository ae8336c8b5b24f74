"""A device that keeps failing is asked less and less, and never given up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from goldcopy.night.backoff import RETRIES, patience

FIRST = datetime(2026, 11, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def asked(nights: int, minutes: list[int]) -> list[int]:
    """The nights on which a dead device is asked; each night begins so many minutes late."""
    failures: list[datetime] = []
    found = []
    for night in range(nights):
        now = FIRST + night * DAY + timedelta(minutes=minutes[night % len(minutes)])
        if patience(failures, now).until is None:
            failures.append(now + timedelta(seconds=3))
            found.append(night)
    return found


@given(st.lists(st.integers(0, 240), min_size=1))
def test_thirty_nights_of_a_dead_device(minutes: list[int]) -> None:
    assert asked(30, minutes) == [0, 1, 2, 4, 8, 12, 16, 20, 24, 28]


def test_attempts_become_fewer_with_each_night() -> None:
    failures = [FIRST + night * DAY for night in range(5)]
    now = FIRST + 30 * DAY
    retries = [patience(failures[:count], now).retries for count in range(5)]
    assert retries == [RETRIES, 1, 0, 0, 0]


def test_many_failures_in_one_night_are_one() -> None:
    failures = [FIRST + timedelta(minutes=10 * n) for n in range(20)]
    said = patience(failures, FIRST + DAY)
    assert (said.nights, said.until) == (1, None)


@given(st.lists(st.integers(0, 60 * 24 * 100), max_size=30), st.integers(0, 60 * 24 * 200))
def test_it_is_never_left_alone_for_longer_than_four_nights(minutes: list[int], later: int) -> None:
    failures = [FIRST + timedelta(minutes=m) for m in minutes]
    now = FIRST + timedelta(minutes=later)
    said = patience([one for one in failures if one <= now], now)
    assert said.until is None or now < said.until <= now + 4 * DAY
    assert 0 <= said.retries <= RETRIES
