"""The profile for SLC and PLC-5 processors, judged by the suite that every driver passes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.drivers.enip_pccc_plant import PLC5_FILES, held, plc5, slc

from goldcopy.driver import Target
from goldcopy.snapshot import Identity, Value
from goldcopy.testing.bench import Bench, Held
from goldcopy.testing.framing import ETHERNET_IP
from goldcopy.testing.powers import WritableConformance
from goldcopy_enip import EnipDriver
from goldcopy_enip.options import Options
from goldcopy_sim.enip import PcccSimulator

WRITES: dict[str, Value] = {
    "file/N7/3": 1234,
    "file/N7/4": -1,
    "file/N7/119": -32768,
    "file/F8/1": 0.25,
    "file/ST9/2": "Odd",
    "file/T4/1/PRE": 900,
    "file/C5/0/PRE": -3,
    "file/R6/0/LEN": 8,
    "file/D11/0": 0x4711,
}
LISTED = ("O0:2", "I1:2", *PLC5_FILES, "L20:2")


def bench(
    simulator: PcccSimulator, options: Options, order_code: str, about: Held, gaps: list[str]
) -> Bench:
    return Bench(
        driver=EnipDriver(),
        target=Target("strapper", simulator.host, simulator.port, timeout=0.5, options=options),
        simulator=simulator,
        framing=ETHERNET_IP,
        identity=Identity(
            vendor="Rockwell Automation/Allen-Bradley",
            product=simulator.identity.name,
            serial=f"{simulator.identity.serial:08X}",
            firmware="10.2",
            order_code=order_code,
            mode="REMOTE RUN",
        ),
        holds=lambda: {**held(simulator), **about},
        change=lambda: simulator.change("N7:5", 77),
        gaps=gaps,
        writes=WRITES,
    )


class TestSlc(WritableConformance):
    @asynccontextmanager
    async def bench(self) -> AsyncIterator[Bench]:
        about: Held = {
            "files": ("ARRAY[13] OF STRING", LISTED),
            "processor/series": ("STRING", "C"),
            "processor/release": ("USINT", 3),
            "processor/program": ("WORD", 0x1F2E),
            "processor/major-error": ("WORD", 0),
            "processor/status": ("WORD", 6),
        }
        options = Options(profile="pccc", write_in_run=True)
        async with slc() as simulator:
            yield bench(simulator, options, "1747-L553", about, [])


class TestPlc5(WritableConformance):
    @asynccontextmanager
    async def bench(self) -> AsyncIterator[Bench]:
        about: Held = {
            "processor/series": ("STRING", "C"),
            "processor/release": ("USINT", 2),
            "processor/memory": ("UDINT", 49_152),
            "processor/data-files": ("UINT", 12),
            "processor/program-files": ("UINT", 4),
            "processor/forces": ("BYTE", 0),
            "processor/status": ("BYTE", 6),
        }
        options = Options(profile="pccc", write_in_run=True, files=(*PLC5_FILES, "N99:4"))
        async with plc5() as simulator:
            yield bench(simulator, options, "PLC-5/40E", about, ["file/N99"])
