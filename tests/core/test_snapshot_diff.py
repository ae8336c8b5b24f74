"""Diff: judged by the canonical lines, which are what equality means."""

from __future__ import annotations

import random
import struct
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from goldcopy.snapshot import Blob, Gap, Identity, Item, Snapshot
from goldcopy.snapshot import real_from_bits as real
from goldcopy.snapshot.canonical import item_line
from goldcopy.snapshot.diff import (
    Change,
    Cover,
    diff,
    gap_changes,
    identity_changes,
    same,
)
from goldcopy.snapshot.parts import Part, bytewise, elements

NAN, OTHER_NAN = real(0x7FC00000), real(0x7F800001)
# All that is == and has another form, and all that is != and has the same.
SCALARS: list[Any] = [0, 1, True, False, 0.0, -0.0, 1.0, NAN, OTHER_NAN, "", "a", b"", b"a"]
SCALARS += [Blob("0" * 64, 300), Blob("1" * 64, 300)]
VALUE = st.sampled_from(SCALARS) | st.lists(st.sampled_from(SCALARS[:10]), max_size=3).map(tuple)
LIMIT = st.sampled_from([None, 0, 1, 0.0, -0.0, 1.0, NAN, OTHER_NAN])
ITEM = st.builds(
    Item, st.just("a"), st.just("tag"), st.just("ARRAY[3] OF X"), VALUE, low=LIMIT, high=LIMIT
)


def fresh(value: object) -> Any:  # noqa: ANN401
    """Equal, but not the same object: NaN is found equal by identity inside of tuples."""
    if isinstance(value, tuple):
        return tuple(map(fresh, value))
    if isinstance(value, float):
        return struct.unpack("<d", struct.pack("<d", value))[0]
    return value


def line(item: Item) -> bytes:
    kind = item.type if isinstance(item.value, tuple) else "X"
    return item_line(msgspec.structs.replace(item, type=kind))


@given(ITEM, ITEM)
@example(Item("a", "tag", "INT", True), Item("a", "tag", "INT", 1))
@example(Item("a", "tag", "INT", 1, low=0.0), Item("a", "tag", "INT", 1, low=-0.0))
@example(Item("a", "tag", "ARRAY[1] OF X", (NAN,)), Item("a", "tag", "ARRAY[1] OF X", (NAN,)))
def test_same_means_the_same_line(old: Item, new: Item) -> None:
    assert same(old, new) is (line(old) == line(new))
    copy = msgspec.structs.replace(
        old, value=fresh(old.value), low=fresh(old.low), high=fresh(old.high)
    )
    assert same(old, copy)


def snapshot(values: dict[str, Any], gaps: list[Gap] | None = None) -> Snapshot:
    kinds = {bool: "BOOL", int: "DINT", float: "LREAL", str: "STRING"}
    items = [Item(path, "tag", kinds[type(value)], value) for path, value in values.items()]
    return Snapshot.of("d", "x", Identity(), items, gaps or ())


VALUES = st.dictionaries(
    st.text("ab/é\U0001f600", min_size=1, max_size=3),
    st.sampled_from([0, 1, True, False, 0.0, -0.0, NAN, OTHER_NAN, "", "1"]),
)


@given(VALUES, VALUES)
def test_diff_finds_exactly_what_differs(before: dict[str, Any], after: dict[str, Any]) -> None:
    old, new = snapshot(before), snapshot(after)
    changes = diff(old, new)
    expected = {}
    for path in before.keys() | after.keys():
        one, other = old.by_path.get(path), new.by_path.get(path)
        if one is None or other is None:
            expected[path] = ("added" if one is None else "removed", one, other)
        elif item_line(one) != item_line(other):
            expected[path] = ("changed", one, other)
    assert [change.path for change in changes] == sorted(expected)
    for change in changes:
        sort, one, other = expected[change.path]
        assert change.sort == sort
        assert (change.old is one, change.new is other) == (True, True)
    assert diff(old, old) == []


def test_what_a_gap_hides_is_not_called_removed_or_new() -> None:
    before = snapshot({"db/1/a": 1, "db/1/b": 2, "db/2": 3, "x": 4})
    after = snapshot({"x": 4}, [Gap("db/1", "refused"), Gap("db/10", "no")])
    assert [(c.path, c.sort, c.why) for c in diff(before, after)] == [
        ("db/1/a", "unreadable", "refused"),
        ("db/1/b", "unreadable", "refused"),
        ("db/2", "removed", ""),
    ]
    assert [(c.path, c.sort, c.why) for c in diff(after, before)] == [
        ("db/1/a", "added", "refused"),
        ("db/1/b", "added", "refused"),
        ("db/2", "added", ""),
    ]
    assert gap_changes(before, after) == (list(after.gaps), [])
    assert gap_changes(after, before) == ([], list(after.gaps))


