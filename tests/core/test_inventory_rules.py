"""What a rule says beyond a role: tolerance and severity; its line, digest, and the way back."""

from __future__ import annotations

import hashlib
import math
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from goldcopy.errors import Wrong
from goldcopy.inventory.rules import Rule, Rules, parse_rules
from goldcopy.inventory.tolerance import Tolerance

RULE = st.builds(
    Rule,
    st.sampled_from(["a", "a/*", "db/9/**", 'x"y', "é"]),
    st.sampled_from(["setting", "process", "diagnostic"]),
    tolerance=st.sampled_from(["", "0.5", "2%"]),
    severity=st.sampled_from([None, "low", "medium", "high"]),
)


def test_old_rules_keep_their_digest_and_new_words_stand_behind() -> None:
    assert Rule("db/9/**", "process").line == b'["db/9/**","process"]'
    full = Rule("a", "setting", "0.5", "high")
    assert full.line == b'["a","setting",{"tolerance":"0.5","severity":"high"}]'
    assert Rules([full]).digest == hashlib.sha256(full.line + b"\n").hexdigest()


@given(st.lists(RULE, max_size=4), st.lists(RULE, max_size=4))
def test_lines_and_back_and_a_digest_of_their_own(one: list[Rule], other: list[Rule]) -> None:
    assert parse_rules([rule.line for rule in one]) == Rules(one)
    assert (Rules(one).digest == Rules(other).digest) == (one == other)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"[]",
        b'["a"]',
        b'["a","gold"]',
        b'["a","setting",{"x":"y"}]',
        b'["[","setting"]',
        b'["a","setting",{}]',
        b'["a", "setting"]',
        b'["a","setting",{"tolerance":"x"}]',
        b'["a","setting",{"severity":"huge"}]',
        b'["a","setting",{},{}]',
        b'[{},"setting"]',
        b"\xff",
    ],
)
def test_what_is_no_rule(line: bytes) -> None:
    with pytest.raises(Wrong):
        parse_rules([line])


def test_the_last_rule_that_matches_says_all() -> None:
    rules = Rules([Rule("a/*", "setting", "0.5", "high"), Rule("a/b", "setting")])
    assert rules.tolerance("a/c") == Tolerance(Decimal("0.5"), percent=False)
    assert rules.tolerance("a/b") is None
    assert rules.tolerance("x") is None
    assert rules.rule("a/c") == Rule("a/*", "setting", "0.5", "high")


@pytest.mark.parametrize(
    ("tolerance", "kind", "old", "new", "near"),
    [
        ("0.3", "LREAL", 20.0, 20.3, True),  # 20.3 - 20.0 is more than 0.3 in binary
        ("0.3", "LREAL", 20.0, 20.300000000000004, False),
        ("0.3", "REAL", 20.0, 20.299999237060547, True),  # which is 20.3 in 32 bits
        ("2%", "LREAL", 50.0, 51.0, True),
        ("2%", "LREAL", 50.0, 51.1, False),
        ("2%", "LREAL", -50.0, -51.0, True),
        ("2%", "LREAL", 0.0, 0.001, False),
        ("5", "INT", 100, 105, True),
        ("5", "INT", 100, 106, False),
        ("5", "TIME", 100, 96, True),
        ("5", "WORD", 100, 101, False),  # bits are no number
        ("5", "BOOL", False, True, False),
        ("5", "STRING", "1", "2", False),
        ("5", "LREAL", math.nan, 1.0, False),
        ("5", "LREAL", 1.0, math.nan, False),
        ("5", "LREAL", 1.0, math.inf, False),
        ("100%", "LREAL", math.inf, 1.0, False),
        ("1", "ARRAY[3] OF INT", (1, 2, 3), (1, 3, 2), True),
        ("1", "ARRAY[3] OF INT", (1, 2, 3), (1, 2, 5), False),
        ("1", "ARRAY[2] OF LREAL", (math.nan, 1.0), (math.nan, 2.0), True),
        ("1", "ARRAY[2] OF LREAL", (math.nan, 1.0), (0.0, 1.0), False),
        ("1", "ARRAY[2] OF WORD", (1, 2), (1, 3), False),
        ("1", "LINT", 2**63 - 1, 2**63 - 3, False),
        ("2", "LINT", 2**63 - 1, 2**63 - 3, True),
    ],
)
def test_near_enough(tolerance: str, kind: str, old: object, new: object, near: bool) -> None:
    assert Tolerance.of(tolerance).covers(kind, old, new) is near  # type: ignore[arg-type]


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(), st.floats(0.001, 1000))
@example(0.0, -0.0, 1.0)
def test_never_nearer_than_the_numbers_are(old: float, new: float, amount: float) -> None:
    tolerance = Tolerance.of(f"{amount:.3f}")
    if tolerance.covers("LREAL", old, new):
        assert abs(old - new) <= float(tolerance.amount) * 1.0001 + abs(old) * 1e-15


@pytest.mark.parametrize(
    "text", ["", "0", "0.0%", "-1", "1 %", "%", "1e3", "nan", "inf", "1,5", "½"]
)
def test_what_is_no_tolerance(text: str) -> None:
    with pytest.raises(Wrong, match="is no tolerance"):
        Tolerance.of(text)
