"""Program blocks put back into an S7 CPU: in STOP, by permission, callers last."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.drivers.restore_bench import Scene, scene

from goldcopy.driver import Target
from goldcopy.snapshot import Identity
from goldcopy.testing.bench import Bench
from goldcopy.testing.framing import TPKT
from goldcopy_s7 import S7Driver
from goldcopy_s7.options import Options
from goldcopy_sim.s7 import Block, Key, Kind, S7Simulator

ORIGINAL = [
    Block(Kind.OB, 1, b"\x65\0" * 200, language=2),
    Block(Kind.FC, 10, bytes(range(200)), language=2),
    Block(Kind.FC, 9, b"\x65\0" * 3, language=2),
]
FOREIGN = [
    Block(Kind.OB, 1, b"\x68\x2c\x65\0", language=2),
    Block(Kind.FC, 10, b"\x68\x1c\x65\0", language=2),
    Block(Kind.FC, 9, b"\x68\x0c\x65\0" * 300, language=2),
]


@asynccontextmanager
async def plant(folder: Path, *, download: bool = True) -> AsyncIterator[Scene]:
    async with S7Simulator(blocks=ORIGINAL, running=False, pdu=240) as simulator:
        options = Options(download=download)
        target = Target("cpu", simulator.host, simulator.port, timeout=0.5, options=options)
        nothing = Bench(S7Driver(), target, simulator, TPKT, Identity(), dict, lambda: None)
        async with scene(folder, nothing) as found:
            infect(simulator)
            yield found


def infect(simulator: S7Simulator) -> None:
    for block in FOREIGN:
        simulator.images[Key(block.kind, block.number)] = bytearray(block.pack())


def code(found: Scene) -> dict[str, bytes]:
    simulator = found.bench.simulator
    assert isinstance(simulator, S7Simulator)
    return {str(key): bytes(image) for key, image in simulator.images.items()}


async def test_foreign_blocks_are_replaced_and_proved(tmp_path: Path) -> None:
    async with plant(tmp_path) as found:
        plan = await found.plan()
        assert [write.path for write in plan.writes] == ["block/FC9", "block/FC10", "block/OB1"]
        follows = [one for one in plan.left if "follows from block/" in one.why]
        assert {one.path for one in follows} >= {"block/OB1/checksum", "block/FC9/body-size"}
        receipt = await found.restore(plan)
        assert receipt.proved, receipt.why
        assert receipt.moved == ()
        wanted = {f"{block}": block.pack() for block in ORIGINAL}
        assert {name: image for name, image in code(found).items() if name in wanted} == wanted
        assert found.writes() == ["request download", "PI service _INSE"] * 3


async def test_without_permission_they_are_left_with_the_reason(tmp_path: Path) -> None:
    async with plant(tmp_path, download=False) as found:
        plan = await found.plan()
        assert not plan.writes
        whys = {one.path: one.why for one in plan.left}
        assert "engineering tool" in whys["block/FC9"]
        receipt = await found.restore(plan)
        assert not receipt.proved, "nothing could be done, which proves nothing"
        assert found.writes() == []


@pytest.mark.parametrize("fault", ["insert-refused", "download-cut", "download-rejected"])
async def test_a_download_that_fails_leaves_the_program_as_it_was(
    tmp_path: Path, fault: str
) -> None:
    async with plant(tmp_path) as found:
        simulator = found.bench.simulator
        assert isinstance(simulator, S7Simulator)
        before = code(found)
        plan = await found.plan()
        simulator.fault = fault
        receipt = await found.restore(plan)
        assert not receipt.proved
        assert receipt.rolled_back, receipt.why
        assert code(found) == before
