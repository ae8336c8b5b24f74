"""Values of data blocks are written many in a request, and each by its own return code."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldcopy.driver import Meter, PublicFile, Target
from goldcopy.errors import Malformed, Refused, Wrong
from goldcopy.snapshot import Item, Value
from goldcopy_s7 import S7Driver, packing, pdu
from goldcopy_s7.options import DbLayout, Options
from goldcopy_s7.packing import Patch
from goldcopy_s7.pdu import Reply
from goldcopy_s7.writer import S7Writer
from goldcopy_sim.s7 import Block, Kind, S7Simulator
from goldcopy_sim.s7.cpu import Cpu
from goldcopy_sim.s7.frames import parse
from goldcopy_sim.s7.jobs import answer
from goldcopy_sim.s7.session import Session

SPEEDS = 100
MIXED = 7
LAYOUT = f"""\
DATA_BLOCK DB 1
STRUCT
{"".join(f"  speed{n:03d} : REAL ;{chr(10)}" for n in range(SPEEDS))}END_STRUCT ;
BEGIN
END_DATA_BLOCK
"""
MIXED_LAYOUT = """\
DATA_BLOCK DB 7
STRUCT
  b0 : BOOL ; b1 : BOOL ; b2 : BOOL ; b3 : BOOL ; b4 : BOOL ; b5 : BOOL ; b6 : BOOL ; b7 : BOOL ;
  first : STRING [10] ;
  second : STRING [10] ;
  bits : ARRAY [1 .. 4] OF BOOL ;
  number : INT ;
