"""The two sides of a finding: what differs is seen to differ, and nothing hides in the text."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.core.report_plant import HOSTILE

from goldcopy.drift.compare import compare
from goldcopy.drift.model import Finding
from goldcopy.inventory import Rules
from goldcopy.report.text import LONGEST, sides, value_of
from goldcopy.snapshot import Identity, Item, Snapshot, Value
from goldcopy.snapshot.diff import same
from goldcopy.snapshot.values import plain


def finding(old: Item, new: Item) -> Finding:
    """What drift finds between two states of an item."""
    one, other = (Snapshot.of("m", "s7", Identity(), [item]) for item in (old, new))
    (found,) = compare(one, other, Rules()).findings
    return found


def tag(kind: str, value: Value, **more: object) -> Item:
    return Item("x", "tag", kind, value, **more)  # type: ignore[arg-type]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=600)
VALUES = st.one_of(
    st.tuples(st.just("LREAL"), st.floats()),
    st.tuples(st.just("DINT"), st.integers(-9, 9)),
    st.tuples(st.just("STRING"), TEXTS),
    st.tuples(st.just("BYTES"), st.binary(max_size=700)),
    st.tuples(st.just("ARRAY[40] OF INT"), st.lists(st.integers(0, 1), min_size=40, max_size=40)),
)


@given(VALUES, VALUES, st.sampled_from(["setting", "process"]), st.sampled_from(["", "bar"]))
def test_what_differs_is_seen_to_differ(
    old: tuple[str, Value], new: tuple[str, Value], role: str, unit: str
) -> None:
    def item(kind: str, value: object, **more: object) -> Item:
        return tag(kind, tuple(value) if isinstance(value, list) else value, **more)  # type: ignore[arg-type]

    one, other = item(*old), item(*new, role=role, unit=unit)
    assume(not same(one, other))
    left, right = sides(finding(one, other))
    assert left != right
    assert plain(left) != plain(right)
    assert max(len(left), len(right)) < 4 * LONGEST


@given(TEXTS, st.integers(0, 10**6), st.characters(exclude_categories=["Cs"]))
def test_one_letter_of_a_long_text(text: str, at: int, letter: str) -> None:
    at %= len(text) + 1
    other = text[:at] + letter + text[at + 1 :]
    assume(other != text)
    left, right = sides(finding(tag("STRING", text), tag("STRING", other)))
    assert plain(left) != plain(right)


CASES: dict[str, tuple[Item, Item, str, str]] = {
    "-0.0": (tag("REAL", 0.0), tag("REAL", -0.0), "0", "-0"),
    "a unit": (tag("INT", 1, unit="bar"), tag("INT", 1, unit="psi"), "1 bar", "1 psi"),
    "a label": (tag("INT", 1), tag("INT", 1, label="y"), "1 (label (none))", "1 (label y)"),
    "a limit": (tag("INT", 1, low=0), tag("INT", 1, low=5), "1 (low 0)", "1 (low 5)"),
    "a type": (tag("INT", 1), tag("DINT", 1), "1 (tag INT)", "1 (tag DINT)"),
    "a mask": (tag("INT", 1), tag("INT", 1, role="process"), "1 (setting)", "1 (process)"),
    "the last of forty": (
        tag("ARRAY[40] OF INT", (0,) * 40), tag("ARRAY[40] OF INT", (0,) * 39 + (7,)),
        "[39] 0", "[39] 7",
    ),
    "a bit": (tag("BYTES", bytes(90)), tag("BYTES", bytes(89) + b"\x10"),
              "byte 89.4: false", "byte 89.4: true"),
    "a blank at the end": (tag("STRING", "RUN"), tag("STRING", "RUN "), "RUN", "'RUN '"),
    "the end of a long text": (
        tag("STRING", "a" * 900 + "b"), tag("STRING", "a" * 900 + "c"),
        "… " + "a" * 20 + "b (901 characters)", "… " + "a" * 20 + "c (901 characters)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", CASES)
def test_what_is_told(what: str) -> None:
    old, new, left, right = CASES[what]
    assert sides(finding(old, new)) == (left, right)


def test_a_nan_is_told_by_its_bits() -> None:
    quiet, other = (
        struct.unpack("<d", struct.pack("<Q", 0x7FF8 << 48 | payload))[0] for payload in (0, 1)
    )
    assert math.isnan(quiet)
    left, right = sides(finding(tag("LREAL", quiet), tag("LREAL", other)))
    assert (left, right) == ("nan:7ff8000000000000", "nan:7ff8000000000001")


def test_big_content_is_told_by_its_hash() -> None:
    left, right = sides(finding(tag("BYTES", bytes(700)), tag("BYTES", bytes(699) + b"x")))
    assert left.startswith("700 bytes, SHA-256")
    assert left != right


def test_many_places_are_counted() -> None:
    old, new = (tag("ARRAY[40] OF INT", (n,) * 40) for n in (1, 2))
    assert sides(finding(old, new))[1].endswith("[7] 2, and 32 more places")


@given(st.text())
def test_nothing_hides_in_a_text(text: str) -> None:
    shown = plain(text)
    assert isinstance(shown, str)
    assert shown.isprintable()
    assert plain("a\u202eb\x00") == "a\\u202eb\\u0000"
    assert plain(HOSTILE) == HOSTILE  # markup is the page's matter, which escapes all of it


def test_what_is_not_there() -> None:
    assert value_of(None) == ""
    gone = Finding("x", "removed", "medium", tag("INT", 1, unit="bar"), None)
    assert sides(gone) == ("1 bar", "")
