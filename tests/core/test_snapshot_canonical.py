"""Canonical bytes: they read back, equal states have one id, and nothing else is in them."""

from __future__ import annotations

import json
import random
import struct
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldcopy.errors import Wrong
from goldcopy.snapshot import Blob, Gap, Identity, Item, Snapshot, Value, parse_gap, parse_item
from goldcopy.snapshot import real_from_bits as real
from goldcopy.snapshot.canonical import gap_line, item_line, parse_head

VECTORS = Path(__file__).parents[1] / "vectors/format"

# Surrogates apart, any character: NUL, DEL, quotes, non-BMP, combining.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
PATH = st.lists(TEXT.filter(len), min_size=1, max_size=3).map("/".join)
LREAL = st.integers(0, 2**64 - 1).map(lambda n: struct.unpack("<d", struct.pack("<Q", n))[0])
REAL = st.integers(0, 2**32 - 1).map(real)
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "BOOL": st.booleans(),
    "SINT": st.integers(-128, 127),
    "DINT": st.integers(-(2**31), 2**31 - 1),
    "LINT": st.integers(-(2**63), 2**63 - 1),
    "LWORD": st.integers(0, 2**64 - 1),
    "TIME": st.integers(-(2**63), 2**63 - 1),
    "REAL": REAL | st.sampled_from([0.0, -0.0, real(0x7F800001), real(0xFFC00001)]),
    "LREAL": LREAL,
    "STRING": TEXT,
    "DATE_AND_TIME": TEXT,
    "BYTES": st.binary(max_size=400),
}


@st.composite
def typed(draw: st.DrawFn) -> tuple[str, Any]:
    kind = draw(st.sampled_from(sorted(SCALARS)))
    shape = draw(st.none() | st.lists(st.integers(0, 3), min_size=1, max_size=2))
    if shape is None:
        return kind, draw(SCALARS[kind])
    count = shape[0] if len(shape) == 1 else shape[0] * shape[1]
    elements = draw(st.lists(SCALARS[kind], min_size=count, max_size=count))
    return f"ARRAY[{','.join(map(str, shape))}] OF {kind}", tuple(elements)


LIMIT = st.none() | st.integers(-(2**70), 2**70) | LREAL


@st.composite
def item(draw: st.DrawFn) -> Item:
    kind, value = draw(typed())
    return Item(
        draw(PATH),
        draw(st.sampled_from(["block", "tag", "parameter", "file", "event"])),
        kind,
        value,
        draw(st.sampled_from(["setting", "process", "diagnostic"])),
        draw(st.sampled_from(["read", "read-write"])),
        draw(TEXT),
        draw(TEXT),
        draw(LIMIT),
        draw(LIMIT),
        draw(TEXT),
    )


ITEMS = st.lists(item(), max_size=6, unique_by=lambda one: one.path)
GAPS = st.lists(st.builds(Gap, PATH, TEXT), max_size=3, unique_by=lambda gap: gap.path)
IDENTITY = st.builds(Identity, *[TEXT] * 8)


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    return Snapshot.of(draw(TEXT), draw(TEXT), draw(IDENTITY), draw(ITEMS), draw(GAPS), draw(TEXT))


def lines_of(snapshot: Snapshot) -> bytes:
    found = snapshot.form
    return b"".join(line + b"\n" for line in [found.head, *found.items, *found.gaps])


def read(data: bytes) -> Snapshot:
    """Canonical bytes back to a snapshot, by the lines alone."""
    first, *rest = data.split(b"\n")[:-1]
    head = parse_head(first)
    gaps = [line for line in rest if line.startswith(b'{"gap":')]
    items = [parse_item(line) for line in rest if line not in gaps]
    return Snapshot(
        head.device,
        head.driver,
        head.identity,
        tuple(items),
        tuple(parse_gap(line) for line in gaps),
        head.rules,
    )


@given(snapshots())
def test_canonical_bytes_read_back(snapshot: Snapshot) -> None:
    data = lines_of(snapshot)
    back = read(data)
    assert lines_of(back) == data
    assert (back.id, back.settings) == (snapshot.id, snapshot.settings)
    # An independent reader sees the same paths in the same order, and the fields in theirs.
    for line, one in zip(snapshot.form.items, snapshot.items, strict=True):
        fields = json.loads(line)
        assert fields["path"] == one.path
        order = [name for name in Item.__struct_fields__ if name in fields]
        assert list(fields) == order


