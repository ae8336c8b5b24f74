"""Single values: durations, numbers and the traps of YAML, which become nothing silently."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldcopy.errors import Wrong
from goldcopy.inventory import seconds_of
from goldcopy.inventory.document import Node, parse
from goldcopy.inventory.mistakes import Gathered
from goldcopy.inventory.scalars import doubt, duration, plain, real, switch, text, whole

UNITS = {"ms": Fraction(1, 1000), "s": Fraction(1), "m": Fraction(60), "h": Fraction(3600)}


def node(written: str) -> Node:
    found = parse(f"{{x: {written}}}".encode(), gathered := Gathered("x"))
    gathered.refuse_any()
    assert found is not None
    return found.parts["x"]  # type: ignore[union-attr, call-overload]


@given(st.integers(0, 10**6), st.integers(0, 999), st.sampled_from(sorted(UNITS)))
def test_a_duration_is_its_number_times_its_unit(number: int, thousandths: int, unit: str) -> None:
    exact = (number + Fraction(thousandths, 1000)) * UNITS[unit]
    assert seconds_of(f"{number}.{thousandths:03}{unit}") == pytest.approx(float(exact), rel=1e-12)
    assert seconds_of(f"{number}{unit}") == pytest.approx(float(number * UNITS[unit]), rel=1e-12)


@given(st.text("0123456789.smhd +-", max_size=6))
def test_what_is_no_duration_is_none(written: str) -> None:
    number = written.rstrip("msh")
    unit = written[len(number) :]
    whole_part, dot, part = number.partition(".")
    is_one = whole_part.isdigit() and (part.isdigit() or not dot) and unit in UNITS
    assert (seconds_of(written) is not None) == is_one


@pytest.mark.parametrize(
    "written", ["5", "5 s", "s", "-5s", "1h30m", "5S", "1e3s", "\u0665s", "5s\n", ""]
)
def test_these_are_no_durations(written: str) -> None:
    assert seconds_of(written) is None


def test_limits_of_a_duration_are_possible_themselves() -> None:
    read = duration("250ms", "2h")
    assert read(node("250ms")) == 0.25
    assert read(node("2h")) == 7200
    for beyond in ("249ms", "2.01h", "9" * 400 + "s"):
        with pytest.raises(Wrong, match="out of range; 250ms to 2h is possible"):
            read(node(beyond))


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("12", 12),
        ("-12", -12),
        ("+1", 1),
        ("0", 0),
        ("0x1F", 31),
        ("1.5", 1.5),
        ("1.", 1.0),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("''", ""),
        ("'12'", "12"),
        ("!!str 12", "12"),
        ("no", "no"),
        ("yes", "yes"),
        ("010", "010"),
        ("0o17", "0o17"),
        ("22:30", "22:30"),
        ("1_000", "1_000"),
        ("2026-11-24", "2026-11-24"),
        ("None", "None"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("1e999", "1e999"),
        ("0x", "0x"),
        ("\u0661", "\u0661"),
        ("[1, {a: 2}]", [1, {"a": 2}]),
        ("{1: a, no: b}", {1: "a", "no": "b"}),
    ],
)
def test_only_what_all_readers_agree_on_is_interpreted(written: str, value: object) -> None:
    found = plain(node(written))
    assert found == value
    assert type(found) is type(value)


@given(st.integers())
def test_whole_numbers_survive(number: int) -> None:
    found = plain(node(str(number)))
    assert found == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_survive(number: float) -> None:
    assert plain(node(repr(number))) == number
    assert real(-1e309, 1e309)(node(repr(number))) == number


@pytest.mark.parametrize(
    "written", ["010", "-010", "0o17", "00", "22:30", "1:2:3", "1_000", "0x_F"]
)
def test_doubtful_numbers_are_explained(written: str) -> None:
    scalar = node(written)
    assert doubt(scalar)  # type: ignore[arg-type]
    assert not doubt(node(f"'{written}'"))  # type: ignore[arg-type]
    with pytest.raises(Wrong) as caught:
        whole(0, 10**6)(scalar)
    assert doubt(scalar) in str(caught.value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "written", ["yes", "no", "on", "off", "y", "1", "0", "'true'", "tRue", "~"]
)
def test_a_switch_is_true_or_false(written: str) -> None:
    with pytest.raises(Wrong, match="neither true nor false"):
        switch(node(written))
    assert switch(node("true")) is True
    assert switch(node("False")) is False


def test_text_is_as_written() -> None:
    for written in ("no", "010", "1.10", "2026-11-24", "a b", "true"):
        assert text(node(written)) == written
    for nothing in ("", "~", "null", "''", "'  '"):
        with pytest.raises(Wrong, match="has no value"):
            text(node(nothing))
    assert text(node("'null'")) == "null"


def test_long_values_are_not_shown_in_full() -> None:
    with pytest.raises(Wrong) as caught:
        whole(0, 1)(node("x" * 10_000))
    assert len(str(caught.value)) < 150
