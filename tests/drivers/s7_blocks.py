"""A CPU in STOP whose program is to be put back: an FB, an FC of several parts, an OB."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from goldcopy.driver import Target
from goldcopy.snapshot import Identity
from goldcopy.testing.bench import Bench, Held
from goldcopy.testing.framing import TPKT
from goldcopy_s7 import S7Driver
from goldcopy_s7.options import Options, Szl
from goldcopy_sim.s7 import Block, Kind, S7Simulator

PDU = 240
PARTS = 1, 3, 1
"""Of the blocks, in the order in which they are written."""
STEPS = sum(parts + 3 for parts in PARTS)
"""Of a restore: each block is asked for, comes part by part, ends, and is linked in."""
ORIGINAL = [
    Block(Kind.OB, 1, b"\x65\0" * 20, language=2),
    Block(Kind.FC, 10, bytes(range(250)) * 2, language=2),
    Block(Kind.FB, 9, b"\x65\0" * 3, language=2),
    Block(Kind.FC, 11, b"\x65\0" * 4, language=2),
]
"""Nobody touches the last one."""
FOREIGN = [
    Block(Kind.OB, 1, b"\x68\x2c\x65\0", language=2),
    Block(Kind.FC, 10, b"\x68\x1c\x65\0" * 120, language=2),
    Block(Kind.FB, 9, b"\x68\x0c\x65\0", language=2),
]


@asynccontextmanager
async def program(patience: float = 0.6) -> AsyncIterator[Bench]:
    """Three of its four blocks can be replaced, from ``ORIGINAL`` by ``FOREIGN``."""
    async with S7Simulator(blocks=ORIGINAL, running=False, pdu=PDU) as simulator:

        def holds() -> Held:
            return {
                f"block/{key}": ("BYTES", bytes(image)) for key, image in simulator.images.items()
            }

        yield Bench(
            driver=S7Driver(),
            target=Target(
                "cpu",
                simulator.host,
                simulator.port,
                patience,
                options=Options(download=True, szl=Szl(names=False)),
            ),
            simulator=simulator,
            framing=TPKT,
            identity=Identity(),
            holds=holds,
            change=lambda: None,
            writes={f"block/{block}": block.pack() for block in FOREIGN},
        )
