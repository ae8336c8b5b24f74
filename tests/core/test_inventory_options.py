"""A driver's own options: its struct judges them, every mistake has its line."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldcopy.errors import Wrong
from goldcopy.inventory.document import Table, parse
from goldcopy.inventory.mistakes import Gathered
from goldcopy.inventory.options import Options


class Order(enum.Enum):
    BIG = "ABCD"
    LITTLE = "DCBA"


class Range(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    table: Literal["holding", "input", "coil"]
    start: Annotated[int, msgspec.Meta(ge=0)] = 0
    count: int = 1
    label: str = ""

    def __post_init__(self) -> None:
        if self.start + self.count > 65536:
            raise ValueError("start and count reach beyond register 65535")


class Deep(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    byte_order: Order = Order.BIG
    by_name: dict[str, Range] = {}


class DriverOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ranges: tuple[Range, ...] = ()
    units: dict[str, int] = {}
    numbers: dict[int, str] = {}
    certificate: Path | None = None
    scale: float = 1.0
    enabled: bool = True
    deep: Deep | None = None
    points: Annotated[tuple[int, ...], msgspec.Meta(min_length=1)] = (1,)
    names: Annotated[tuple[str, ...], msgspec.Meta(max_length=3)] = ()


class Choosy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    needed: int
    also: str
    more: int = 0

    def __post_init__(self) -> None:
        if self.more == 13:
            raise Wrong("more brings bad luck at 13; take 14")


FOLDER = Path("/plant")


def judged(
    text: str, kind: type[msgspec.Struct] = DriverOptions
) -> tuple[msgspec.Struct | None, list[str]]:
    gathered = Gathered("x")
    node = parse(text.encode(), gathered)
    assert isinstance(node, Table)
    options = Options(kind, FOLDER, gathered).read(node)
    try:
        gathered.refuse_any()
    except Wrong as error:
        return options, [line.removeprefix("x:") for line in str(error).splitlines()]
    return options, []


def test_right_options_are_the_drivers_struct() -> None:
    text = """\
ranges:
  - {table: holding, start: 0x10, count: 4}
  - {table: coil, label: "12"}
units: {pump: 1, no: 2}
numbers: {7: seven}
certificate: pki/own.pem
scale: 2
deep: {byte-order: DCBA, by-name: {a: {table: input}}}
"""
    assert judged(text) == (
        DriverOptions(
            ranges=(Range("holding", 16, 4), Range("coil", label="12")),
            units={"pump": 1, "no": 2},
            numbers={7: "seven"},
            certificate=FOLDER / "pki/own.pem",
            scale=2.0,
            deep=Deep(Order.LITTLE, {"a": Range("input")}),
        ),
        [],
    )
    assert judged("{}") == (DriverOptions(), [])


def test_every_mistake_has_its_own_line() -> None:
    text = """\
ranges:
  - {table: holdin, strt: 3, count: "5"}
  - table: holding
    start: 07
  - table: holding
    start: 65000
    count: 600
  - start: -1
  - {table: coil, label: 12}
  - just text
units:
  pump: 1
  motor: x
certificate: 5
scale: no
enabled: yes
deep:
  byte-order: ABDC
  by-name:
    a: {table: input}
    b: {table: inptu}
names: [a, b, c, d]
rangs: 4
zzz: 1
"""
    options, said = judged(text)
    assert options is None
    assert said == [
        "2: options.ranges.table: holdin is not possible; did you mean holding?",
        "2: options.ranges has no key strt; did you mean start?",
        "2: options.ranges.count: expected a whole number, got text; remove the quotes, if it is "
        "one",
        "4: options.ranges.start: expected a whole number, got text; a leading zero means octal to "
        "some readers; write it without",
        "5: options.ranges: start and count reach beyond register 65535",
        "8: options.ranges lacks the key table; add it",
        "8: options.ranges.start: expected a whole number >= 0",
        "9: options.ranges.label: expected text, got a whole number; put it in quotes",
        "10: options.ranges: expected a mapping, got text",
        "13: options.units.motor: expected a whole number, got text",
        "14: options.certificate: expected a path",
        "15: options.scale: expected a number, got text",
        "16: options.enabled: expected true or false, got text",
        "18: options.deep.byte-order: ABDC is not possible; did you mean ABCD?",
        "21: options.deep.by-name.b.table: inptu is not possible; did you mean input?",
        "22: options.names: expected a list of length <= 3",
        "23: options has no key rangs; did you mean ranges?",
        "24: options has no key zzz; possible: ranges, units, numbers, certificate, scale, "
        "enabled, deep, points, names",
    ]


def test_what_is_needed_is_missed_but_not_what_is_only_wrong() -> None:
    assert judged("{}", Choosy)[1] == ["1: options lacks the key needed; add it"]
    assert judged("needed: x\nalso: 5\nmore: y\n", Choosy)[1] == [
        "1: options.needed: expected a whole number, got text",
        "2: options.also: expected text, got a whole number; put it in quotes",
        "3: options.more: expected a whole number, got text",
    ]


def test_what_follows_from_a_mistake_is_not_told_as_another() -> None:
    assert judged("points: [x]\n")[1] == [
        "1: options.points: expected a whole number, got text",
    ]


def test_the_culprit_of_a_mapping_is_found_among_other_mistakes() -> None:
    text = "numbers:\n  7: seven\n  8: 9\nunits:\n  a: x\nenabled: 3\n"
    assert judged(text)[1] == [
        "3: options.numbers.8: expected text, got a whole number; put it in quotes",
        "5: options.units.a: expected a whole number, got text",
        "6: options.enabled: expected true or false, got a whole number",
    ]


def test_the_drivers_own_words_are_kept() -> None:
    text = "needed: 1\nalso: a\nmore: 13\n"
    assert judged(text, Choosy) == (None, ["1: options: more brings bad luck at 13; take 14"])


json_like = st.recursive(
    st.sampled_from(["x", "1", "-3", "1.5", "true", "~", "'1'", "010", "holding"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]"),
        st.dictionaries(
            st.sampled_from(
                [*DriverOptions.__struct_fields__, *Range.__struct_fields__, "zz", "7"]
            ),
            inner,
            max_size=4,
        ).map(lambda parts: "{" + ", ".join(f"{k}: {v}" for k, v in parts.items()) + "}"),
    ),
    max_leaves=15,
)


@given(json_like.filter(lambda text: text.startswith("{")))
def test_whatever_is_written_is_either_taken_or_explained(text: str) -> None:
    options, said = judged(text)
    assert (options is None) == bool(said)


@pytest.mark.parametrize("secret", ["hunter2", "'*hunter2'", "hunter2 # x"])
def test_values_of_unknown_options_are_not_shown(secret: str) -> None:
    _, said = judged(f"passphrase: {secret}\n")
    assert len(said) == 1
    assert "hunter2" not in said[0]


def test_many_mistakes_end_in_good_time() -> None:
    text = "ranges:\n" + "  - {table: x}\n" * 200
    assert len(judged(text)[1]) == 200
