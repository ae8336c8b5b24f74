"""Any declaration, placed by us and by a plain second compiler that walks element by element."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goldcopy_s7.layout import Layouts, load
from goldcopy_s7.layout import source as source_form
from goldcopy_s7.layout import table as table_form

BYTES = {
    **dict.fromkeys(("BYTE", "CHAR", "SINT", "USINT"), 1),
    **dict.fromkeys(("WORD", "INT", "UINT", "S5TIME", "DATE", "WCHAR"), 2),
    **dict.fromkeys(("DWORD", "DINT", "REAL", "TIME", "TIME_OF_DAY"), 4),
    **dict.fromkeys(("LREAL", "DATE_AND_TIME", "LTIME"), 8),
    "POINTER": 6,
    "ANY": 10,
    "DTL": 12,
    "STRING": 256,
    "STRING[5]": 7,
    "STRING[20]": 22,
    "WSTRING[3]": 10,
}


@dataclass(frozen=True)
class Kind:
    """A type as drawn: its name or its members, and the bounds if it is an array."""

    name: str = ""
    members: tuple[tuple[str, Kind], ...] = ()
    udt: bool = False
    bounds: tuple[tuple[int, int], ...] = ()


BOUNDS = st.tuples(st.integers(-3, 3), st.integers(0, 4)).map(lambda pair: (pair[0], sum(pair)))
ARRAYS = st.one_of(st.just(()), st.lists(BOUNDS, min_size=1, max_size=3).map(tuple))
SHORT = st.tuples(st.integers(-3, 3), st.integers(0, 1)).map(lambda pair: (pair[0], sum(pair)))
SHORT_ARRAYS = st.one_of(st.just(()), st.lists(SHORT, min_size=1, max_size=2).map(tuple))
SIMPLE = st.builds(
    lambda name, bounds: Kind(name, bounds=bounds), st.sampled_from(["BOOL", *BYTES]), ARRAYS
)


def structs(kinds: st.SearchStrategy[Kind]) -> st.SearchStrategy[Kind]:
    members = st.lists(kinds, min_size=1, max_size=6).map(
        lambda found: tuple((f"m{n}", kind) for n, kind in enumerate(found))
    )
    return st.builds(
        lambda members, udt, bounds: Kind("", members, udt, bounds),
        members,
        st.booleans(),
        SHORT_ARRAYS,
    )


KINDS = st.recursive(SIMPLE, structs, max_leaves=12)


def elements(kind: Kind) -> int:
    """How many single elements a type has."""
    count = sum(elements(inner) for _, inner in kind.members) or 1
    return count * prod(high - low + 1 for low, high in kind.bounds)


DBS = (
    st.lists(KINDS, min_size=1, max_size=8)
    .map(lambda found: Kind("", tuple((f"m{n}", kind) for n, kind in enumerate(found))))
    .filter(lambda kind: elements(kind) <= 250)
)
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.filter_too_much])


class Compiler:
    """Hands out bits one element after the other, as STEP 7's rules are told to people."""

    def __init__(self) -> None:
        self.bit = 0
        self.rows: list[tuple[str, str, int]] = []
        """Name in dots, type, first bit: of every element, as a data view shows them."""

    def align(self, bits: int) -> None:
        self.bit += -self.bit % bits

    def struct(self, kind: Kind, name: str) -> None:
        self.align(16)
        for member, inner in kind.members:
            self.member(inner, f"{name}.{member}" if name else member)
        self.align(16)

    def member(self, kind: Kind, name: str) -> None:
        if not kind.bounds:
            self.one(kind, name)
            return
        self.align(16)
        for index in product(*(range(low, high + 1) for low, high in kind.bounds)):
            if kind.name == "BOOL" and index[-1] == kind.bounds[-1][0]:
                self.align(8)
            self.one(kind, f"{name}[{','.join(map(str, index))}]")
        self.align(16)

    def one(self, kind: Kind, name: str) -> None:
        if kind.members:
            self.struct(kind, name)
            return
        size = 1 if kind.name == "BOOL" else 8 * BYTES[kind.name]
        self.align(1 if size == 1 else 8 if size == 8 else 16)
        self.rows.append((name, kind.name, self.bit))
        self.bit += size


