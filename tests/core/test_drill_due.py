"""Which drills are due, from the notes in a vault, on any day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldcopy.drill.due import Due, after, due
from goldcopy.drill.model import KIND, Drilled
from goldcopy.vault import Vault

DAYS = st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))


def drilled(scenario: str = "wiped", **more: object) -> Drilled:
    said = {"device": "mixer", "state": "passed", "why": "", "proved": True, "seconds": 1.0}
    return msgspec.convert({**said, "scenario": scenario, **more}, Drilled)


async def judged(folder: Path, now: datetime | None, *drills: Drilled) -> Due:
    Vault.create(folder / "vault").close()
    vault = Vault.open(folder / "vault")
    try:
        async with vault.writing(linger=0) as writer:
            for one in drills:
                await writer.note(KIND, one.device, one.body("me@here"))
            await writer.note(KIND, "mixer", {"proved": True, "of": "another program"})
        (found,) = due(vault, ["mixer"], now or datetime.now(UTC))
        return found
    finally:
        vault.close()


def over(found: Due) -> list[str]:
    return [term.standard for term in found.terms if term.due]


async def test_never_drilled_is_due_by_all(tmp_path: Path) -> None:
    found = await judged(tmp_path, None)
    assert len(over(found)) == 3
    assert found.due
    assert all(term.until is None for term in found.terms)


@pytest.mark.parametrize(
    ("months", "due_by"), [(0, 0), (11, 0), (13, 1), (14, 1), (16, 2), (35, 2), (37, 3)]
)
async def test_each_standard_has_its_months(tmp_path: Path, months: int, due_by: int) -> None:
    now = after(datetime.now(UTC), months)
    assert len(over(await judged(tmp_path, now, drilled("spare")))) == due_by


async def test_only_what_was_proved_counts(tmp_path: Path) -> None:
    refused = drilled("firmware", proved=False)
    failed = drilled("wiped", proved=False, state="failed", why="it was not read back")
    found = await judged(tmp_path, None, refused, failed)
    assert len(over(found)) == 3
    assert found.failing == ("wiped: it was not read back",)


async def test_a_twin_is_no_operational_exercise(tmp_path: Path) -> None:
    assert over(await judged(tmp_path, None, drilled())) == ["NERC CIP-009-6 R2.3"]


async def test_what_passes_again_fails_no_more(tmp_path: Path) -> None:
    failed = drilled("wiped", proved=False, state="failed", why="no")
    not_tried = drilled("setpoints", proved=False, state="not drilled", why="no twin")
    found = await judged(tmp_path, None, failed, drilled("wiped"), not_tried)
    assert found.failing == ()


@pytest.mark.parametrize(
    ("seconds", "trend"),
    [
        ([], ""),
        ([1.0], ""),
        ([1.0, 1.1], "steady"),
        ([1.0, 1.0, 1.0, 9.0], "slower"),
        ([9.0, 8.0, 9.0, 1.0], "faster"),
        ([1.0, 100.0, 1.0, 1.1], "steady"),
    ],
)
async def test_the_trend(tmp_path: Path, seconds: list[float], trend: str) -> None:
    drills = [drilled(seconds=one) for one in seconds]
    found = await judged(tmp_path, None, *drills)
    assert (found.seconds, found.trend) == (tuple(seconds), trend)


@given(DAYS, st.integers(0, 60))
def test_months_are_calendar_months(day: datetime, months: int) -> None:
    found = after(day, months)
    assert (found.year * 12 + found.month) - (day.year * 12 + day.month) == months
    assert found.day == day.day or (found + timedelta(days=1)).day == 1
    assert found.time() == day.time()


@given(
    st.sampled_from(["passed", "failed", "not drilled"]),
    st.text(),
    st.none() | st.floats(0, 1e6),
    st.dictionaries(st.text(), st.integers(0, 10**6)),
)
def test_a_drill_reads_back_from_its_note(
    state: str, why: str, seconds: float | None, leaves: dict[str, int]
) -> None:
    made = drilled(state=state, why=why, seconds=seconds, leaves=leaves, told=("a", "b"))
    body = msgspec.json.decode(msgspec.json.encode(made.body("me@here")))
    assert body["passed"] is (state == "passed")
    assert (body["by"], body["proved"]) == ("me@here", True)
    from goldcopy.vault import Note

    at = datetime(2026, 11, 24, tzinfo=UTC)
    note = Note(KIND, "mixer", "0" * 64, at, "me@here", body)
    assert Drilled.of(note) == msgspec.structs.replace(made, at=at)
