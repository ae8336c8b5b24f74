"""A plan: every write in order, everything that is left and why, one digest."""

from __future__ import annotations

import struct
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldcopy.errors import Wrong
from goldcopy.inventory import Device
from goldcopy.restore import Plan, make_plan
from goldcopy.restore.leaf import natural, outside, stands
from goldcopy.restore.model import Write
from goldcopy.snapshot import Gap, Identity, Item, Snapshot, Value

DEVICE = Device("plc", "toy", "127.0.0.1", 1, writable=True)
NOON = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


def item(path: str, value: Value, type_: str = "DINT", **more: object) -> Item:
    fields = {"access": "read-write", **more}
    return Item(path, "parameter", type_, value, **fields)  # type: ignore[arg-type]


def snapshot(*items: Item, gaps: tuple[Gap, ...] = (), mode: str = "", **more: str) -> Snapshot:
    identity = Identity(vendor="Acme", mode=mode, **more)
    return Snapshot.of("plc", "toy", identity, items, gaps)


def planned(live: Snapshot, target: Snapshot, **more: object) -> Plan:
    return make_plan(live, target, DEVICE, vault="v" * 64, made=NOON, **more)  # type: ignore[arg-type]


def left(plan: Plan) -> dict[str, str]:
    return {one.path: one.why for one in plan.left}


def test_writes_are_in_natural_order_by_address() -> None:
    paths = ["a/10", "a/9", "block/OB1", "block/FB2", "block/FB10", "speed"]
    addresses = {"speed": "a/9.5"}
    now = [item(path, 1, address=addresses.get(path, "")) for path in paths]
    gold = [msgspec.structs.replace(one, value=2) for one in now]
    plan = planned(snapshot(*now), snapshot(*gold))
    order = ["a/9", "speed", "a/10", "block/FB2", "block/FB10", "block/OB1"]
    assert [write.path for write in plan.writes] == order
    assert [(w.now.value, w.value) for w in plan.writes] == [(1, 2)] * 6


def test_how_wide_a_value_is_says_nothing_of_where_it_is() -> None:
    addresses = ["db5.dbx0.0", "db5.dbx0.3", "db5.dbb1", "db5.dbw2", "db5.dbx4.0 byte 8"]
    addresses += ["db5.dbd12", "db5.dbw16", "db5.dbd100", "db40.dbb0"]
    items = [item(address, 1, address=address) for address in reversed(addresses)]
    assert [one.path for one in sorted(items, key=natural)] == addresses


@given(st.lists(st.text("a1/0²", max_size=6), max_size=6))
def test_any_paths_can_be_ordered(paths: list[str]) -> None:
    sorted([item(path, 1) for path in paths], key=natural)


@pytest.mark.parametrize(
    ("now", "gold", "why"),
    [
        (item("x", 1, access="read"), item("x", 2), "it is read-only"),
        (item("x", 1), item("x", 2.5, "REAL"), "type DINT, in the target a parameter of REAL"),
        (item("x", 1), item("x", 2, low=5), "2 is below the lower limit 5 of the target"),
        (item("x", 1, high=1.5), item("x", 2), "2 is above the upper limit 1.5 of the device"),
        (item("x", 1, unit="bar"), item("x", 2, unit="psi"), "its unit is 'bar'"),
        (item("x", 1, unit="bar"), item("x", 1, unit="psi"), "its value is right, but: unit"),
        (item("x", 1, role="process"), item("x", 2), "by the rules of the target it is a setting"),
        (item("x", 1), None, "on the device and not in the target"),
        (None, item("x", 2), "the device does not have it"),
        (Gap("x", "refused"), item("x", 2), "a gap hides it: refused"),
        (item("x", 1), Gap("x", "needs a password"), "does not hold it: needs a password"),
        (
            Item("x", "block", "BYTES", b"1"),
            Item("x", "block", "BYTES", b"2"),
            "load it with the engineering tool",
        ),
    ],
)
def test_what_cannot_be_restored_is_left_with_its_reason(
    now: Item | Gap | None, gold: Item | Gap | None, why: str
) -> None:
    sides = []
    for side in (now, gold):
        items = [side] if isinstance(side, Item) else []
        sides.append(snapshot(*items, gaps=(side,) if isinstance(side, Gap) else ()))
    plan = planned(*sides)
    assert not plan.writes
    assert why in left(plan)["x"]
    assert len(plan.left) == 1


def test_live_values_stay_unless_asked_for() -> None:
    live = snapshot(item("x", 1, role="process"), item("y", 1, role="diagnostic"), mode="RUN")
    gold = snapshot(item("x", 2, role="process"), item("y", 2, role="diagnostic"))
    assert (planned(live, gold).writes, planned(live, gold).kept_live) == ((), 1)
    (write,) = planned(live, gold, values="all").writes
    assert write.path == "x"
    assert write.critical == ("process", "RUN")


