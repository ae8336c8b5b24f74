"""A Logix controller, a drive, an SLC or a PLC-5 does one write wrong, whichever it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from tests.drivers.mishaps import KINDS, Benches, whichever_write
from tests.drivers.test_enip_conformance import TestLogix as _Logix
from tests.drivers.test_enip_device_conformance import TestDevice as _Drive
from tests.drivers.test_enip_device_conformance import TestDpiAlone as _Dpi
from tests.drivers.test_enip_pccc_conformance import TestPlc5 as _Plc5
from tests.drivers.test_enip_pccc_conformance import TestSlc as _Slc

from goldcopy.inventory import Rule, Rules
from goldcopy.snapshot import Value
from goldcopy.testing.bench import Bench
from goldcopy_enip.options import Options
from goldcopy_sim.enip import LogixSimulator
from goldcopy_sim.mishap import VALUES

SMALL = Options(size=200, write_in_run=True)
"""Several requests, with several values in each."""
CONFIGURED = Options(profile="cip", assemblies=(1, 6, 77), configuration=(6,))
TAGS: Mapping[str, Value] = {
    "program/Main/Mode": -7,
    "tag/Recipe/1/Weight": 2.5,
    "tag/Recipe/1/Home/Speed": 333.0,
    "tag/Operator": "NIGHT",
    "tag/LayerGrid": tuple(range(24)),
}
PARAMETERS: Mapping[str, Value] = {"parameter/60": 77, "assembly/6": bytes(24)}
BITS: Mapping[str, Value] = {"file/B3/1/4": False, "file/B3/1/6": False, "file/B3/0/9": True}
"""Two in one command, and one in another."""
DONE = ("lost", "late", "twice", "cut")
"""What is written all the same."""
RULES = Rules([Rule("file/B3/**", "setting")])


def more(benches: Benches, writes: Mapping[str, Value], options: Options | None = None) -> Benches:
    """The same bench with more to write."""

    @asynccontextmanager
    async def bench() -> AsyncIterator[Bench]:
        async with benches() as found:
            found.target = replace(found.target, options=options or found.target.options)
            found.writes = {**found.writes, **writes}
            yield found

    return bench


@asynccontextmanager
async def unpacked() -> AsyncIterator[Bench]:
    """A controller that knows no Multiple Service Packet: one value in each request."""
    async with more(_Logix().bench, TAGS, SMALL)() as bench:
        cast(LogixSimulator, bench.simulator).multiple = False
        yield bench


BENCHES: Mapping[str, tuple[Benches, int, int]] = {
    "logix": (more(_Logix().bench, TAGS, SMALL), 5, 12),
    "unpacked": (unpacked, 12, 12),
    "drive": (more(_Drive().bench, PARAMETERS, CONFIGURED), 1, 5),
    "dpi": (more(_Dpi().bench, {"dpi/60": 77}), 1, 4),
    "slc": (more(_Slc().bench, BITS), 10, 10),
    "plc5": (more(_Plc5().bench, BITS), 5, 11),
}
"""Each with its writing requests and the values in them: all of them go wrong once."""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", BENCHES)
async def test_whichever_write_goes_wrong(tmp_path: Path, name: str, kind: str) -> None:
    bench, requests, values = BENCHES[name]
    receipts = await whichever_write(tmp_path, bench, kind, rules=RULES)
    assert len(receipts) == (values if kind in VALUES else requests)
    assert kind in DONE or not any(receipt.proved for receipt in receipts)


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("name", BENCHES)
async def test_all_go_wrong_from_one_on(tmp_path: Path, name: str, kind: str) -> None:
    bench, _, values = BENCHES[name]
    receipts = await whichever_write(tmp_path, bench, kind, lasting=True, rules=RULES)
    assert len(receipts) == values
    assert not any(receipt.proved for receipt in receipts)
