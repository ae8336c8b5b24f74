"""Which devices are asked tonight; each is asked, or it is said why not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldcopy.inventory import Device, Inventory, NightPolicy, Window, Zone
from goldcopy.night.turns import Past, Turns, offset, turns

HOUR = timedelta(hours=1)
TEN = datetime(2026, 11, 24, 22, tzinfo=UTC)
NIGHT = Zone(window=Window(22 * 60, 4 * 60))
ZONES = {"night": NIGHT, "noon": Zone(window=Window(12 * 60, 13 * 60)), "any": Zone()}


def plant(*devices: tuple[str, str], jitter: float = 0.0, deadline: float = 3600.0) -> Inventory:
    return Inventory(
        vault=Path("v"),
        zones=ZONES,
        devices=tuple(Device(name, "toy", "h", 1, zone) for name, zone in devices),
        night=NightPolicy(jitter=jitter, deadline=deadline),
    )


def told(found: Turns) -> tuple[list[str], dict[str, str]]:
    return [turn.device.name for turn in found.asked], {one.device: one.sort for one in found.left}


def test_a_zone_is_asked_in_its_window_only() -> None:
    inventory = plant(("a", "night"), ("b", "noon"), ("c", "any"), ("d", ""))
    found = turns(inventory, {}, TEN + HOUR, TEN + HOUR, UTC)
    assert told(found) == (["a", "c", "d"], {"b": "window"})
    assert found.left[0].why == "outside its window 12:00-13:00"


def test_over_midnight_it_is_the_same_night() -> None:
    inventory = plant(("a", "night"))
    known = {"a": Past(TEN + HOUR)}
    early = TEN + 4 * HOUR
    assert told(turns(inventory, known, early, early, UTC)) == ([], {"a": "read"})
    next_day = early + timedelta(days=1)
    assert told(turns(inventory, known, next_day, next_day, UTC)) == (["a"], {})


def test_without_a_window_the_night_is_the_run_with_its_restarts() -> None:
    inventory = plant(("a", "any"), ("b", ""), ("c", ""))
    known = {"a": Past(TEN + HOUR / 4), "b": Past(TEN - HOUR)}
    restarted = turns(inventory, known, TEN, TEN + HOUR / 2, UTC)
    assert told(restarted) == (["b", "c"], {"a": "read"})
    anew = turns(inventory, known, TEN + HOUR / 2, TEN + HOUR / 2, UTC)
    assert told(anew) == (["a", "b", "c"], {})


def test_what_failed_since_its_snapshot_is_asked_again() -> None:
    inventory = plant(("a", "night"))
    known = {"a": Past(TEN + HOUR, (TEN + 2 * HOUR,))}
    found = turns(inventory, known, TEN, TEN + 3 * HOUR, UTC)
    assert told(found) == (["a"], {})
    assert found.asked[0].terms.retries == 1


def test_a_snapshot_of_the_future_is_none_of_tonight() -> None:
    known = {"a": Past(TEN + 999 * HOUR)}
    assert told(turns(plant(("a", "night")), known, TEN, TEN + HOUR, UTC)) == (["a"], {})


def test_a_device_that_keeps_failing_is_left_alone_and_told() -> None:
    known = {"a": Past(None, tuple(TEN - n * 24 * HOUR for n in (1, 2, 3)))}
    found = turns(plant(("a", "night")), known, TEN, TEN, UTC)
    assert told(found) == ([], {"a": "back-off"})
    assert "3 nights" in found.left[0].why
    assert "2026-11-25 10:00 UTC" in found.left[0].why


def test_the_window_or_the_deadline_ends_it_whichever_is_first() -> None:
    inventory = plant(("a", "night"), ("b", ""), deadline=3600)
    late = TEN + 5 * HOUR + HOUR / 2
    a, b = (turn.terms for turn in turns(inventory, {}, late, late, UTC).asked)
    assert (a.end, a.why) == (1800, "the window 22:00-04:00")
    assert (b.end, b.why) == (3600, "the deadline of the night")
    a, b = (turn.terms for turn in turns(inventory, {}, TEN, TEN + HOUR / 4, UTC).asked)
    assert (a.end, a.why) == (b.end, b.why) == (2700, "the deadline of the night")


@given(st.text(min_size=1), st.floats(0, 36000))
def test_jitter_is_the_same_each_night_and_within_its_bounds(name: str, spread: float) -> None:
    assert 0 <= offset(name, spread) <= spread
    assert offset(name, spread) == offset(name, spread)


def test_jitter_spreads_devices_over_its_time() -> None:
    found = sorted(offset(f"line{n // 10}-plc{n}", 600) for n in range(200))
    for third in range(3):
        assert 30 < sum(200 * third <= one < 200 * (third + 1) for one in found) < 110


def test_a_restart_waits_for_nobody_whose_time_has_come() -> None:
    names = [(f"plc{n}", "any") for n in range(50)]
    inventory = plant(*names, jitter=600)
    first = [turn.terms.begin for turn in turns(inventory, {}, TEN, TEN, UTC).asked]
    later = turns(inventory, {}, TEN, TEN + timedelta(seconds=300), UTC)
    again = [turn.terms.begin for turn in later.asked]
    assert again == pytest.approx([max(0.0, begin - 300) for begin in first], abs=1e-5)
    assert 0 < sum(begin == 0 for begin in again) < 50


def test_in_a_short_rest_of_a_window_all_begin_in_its_first_half() -> None:
    inventory = plant(*((f"plc{n}", "night") for n in range(50)), jitter=600)
    late = TEN + 6 * HOUR - timedelta(minutes=4)
    begins = [turn.terms.begin for turn in turns(inventory, {}, late, late, UTC).asked]
    assert max(begins) <= 120


times = st.integers(-10_000, 10_000).map(lambda minutes: TEN + timedelta(minutes=minutes))
pasts = st.builds(Past, st.none() | times, st.lists(times, max_size=5).map(tuple))


@given(
    st.dictionaries(st.sampled_from("abcdef"), pasts),
    st.lists(st.sampled_from(["night", "noon", "any", ""]), min_size=6, max_size=6),
    times,
    st.integers(0, 59),
)
def test_each_device_is_asked_or_said_why_not(
    known: dict[str, Past], zones: list[str], now: datetime, before: int
) -> None:
    inventory = plant(*zip("abcdef", zones, strict=True), jitter=600)
    found = turns(inventory, known, now - timedelta(minutes=before), now, UTC)
    asked, left = told(found)
    assert sorted([*asked, *left]) == list("abcdef")
    for turn in found.asked:
        assert turn.terms.end is not None
        assert 0 <= turn.terms.begin < turn.terms.end <= 3600
    assert all(one.why for one in found.left)
