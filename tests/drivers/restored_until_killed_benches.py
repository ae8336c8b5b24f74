"""Benches of every driver whose settings take several requests to write."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from asyncua.ua import SecurityPolicyType
from tests.drivers.test_enip_conformance import made as palletizer
from tests.drivers.test_opcua_conformance import PLAIN, WRITES, oven
from tests.drivers.test_restore_drivers import BENCHES
from tests.drivers.test_s7_conformance import LAID_OUT
from tests.drivers.test_s7_conformance import made as press

from goldcopy.driver import PublicFile, Target
from goldcopy.snapshot import Identity, Value
from goldcopy.testing.bench import Bench, Held
from goldcopy.testing.framing import ETHERNET_IP
from goldcopy_enip import EnipDriver
from goldcopy_enip.options import Options
from goldcopy_s7.options import DbLayout
from goldcopy_sim.enip import DriveSimulator, LogixSimulator, Parameter
from goldcopy_sim.opcua import OpcUaSimulator, Settings
from goldcopy_sim.s7 import Block, Kind, S7Simulator


@asynccontextmanager
async def logix() -> AsyncIterator[Bench]:
    async with LogixSimulator.demo("line3-palletizer") as simulator:
        simulator.large_open, simulator.max_size = False, 504
        bench = palletizer(simulator)
        more = {f"tag/Messages/{n}": f"Lane {n} is blocked" for n in range(4)}
        more |= {"tag/Recipe/1/Name": "BAG/2", "tag/Operator": "nobody"}
        yield replace(bench, writes={**bench.writes, **more})


@asynccontextmanager
async def drive() -> AsyncIterator[Bench]:
    numbers = range(1, 101)
    parameters = [Parameter(n, f"P{n}", "DINT", n, -1000, 1000, 0) for n in numbers]
    async with DriveSimulator(
        parameters=parameters, dpi=False, large_open=False, max_size=504
    ) as simulator:
        target = Target(
            "drive", simulator.host, simulator.port, timeout=0.5, options=Options(profile="cip")
        )
        yield Bench(
            EnipDriver(),
            target,
            simulator,
            ETHERNET_IP,
            Identity(),
            lambda: dict(simulator.values()),
            lambda: None,
            writes={f"parameter/{n}": -n for n in numbers},
        )


@asynccontextmanager
async def opcua() -> AsyncIterator[Bench]:
    settings = Settings(security=[SecurityPolicyType.NoSecurity], max_nodes_per_write=2)
    async with OpcUaSimulator.demo("oven-1", settings=settings) as plc:
        target = Target("oven", plc.host, plc.port, timeout=1.0, options=PLAIN)
        yield replace(await oven(plc, target), writes=WRITES)


PARTS, PART = 6, 120
"""Arrays of one data block; no two of them in one PDU of 240 bytes."""


@asynccontextmanager
async def s7() -> AsyncIterator[Bench]:
    block = Block(Kind.DB, LAID_OUT, bytes(n % 251 for n in range(PARTS * PART)), language=5)
    declared = "".join(f"  part{n} : ARRAY [1 .. {PART}] OF BYTE ;\n" for n in range(PARTS))
    text = f"DATA_BLOCK DB {LAID_OUT}\nSTRUCT\n{declared}END_STRUCT ;\nBEGIN\nEND_DATA_BLOCK\n"
    with TemporaryDirectory() as folder:
        layout = Path(folder) / "values.awl"
        layout.write_text(text)
        async with S7Simulator(
            blocks=[block], protection=3, password="s3cret", pdu=240
        ) as simulator:
            bench = press(simulator, DbLayout(LAID_OUT, (PublicFile(layout),)))

            def holds() -> Held:
                body = bytes(simulator.data[LAID_OUT])
                return {
                    f"db/{LAID_OUT}/part{n}": (
                        f"ARRAY[{PART}] OF BYTE",
                        tuple(body[n * PART : (n + 1) * PART]),
                    )
                    for n in range(PARTS)
                }

            other: dict[str, Value] = {path: (7,) * PART for path in holds()}
            yield replace(bench, holds=holds, writes=other)


DRIVERS: Mapping[str, Callable[[], AbstractAsyncContextManager[Bench]]] = {
    **{name: lambda name=name: BENCHES[name]().bench() for name in BENCHES},  # type: ignore[misc]
    "logix": logix,
    "drive": drive,
    "opcua": opcua,
    "s7": s7,
}
