"""500 manipulated settings of an S7 CPU: each proved, in the fewest write var jobs there can be.

What a job of a PDU of P bytes carries: its S7 header has 10 bytes, function and item count have 2;
an item has 12 as an S7ANY pointer and 4 before its content, and every content but the last is
brought to an even length. 20 items at most. What lies side by side may be one item; nothing that is
not planned is ever written to bridge a hole, and a leaf is never torn over two jobs.
"""

from __future__ import annotations

import re
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from math import ceil
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.drivers.restore_bench import Scene, scene

from goldcopy.driver import PublicFile, Target
from goldcopy.snapshot import Identity
from goldcopy.testing.bench import Bench
from goldcopy.testing.framing import TPKT
from goldcopy_s7 import S7Driver
from goldcopy_s7.options import DbLayout, Options, Szl
from goldcopy_sim.s7 import Block, Kind, S7Simulator
from goldcopy_sim.service import Service

HEAD, ITEM, MOST = 12, 16, 20
WRITTEN = re.compile(r"DB(\d+)\.(\d+)(?:\.(\d))? (\d+) x")


class Leaf(NamedTuple):
    """A setting that is manipulated."""

    path: str
    number: int
    """Of its data block."""
    at: int
    """Its first byte."""
    gold: bytes
    evil: bytes
    bit: int | None = None
    """Of a single BOOL; its gold and evil are then of one byte, 0 or 1."""

    @property
    def places(self) -> list[tuple[int, int]]:
        """Data block and bit, of each bit that it has."""
        first, count = 8 * self.at, 8 * len(self.gold)
        if self.bit is not None:
            first, count = first + self.bit, 1
        return [(self.number, n) for n in range(first, first + count)]


# -- a restore -------------------------------------------------------------------------------------


def bodies(sizes: Mapping[int, int], leaves: Sequence[Leaf]) -> dict[int, bytearray]:
    """Data blocks whose other bytes are 0x5A."""
    made = {number: bytearray(b"\x5a" * size) for number, size in sizes.items()}
    for leaf in leaves:
        put(made[leaf.number], leaf, leaf.gold)
    return made


def put(body: bytearray | memoryview, leaf: Leaf, content: bytes) -> None:
    if leaf.bit is None:
        body[leaf.at : leaf.at + len(content)] = content
    else:
        body[leaf.at] = body[leaf.at] & ~(1 << leaf.bit) | content[0] << leaf.bit


@asynccontextmanager
async def plant(
    folder: Path, layouts: Mapping[int, Path], data: Mapping[int, bytearray], pdu: int
) -> AsyncIterator[tuple[Scene, S7Simulator]]:
    blocks = [Block(Kind.DB, number, bytes(body)) for number, body in data.items()]
    async with S7Simulator(blocks=blocks, pdu=pdu) as cpu:
        options = Options(
            szl=Szl(names=False),
            layouts=tuple(
                DbLayout(number, (PublicFile(file),)) for number, file in layouts.items()
            ),
        )
        target = Target("cpu", cpu.host, cpu.port, timeout=10, options=options)
        bench = Bench(S7Driver(), target, cpu, TPKT, Identity(), dict, lambda: None)
        async with scene(folder, bench) as found:
            yield found, cpu


async def restored(
    folder: Path,
    layouts: Mapping[int, str],
    sizes: Mapping[int, int],
    leaves: Sequence[Leaf],
    pdu: int,
) -> int:
    """How many jobs it takes to put all leaves back; whatever else is amiss is an error."""
    assert len(leaves) == 500
    files = {number: folder / f"db{number}.scl" for number in layouts}
    for number, text in layouts.items():
        files[number].write_text(text)
    async with plant(folder, files, bodies(sizes, leaves), pdu) as (found, cpu):
        before = cpu.values()
        for leaf in leaves:
            assert leaf.gold != leaf.evil
            put(cpu.data[leaf.number], leaf, leaf.evil)
        plan = await found.plan()
        assert {write.path for write in plan.writes} == {leaf.path for leaf in leaves}
        assert plan.left == ()
        cpu.log.clear()
        connections = cpu.connections.total
        receipt = await found.restore(plan)
        assert receipt.proved, receipt.why
        assert receipt.counts == {"proved": 500}
        assert receipt.moved == ()
        assert cpu.values() == before, "to the bit, the whole memory"
        assert cpu.violations == []
        assert cpu.connections.total - connections == 3
        reading, writing, back = sessions(cpu)
        assert not any(entry.writes for entry in reading + back)
        assert values_read(reading) == values_read(back) != [], "all of it is read again"
        jobs = [entry for entry in writing if entry.writes]
        assert {job.name for job in jobs} == {"write var"}
        assert receipt.groups == len(jobs)
        written = [place for job in jobs for place in places(job.detail)]
        planned = [place for leaf in leaves for place in leaf.places]
        assert sorted(written) == sorted(planned), "nothing beside the plan, nothing twice"
        return len(jobs)


