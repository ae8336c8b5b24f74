"""What a simulated Logix controller holds: layout, values by leaf, changes from behind."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldcopy_sim.enip import STRING, LogixSimulator, Member, Program, Structure, Tag, string

SIZES = {
    "SINT": 1, "USINT": 1, "INT": 2, "UINT": 2, "DINT": 4, "UDINT": 4, "LINT": 8, "ULINT": 8,
    "REAL": 4, "LREAL": 8,
}  # fmt: skip
RANGES = {
    name: (-(1 << 8 * size - 1), (1 << 8 * size - 1) - 1)
    if name[0] != "U"
    else (0, (1 << 8 * size) - 1)
    for name, size in SIZES.items()
}


def number(kind: str) -> st.SearchStrategy[int | float]:
    if kind == "REAL":
        return st.floats(width=32, allow_nan=False)
    if kind == "LREAL":
        return st.floats(allow_nan=False)
    return st.integers(*RANGES[kind])


members = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(sorted(SIZES)), st.sampled_from([0, 0, 1, 3])),
        st.just(("BOOL", 0)),
        st.just(("BOOL", 32)),
    ),
    min_size=1,
    max_size=30,
)


def structure(kinds: list[tuple[str, int]]) -> Structure:
    return Structure(
        "Any", tuple(Member(f"M{at}", kind, length) for at, (kind, length) in enumerate(kinds))
    )


@given(members)
def test_members_never_overlap_and_are_aligned(kinds: list[tuple[str, int]]) -> None:
    made = structure(kinds)
    taken: set[int] = set()
    for slot in made.slots:
        size = slot.type.size * max(slot.length, 1)
        places = (
            {8 * slot.offset + slot.bit}
            if slot.bit is not None
            else set(range(8 * slot.offset, 8 * (slot.offset + size)))
        )
        if slot.hidden:
            assert slot.name.startswith("ZZZZZZZZZZ")
            continue
        assert not places & taken
        taken |= places
        assert max(places) < 8 * made.size
        if slot.bit is None:
            assert slot.offset % slot.type.size == 0
    assert made.size % made.alignment == 0
    assert [slot.name for slot in made.visible] == [f"M{at}" for at in range(len(kinds))]


@given(st.data())
def test_every_leaf_keeps_what_it_was_given(data: st.DataObject) -> None:
    kinds = data.draw(members)
    made = structure(kinds)
    simulator = LogixSimulator(tags=[Tag("A", made, (2,)), Tag("B", made)])
    before = simulator.values()
    address = data.draw(st.sampled_from(sorted(before)))
    kind, _ = before[address]
    if kind == "BOOL":
        value: object = data.draw(st.booleans())
    elif kind.startswith("ARRAY"):
        count, of = kind[6:].split("] OF ")
        one = st.booleans() if of == "BOOL" else number(of)
        value = tuple(data.draw(st.lists(one, min_size=int(count), max_size=int(count))))
    else:
        value = data.draw(number(kind))
    simulator.change(address, value)  # type: ignore[arg-type]
    after = simulator.values()
    assert after[address] == (kind, value)
    assert {key: was for key, was in before.items() if key != address} == {
        key: now for key, now in after.items() if key != address
    }


@given(st.text(st.characters(codec="latin-1"), max_size=82))
def test_strings_keep_their_text(text: str) -> None:
    simulator = LogixSimulator(tags=[Tag("T", STRING, value="something longer than it")])
    simulator.change("T", text)
    assert simulator.values() == {"T": ("STRING", text)}


def test_not_a_number_and_minus_zero_stay_what_they_are() -> None:
    simulator = LogixSimulator(tags=[Tag("R", "REAL"), Tag("L", "LREAL")])
    for address in ("R", "L"):
        simulator.change(address, -0.0)
        assert math.copysign(1, simulator.values()[address][1]) == -1  # type: ignore[arg-type]
        simulator.change(address, math.nan)
        assert math.isnan(simulator.values()[address][1])  # type: ignore[arg-type]


def test_addresses_are_written_as_logix_writes_them() -> None:
    inner = Structure("In", (Member("Name", string("S5", 5)), Member("On", "BOOL")))
    outer = Structure("Out", (Member("Rows", inner, 2), Member("All", "REAL", 3)))
    simulator = LogixSimulator(
        tags=[Tag("Cell", outer, (2, 1)), Tag("M", "LINT", (2, 2)), Tag("F", "BOOL", (32,))],
        programs=[Program("Main", [Tag("Also", alias="M"), Tag("Own", inner)])],
    )
    held = simulator.values()
    first = [
        "Cell[0,0].Rows[0].Name", "Cell[0,0].Rows[0].On", "Cell[0,0].Rows[1].Name",
        "Cell[0,0].Rows[1].On", "Cell[0,0].All",
    ]  # fmt: skip
    assert list(held) == [
        *first,
        *(address.replace("[0,0]", "[1,0]") for address in first),
        "M",
        "F",
        "Program:Main.Own.Name",
        "Program:Main.Own.On",
        "Program:Main.Also",
    ]
    assert held["M"] == ("ARRAY[2,2] OF LINT", (0, 0, 0, 0))
    assert held["F"] == ("ARRAY[32] OF BOOL", (False,) * 32)
    assert held["Cell[1,0].All"][0] == "ARRAY[3] OF REAL"
    simulator.change("M[1,0]", 5)
    assert simulator.values()["Program:Main.Also"][1] == (0, 0, 5, 0)


@pytest.mark.parametrize(
    ("address", "value", "kind"),
    [
        ("Nobody", 1, LookupError),
        ("D.X", 1, LookupError),
        ("D", 1 << 31, ValueError),
        ("D", "text", ValueError),
        ("A", (1, 2), ValueError),
        ("T", "x" * 83, ValueError),
    ],
)
def test_changes_that_do_not_fit_are_errors(
    address: str, value: int | str, kind: type[Exception]
) -> None:
    simulator = LogixSimulator(tags=[Tag("D"), Tag("A", "DINT", (3,)), Tag("T", STRING)])
    before = simulator.values()
    with pytest.raises(kind):
        simulator.change(address, value)
    assert simulator.values() == before


def test_programs_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="two symbols speed"):
        LogixSimulator(tags=[Tag("Speed"), Tag("speed")])
    with pytest.raises(ValueError, match="multiple of 32"):
        LogixSimulator(tags=[Tag("F", "BOOL", (5,))])
    one, two = (Structure(name, (Member("X", "INT"),), instance=0x200) for name in "AB")
    with pytest.raises(ValueError, match="share a number"):
        LogixSimulator(tags=[Tag("One", one), Tag("Two", two)])


def test_the_same_name_gives_the_same_palletizer() -> None:
    one, same, other = (LogixSimulator.demo(name) for name in ("line3", "line3", "line4"))
    assert one.values() == same.values() != other.values()
    assert one.identity == same.identity != other.identity
    kinds = {kind for kind, _ in one.values().values()}
    assert {"BOOL", "DINT", "LINT", "REAL", "LREAL", "STRING", "ARRAY[2,3,4] OF INT"} <= kinds


def test_the_large_ones_have_the_size_they_promise() -> None:
    flat = LogixSimulator.flat().values()
    assert sum(kind == "DINT" for kind, _ in flat.values()) == 2000
    assert sum(kind == "ARRAY[1000] OF DINT" for kind, _ in flat.values()) == 100
    large = LogixSimulator.large()
    assert sum(name.endswith(".Serial") for name in large.values()) == 300
    assert len(large.database.programs) == 20


def test_bits_lie_where_the_template_says() -> None:
    kinds = [("BOOL", 0)] * 11 + [("INT", 0)]
    simulator = LogixSimulator(tags=[Tag("A", structure(kinds), value={"M0": 1, "M1": 1, "M9": 1})])
    memory = dict(simulator.database.tags())["A"].memory
    assert bytes(memory) == struct.pack("<BBhxxxx", 3, 2, 0)[: len(memory)]
