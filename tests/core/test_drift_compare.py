"""What differs from a gold copy: every change is found, and nothing that is no setting."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldcopy.drift.compare import compare
from goldcopy.drift.model import Drift
from goldcopy.drift.moved import parts
from goldcopy.driver import Section
from goldcopy.gold.scope import Scope
from goldcopy.inventory import Rule, Rules
from goldcopy.snapshot import Gap, Identity, Item, Role, Snapshot
from goldcopy.snapshot.canonical import item_line

NO_RULES, SILENT = Rules(), Identity()


def item(path: str, value: object = 1, kind: str = "DINT", **more: Any) -> Item:  # noqa: ANN401
    return Item(path, "tag", kind, value, **more)  # type: ignore[arg-type]


def pulled(
    items: Sequence[Item],
    rules: Rules = NO_RULES,
    gaps: Sequence[Gap] = (),
    identity: Identity = SILENT,
    driver: str = "s7",
) -> Snapshot:
    return Snapshot.of("mixer", driver, identity, rules.apply(items), gaps, rules.digest)


def told(drift: Drift) -> list[tuple[str, str]]:
    return [(one.path, one.sort) for one in drift.findings]


def one_change(old: Item, new: Item, rules: Rules = NO_RULES) -> Drift:
    return compare(pulled([old], rules), pulled([new], rules), rules)


def test_each_sort() -> None:
    gold = pulled([item(path) for path in ("a", "b", "c", "d", "f/1")])
    now = pulled(
        [item("a"), item("b", 2), item("d", 1, "INT"), item("e")], gaps=[Gap("f", "no answer")]
    )
    drift = compare(gold, now, Rules())
    assert told(drift) == [
        ("b", "changed"), ("c", "removed"), ("d", "retyped"), ("e", "added"), ("f/1", "unreadable"),
    ]  # fmt: skip
    assert drift.findings[-1].why == "no answer"
    assert drift.gaps == (Gap("f", "no answer"),)
    assert drift.severity is not None
    assert drift.compared == 5


def test_nothing_differs() -> None:
    nan = struct.unpack("<d", struct.pack("<Q", 0x7FF8000000000001))[0]
    items = [item("a"), item("n", nan, "LREAL"), item("z", -0.0, "LREAL")]
    drift = compare(pulled(items), pulled(items[::-1]), Rules())
    assert drift == Drift((), (), (), (), compared=3, tolerated=0, left_out=0)
    assert drift.severity is None
    assert drift.severity is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (item("a", 0.0, "LREAL"), item("a", -0.0, "LREAL")),
        (item("a", 0x10, "WORD"), item("a", 0x11, "WORD")),
        (item("a", (1, 2, 3), "ARRAY[3] OF INT"), item("a", (1, 2, 4), "ARRAY[3] OF INT")),
        (item("a", "x", "STRING"), item("a", "x ", "STRING")),
        (item("a", bytes(300), "BYTES"), item("a", bytes(299) + b"\1", "BYTES")),
        (item("a"), item("a", unit="bar")),
        (item("a", low=1), item("a", low=1.0)),
        (item("a"), item("a", access="read-write")),
        (item("a", address="1"), item("a", address="2")),
    ],
)
def test_the_smallest_change_is_found(old: Item, new: Item) -> None:
    assert told(one_change(old, new)) == [("a", "changed")]


def test_identity_is_compared_whatever_the_scope() -> None:
    old = Identity(vendor="A", firmware="1.0", serial="7", name="m", mode="RUN", protection="1")
    new = Identity(vendor="A", firmware="1.1", serial="8", name="n", mode="STOP", protection="3")
    scope = Scope(["a"])
    drift = compare(
        pulled([item("a")], identity=old), pulled([item("a")], identity=new), Rules(), scope
    )
    assert [(one.field, one.severity) for one in drift.identity] == [
        ("serial", "high"), ("firmware", "high"), ("name", "medium"), ("mode", "high"),
        ("protection", "high"),
    ]  # fmt: skip
    assert drift.severity is not None
    assert drift.severity == "high"
    other = compare(pulled([item("a")]), pulled([item("a")], driver="modbus"), Rules(), scope)
    assert [(one.field, one.old, one.new) for one in other.identity] == [("driver", "s7", "modbus")]


# -- roles, masks and scope ------------------------------------------------------------------------


def test_process_values_do_not_drift_whether_kept_or_left_out() -> None:
    rules = Rules([Rule("live", "process"), Rule("log", "diagnostic")])
    items = [item("a"), item("live"), item("log"), item("own", role="process")]
    gold = pulled(items, rules)
    moved = [item("a"), item("live", 2), item("log", 3), item("own", 4, role="process")]
    kept = compare(gold, pulled(moved, rules), rules)
    assert (kept.severity, kept.left_out, kept.compared) == (None, 3, 1)
    left_out = compare(gold, pulled([item("a")], rules), rules)
    assert (left_out.severity, left_out.left_out) == (None, 0)


def test_a_setting_that_is_masked_later_is_told() -> None:
    signed, later = Rules(), Rules([Rule("a", "process")])
    gold = pulled([item("a"), item("b")], signed)
    for value in (1, 2):
        drift = compare(gold, pulled([item("a", value), item("b")], later), signed)
        assert told(drift) == [("a", "masked")]
    assert told(compare(gold, pulled([item("b")], later), signed)) == [("a", "removed")]


def test_a_mask_that_was_signed_later_holds_for_the_old_snapshot_too() -> None:
    attested = Rules([Rule("live", "process")])
    gold = pulled([item("a"), item("live")])
    drift = compare(gold, pulled([item("a"), item("live", 2)], attested), attested)
    assert (drift.severity, drift.compared) == (None, 1)


def test_a_mask_that_is_taken_back_shows_what_it_hid() -> None:
    gold = pulled([item("a"), item("b")], Rules([Rule("**", "process")]))
    drift = compare(gold, pulled([item("a"), item("b", 2)]), Rules())
    assert told(drift) == [("b", "changed")]


ROLES: list[Role] = ["setting", "process", "diagnostic"]
STATES = st.dictionaries(
    st.sampled_from(["a", "b", "x/1", "x/2"]),
    st.tuples(st.integers(0, 2), st.sampled_from(ROLES)),
)
RULES = st.lists(
    st.builds(Rule, st.sampled_from(["a", "*", "x/*", "**"]), st.sampled_from(ROLES)), max_size=3
).map(Rules)
SCOPES = st.sampled_from([("**",), ("a",), ("x/*",), ("**", "!x")])


@given(STATES, STATES, RULES, RULES, SCOPES)
def test_exactly_the_settings_of_the_scope_are_compared(
    old: dict[str, Any],
    new: dict[str, Any],
    signed: Rules,
    current: Rules,
    patterns: tuple[str, ...],
) -> None:
    gold = pulled([item(path, value, role=role) for path, (value, role) in old.items()], current)
    now = pulled([item(path, value, role=role) for path, (value, role) in new.items()], signed)
    scope = Scope(patterns)
    expected = set()
    for path in old.keys() | new.keys():
        before, after = gold.by_path.get(path), now.by_path.get(path)
        roles = [one.role for one in (before, after) if one]
        ruled = signed.role(path)
        setting = ruled == "setting" if ruled else "setting" in roles
        masked = after is not None and after.role != "setting"
        alike = before and after and before.value == after.value
        if path in scope and setting and ((masked and before) or not alike):
            expected.add(path)
    assert {one.path for one in compare(gold, now, signed, scope).findings} == expected


# -- tolerance and severity ------------------------------------------------------------------------


def test_within_its_tolerance_a_value_does_not_drift_and_that_is_counted() -> None:
    rules = Rules([Rule("a", "setting", tolerance="0.5"), Rule("p", "setting", "2%", "high")])
    gold = pulled([item("a", 20.0, "LREAL", unit="bar"), item("p", 100)], rules)
    near = pulled([item("a", 20.5, "LREAL", unit="bar"), item("p", 98)], rules)
    far = pulled([item("a", 20.6, "LREAL", unit="bar"), item("p", 97)], rules)
    unit = pulled([item("a", 20.1, "LREAL", unit="psi"), item("p", 100)], rules)
    drift = compare(gold, near, rules)
    assert (drift.severity, drift.tolerated) == (None, 2)
    assert [(f.path, f.severity) for f in compare(gold, far, rules).findings] == [
        ("a", "medium"), ("p", "high"),
    ]  # fmt: skip
    (finding,) = compare(gold, unit, rules).findings
    assert finding.moved == ("unit",)


def test_many_small_steps_are_a_large_one() -> None:
    rules = Rules([Rule("a", "setting", tolerance="1")])
    gold = pulled([item("a", 0)], rules)
    moved = [compare(gold, pulled([item("a", n)], rules), rules).findings for n in range(4)]
    assert [bool(findings) for findings in moved] == [False, False, True, True]


def test_severity_is_that_of_the_rule_or_medium_and_low_for_a_label() -> None:
    rules = Rules([Rule("h", "setting", severity="high"), Rule("l", "setting", severity="low")])
    for path, severity in (("h", "high"), ("l", "low"), ("x", "medium")):
        (finding,) = one_change(item(path), item(path, 2), rules).findings
        assert finding.severity == severity
    (finding,) = one_change(item("x"), item("x", label="new"), rules).findings
    assert (finding.severity, finding.moved) == ("low", ("label",))
    (finding,) = one_change(item("h"), item("h", label="new"), rules).findings
    assert finding.severity == "high"


# -- what moved ------------------------------------------------------------------------------------


def test_members_of_a_definition() -> None:
    def definition(*lines: str) -> Item:
        return Item("type/Motor", "block", "STRING", "\n".join(lines) + "\n")

    old = definition("handle 1f, 8 bytes", "speed : REAL @ 0", "run : BOOL @ 4.0")
    for new, moved in [
        (definition("handle 1f, 8 bytes", "speed : DINT @ 0", "run : BOOL @ 4.0"), ("speed",)),
        (
            definition("handle 20, 8 bytes", "speed : REAL @ 0", "run : BOOL @ 4.1", "b : INT @ 6"),
            ("handle 1f, 8 bytes", "run", "handle 20, 8 bytes", "b"),
        ),
        (definition("handle 1f, 8 bytes", "run : BOOL @ 4.0", "speed : REAL @ 0"), ("order",)),
    ]:
        (finding,) = one_change(old, new).findings
        assert finding.moved == moved
    (finding,) = one_change(item("a", "x", "STRING"), item("a", "y", "STRING")).findings
    assert finding.moved == ()


def test_elements_and_bytes() -> None:
    gold = pulled([item("a", (1, 2), "ARRAY[2] OF INT"), item("b", bytes(300), "BYTES"), item("c")])
    image = bytes(100) + b"\4" + bytes(199)
    now = pulled([item("a", (1, 3), "ARRAY[2] OF INT"), item("b", image, "BYTES"), item("c", 2)])
    drift = compare(gold, now, Rules())
    found = [[part.where for part in parts(gold, now, one)] for one in drift.findings]
    assert found == [["[1]"], ["100.2"], []]


def sections(_: Item, content: bytes) -> list[Section]:
    if not content.startswith(b"B"):
        return []
    times = [Section("mark", 0, 1), Section("time", 1, 5, stamp=True)]
    return [*times, Section("code", 5, 8), Section("code", 8, 11)]


@pytest.mark.parametrize(
    ("new", "moved", "severity"),
    [
        (b"B1111codezz", ("time",), "low"),
        (b"B0000codezx", ("code",), "medium"),
        (b"B1111codezz-", (), "medium"),  # a byte that no section speaks of: it could be anything
        (b"B0000cOdezz", ("code",), "medium"),
        (b"B0000codEzz", ("code",), "medium"),
        (b"B1111cOdezz", ("time", "code"), "medium"),
        (b"X1111codezz", (), "medium"),  # no block any more
    ],
)
def test_sections_of_a_block(new: bytes, moved: tuple[str, ...], severity: str) -> None:
    old = Item("block/1", "block", "BYTES", b"B0000codezz")
    gold, now = pulled([old]), pulled([msgspec.structs.replace(old, value=new)])
    (finding,) = compare(gold, now, Rules(), sections=sections).findings
    assert (finding.moved, finding.severity) == (moved, severity)
    (whole,) = compare(gold, now, Rules()).findings
    assert (whole.moved, whole.severity) == ((), "medium")


def test_a_time_stamp_does_not_make_slight_what_else_moved() -> None:
    old = Item("block/1", "block", "BYTES", b"B0000codezz")
    new = msgspec.structs.replace(old, value=b"B1111codezz", access="read-write")
    (finding,) = compare(pulled([old]), pulled([new]), NO_RULES, sections=sections).findings
    assert (finding.moved, finding.severity, finding.why) == (("access", "time"), "medium", "")


def test_another_kind_is_another_type() -> None:
    (finding,) = one_change(item("a"), Item("a", "parameter", "DINT", 1)).findings
    assert finding.sort == "retyped"


def test_big_blocks_that_are_not_at_hand_still_differ() -> None:
    old = Item("block/1", "block", "BYTES", b"B0000" + bytes(300))
    gold, now = pulled([old]), pulled([msgspec.structs.replace(old, value=b"B0000" + bytes(301))])
    gold.blobs = {}
    (finding,) = compare(gold, now, Rules(), sections=sections).findings
    assert finding.moved == ()


# -- gaps ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gap", "counts"),
    [
        ("db", True),
        ("db/5", True),
        ("db/5/x", True),
        ("live", True),  # the folder is no item that the rules speak of
        ("live/1", False),
        ("live/1/more", False),
        ("live/1..9", False),
        ("a/noise", False),  # the gold copy knows it, and it is no setting
        ("b/noise", True),  # an item, or a folder of settings: nobody knows
        ("block/FB7", False),
        ("block/FB7/code", False),
        ("block", True),
    ],
)
def test_gaps_that_may_hide_a_setting(gap: str, counts: bool) -> None:
    rules = Rules([Rule("live/**", "process"), Rule("*/noise", "process")])
    scope = Scope(["**", "!block/FB7"])
    items = [item("a/noise"), item("c")]
    clean, holed = pulled(items, rules), pulled(items, rules, [Gap(gap, "why")])
    assert bool(compare(clean, holed, rules, scope).gaps) is counts
    assert bool(compare(holed, clean, rules, scope).gold_gaps) is counts


def test_a_gap_above_a_setting_that_a_later_rule_names_counts() -> None:
    masks = [Rule("a", "process"), Rule("a/**", "process")]
    for more, counts in [
        ([], False),
        ([Rule("a/b", "setting")], True),
        ([Rule("*/b/c", "setting")], True),
        ([Rule("b/**", "setting")], False),
    ]:
        rules = Rules([*masks, *more])
        holed = pulled([item("x")], rules, [Gap("a", "why")])
        assert bool(compare(holed, holed, rules).gaps) is counts
    below = Rules([Rule("a/**", "setting"), Rule("a", "process")])
    assert compare(holed, holed, below).gaps == holed.gaps
    early = Rules([Rule("**", "setting", severity="high"), *masks])
    holed = pulled([item("x")], early, [Gap("a", "why")])
    assert compare(holed, holed, early).gaps == ()


SMALL = st.dictionaries(st.sampled_from("abcdefg"), st.integers(0, 2), max_size=6)


@given(SMALL, SMALL)
def test_equal_means_the_same_settings_digest(old: dict[str, int], new: dict[str, int]) -> None:
    gold = pulled([item(path, value) for path, value in old.items()])
    now = pulled([item(path, value) for path, value in new.items()])
    drift = compare(gold, now, Rules())
    assert (drift.severity is None) is (gold.settings == now.settings)
    differ = {
        path
        for path in old.keys() | new.keys()
        if path not in old or path not in new or old[path] != new[path]
    }
    assert {one.path for one in drift.findings} == differ
    for finding in drift.findings:
        assert finding.old is None or item_line(finding.old) in gold.form.items
