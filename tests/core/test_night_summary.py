"""One line and one exit code for a night."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from tests.core.report_plant import night, quiet

from goldcopy.drift.verdict import Verdict
from goldcopy.night.summary import Account, Copies
from goldcopy.night.turns import Left

GOOD = Account(quiet(), (), (), Copies(2, 2), (), timedelta(hours=26), 720.4)


def test_a_quiet_night() -> None:
    assert GOOD.line == "goldcopy night: 40 of 40 green, replicas 2/2, vault ok (12m)"
    assert (GOOD.code, GOOD.stale) == (0, ())


def test_a_night_in_which_everything_happened() -> None:
    left = (Left("a", "window", "…"), Left("b", "back-off", "…"), Left("c", "read", "…"))
    worst = Account(
        night(),
        left,
        ("pack 7 is not as it was",),
        Copies(2, 1, ("replica offsite: no route to host",)),
        ("notify, target 1: the news could not be delivered",),
        timedelta(hours=26),
        4 * 3600 + 61,
    )
    assert worst.line == (
        "goldcopy night: 52 of 60 green, 3 drift, 2 no gold, 1 gold expired, 1 gold not approved, "
        "1 not read, 3 of 4 pairs not good, 1 without a fresh snapshot, "
        "1 outside their window, 1 backing off, replicas 1/2, vault in doubt, 1 not done (4h01m)"
    )
    assert worst.code == 3
    assert worst.stale == ("robot-5",)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"vault": ("a pack is gone",)}, 3),
        ({"copies": Copies(2, 1, ("replica nas: damaged",), doubtful=True)}, 3),
        ({"copies": Copies(2, 1, ("replica nas: no answer",))}, 1),
        ({"trouble": ("the vault is locked",)}, 1),
        ({"stale_after": timedelta(minutes=30)}, 1),
        ({"left": (Left("a", "window", "outside its window"),)}, 0),
        ({"left": (Left("a", "read", "read at 01:10 UTC"),)}, 0),
    ],
)
def test_the_worst_is_the_exit_code(changed: dict[str, object], code: int) -> None:
    assert msgspec.structs.replace(GOOD, **changed).code == code


def test_any_device_that_is_not_green_needs_a_person() -> None:
    one, *rest = GOOD.night.subjects
    standing = msgspec.structs.replace(one.standing, verdict=Verdict("not-read", "no answer"))
    subjects = (msgspec.structs.replace(one, standing=standing), *rest)
    found = msgspec.structs.replace(
        GOOD, night=msgspec.structs.replace(GOOD.night, subjects=subjects)
    )
    assert found.code == 1
    assert "39 of 40 green, 1 not read, " in found.line


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "0s"), (59.4, "59s"), (60, "1m"), (3599, "1h00m"), (3661, "1h01m"), (36000, "10h00m")],
)
def test_how_long_it_took(seconds: float, said: str) -> None:
    assert msgspec.structs.replace(GOOD, seconds=seconds).line.endswith(f"({said})")
