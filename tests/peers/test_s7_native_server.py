"""The S7 driver judged by the native snap7 server (libsnap7 of python-snap7 2.0.2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from goldcopy.driver import Courtesy, Meter, Target
from goldcopy.snapshot import Blob, Snapshot
from goldcopy_s7 import S7Driver
from goldcopy_s7.options import Area, Options

PYTHON = Path(__file__).parents[2] / ".peers" / "snap7-native" / "bin" / "python"
HELPER = Path(__file__).with_name("snap7_native_server.py")
PE, PA, MK, CT, TM, DB = range(6)


def memory(area: int, number: int, size: int) -> bytes:
    """What the helper put there."""
    return bytes((area * 41 + number * 7 + at * 13 + (at >> 8)) & 0xFF for at in range(size))


@asynccontextmanager
async def native(blocks: int, size: int) -> AsyncIterator[int]:
    """The port of a native server."""
    assert PYTHON.exists(), "no native snap7 here: run tests/peers/setup first"
    pipe = asyncio.subprocess.PIPE
    command = map(str, (PYTHON, HELPER, blocks, size))
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield int(await asyncio.wait_for(process.stdout.readline(), timeout=30))
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), timeout=10)
        except TimeoutError:
            process.kill()
            await process.wait()


async def pull(port: int, options: Options, window: int = 1) -> tuple[Snapshot, Meter]:
    target = Target(
        "cpu", "127.0.0.1", port, timeout=10, courtesy=Courtesy(window=window), options=options
    )
    meter = Meter()
    async with S7Driver().open(target, meter) as session:
        identity = await session.identify()
        reading = await session.read()
    return Snapshot.of("cpu", "s7", identity, reading.items, reading.gaps), meter


def content(snapshot: Snapshot, path: str) -> object:
    value = snapshot.by_path[path].value
    return snapshot.blobs[value.sha256] if isinstance(value, Blob) else value


@pytest.mark.parametrize("pdu", [240, 480, 960])
@pytest.mark.parametrize("window", [1, 8])
async def test_data_lists_and_block_info(pdu: int, window: int) -> None:
    async with native(100, 4096) as port:
        snapshot, _ = await pull(port, Options(pdu=pdu), window)
    for number in range(1, 101):
        assert content(snapshot, f"db/{number}") == memory(DB, number, 4096)
        about = {
            name: snapshot.by_path[f"block/DB{number}/{name}"].value
            for name in ("language", "body-size", "load-size", "interface-size", "code-time")
        }
        assert about == {
            "language": "DB",
            "body-size": 4096,
            "load-size": 4188,
            "interface-size": 20,
            "code-time": about["code-time"],
        }
        assert str(about["code-time"]).startswith("1999-11-18")
    reasons = {gap.path: gap.reason for gap in snapshot.gaps if not gap.path.startswith("szl/")}
    # This server refuses every upload for want of a password.
    assert reasons.keys() == {f"block/DB{number}" for number in range(1, 101)}
    assert all("0xd241" in reason for reason in reasons.values())


async def test_status_lists() -> None:
    async with native(1, 10) as port:
        snapshot, _ = await pull(port, Options(blocks=False))
    who = snapshot.identity
    assert who.order_code == "6ES7 315-2EH14-0AB0"
    assert who.product == "CPU 315-2 PN/DP"
    assert who.serial == "S C-C2UR28922012"
    assert who.name == "SNAP7-SERVER"
    assert who.mode == "RUN"
    assert who.protection == "1 (none)"
    assert not snapshot.gaps


async def test_a_status_list_that_this_server_cuts_is_a_gap() -> None:
    """At PDU 240 it sends 206 of 340 bytes and says that there is no more."""
    async with native(1, 10) as port:
        snapshot, _ = await pull(port, Options(blocks=False, pdu=240))
    assert {gap.path: gap.reason for gap in snapshot.gaps} == {
        "szl/001C": "the status list announces 10 records of 34 bytes, and has 206 bytes"
    }
    assert snapshot.identity.serial == ""


async def test_areas_and_bad_items() -> None:
    data = (
        Area("I", count=128),
        Area("Q", count=128),
        Area("M", count=256),
        Area("M", start=250, count=10),
        Area("C", count=32),
        Area("T", count=8),  # from 0: this server takes a timer's number for a bit address
        *(Area("DB", number=1, start=at, count=3) for at in range(0, 90, 9)),
        Area("DB", number=2, count=100),
    )
    async with native(1, 100) as port:
        snapshot, _ = await pull(port, Options(blocks=False, data=data), window=4)
    assert content(snapshot, "i") == memory(PE, 0, 128)
    assert content(snapshot, "q") == memory(PA, 0, 128)
    assert content(snapshot, "m") == memory(MK, 0, 256)
    words = memory(CT, 0, 64)
    assert content(snapshot, "c") == tuple(
        int.from_bytes(words[at : at + 2], "big") for at in range(0, 64, 2)
    )
    words = memory(TM, 0, 16)
    assert content(snapshot, "t") == tuple(
        int.from_bytes(words[at : at + 2], "big") for at in range(0, 16, 2)
    )
    whole = memory(DB, 1, 100)
    assert content(snapshot, "db/1") == whole[:3]
    for at in range(9, 90, 9):
        assert content(snapshot, f"db/1/{at}") == whole[at : at + 3]
    reasons = {gap.path: gap.reason for gap in snapshot.gaps if not gap.path.startswith("szl/")}
    assert reasons.keys() == {"m/250", "db/2"}
    assert "item code 0x05" in reasons["m/250"]
    assert "item code 0x0a" in reasons["db/2"]


async def test_requests_are_as_few_as_against_our_own_simulator() -> None:
    async with native(100, 4096) as port:
        _, meter = await pull(port, Options(blocks=False), window=8)
    # COTP connect, setup, four status lists, count, list of DB, 100 infos, 500 reads.
    assert meter.requests == 1 + 1 + 4 + 1 + 1 + 100 + 500