def compiled(kind: Kind) -> Compiler:
    compiler = Compiler()
    compiler.struct(kind, "")
    return compiler


def awl(kind: Kind) -> str:
    """The DB as a source, its UDTs before it."""
    types: list[str] = []

    def written(kind: Kind) -> str:
        bounds = ",".join(f"{low} .. {high}" for low, high in kind.bounds)
        before = f"ARRAY  [{bounds} ] OF " if bounds else ""
        if not kind.members:
            return before + kind.name
        text = "STRUCT\n" + "".join(f"{n} : {written(k)} ;\t// {n}\n" for n, k in kind.members)
        text += "END_STRUCT"
        if not kind.udt:
            return before + text
        types.append(f"TYPE UDT {len(types) + 1}\nVERSION : 0.1\n{text} ;\nEND_TYPE\n")
        return f"{before}UDT {len(types)}"

    body = written(kind)
    return "".join(types) + f"DATA_BLOCK DB 1\nTITLE =\n{body} ;\nBEGIN\nEND_DATA_BLOCK\n"


def starts(layouts: Layouts) -> Iterator[tuple[str, int]]:
    """Every element's name in dots and its first bit."""
    for name, leaf in layouts.layout(1).by_name.items():
        dotted = name.replace("/", ".")
        for n in range(leaf.grid.total):
            yield dotted, leaf.start + leaf.grid.at(n)


@unhurried
@given(DBS)
def test_a_source_is_placed_as_a_compiler_places_it(kind: Kind) -> None:
    expected = compiled(kind)
    layouts = Layouts(source_form.parse(awl(kind), "x.awl"))
    found = [bit for _, bit in starts(layouts)]
    assert found == [bit for _, _, bit in expected.rows]
    assert layouts.layout(1).size == (expected.bit + 15) // 16 * 2


@unhurried
@given(DBS)
def test_a_data_view_of_single_elements_gives_the_same_layout(kind: Kind) -> None:
    expected = compiled(kind)
    lines = ["Name;Datentyp;Offset"]
    lines += [f"{name};{type_};{bit // 8}.{bit % 8}" for name, type_, bit in expected.rows]
    found = Layouts(table_form.parse("\n".join(lines), "DB1.csv"))
    source = Layouts(source_form.parse(awl(kind), "x.awl"))
    assert list(starts(found)) == list(starts(source))
    assert found.layout(1).size == source.layout(1).size


@unhurried
@given(DBS, st.data())
def test_every_bit_belongs_to_one_leaf_at_most(kind: Kind, data: st.DataObject) -> None:
    layout = Layouts(source_form.parse(awl(kind), "x.awl")).layout(1)
    taken: set[int] = set()
    for leaf in layout.by_name.values():
        for n in range(leaf.grid.total):
            at = leaf.start + leaf.grid.at(n)
            bits = set(range(at, at + leaf.codec.bits))
            assert not bits & taken
            taken |= bits
    assert max(taken) < 8 * layout.size
    piece = data.draw(st.binary(min_size=1, max_size=64))
    body = bytearray((piece * layout.size)[: layout.size])
    before = bytes(body)
    for item in layout.leaves("db/1", before):
        layout.encode(item.path.removeprefix("db/1/"), item.value, body)
    assert body == before


def test_a_whole_file_of_the_size_of_a_cpu(tmp_path: Path) -> None:
    """64 KiB of structures, with a BEGIN section that sets each value."""
    path = tmp_path / "big.awl"
    values = "".join(f"   row[{n}].a := {n};\n" for n in range(8192))
    path.write_text(
        "DATA_BLOCK DB 1\nSTRUCT\nrow : ARRAY [0 .. 8191 ] OF STRUCT\na : INT ;\nb : BOOL ;\n"
        "c : REAL ;\nEND_STRUCT ;\nEND_STRUCT ;\nBEGIN\n" + values + "END_DATA_BLOCK\n"
    )
    layout = load(path).layout(1)
    assert layout.size == 65536
    items = layout.leaves("db/1", bytes(65536))
    assert len(items) == 3 * 8192
    assert items[-1].path == "db/1/row[8191]/c"
    assert items[-1].address == "db1.dbd65532"