END_STRUCT ;
BEGIN
END_DATA_BLOCK
"""


@asynccontextmanager
async def writing(
    tmp_path: Path, *, size: int = 240, blocks: Sequence[Block] = ()
) -> AsyncIterator[tuple[S7Simulator, S7Writer]]:
    (tmp_path / "speeds.awl").write_text(LAYOUT)
    (tmp_path / "mixed.awl").write_text(MIXED_LAYOUT)
    options = Options(
        layouts=(
            DbLayout(1, (PublicFile(tmp_path / "speeds.awl"),)),
            DbLayout(MIXED, (PublicFile(tmp_path / "mixed.awl"),)),
        )
    )
    given = [Block(Kind.DB, 1, bytes(4 * SPEEDS)), Block(Kind.DB, MIXED, bytes(30)), *blocks]
    async with S7Simulator(blocks=given, pdu=size) as simulator:
        target = Target("press", simulator.host, simulator.port, timeout=2, options=options)
        async with S7Driver().open_writing(target, Meter()) as writer:
            assert isinstance(writer, S7Writer)
            yield simulator, writer
    assert not simulator.violations


def item(path: str, type_: str, value: Value) -> Item:
    return Item(path, "parameter", type_, value)


async def write(writer: S7Writer, items: Sequence[Item]) -> None:
    for group in writer.groups(items):
        await writer.write(group)


def count(simulator: S7Simulator, name: str) -> int:
    return [entry.name for entry in simulator.log].count(name)


# -- the fewest requests ---------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "requests"), [(112, 5), (240, 2), (480, 1), (960, 1)])
async def test_leaves_side_by_side_go_together_and_nothing_is_read(
    tmp_path: Path, size: int, requests: int
) -> None:
    """400 bytes in parts of the PDU less 28; in whatever order the leaves come."""
    items = [item(f"db/1/speed{n:03d}", "REAL", n + 0.5) for n in range(SPEEDS)]
    async with writing(tmp_path, size=size) as (simulator, writer):
        await write(writer, items)
        assert count(simulator, "write var") == requests
        await write(writer, items[::-1])
        assert count(simulator, "write var") == 2 * requests
        assert count(simulator, "read var") == 0
        assert count(simulator, "block info") == 1
        cells = simulator.data[1].cast("c")
        assert bytes(cells[8:12]) == bytes.fromhex("40200000")
        assert bytes(cells[396:]) == bytes.fromhex("42c70000")


@pytest.mark.parametrize(("size", "requests"), [(240, 5), (480, 3), (960, 3)])
async def test_values_of_many_data_blocks_share_requests(
    tmp_path: Path, size: int, requests: int
) -> None:
    """Twenty at most; of 240 bytes, 12 and 20 for each leave room for eleven."""
    blocks = [Block(Kind.DB, number, bytes(20)) for number in range(100, 150)]
    items = [item(f"db/{n}/10", "BYTES", n.to_bytes(4, "big")) for n in range(100, 150)]
    async with writing(tmp_path, size=size, blocks=blocks) as (simulator, writer):
        await write(writer, items)
        assert count(simulator, "write var") == len(simulator.log) - 1 == requests
        for number in range(100, 150):
            body = bytes(10) + number.to_bytes(4, "big") + bytes(6)
            assert bytes(simulator.data[number]) == body


async def test_bits_of_one_byte_are_written_as_bits(tmp_path: Path) -> None:
    async with writing(tmp_path) as (simulator, writer):
        simulator.change("db/7/0", b"\x5a")
        items = [item(f"db/7/b{n}", "BOOL", n < 3) for n in (0, 2, 7, 6)]
        await write(writer, items)
        assert simulator.data[MIXED][0] == 0x1F
        assert [entry.name for entry in simulator.log[1:]] == ["block info", "write var"]
        assert "DB7.0.7" in simulator.log[-1].detail


async def test_eight_bits_that_make_up_a_byte_are_written_as_it(tmp_path: Path) -> None:
    """In their order, all of one byte; else each of them is a variable."""
    bits = [item(f"db/7/b{n}", "BOOL", n in (1, 3, 6)) for n in range(8)]
    async with writing(tmp_path) as (simulator, writer):
        assert writer.groups(bits) == [bits]
        await write(writer, bits)
        assert simulator.data[MIXED][0] == 0x4A
        assert simulator.log[-1].detail == "DB7.0 1 x 0x02"
        for some in (bits[:7], bits[::-1]):
            await write(writer, some)
            assert simulator.log[-1].detail.count("x 0x01") == len(some)
        assert simulator.data[MIXED][0] == 0x4A


async def test_what_leaves_bits_alone_is_read_once_for_all(tmp_path: Path) -> None:
    """A text that does not fill its STRING, a row of four BOOLs."""
    async with writing(tmp_path) as (simulator, writer):
        simulator.change("db/7", b"\0\0" + (b"\x0a\x03" + b"abcdefghij") * 2 + b"\xf5\xff\0\0")
        items = [
            item("db/7/first", "STRING", "xy"),
            item("db/7/second", "STRING", "0123456789"),
            item("db/7/bits", "ARRAY[4] OF BOOL", (False, True, True, False)),
            item("db/7/number", "INT", -2),
        ]
        assert writer.groups(items) == [items]
        await write(writer, items)
        held = bytes(simulator.data[MIXED])
        assert held[2:14] == b"\x0a\x02xycdefghij"
        assert held[14:26] == b"\x0a\x0a0123456789"
        assert held[26:] == b"\xf6\xff\xff\xfe"
        read, written = simulator.log[-2:]
        assert (read.name, read.detail) == ("read var", "DB7.2 12 x 0x02, DB7.26 1 x 0x02")
        assert written.name == "write var"
        await write(writer, items[1:2])  # it fills its STRING
        assert count(simulator, "read var") == 1


async def test_items_that_share_a_byte_are_written_one_after_the_other(tmp_path: Path) -> None:
    items = [
        item("db/7/10", "BYTES", b"abcdef"),
        item("db/7/12", "BYTES", b"XY"),
        item("db/7/b1", "BOOL", True),
        item("db/7/0", "BYTES", bytes(30)),
        item("db/7/b2", "BOOL", True),
        item("db/7/b2", "BOOL", False),
    ]
    async with writing(tmp_path) as (simulator, writer):
        groups = writer.groups(items)
        assert [len(group) for group in groups] == [1, 2, 1, 1, 1]
        await write(writer, items[:2])
        assert bytes(simulator.data[MIXED][10:16]) == b"abXYef"
        await writer.write(items)  # whoever gives them as one group has them cut all the same
        assert bytes(simulator.data[MIXED]) == bytes(30)


async def test_a_long_value_is_a_group_and_takes_its_requests(tmp_path: Path) -> None:
    blocks = [Block(Kind.DB, 8, bytes(1000))]
    long, short = item("db/8", "BYTES", b"\x11" * 1000), item("db/7/number", "INT", 5)
    async with writing(tmp_path, blocks=blocks) as (simulator, writer):
        assert writer.groups([short, long, short]) == [[short], [long], [short]]
        await writer.write([long])
        assert bytes(simulator.data[8]) == b"\x11" * 1000
        assert count(simulator, "write var") == 5


# -- what cannot be written ------------------------------------------------------------------------


async def test_a_refused_one_in_the_middle_is_named(tmp_path: Path) -> None:
    """Whoever has named bytes that are not there; the others of the request are written."""
    items = [
        item("db/1/speed000", "REAL", 1.0),
        item("db/55/4", "BYTES", b"\0"),
        item("db/7/30", "BYTES", b"\0\0"),
        item("db/7/b0", "BOOL", True),
    ]
    words = (
        r"^db/7/30: not written: .* 0x05\); db/55/4: not written: .* 0x0a\); "
        r".*; of the same request, 2 were written$"
    )
    async with writing(tmp_path) as (simulator, writer):
        assert writer.groups(items) == [items]
        with pytest.raises(Refused, match=words):
            await writer.write(items)
        assert bytes(simulator.data[1][:4]) == bytes.fromhex("3f800000")
        assert simulator.data[MIXED][0] == 1
        assert count(simulator, "write var") == 1


async def test_what_cannot_be_written_is_a_group_of_its_own(tmp_path: Path) -> None:
    good = [item(f"db/1/speed{n:03d}", "REAL", 1.0) for n in range(4)]
    bad = [
        item("db/7/number", "INT", 70000),
        item("db/7/nobody", "INT", 1),
        item("m/0", "BYTES", b"\0"),
        item("db/7/4", "STRING", "no bytes"),
    ]
    async with writing(tmp_path) as (simulator, writer):
        items = [good[0], good[1], bad[0], bad[1], good[2], bad[2], bad[3], good[3]]
        groups = writer.groups(items)
        assert groups == [good[:2], [bad[0]], [bad[1]], [good[2]], [bad[2]], [bad[3]], [good[3]]]
        assert len(simulator.log) == 1  # setup


async def test_a_group_with_one_misfit_is_not_written_at_all(tmp_path: Path) -> None:
    """Its data block was changed since: nobody can tell before the CPU is asked."""
    async with writing(tmp_path) as (simulator, writer):
        simulator.insert(next(iter(simulator.images))._replace(number=MIXED), MISFIT.pack())
        items = [item("db/1/speed000", "REAL", 1.0), item("db/7/number", "INT", 5)]
        assert writer.groups(items) == [items]
        with pytest.raises(Wrong, match="DB7 has 20"):
            await writer.write(items)
        assert count(simulator, "write var") == 0


MISFIT = Block(Kind.DB, MIXED, bytes(20))


@pytest.mark.parametrize(
    "reply", [Reply(b"\5\2", b"\xff"), Reply(b"\5\1", b"\xff"), Reply(b"\5", b""), Reply(b"", b"")]
)
def test_other_return_codes_than_were_asked_for_are_malformed(reply: Reply) -> None:
    with pytest.raises(Malformed, match="2 variables were written"):
        packing.check(reply, [Patch(1, 0, b"a"), Patch(2, 0, b"a")])


# -- by chance -------------------------------------------------------------------------------------

SIZE = 300


@st.composite
def some_patches(draw: st.DrawFn) -> list[Patch]:
    def patch(n: int) -> Patch:
        number, start = draw(st.integers(1, 3)), draw(st.integers(0, SIZE - 1))
        if draw(st.booleans()):
            bit = draw(st.integers(0, 7))
            return Patch(number, start, bytes((draw(st.integers(0, 1)),)), bit, (str(n),))
        length = draw(st.one_of(st.integers(1, 4), st.integers(1, SIZE)))
        content = draw(st.binary(min_size=1, max_size=length))[: SIZE - start]
        return Patch(number, start, content, None, (str(n),))

    def byte(n: int) -> list[Patch]:
        number, start, content = (draw(st.integers(*ends)) for ends in ((1, 3), (0, 299), (0, 255)))
        return [
            Patch(number, start, bytes((content >> bit & 1,)), bit, (f"{n}.{bit}",))
            for bit in range(8)
        ]

    found: list[Patch] = []
    for n in range(draw(st.integers(1, 40))):
        found += byte(n) if draw(st.integers(0, 3)) == 0 else [patch(n)]
    return found


def applied(patches: Sequence[Patch]) -> dict[int, bytearray]:
    """One after the other, by the book."""
    held = {number: bytearray(SIZE) for number in (1, 2, 3)}
    for number, start, content, bit, _ in patches:
        if bit is None:
            held[number][start : start + len(content)] = content
        elif content[0]:
            held[number][start] |= 1 << bit
        else:
            held[number][start] &= ~(1 << bit)
    return held


@given(some_patches(), st.sampled_from([112, 240, 480, 960]))
def test_whatever_is_packed_the_cpu_holds_what_one_by_one_would_give(
    patches: list[Patch], size: int
) -> None:
    cpu = Cpu(blocks=[Block(Kind.DB, number, bytes(SIZE)) for number in (1, 2, 3)])
    session = Session(cpu, lambda reference, parameter: None)
    requests = packing.requests(patches, size)
    for request in requests:
        sent = pdu.encoded(packing.job(request), 1)
        assert len(sent) <= size
        asked = packing.job(request)
        packing.check(pdu.parsed(answer(session, parse(sent)), asked), request)
    assert not cpu.violations
    assert {number: bytearray(held) for number, held in cpu.data.items()} == applied(patches)
