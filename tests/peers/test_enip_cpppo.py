"""The EtherNet/IP driver judged by cpppo's server, which lists no tags: the options name them."""

from __future__ import annotations

import asyncio
import json
import random
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from goldcopy.driver import Courtesy, Meter, Target
from goldcopy.errors import Malformed
from goldcopy.snapshot import Snapshot, Value
from goldcopy_enip import EnipDriver
from goldcopy_enip.options import Options

PYTHON = Path(__file__).parents[2] / ".peers" / "cpppo" / "bin" / "python"
HELPER = Path(__file__).with_name("cpppo_server.py")
CHANCE = random.Random(4)
REALS = [struct.unpack("<f", CHANCE.randbytes(2) + b"\x40\x41")[0] for _ in range(300)]
HELD: dict[str, tuple[str, object]] = {
    "Speed": ("REAL", 42.5),
    "Mode": ("SINT", -3),
    "Lane": ("UINT", 0xFFFE),
    "Total": ("LINT", -(1 << 62)),
    "Energy": ("LREAL", 0.1),
    "Serial": ("UDINT", 0xDEADBEEF),
    "Ready": ("BOOL", True),
    "Grid": ("INT", [CHANCE.randrange(-(1 << 15), 1 << 15) for _ in range(1500)]),
    "Rows": ("DINT", [CHANCE.randrange(-(1 << 31), 1 << 31) for _ in range(1000)]),
    "Gains": ("REAL", REALS),
}
COUNTS = {name: len(value) for name, (_, value) in HELD.items() if isinstance(value, list)}
TAGS = tuple(f"{name}[{COUNTS[name]}]" if name in COUNTS else name for name in HELD)
WHOLE = {
    f"tag/{name}": (
        (f"ARRAY[{len(value)}] OF {kind}", tuple(value))
        if isinstance(value, list)
        else (kind, value)
    )
    for name, (kind, value) in HELD.items()
}


@asynccontextmanager
async def cpppo(*options: str) -> AsyncIterator[int]:
    """The port of a server that holds these."""
    assert PYTHON.exists(), "no cpppo here: run tests/peers/setup first"
    pipe = asyncio.subprocess.PIPE
    command = (str(PYTHON), str(HELPER), *options, json.dumps(HELD))
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), timeout=30)
        assert line, "cpppo has ended; see its message above"
        yield int(line)
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), timeout=10)
        except TimeoutError:
            process.kill()
            await process.wait()


def target(port: int, options: Options, window: int = 1) -> Target:
    courtesy = Courtesy(window=window)
    return Target("cpppo", "127.0.0.1", port, timeout=10, courtesy=courtesy, options=options)


async def pull(port: int, options: Options, window: int = 1) -> tuple[Snapshot, Meter]:
    meter = Meter()
    async with EnipDriver().open(target(port, options, window), meter) as session:
        identity = await session.identify()
        reading = await session.read()
    return Snapshot.of("cpppo", "enip", identity, reading.items, reading.gaps), meter


def tags(snapshot: Snapshot) -> dict[str, tuple[str, object]]:
    return {i.path: (i.type, i.value) for i in snapshot.items if i.path.startswith("tag/")}


@pytest.mark.parametrize("size", [500, 4000])
@pytest.mark.parametrize("window", [1, 4])
async def test_every_tag_that_is_named_has_the_value_that_it_holds(size: int, window: int) -> None:
    async with cpppo() as port:
        snapshot, meter = await pull(port, Options(tags=TAGS, size=size), window)
    assert tags(snapshot) == WHOLE
    assert not snapshot.gaps
    assert snapshot.identity.product == "1756-L61/B LOGIX5561"
    assert meter.requests < 45  # it gives some 500 bytes at a time, whatever was agreed


async def test_a_tag_that_is_not_there_is_a_gap_and_so_is_one_that_is_longer_than_it_is() -> None:
    options = Options(tags=("Speed", "Absent", "Program:Main.Speed", "Rows[1001]", "Mode[2]"))
    async with cpppo() as port:
        snapshot, _ = await pull(port, options)
    assert tags(snapshot) == {"tag/Speed": ("REAL", 42.5)}
    reasons = {gap.path: gap.reason for gap in snapshot.gaps}
    assert reasons.keys() == {
        "tag/Absent", "program/Main/Speed", "tag/Rows", "tag/Mode",
    }  # fmt: skip
    assert "0x05" in reasons["tag/Absent"]
    assert "0xff" in reasons["tag/Rows"]


@pytest.mark.parametrize("size", [500, 4000])
async def test_what_is_written_is_what_it_then_holds(size: int) -> None:
    """Packed, and an array in parts; all others are as before."""
    options = Options(tags=TAGS, size=size, write_in_run=True)
    values: dict[str, Value] = {
        "tag/Speed": -0.5, "tag/Mode": 77, "tag/Total": 1 << 61, "tag/Ready": False,
        "tag/Rows": tuple(range(-500, 500)), "tag/Lane": 3,
    }  # fmt: skip
    async with cpppo() as port:
        before, _ = await pull(port, options)
        items = [
            msgspec.structs.replace(before.by_path[path], value=value)
            for path, value in values.items()
        ]
        async with EnipDriver().open_writing(target(port, options), Meter()) as session:
            groups = session.groups(items)
            assert [len(group) for group in groups] == [4, 1, 1]
            for group in groups:
                await session.write(group)
        after, _ = await pull(port, options)
    wanted = {**WHOLE, **{path: (WHOLE[path][0], value) for path, value in values.items()}}
    assert tags(after) == wanted


async def test_a_reply_under_the_id_of_requests_is_not_taken() -> None:
    """Its own mistake: CIP 1, 3-5.5.1 gives each direction an id, and it answers with the other."""
    async with cpppo("--as-it-is") as port:
        with pytest.raises(Malformed, match="belongs to no request"):
            await pull(port, Options(tags=TAGS))