@given(ITEMS, GAPS, st.randoms(use_true_random=False))
def test_order_of_reading_leaves_no_trace(
    items: list[Item], gaps: list[Gap], chance: random.Random
) -> None:
    one = Snapshot.of("d", "x", Identity(), items, gaps)
    chance.shuffle(items)
    chance.shuffle(gaps)
    other = Snapshot.of("d", "x", Identity(), iter(items), iter(gaps))
    assert (one.id, one.settings) == (other.id, other.settings)


@given(item())
def test_equal_items_have_equal_bytes_however_they_were_made(one: Item) -> None:
    # Text built at run time is equal to a default, not identical; it is left out all the same.
    copy: dict[str, Any] = {
        name: "".join(list(value)) if isinstance(value, str) else value
        for name, value in msgspec.structs.asdict(one).items()
    }
    assert item_line(Item(**copy)) == item_line(one)


def test_a_default_that_was_built_at_run_time_is_left_out() -> None:
    role: Any = "".join(["set", "ting"])
    access: Any = "".join(["re", "ad"])
    assert item_line(Item("a", "tag", "INT", 1, role, access)) == (
        b'{"path":"a","kind":"tag","type":"INT","value":1}'
    )


@given(snapshots(), snapshots())
def test_two_states_have_one_id_only_if_they_have_the_same_bytes(
    one: Snapshot, other: Snapshot
) -> None:
    assert (one.id == other.id) is (lines_of(one) == lines_of(other))


VALUES: list[tuple[str, Value]] = [
    ("LREAL", 0.0),
    ("LREAL", -0.0),
    ("REAL", 0.0),
    ("REAL", real(0x7FC00000)),
    ("REAL", real(0x7FC00001)),
    ("REAL", real(0x7F800001)),
    ("REAL", real(0xFFC00000)),
    ("DINT", 0),
    ("DINT", 1),
    ("BOOL", True),
    ("BOOL", False),
    ("STRING", "0"),
    ("STRING", ""),
    ("WSTRING", "e\u0301"),
    ("WSTRING", "\u00e9"),
    ("BYTES", b""),
    ("BYTES", bytes(256)),
    ("BYTES", bytes(257)),
    ("ARRAY[0] OF INT", ()),
    ("ARRAY[0] OF BOOL", ()),
    ("ARRAY[4] OF INT", (0, 0, 0, 0)),
    ("ARRAY[2,2] OF INT", (0, 0, 0, 0)),
]


def test_no_two_different_values_share_an_id() -> None:
    ids = {
        Snapshot.of("d", "x", Identity(), [Item("a", "tag", kind, value)]).id
        for kind, value in VALUES
    }
    assert len(ids) == len(VALUES)


def test_a_limit_keeps_its_kind() -> None:
    limits = (1, 1.0, 2**64 - 1, float(2**64), 0, -0.0, 0.0, 10**16, 1e16)
    lines = {item_line(Item("a", "tag", "INT", 1, low=limit)) for limit in limits}
    assert len(lines) == len(limits)
    for line in lines:
        assert item_line(parse_item(line)) == line


SETTING = Item("a/setting", "parameter", "DINT", 1)
LIVE = Item("a/live", "tag", "REAL", 20.5, "process")


def made(*items: Item, identity: Identity | None = None, rules: str = "") -> Snapshot:
    return Snapshot.of("d", "x", identity or Identity(), items, (), rules)


def test_settings_cover_identity_and_settings_and_nothing_else() -> None:
    base = made(SETTING, LIVE)
    warmer = made(SETTING, msgspec.structs.replace(LIVE, value=21.5))
    assert warmer.settings == base.settings
    assert warmer.id != base.id
    assert made(SETTING, LIVE, rules="0" * 64).settings == base.settings
    assert made(SETTING, LIVE, rules="0" * 64).id != base.id
    assert made(msgspec.structs.replace(SETTING, value=2), LIVE).settings != base.settings
    assert made(SETTING, LIVE, identity=Identity(firmware="2")).settings != base.settings
    gap = Snapshot.of("d", "x", Identity(), [SETTING, LIVE], [Gap("b", "refused")])
    assert gap.settings == base.settings
    assert gap.id != base.id


