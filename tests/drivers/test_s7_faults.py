"""The S7 driver against a CPU that misbehaves: a typed error or a gap, never a wrong value."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.drivers.test_s7_download import LOADING

from goldcopy.driver import Courtesy, Meter, Target
from goldcopy.errors import GoldcopyError, Malformed, Refused, Unreachable
from goldcopy.snapshot import Blob, Snapshot
from goldcopy_s7 import S7Driver
from goldcopy_s7.options import Options
from goldcopy_sim.s7 import Block, Key, Kind, S7Simulator
from goldcopy_sim.s7.faults import FAULTS

ERRORS: dict[str, type[GoldcopyError]] = {
    "silent": Unreachable,
    "refuse-login": Refused,
    "pdu-zero": Malformed,
    "pdu-huge": Malformed,
    "garbage": Malformed,
    "cut": Unreachable,
    "wrong-reference": Malformed,
    "duplicate": Malformed,
    "late": Unreachable,
    "item-count-lie": Malformed,
    "busy": Unreachable,
}
GAPS = {
    "upload-cut": "were announced",
    "lying-length": "the header says",
    "endless-list": "does not end",
    "szl-lie": "announces",
}
HARMLESS = {"first-upload-refused"}


@asynccontextmanager
async def opened(simulator: S7Simulator, **courtesy: int) -> AsyncIterator[Target]:
    async with simulator:
        yield Target(
            "cpu",
            simulator.host,
            simulator.port,
            timeout=0.3,
            courtesy=Courtesy(**courtesy),
            options=Options(),
        )


async def pull(target: Target) -> Snapshot:
    async with S7Driver().open(target, Meter()) as session:
        identity = await session.identify()
        reading = await session.read()
    return Snapshot.of("cpu", "s7", identity, reading.items, reading.gaps)


def test_every_fault_is_tried() -> None:
    assert FAULTS.keys() == ERRORS.keys() | GAPS.keys() | HARMLESS | LOADING.keys()


@pytest.mark.parametrize("window", [1, 4])
@pytest.mark.parametrize("fault", sorted(ERRORS))
async def test_a_link_that_cannot_be_trusted_raises(fault: str, window: int) -> None:
    simulator = S7Simulator.many(20, fault=fault)
    async with opened(simulator, window=window) as target:
        with pytest.raises(ERRORS[fault]):
            await pull(target)
    assert not any(entry.writes for entry in simulator.log)


@pytest.mark.parametrize("fault", sorted(GAPS.keys() | HARMLESS))
async def test_what_is_held_is_right_and_the_rest_are_gaps(fault: str) -> None:
    simulator = S7Simulator.many(40, fault=fault)
    async with opened(simulator) as target:
        snapshot = await pull(target)
        held = simulator.values()
    reasons = {gap.path: gap.reason for gap in snapshot.gaps}
    for path, (_, value) in held.items():
        item = snapshot.by_path.get(path)
        if item is None:
            folder = path.partition("/")[0]
            assert {path, folder} & reasons.keys() or folder in "iqmtc", path
            continue
        content = snapshot.blobs[item.value.sha256] if isinstance(item.value, Blob) else item.value
        if path.startswith("block/DB"):
            assert isinstance(value, bytes)
            body = snapshot.by_path["db/" + path.removeprefix("block/DB")].value
            size = body.size if isinstance(body, Blob) else len(body)  # type: ignore[arg-type]
            value = value[:36] + value[36 + size :]
        assert content == value, path
    if fault in HARMLESS:
        assert not reasons
    else:
        assert reasons
        followed = "does not list", "not asked"  # gaps that another gap has caused
        for reason in reasons.values():
            assert any(words in reason for words in (GAPS[fault], *followed)), reason
    uploads = [
        entry.name for entry in simulator.log if entry.name in ("start upload", "end upload")
    ]
    started = uploads.count("start upload") - (fault == "first-upload-refused")
    assert uploads.count("end upload") == started
    assert not any(entry.writes for entry in simulator.log)


async def test_an_endless_list_is_a_gap_and_soon_left_alone() -> None:
    simulator = S7Simulator.many(40, fault="endless-list")
    async with opened(simulator) as target:
        snapshot = await pull(target)
    assert {gap.path for gap in snapshot.gaps} == {"block", "blocks/SFC", "blocks/SFB", "db"}
    assert len(simulator.log) < 60


async def test_a_silent_upload_is_given_up_and_nothing_stays_open() -> None:
    simulator = S7Simulator.many(20)
    async with opened(simulator) as target:
        async with S7Driver().open(target, Meter()) as session:
            await session.identify()
            simulator.fault = "silent"
            with pytest.raises(Unreachable, match="no answer"):
                await session.read()
        async with asyncio.timeout(5):
            while simulator.connections.open:  # noqa: ASYNC110 (it has no event for that)
                await asyncio.sleep(0)


async def test_cancelled_in_the_middle_of_an_upload() -> None:
    simulator = S7Simulator(blocks=[Block(Kind.FC, 1, b"\x65\0" * 20000)], delay=0.01)
    async with opened(simulator) as target:

        async def whole() -> None:
            async with S7Driver().open(target, Meter()) as session:
                await session.read()

        task = asyncio.create_task(whole())
        async with asyncio.timeout(20):
            while not any(entry.name == "upload" for entry in simulator.log):  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(5):
            while simulator.connections.open:  # noqa: ASYNC110 (it has no event for that)
                await asyncio.sleep(0)
    assert simulator.log[-1].name == "upload"


async def test_a_block_that_changes_between_info_and_upload(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The upload is what counts, and header and footer are asked for again."""
    new = Block(Kind.FC, 1, b"\x65\0" * 9, checksum=7)
    simulator = S7Simulator(blocks=[Block(Kind.OB, 1, b"\x65\0"), Block(Kind.FC, 1, b"\x65\0")])
    async with opened(simulator) as target, S7Driver().open(target, Meter()) as session:
        append = simulator.log.append

        class Log(list):  # type: ignore[type-arg]
            def append(self, entry: object) -> None:
                append(entry)  # type: ignore[arg-type]
                if getattr(entry, "name", "") == "start upload":
                    simulator.insert(Key(Kind.FC, 1), new.pack())

        monkeypatch.setattr(simulator, "log", Log())
        reading = await session.read()
    items = {item.path: item.value for item in reading.items}
    assert not reading.gaps
    assert items["block/FC1"] == new.pack()
    assert items["block/FC1/checksum"] == 7
    assert items["block/FC1/body-size"] == 18