@pytest.mark.parametrize(
    ("path", "gap"),
    [
        ("a/b/c", "a/b"),
        ("a/b", "a/b"),
        ("a", None),
        ("a/bc", None),
        ("x/y", "x"),
        ("xy", None),
        ("holding/50", "holding/50..59"),
        ("holding/59", "holding/50..59"),
        ("holding/55/low", "holding/50..59"),
        ("holding/49", None),
        ("holding/60", None),
        ("holding/505", None),
        ("input/55", None),
        ("file/4/7", "file/4/5..9"),
    ],
)
def test_a_gap_covers_itself_a_run_and_what_is_below(path: str, gap: str | None) -> None:
    gaps = [Gap(one, "refused") for one in ("a/b", "x", "holding/50..59", "file/4/5..9")]
    found = Cover(gaps).of(path)
    assert (found and found.path) == gap
    assert Cover([]).of(path) is None


def test_an_item_in_a_run_that_cannot_be_read_is_not_removed() -> None:
    item = Item("holding/55", "tag", "WORD", 7)
    before = Snapshot.of("d", "x", Identity(), [item])
    after = Snapshot.of("d", "x", Identity(), [], [Gap("holding/50..59", "illegal address")])
    (change,) = diff(before, after)
    assert (change.sort, change.why) == ("unreadable", "illegal address")


def test_elements_of_arrays() -> None:
    def array(kind: str, *values: float) -> Item:
        return Item("a", "tag", f"ARRAY[{len(values)}] OF {kind}", values)

    old, new = array("LREAL", 0.0, 1.0, NAN, 3.0), array("LREAL", -0.0, 1.0, NAN)
    assert elements(old, new) == [
        Part("[0]", "LREAL", 0.0, -0.0),
        Part("[3]", "LREAL", 3.0, None),
    ]
    assert elements(old, old) == []
    assert elements(array("INT", 1), array("DINT", 1)) == [Part("[0]", "DINT", 1, 1)]
    assert elements(Item("a", "tag", "INT", 1), new) == []


def test_bytes_by_offset() -> None:
    old = bytes.fromhex("00 01 02 03 04 05")
    assert bytewise(old, old) == []
    assert bytewise(old, bytes.fromhex("00 09 02 03 04 05")) == [Part("1.3", "BOOL", False, True)]
    assert bytewise(old, bytes.fromhex("00 01 02 00 04 05")) == [Part("3", "BYTES", b"\3", b"\0")]
    assert bytewise(old, bytes.fromhex("00 01 f0 f1 f2 05 06")) == [
        Part("2..4", "BYTES", old[2:5], b"\xf0\xf1\xf2"),
        Part("6", "BYTES", None, b"\6"),
    ]
    assert bytewise(old, old[:4]) == [Part("4..5", "BYTES", old[4:], None)]


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_bytes_by_offset_lead_from_old_to_new(old: bytes, new: bytes) -> None:
    made = bytearray(old[: len(new)].ljust(len(new), b"\0"))
    for part in bytewise(old, new):
        place, _, bit = (
            part.where.partition(".") if ".." not in part.where else (part.where, "", "")
        )
        start = int(place.partition("..")[0])
        if part.type == "BOOL":
            made[start] ^= 1 << int(bit)
        elif isinstance(part.new, bytes):
            made[start : start + len(part.new)] = part.new
    assert bytes(made) == new


def test_changes_of_the_identity() -> None:
    assert identity_changes(Identity("a", firmware="1"), Identity("a", firmware="2")) == [
        ("firmware", "1", "2")
    ]


def test_diff_of_two_snapshots_of_100_000_items() -> None:
    chance = random.Random(5)
    kinds: dict[str, Any] = {"REAL": 0.5, "DINT": 7, "BOOL": True, "STRING": "x"}
    names = list(kinds)
    items = [
        Item(f"area/{i % 40:02d}/tag{i:06d}", "tag", names[i % 4], kinds[names[i % 4]], low=0.0)
        for i in range(100_000)
    ]
    touched = chance.sample(range(100_000), 1_000)
    after = list(items)
    expected: dict[str, str] = {}
    other: dict[str, Any] = {"REAL": -0.5, "DINT": 8, "BOOL": False, "STRING": "X"}
    for n, i in enumerate(touched):
        one = items[i]
        if n < 900:
            after[i] = msgspec.structs.replace(one, value=other[one.type])
            expected[one.path] = "changed"
        else:
            after[i] = msgspec.structs.replace(one, path=one.path + "x")
            expected[one.path], expected[one.path + "x"] = "removed", "added"
    changes: list[Change] = diff(
        Snapshot.of("d", "x", Identity(), items), Snapshot.of("d", "x", Identity(), after)
    )
    assert {change.path: change.sort for change in changes} == expected
    assert len(changes) == len(expected) == 1_100