def test_big_bytes_are_held_by_hash_also_in_arrays() -> None:
    big = bytes(range(256)) * 2
    items = [
        Item("one", "block", "BYTES", big),
        Item("some", "block", "ARRAY[2] OF BYTES", (b"small", big)),
    ]
    snapshot = Snapshot.of("d", "x", Identity(), items)
    assert snapshot.by_path["one"].value == Blob.of(big)
    assert snapshot.by_path["some"].value == (b"small", Blob.of(big))
    assert dict(snapshot.blobs) == {Blob.of(big).sha256: big}


@pytest.mark.parametrize(
    "wrong",
    [
        Item("\ud800", "tag", "INT", 1),
        Item("a", "tag", "INT", 1, unit="\udfff"),
        Item("a", "tag", "INT", 1, label="\ud83d"),
        Item("a", "tag", "INT", 1, address="\ud800"),
        Item("a", "tag", "STR\ud800", "x"),
        Item("a", "tags", "INT", 1),  # type: ignore[arg-type]
        Item("a", "tag", "INT", 1, "settings"),  # type: ignore[arg-type]
        Item("a", "tag", "INT", 1, access="write"),  # type: ignore[arg-type]
        Item("a", "tag", "INT", 1, low="0"),  # type: ignore[arg-type]
        Item("a", "tag", "INT", 1, high=True),
        Item("a", "tag", "INT", 70000),
        Item(b"a", "tag", "INT", 1),  # type: ignore[arg-type]
    ],
    ids=repr,
)
def test_what_could_not_be_read_back_is_refused_with_device_and_path(wrong: Item) -> None:
    with pytest.raises(Wrong, match=r"^mixer: ") as refused:
        Snapshot.of("mixer", "x", Identity(), [wrong])
    assert str(refused.value).encode()
    assert "\n" not in str(refused.value)


def test_text_of_identity_and_gaps_is_checked_too() -> None:
    with pytest.raises(Wrong):
        Snapshot.of("d", "x", Identity(serial="\ud800"), [])
    with pytest.raises(Wrong):
        Snapshot.of("d", "x", Identity(), [], [Gap("a", "\ud800")])


def test_a_path_is_unique() -> None:
    with pytest.raises(Wrong, match="a was read twice"):
        made(Item("a", "tag", "INT", 1), Item("b", "tag", "INT", 1), Item("a", "tag", "INT", 1))
    with pytest.raises(Wrong, match="a was read twice"):
        Snapshot.of("d", "x", Identity(), [], [Gap("a", "x"), Gap("a", "y")])


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b'{"path":"a"}',
        b'{"path":"a","kind":"tag","type":"INT","value":null}',
        b'{"path":"a","kind":"tag","type":"INT","value":1.5}',
        b'{"path":"a","kind":"tag","type":"INT","value":1,"colour":"red"}',
        b'{"path":"a","kind":"tag","type":"INT","value":1,"low":"x"}',
        b'{"path":"a","kind":"tag","type":"INT","value":1,"low":"int:x"}',
        b'{"path":"\xff","kind":"tag","type":"INT","value":1}',
        b'{"path":"a","kind":"tag","type":"REAL","value":"nan:zz"}',
    ],
)
def test_a_line_that_is_no_item_is_refused(line: bytes) -> None:
    with pytest.raises(Wrong):
        parse_item(line)


def test_lines_of_gaps() -> None:
    assert parse_gap(gap_line(Gap("a\x7f", "b\n"))) == Gap("a\x7f", "b\n")
    for line in (b"{}", b'{"gap":"a"}', b'{"gap":"a","reason":"b","more":1}', b"\xff"):
        with pytest.raises(Wrong):
            parse_gap(line)


def test_a_head_of_another_format_is_refused() -> None:
    head = made().form.head
    assert parse_head(head).device == "d"
    for line in (b"{}", b"\xff", head.replace(b"goldcopy/1", b"goldcopy/2")):
        with pytest.raises(Wrong):
            parse_head(line)


@pytest.mark.parametrize("name", ["mixer", "everything", "empty"])
def test_the_specifications_snapshots(name: str) -> None:
    data = (VECTORS / f"{name}.lines").read_bytes()
    digests = json.loads((VECTORS / "ids.json").read_text())[name]
    snapshot = read(data)
    assert lines_of(snapshot) == data
    assert {"id": snapshot.id, "settings": snapshot.settings} == digests