@pytest.mark.parametrize(
    ("mode", "critical"),
    [("RUN", True), ("REMOTE RUN", True), ("REMOTE RUN, FAULTED", True), ("PROG", False),
     ("Running", False), ("", False), ("RUN-P", True), ("STOP", False)],
)  # fmt: skip
def test_a_write_in_run_is_marked(mode: str, critical: bool) -> None:
    (write,) = planned(snapshot(item("x", 1), mode=mode), snapshot(item("x", 2))).writes
    assert write.critical == (("RUN",) if critical else ())


def test_only_and_scope() -> None:
    live = snapshot(*(item(f"{area}/{n}", 1) for area in "ab" for n in range(3)))
    gold = snapshot(*(item(f"{area}/{n}", 2) for area in "ab" for n in range(3)))
    plan = planned(live, gold, only=["a/*"], scope={"a/1", "b/1"})
    assert [write.path for write in plan.writes] == ["a/1"]
    assert plan.only == ("a/*",)


def test_a_pattern_that_fits_nothing_is_told() -> None:
    """A typing error must not look like "nothing was to be done"."""
    live = snapshot(item("a/1", 1), gaps=(Gap("b", "refused"),))
    gold = snapshot(item("a/1", 2), item("c", 1))
    plan = planned(live, gold, only=["a/*", "A/*", "b", "c", "d/*"])
    assert [write.path for write in plan.writes] == ["a/1"]
    why = "--only: nothing on the device or in the target fits this pattern"
    assert {path: left(plan)[path] for path in ("A/*", "d/*")} == {"A/*": why, "d/*": why}
    assert "b" not in left(plan)


def nan(bits: int) -> float:
    return float(struct.unpack("<d", struct.pack("<Q", bits))[0])


VALUES: list[tuple[str, Value, Value]] = [
    ("BOOL", True, False),
    ("LINT", -(2**63), 2**63 - 1),
    ("ULINT", 2**64 - 1, 2**53),
    ("LREAL", nan(0x7FF8000000000001), nan(0xFFF8000000000002)),
    ("REAL", 0.0, -0.0),
    ("STRING", "\x7f\u2028\0", '"\\'),
    ("BYTES", b"\0" * 256, b"\xff" * 300),
    ("ARRAY[2] OF REAL", (0.0, 1.0), (-0.0, 1.0)),
    ("ARRAY[2] OF BYTES", (b"a" * 300, b""), (b"b" * 300, b"")),
]


@pytest.mark.parametrize(("type_", "old", "new"), VALUES)
def test_a_plan_reads_back_to_the_bit_and_has_one_form(type_: str, old: Value, new: Value) -> None:
    live, gold = snapshot(item("x", old, type_)), snapshot(item("x", new, type_, label="L"))
    plan = planned(live, gold)
    again = Plan.read(plan.line)
    assert again.line == plan.line
    assert again.digest == plan.digest
    (write,) = again.writes
    assert stands(gold.by_path["x"], write.wanted)
    assert stands(live.by_path["x"], write.now)
    assert not stands(live.by_path["x"], write.wanted)
    for spoilt in (b" " + plan.line, plan.line[:-1], plan.line.replace(b"goldcopy-plan/1", b"x")):
        with pytest.raises(Wrong):
            Plan.read(spoilt)


def test_the_digest_covers_everything() -> None:
    live, gold = snapshot(item("x", 1)), snapshot(item("x", 2))
    plans = [
        planned(live, gold),
        planned(live, gold, only=["x"]),
        planned(live, gold, values="all"),
        planned(live, snapshot(item("x", 3))),
        planned(snapshot(item("x", 0)), gold),
        planned(snapshot(item("x", 1), serial="7"), gold),
        make_plan(live, gold, DEVICE, vault="w" * 64, made=NOON),
        make_plan(live, gold, DEVICE, vault="v" * 64, made=NOON.replace(hour=13)),
    ]
    assert len({plan.digest for plan in plans}) == len(plans)


def test_a_plan_that_writes_one_path_two_times_is_none() -> None:
    plan = planned(snapshot(item("x", 1)), snapshot(item("x", 2)))
    doubled = msgspec.structs.replace(plan, lines=plan.lines * 2)
    with pytest.raises(Wrong, match="two times"):
        Plan.read(doubled.line)


def test_another_devices_snapshot_is_refused() -> None:
    other = Snapshot.of("filler", "toy", Identity(), [])
    with pytest.raises(Wrong, match="nothing to restore"):
        planned(snapshot(), other)


@pytest.mark.parametrize(
    ("low", "high", "value", "fits"),
    [
        (0, 10, 0, True), (0, 10, 10, True), (0, 10, 11, False), (0, 10, -1, False),
        (None, None, nan(0x7FF8000000000000), True), (0, None, nan(0x7FF8000000000000), False),
        (0, 1, (0, 1, 2), False), (0, 1, (0, 1), True), (5, 9, True, True), (5, 9, "text", True),
        (None, 0.5, float("inf"), False),
    ],
)  # fmt: skip
def test_limits(low: float | None, high: float | None, value: Value, fits: bool) -> None:
    assert (outside(item("x", 0, low=low, high=high), value) == "") == fits


def test_a_write_says_what_it_wants() -> None:
    write = Write(item("x", 1, unit="bar", address="N7:0"), 2)
    assert write.wanted == item("x", 2, unit="bar", address="N7:0")