def sessions(cpu: S7Simulator) -> list[list[Service]]:
    """What was asked for over each connection."""
    found: list[list[Service]] = []
    for entry in cpu.log:
        if entry.name == "setup communication":
            found.append([])
        found[-1].append(entry)
    return found


def values_read(session: Sequence[Service]) -> list[str]:
    return [entry.detail for entry in session if entry.name == "read var"]


def places(detail: str) -> list[tuple[int, int]]:
    """Data block and bit, of each bit that a job writes."""
    found: list[tuple[int, int]] = []
    for number, byte, bit, count in WRITTEN.findall(detail):
        first, bits = (8 * int(byte) + int(bit), 1) if bit else (8 * int(byte), 8 * int(count))
        found += [(int(number), n) for n in range(first, first + bits)]
    return found


# -- side by side ----------------------------------------------------------------------------------


def side_by_side() -> list[Leaf]:
    """INT and REAL in turn: as they lie, not as their addresses are spelt (``dbw``, ``dbd``)."""
    found: list[Leaf] = []
    for n in range(250):
        real = struct.pack(">f", n / 4)
        found.append(Leaf(f"db/5/count{n}", 5, 6 * n, struct.pack(">h", -n), b"\xde\xad"))
        found.append(Leaf(f"db/5/limit{n}", 5, 6 * n + 2, real, b"\x42\xc8\0\1"))
    return found


@pytest.mark.parametrize("pdu", [240, 480])
async def test_side_by_side(tmp_path: Path, pdu: int) -> None:
    """Every job has one item at least, and so room for P - 28 of the 1500 bytes."""
    members = "".join(f"count{n} : INT ; limit{n} : REAL ;\n" for n in range(250))
    jobs = await restored(tmp_path, {5: block(5, members)}, {5: 1500}, side_by_side(), pdu)
    assert jobs == ceil(1500 / (pdu - HEAD - ITEM)) == {240: 8, 480: 4}[pdu]


def block(number: int, members: str) -> str:
    return f"DATA_BLOCK DB {number}\nSTRUCT\n{members}END_STRUCT ;\nBEGIN\nEND_DATA_BLOCK\n"


