"""Leaves of data blocks by their layout, and writing them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from goldcopy.driver import Meter, PublicFile, Target
from goldcopy.errors import GoldcopyError, Refused, Unsupported, Wrong
from goldcopy.snapshot import Item, Snapshot, Value
from goldcopy_s7 import S7Driver
from goldcopy_s7.options import Area, DbLayout, Options
from goldcopy_sim.s7 import Block, Kind, S7Simulator

SETPOINTS = """\
DATA_BLOCK DB 1
STRUCT
  press_force_kn : REAL ;
  ram_speed_mm_s : REAL ;
  dwell_time : TIME ;
  die_height_mm : REAL ;
  strokes_per_min : INT ;
  max_strokes_shift : DINT ;
  recipe : STRING [30] ;
END_STRUCT ;
BEGIN
END_DATA_BLOCK
"""
BITS = """\
DATA_BLOCK DB 7
STRUCT
  first : BOOL ;
  second : BOOL ;
  level : ARRAY [1 .. 3] OF INT ;
  last : BYTE ;
END_STRUCT ;
BEGIN
END_DATA_BLOCK
"""


@pytest.fixture
def layouts(tmp_path: Path) -> tuple[DbLayout, ...]:
    (tmp_path / "setpoints.awl").write_text(SETPOINTS)
    (tmp_path / "bits.awl").write_text(BITS)
    return (
        DbLayout(1, (PublicFile(tmp_path / "setpoints.awl"),)),
        DbLayout(7, (PublicFile(tmp_path / "bits.awl"),)),
    )


def plant() -> S7Simulator:
    blocks = S7Simulator.demo("line1-press").images
    kept = [Block.parse(bytes(image)) for key, image in blocks.items() if str(key) == "DB1"]
    return S7Simulator(blocks=[*kept, Block(Kind.DB, 7, bytes(10)), Block(Kind.DB, 8, bytes(3000))])


def target(simulator: S7Simulator, options: Options) -> Target:
    return Target("press", simulator.host, simulator.port, timeout=2, options=options)


async def pull(simulator: S7Simulator, options: Options) -> Snapshot:
    async with S7Driver().open(target(simulator, options), Meter()) as session:
        identity = await session.identify()
        reading = await session.read()
    return Snapshot.of("press", "s7", identity, reading.items, reading.gaps)


@asynccontextmanager
async def written(
    options: Options, *writes: tuple[str, str, Value]
) -> AsyncIterator[tuple[S7Simulator, Snapshot]]:
    async with plant() as simulator:
        async with S7Driver().open_writing(target(simulator, options), Meter()) as writer:
            for path, type_, value in writes:
                await writer.write([Item(path, "parameter", type_, value)])
        yield simulator, await pull(simulator, options)


async def test_leaves_have_name_type_and_value(layouts: tuple[DbLayout, ...]) -> None:
    async with plant() as simulator:
        snapshot = await pull(simulator, Options(layouts=layouts))
    assert not snapshot.gaps
    found = {
        path.removeprefix("db/1/"): (item.type, item.value)
        for path, item in snapshot.by_path.items()
        if path.startswith("db/1/")
    }
    assert found == {
        "press_force_kn": ("REAL", 850.0),
        "ram_speed_mm_s": ("REAL", 120.0),
        "dwell_time": ("TIME", 1500),
        "die_height_mm": ("REAL", 412.5),
        "strokes_per_min": ("INT", 24),
        "max_strokes_shift": ("DINT", 11520),
        "recipe": ("STRING", "PANEL-A"),
    }
    assert snapshot.by_path["db/1/recipe"].role == "setting"
    assert snapshot.by_path["db/1"].role == "process"
    assert snapshot.by_path["db/1"].access == "read-write"
    # Nobody has named what is a setting in DB8, so a backup that drops process values keeps it.
    assert snapshot.by_path["db/8"].role == "setting"


async def test_a_layout_that_does_not_fit_is_a_gap_and_gives_no_leaf(
    layouts: tuple[DbLayout, ...],
) -> None:
    wrong = (DbLayout(8, layouts[0].files, "DB 1"), DbLayout(99, layouts[1].files, "DB 7"))
    async with plant() as simulator:
        snapshot = await pull(simulator, Options(layouts=wrong))
    reasons = {gap.path: gap.reason for gap in snapshot.gaps}
    assert reasons.keys() == {"db/8", "db/99"}
    assert "DB8 has 3000" in reasons["db/8"]
    assert "leaves it out" in reasons["db/99"]
    assert snapshot.by_path["db/8"].role == "setting"  # the bytes are kept all the same
    assert not [path for path in snapshot.by_path if path.startswith("db/8/")]


async def test_a_layout_that_cannot_be_read_is_told_before_connecting(tmp_path: Path) -> None:
    (tmp_path / "broken.awl").write_text(
        "DATA_BLOCK DB 1\nSTRUCT\n  x : NONSENSE ;\nEND_STRUCT ;\nBEGIN\nEND_DATA_BLOCK\n"
    )
    options = Options(layouts=(DbLayout(1, (PublicFile(tmp_path / "broken.awl"),)),))
    async with plant() as simulator:
        with pytest.raises(Wrong, match=r"broken\.awl:3"):
            await pull(simulator, options)
        assert simulator.connections.total == 0


async def test_leaves_are_written_and_nothing_else(layouts: tuple[DbLayout, ...]) -> None:
    options = Options(blocks=False, layouts=layouts)
    writes: list[tuple[str, str, Value]] = [
        ("db/1/press_force_kn", "REAL", 900.5),
        ("db/1/recipe", "STRING", "PANEL-B2"),
        ("db/7/second", "BOOL", True),
        ("db/7/level", "ARRAY[3] OF INT", (1, -2, 3)),
        ("db/7/last", "BYTE", 0x5A),
    ]
    async with plant() as simulator:
        before = await pull(simulator, options)
    async with written(options, *writes) as (simulator, after):
        assert bytes(simulator.data[7]) == bytes.fromhex("0200 0001 fffe 0003 5a00")
    changed = {
        path: item.value
        for path, item in after.by_path.items()
        if before.by_path[path].value != item.value
    }
    assert changed.keys() - {"db/1", "db/7"} == {path for path, _, _ in writes}
    assert all(changed[path] == value for path, _, value in writes)
    names = [entry.name for entry in simulator.log if entry.writes]
    assert names == ["write var"] * len(writes)
    assert not simulator.violations


async def test_one_bit_is_written_without_its_neighbours(layouts: tuple[DbLayout, ...]) -> None:
    async with plant() as simulator:
        options = Options(layouts=layouts)
        async with S7Driver().open_writing(target(simulator, options), Meter()) as writer:
            simulator.change("db/7/0", b"\xff\xff")
            simulator.log.clear()
            await writer.write([Item("db/7/first", "parameter", "BOOL", False)])
            assert simulator.data[7][0] == 0xFE
            assert [entry.name for entry in simulator.log] == ["block info", "write var"]


@pytest.mark.parametrize("pdu", [240, 480])
async def test_a_whole_data_block_is_written_in_the_fewest_requests(pdu: int) -> None:
    content = bytes(range(250)) * 12
    writes = ("db/8", "BYTES", content), ("db/8/10", "BYTES", b"\0\1\2")
    async with written(Options(blocks=False, pdu=pdu), *writes) as (simulator, _):
        assert bytes(simulator.data[8]) == content[:10] + b"\0\1\2" + content[13:]
        assert sum(entry.writes for entry in simulator.log) == -(-3000 // (pdu - 28)) + 1
    assert not simulator.violations


@pytest.mark.parametrize(
    ("path", "type_", "value", "error", "words"),
    [
        ("m", "BYTES", b"\0", Unsupported, "only values of data blocks"),
        ("block/FC1", "BYTES", b"\0", Wrong, "options.download: true"),
        ("block/FC1/author", "STRING", "x", Unsupported, "only values of data blocks"),
        ("db/8", "BYTES", bytes(2999), Wrong, "has 3000 bytes, not 2999"),
        ("db/8/speed", "REAL", 1.0, Wrong, "no layout has this leaf"),
        ("db/1/recipe", "STRING", "x" * 31, Wrong, "recipe"),
        ("db/1/strokes_per_min", "INT", 70000, Wrong, "strokes_per_min"),
        ("db/70000", "BYTES", b"\0", Wrong, "no CPU has this"),
        ("db/8/70000", "BYTES", b"\0", Wrong, "no CPU has this"),
        ("db/8/2999", "BYTES", b"\0\0", Refused, "item code 0x05"),
        ("db/55", "BYTES", b"\0\0", Refused, "no such block"),
    ],
)
async def test_what_cannot_be_written_is_refused(
    layouts: tuple[DbLayout, ...],
    path: str,
    type_: str,
    value: Value,
    error: type[GoldcopyError],
    words: str,
) -> None:
    with pytest.raises(error, match=words):
        async with written(Options(layouts=layouts), (path, type_, value)):
            pass


async def test_a_data_block_of_another_size_is_not_written_by_an_old_layout(
    layouts: tuple[DbLayout, ...],
) -> None:
    blocks = [Block(Kind.DB, 1, bytes(60))]
    async with S7Simulator(blocks=blocks) as simulator:
        options = Options(layouts=layouts)
        async with S7Driver().open_writing(target(simulator, options), Meter()) as writer:
            with pytest.raises(Wrong, match="DB1 has 60"):
                await writer.write([Item("db/1/press_force_kn", "parameter", "REAL", 1.0)])
    assert not any(entry.writes for entry in simulator.log)


async def test_an_s7_1500_is_written_by_the_length_in_the_options(
    layouts: tuple[DbLayout, ...],
) -> None:
    async with S7Simulator(blocks=[Block(Kind.DB, 7, bytes(10))], classic=False) as simulator:
        options = Options(data=(Area("DB", number=7, count=10),), layouts=layouts[1:])
        async with S7Driver().open_writing(target(simulator, options), Meter()) as writer:
            await writer.write([Item("db/7/last", "parameter", "BYTE", 9)])
        assert simulator.data[7][8] == 9
        options = Options(layouts=layouts[1:])
        async with S7Driver().open_writing(target(simulator, options), Meter()) as writer:
            with pytest.raises(Refused, match="0x8104"):
                await writer.write([Item("db/7/last", "parameter", "BYTE", 9)])


async def test_a_reading_session_cannot_write(layouts: tuple[DbLayout, ...]) -> None:
    async with plant() as simulator:
        options = Options(layouts=layouts)
        async with S7Driver().open(target(simulator, options), Meter()) as session:
            assert not hasattr(session, "write")
