"""Two devices held against each other: a standby pair, and one controller by two paths."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from datetime import datetime
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.gold_people import DAY, HOUR, NOON

from goldcopy.drift import second_path as paths
from goldcopy.drift import standby as pairs
from goldcopy.drift.known import Pulled, Unknown, unknown
from goldcopy.drift.same import alike
from goldcopy.drift.second_path import SecondPath, second_path
from goldcopy.drift.standby import Parity, parity
from goldcopy.gold.scope import Scope
from goldcopy.inventory import Rule, Rules, SameAs, Tolerance
from goldcopy.snapshot import Gap, Identity, Item, Snapshot, Value

NOW = NOON + 30 * DAY
ALONE = Identity(order_code="6ES7", firmware="2.0", serial="1", name="A", mode="RUN")
OTHER = Identity(order_code="6ES7", firmware="2.0", serial="2", name="B", mode="STANDBY")


def item(path: str, value: Any = 1, kind: str = "DINT", role: Any = "setting") -> Item:  # noqa: ANN401
    return Item(path, "tag", kind, value, role)


def pulled(
    device: str,
    items: Sequence[Item],
    identity: Identity = OTHER,
    gaps: Sequence[Gap] = (),
    taken: datetime = NOW - HOUR,
    error: str = "",
) -> Pulled:
    return Pulled(Snapshot.of(device, "s7", identity, items, gaps), taken, error)


TROUBLES: dict[Unknown, Pulled] = {
    "never-read": Pulled(None),
    "not-read": pulled("b", [item("x")], error="no answer"),
    "other-device": pulled("c", [item("x")]),
    "empty": pulled("b", []),
    "stale": pulled("b", [item("x")], taken=NOW - 3 * DAY),
    "misdated": pulled("b", [item("x")], taken=NOW + HOUR),
}


@pytest.mark.parametrize("word", get_args(Unknown))
def test_what_is_not_known_of_one_is_not_ready_and_does_not_agree(word: Unknown) -> None:
    bad = TROUBLES[word]
    good = pulled("a", [item("x")], ALONE)
    assert unknown("b", bad, NOW, DAY)
    assert unknown("a", good, NOW, DAY) is None
    link = SameAs("b", (("**", "**"),))
    for result in (
        parity(("a", good), ("b", bad), Rules(), at=NOW, max_age=DAY),
        parity(("b", bad), ("a", good), Rules(), at=NOW, max_age=DAY),
        second_path(("a", good), ("b", bad), link, Rules(), at=NOW, max_age=DAY),
        second_path(("b", bad), ("a", good), link, Rules(), at=NOW, max_age=DAY),
    ):
        assert result.word == word
        assert result.why


# -- a standby -------------------------------------------------------------------------------------


def pair(standby: Pulled, active: Sequence[Item] = (item("x"), item("y")), **more: Any) -> Parity:  # noqa: ANN401
    rules = Rules([Rule("live", "process")])
    one = pulled("a", active, ALONE, more.pop("gaps", ()))
    return parity(("a", one), ("b", standby), rules, at=NOW, max_age=DAY, **more)


SAME = [item("x"), item("y")]


@pytest.mark.parametrize(
    ("word", "standby"),
    [
        ("ready", pulled("b", SAME)),
        ("ready", pulled("b", [*SAME, item("live")])),
        ("differs", pulled("b", [item("x"), item("y", 2)])),
        ("differs", pulled("b", [item("x")])),
        ("differs", pulled("b", [*SAME, item("z")])),
        ("differs", pulled("b", [item("x", 2)], gaps=[Gap("y", "no")])),
        ("gaps", pulled("b", [item("x")], gaps=[Gap("y", "no")])),
        ("gaps", pulled("b", SAME, gaps=[Gap("z", "no")])),
        ("unlike", pulled("b", SAME, Identity(order_code="6ES7", firmware="2.1"))),
        ("unlike", pulled("b", SAME, Identity(order_code="6ES8", firmware="2.0"))),
    ],
)
def test_parity(word: str, standby: Pulled) -> None:
    result = pair(standby)
    assert result.word == word
    assert bool(result.why) is (word != "ready")
    assert result.modes[0] == "RUN"


def test_a_pair_in_part() -> None:
    own_address = pulled("b", [item("x"), item("y", 2)])
    assert pair(own_address, scope=Scope(["**", "!y"])).word == "ready"
    assert pair(own_address, scope=Scope(["z"])).word == "empty"
    assert pair(pulled("b", SAME), gaps=[Gap("z", "no")]).word == "gaps"
    assert pair(pulled("b", SAME)).modes == ("RUN", "STANDBY")
    assert set(get_args(get_args(pairs.Word)[0])) == {"ready", "differs", "unlike", "gaps"}


# -- a second path ---------------------------------------------------------------------------------

LINK = SameAs("b", (("db/5/speed", "holding/17"), ("db/6/**", "area/**")))


def held(
    mine: Sequence[Item],
    theirs: Sequence[Item],
    holes: Sequence[Gap] = (),
    their_holes: Sequence[Gap] = (),
) -> SecondPath:
    rules = Rules([Rule("db/6/near", "setting", "0.5")])
    one = pulled("a", mine, gaps=holes)
    two = pulled("b", theirs, gaps=their_holes)
    return second_path(("a", one), ("b", two), LINK, rules, at=NOW, max_age=DAY)


MINE = [item("db/5/speed", 7), item("db/6/a/b", 1), item("other", 1)]
THEIRS = [item("holding/17", 7, "INT"), item("area/a/b", 1, "WORD"), item("holding/18", 9)]


def test_two_paths_that_agree() -> None:
    result = held(MINE, THEIRS)
    assert result == SecondPath("agree", "", (), 2, ())
    assert set(get_args(get_args(paths.Word)[0])) == {"agree", "disagree", "gaps"}


@pytest.mark.parametrize(
    ("mine", "theirs", "found"),
    [
        ([item("db/5/speed", 8), *MINE[1:]], THEIRS, [("db/5/speed", "holding/17")]),
        (MINE[1:], THEIRS, [("db/5/speed", "holding/17")]),
        (MINE, THEIRS[1:], [("db/5/speed", "holding/17")]),
        (MINE[1:], THEIRS[1:], [("db/5/speed", "holding/17")]),
        (MINE, [*THEIRS, item("area/hidden")], [("db/6/hidden", "area/hidden")]),
        ([*MINE, item("db/6/more")], THEIRS, [("db/6/more", "area/more")]),
        ([*MINE, item("db/6/live", 1, role="process")], [*THEIRS, item("area/live", 2)], []),
        (MINE, [*THEIRS, item("area/live", 2, role="process")], []),
        (
            [*MINE, item("db/6/near", 1.0, "REAL")], [*THEIRS, item("area/near", 1.5, "LREAL")], [],
        ),
        (
            [*MINE, item("db/6/near", 1.0, "REAL")],
            [*THEIRS, item("area/near", 1.6, "LREAL")],
            [("db/6/near", "area/near")],
        ),
    ],
)  # fmt: skip
def test_a_lie_on_either_path(
    mine: Sequence[Item], theirs: Sequence[Item], found: list[tuple[str, str]]
) -> None:
    result = held(mine, theirs)
    assert [(one.path, one.other) for one in result.disagreements] == found
    assert result.word == ("disagree" if found else "agree")


def test_what_one_path_could_not_read_is_no_agreement() -> None:
    hidden = held(MINE, THEIRS[:1], their_holes=[Gap("area", "no answer")])
    assert (hidden.word, hidden.disagreements) == ("gaps", ())
    assert hidden.gaps == (("b", Gap("area", "no answer")),)
    assert held(MINE[:1], THEIRS, holes=[Gap("db/6/a", "no")]).word == "gaps"
    assert held(MINE, THEIRS, holes=[Gap("elsewhere", "no")]).word == "agree"
    lie = held([item("db/5/speed", 8)], THEIRS[:1], their_holes=[Gap("area", "no")])
    assert lie.word == "disagree"


def test_a_mapping_that_fits_nothing() -> None:
    link = SameAs("b", (("x/**", "y/**"),))
    one, two = pulled("a", [item("z")]), pulled("b", [item("z")])
    result = second_path(("a", one), ("b", two), link, Rules(), at=NOW, max_age=DAY)
    assert result.word == "empty"


STATE = st.dictionaries(st.sampled_from(["a", "b", "c/d"]), st.integers(0, 2), min_size=1)


@given(STATE, STATE)
def test_every_setting_of_the_mapping_is_held_against_the_other(
    mine: dict[str, int], theirs: dict[str, int]
) -> None:
    link = SameAs("b", (("db/**", "area/**"),))
    one = pulled("a", [item(f"db/{path}", value) for path, value in mine.items()])
    two = pulled("b", [item(f"area/{path}", value) for path, value in theirs.items()])
    result = second_path(("a", one), ("b", two), link, Rules(), at=NOW, max_age=DAY)
    differ = {f"db/{p}" for p in mine.keys() | theirs.keys() if mine.get(p) != theirs.get(p)}
    assert {found.path for found in result.disagreements} == differ
    assert result.word == ("disagree" if differ else "agree")


# -- one value by two drivers ----------------------------------------------------------------------

NAN, OTHER_NAN = (struct.unpack("<d", struct.pack("<Q", 0x7FF8 << 48 | n))[0] for n in (0, 1 << 29))
SINGLE = struct.unpack("<f", struct.pack("<f", 20.3))[0]


@pytest.mark.parametrize(
    ("one_type", "one", "other_type", "other", "same"),
    [
        ("INT", 7, "DINT", 7, True),
        ("INT", 7, "DINT", 8, False),
        ("INT", -1, "WORD", 0xFFFF, True),
        ("INT", -1, "UINT", 0xFFFF, False),  # both say what they mean
        ("INT", -1, "DWORD", 0xFFFF, False),
        ("WORD", 5, "DWORD", 5, True),
        ("DINT", -1, "DWORD", 0xFFFFFFFF, True),
        ("DINT", 5, "DWORD", 0x10005, False),
        ("SINT", -1, "BYTE", 0xFF, True),
        ("REAL", SINGLE, "LREAL", 20.3, True),
        ("REAL", SINGLE, "LREAL", SINGLE, True),
        ("REAL", SINGLE, "LREAL", 20.31, False),
        ("LREAL", 1e300, "REAL", 1.0, False),
        ("REAL", 7.0, "INT", 7, True),
        ("REAL", 7.5, "INT", 7, False),
        ("LREAL", NAN, "REAL", NAN, True),
        ("LREAL", NAN, "LREAL", OTHER_NAN, False),
        ("LREAL", NAN, "LREAL", NAN, True),
        ("LREAL", math.inf, "REAL", math.inf, True),
        ("LREAL", math.inf, "REAL", -math.inf, False),
        ("LREAL", 0.0, "LREAL", -0.0, True),
        ("BOOL", True, "BOOL", True, True),
        ("BOOL", True, "INT", 1, False),
        ("STRING", "x", "WSTRING", "x", True),
        ("STRING", "x", "STRING", "y", False),
        ("STRING", "7", "INT", 7, False),
        ("BYTES", b"x", "BYTES", b"x", True),
        ("BYTES", b"x", "STRING", "x", False),
        ("ARRAY[2] OF INT", (1, -1), "ARRAY[2] OF WORD", (1, 0xFFFF), True),
        ("ARRAY[2] OF INT", (1, 2), "ARRAY[2] OF INT", (1, 3), False),
        ("ARRAY[2] OF INT", (1, 2), "ARRAY[3] OF INT", (1, 2, 3), False),
        ("ARRAY[1] OF INT", (1,), "INT", 1, False),
    ],
)
def test_one_value_by_two_drivers(
    one_type: str,
    one: Value,
    other_type: str,
    other: Value,
    same: bool,
) -> None:
    assert alike(one_type, one, other_type, other) is same
    assert alike(other_type, other, one_type, one) is same


def test_a_tolerance_holds_for_numbers_only() -> None:
    one = Tolerance.of("1")
    assert alike("INT", 7, "REAL", 8.0, one)
    assert not alike("INT", 7, "REAL", 8.5, one)
    assert not alike("BOOL", True, "BOOL", False, one)
    assert not alike("WORD", 7, "INT", 8, one)