@pytest.mark.parametrize("pdu", [112, 240])
async def test_bits_side_by_side(tmp_path: Path, pdu: int) -> None:
    """Eight BOOLs are one byte: 62 bytes, one item, and four items of a bit each."""
    members = "".join(f"b{n} : BOOL ;\n" for n in range(500))
    leaves = [
        Leaf(f"db/6/b{n}", 6, n // 8, bytes((n % 3 == 0,)), bytes((n % 3 != 0,)), n % 8)
        for n in range(500)
    ]
    jobs = await restored(tmp_path, {6: block(6, members)}, {6: 64}, leaves, pdu)
    contents = ITEM + 62 + 4 * (ITEM + 1) + 3  # the last is not brought to an even length
    assert jobs == ceil(contents / (pdu - HEAD)) == {112: 2, 240: 1}[pdu]


# -- data blocks with holes ------------------------------------------------------------------------


@pytest.mark.parametrize("pdu", [240, 480, 960])
async def test_holes_in_several_data_blocks(tmp_path: Path, pdu: int) -> None:
    """None lies beside another, so each is an item: 20 bytes, and 20 of them at most."""
    members = "".join(f"limit{n} : REAL ; seen{n} : INT ;\n" for n in range(100))
    numbers = (3, 20, 100, 101, 9)
    leaves = [
        Leaf(f"db/{db}/limit{n}", db, 6 * n, struct.pack(">f", db + n / 8), b"\xc2\xf6\xe9\x79")
        for db in numbers
        for n in range(100)
    ]
    layouts = {db: block(db, members) for db in numbers}
    jobs = await restored(tmp_path, layouts, dict.fromkeys(numbers, 600), leaves, pdu)
    each = min(MOST, (pdu - HEAD) // (ITEM + 4))
    assert jobs == ceil(500 / each) == {240: 46, 480: 25, 960: 25}[pdu]


# -- all that a data block can hold ----------------------------------------------------------------

RECORD = 96
"""Bytes of one ``UDT 7``: 16 leaves are planned, and those called gap are not."""
MIXED = """\
TYPE UDT 7
STRUCT
  enabled : BOOL ;
  gap1 : BOOL ;
  inverted : BOOL ;
  mode : CHAR ;
  speed : REAL ;
  limit : LREAL ;
  count : LINT ;
  total : ULINT ;
  mask : LWORD ;
  gap2 : INT ;
  name : STRING [10] ;
  title : WSTRING [6] ;
  ramp : S5TIME ;
  since : DATE_AND_TIME ;
  points : ARRAY [1 .. 3] OF INT ;
  gap3 : ARRAY [1 .. 4] OF BYTE ;
  pid : STRUCT
    gain : REAL ;
    active : BOOL ;
  END_STRUCT ;
  bits : ARRAY [1 .. 8] OF BOOL ;
END_STRUCT ;
END_TYPE
DATA_BLOCK DB 60
STRUCT
  line : STRUCT
    start : DATE ;
    gap : DWORD ;
    wait : TIME ;
    motors : ARRAY [1 .. 31] OF UDT 7 ;
  END_STRUCT ;
  gap : WORD ;
  recipe : STRUCT
    number : UINT ;
    step : DINT ;
  END_STRUCT ;
END_STRUCT ;
BEGIN
END_DATA_BLOCK
"""
REALS = ("7fc00000", "7f800001", "ffc12345", "80000000", "7fa00001")
LREALS = ("7ff8000000000000", "7ff0000000000001", "fff8deadbeef0001", "8000000000000000")
"""NaN, quiet and signalling, with a payload; and the zero below zero."""


def motor(n: int) -> list[Leaf]:
    """The planned leaves of a record; of a number, its evil twin differs in the last bit alone."""
    base, path = 10 + RECORD * n, f"db/60/line/motors[{n + 1}]"
    on, off = bytes((n % 2,)), bytes((1 - n % 2,))
    name = struct.pack(">BB10s", 10, 10 - n % 4, b"PUMP %05d" % n)
    title = struct.pack(">HH12s", 6, 6 - n % 3, f"Öl€ {n:02}".encode("utf-16-be"))

    def leaf(name: str, at: int, gold: bytes, evil: bytes = b"", bit: int | None = None) -> Leaf:
        evil = evil or gold[:-1] + bytes((gold[-1] ^ 1,))
        return Leaf(f"{path}/{name}", 60, base + at, gold, evil, bit)

    return [
        leaf("enabled", 0, on, off, 0),
        leaf("inverted", 0, off, on, 2),
        leaf("mode", 1, bytes((0xC0 + n,))),
        leaf("speed", 2, bytes.fromhex(REALS[n % 5])),
        leaf("limit", 6, bytes.fromhex(LREALS[n % 4])),
        leaf("count", 14, struct.pack(">q", n - 2**63)),
        leaf("total", 22, struct.pack(">Q", 2**64 - 1 - n)),
        leaf("mask", 30, struct.pack(">Q", 1 << 63 | n)),
        leaf("name", 40, name, b"\x0a\x03BAD" + name[5:]),
        leaf("title", 52, title, b"\0\6\0\2\0X\x20\xac" + title[8:]),
        leaf("ramp", 68, bytes.fromhex(f"1{n + 101}")),
        leaf(
            "since", 70, bytes.fromhex(f"93122508{n:02}345677"), bytes.fromhex("8912312359599997")
        ),
        leaf("points", 78, struct.pack(">3h", n, -n, 32767)),
        leaf("pid/gain", 88, bytes.fromhex(REALS[n % 3])),
        leaf("pid/active", 92, on, off, 0),
        leaf("bits", 94, bytes((n | 0xE0,))),  # what lies behind the fifth is nobody's
    ]


def mixed() -> list[Leaf]:
    return [
        Leaf("db/60/line/start", 60, 0, b"\x2d\0", b"\x2d\1"),
        Leaf("db/60/line/wait", 60, 6, b"\x80\0\0\0", b"\x7f\xff\xff\xff"),
        *(leaf for n in range(31) for leaf in motor(n)),
        Leaf("db/60/recipe/number", 60, 2988, b"\xff\xff", b"\xff\xfe"),
        Leaf("db/60/recipe/step", 60, 2990, b"\xff\xff\xff\xfe", b"\0\0\0\2"),
    ]


def fewest(leaves: Sequence[Leaf], pdu: int) -> int:
    """The fewest jobs that carry these leaves in their order, of all ways to cut it."""
    best = [0] + [len(leaves)] * len(leaves)
    for first in range(len(leaves)):
        items: list[int] = []
        for end, leaf in enumerate(leaves[first:], first + 1):
            before = leaves[end - 2]
            if items and (before.at + len(before.gold), before.bit, leaf.bit) == (
                leaf.at,
                None,
                None,
            ):
                items[-1] += len(leaf.gold)
            else:
                items.append(len(leaf.gold))
            octets = sum(ITEM + size + size % 2 for size in items) - items[-1] % 2
            if len(items) > MOST or HEAD + octets > pdu:
                break
            best[end] = min(best[end], best[first] + 1)
    return best[-1]


@pytest.mark.parametrize(
    ("pdu", "jobs", "torn"), [(112, 74, 64), (240, 31, 29), (480, 15, 14), (960, 11, 11)]
)
async def test_a_data_block_of_all_kinds(tmp_path: Path, pdu: int, jobs: int, torn: int) -> None:
    """The fewest that keep the plan's order and every leaf whole; ``torn``: if they need not."""
    leaves = mixed()
    assert await restored(tmp_path, {60: MIXED}, {60: 2994}, leaves, pdu) == jobs
    assert jobs == fewest(leaves, pdu)
    each = [2, 4, 6]
    for _ in range(31):
        each += [1, 1, 37, 44, 4, 1, 1]  # enabled, inverted, mode to mask, name to points, ...
    octets = sum(ITEM + size + size % 2 for size in each)
    assert torn == max(ceil(len(each) / MOST), ceil(octets / (pdu - HEAD + 1)))
