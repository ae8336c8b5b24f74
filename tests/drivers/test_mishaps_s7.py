"""An S7 CPU does one write wrong, whichever it is: a job, or one item of a job."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.drivers.mishaps import KINDS, whichever_write
from tests.drivers.restore_bench import scene

from goldcopy.driver import PublicFile, Target
from goldcopy.snapshot import Identity, Value, real_from_bits
from goldcopy.testing.bench import Bench, Held
from goldcopy.testing.framing import TPKT
from goldcopy_s7 import S7Driver
from goldcopy_s7.options import DbLayout, Options, Szl
from goldcopy_sim.mishap import VALUES
from goldcopy_sim.s7 import Block, Kind, S7Simulator

PDU = 112
"""The smallest there is: a few items fill a job."""
JOBS, ITEMS = 3, 11
"""Of the twelve settings two lie side by side, and are one item."""
LAYOUT = """\
DATA_BLOCK DB 9
STRUCT
  on : BOOL ;
  auto : BOOL ;
  gap1 : WORD ;
  speed : REAL ;
  gap2 : WORD ;
  title : STRING [8] ;
  count : INT ;
  gap3 : WORD ;
  steps : ARRAY [1 .. 3] OF INT ;
  gap4 : WORD ;
  axis : STRUCT
    armed : BOOL ;
    gap : WORD ;
    limit : LREAL ;
  END_STRUCT ;
  gap5 : WORD ;
  code : STRING [3] ;
  flags : ARRAY [1 .. 5] OF BOOL ;
  gap6 : WORD ;
  since : DATE_AND_TIME ;
  gap7 : WORD ;
  total : LINT ;
  gap8 : WORD ;
  ready : BOOL ;
END_STRUCT ;
BEGIN
END_DATA_BLOCK
"""
BODY = bytes.fromhex(
    "03 00 a1a1 44bb8000 a2a2 08054c494e4541000000 0007 a3a3 000100020003 a4a4"
    "0000 a5a5 400921fb54442d18 a6a6 0303414243 00 1500 a7a7"
    "9312250812345677 a8a8 8000000000000001 a9a9 0100"
)
WRITES: dict[str, Value] = {
    "on": False,
    "speed": real_from_bits(0x7FA00001),  # a signalling NaN with a payload
    "title": "VALVE 12",
    "count": -4,
    "steps": (9, -8, 7),
    "axis/armed": True,
    "axis/limit": -0.0,
    "code": "XY",
    "flags": (False, True, False, True, False),
    "since": "2089-12-31T23:59:59.999",
    "total": 2**63 - 1,
    "ready": False,
}


def held(body: bytes) -> Held:
    """What ``LAYOUT`` declares, taken out of the bytes by hand."""

    def word(at: int) -> tuple[str, int]:
        return "WORD", int.from_bytes(body[at : at + 2], "big")

    def text(at: int) -> tuple[str, str]:
        return "STRING", body[at + 2 : at + 2 + body[at + 1]].decode("latin-1")

    leaves: Held = {
        "on": ("BOOL", bool(body[0] & 1)),
        "auto": ("BOOL", bool(body[0] & 2)),
        "gap1": word(2),
        "speed": ("REAL", real_from_bits(int.from_bytes(body[4:8], "big"))),
        "gap2": word(8),
        "title": text(10),
        "count": ("INT", struct.unpack_from(">h", body, 20)[0]),
        "gap3": word(22),
        "steps": ("ARRAY[3] OF INT", struct.unpack_from(">3h", body, 24)),
        "gap4": word(30),
        "axis/armed": ("BOOL", bool(body[32] & 1)),
        "axis/gap": word(34),
        "axis/limit": ("LREAL", struct.unpack_from(">d", body, 36)[0]),
        "gap5": word(44),
        "code": text(46),
        "flags": ("ARRAY[5] OF BOOL", tuple(bool(body[52] >> n & 1) for n in range(5))),
        "gap6": word(54),
        "since": ("BYTES", body[56:64]),
        "gap7": word(64),
        "total": ("LINT", struct.unpack_from(">q", body, 66)[0]),
        "gap8": word(74),
        "ready": ("BOOL", bool(body[76] & 1)),
    }
    return {f"db/9/{name}": value for name, value in leaves.items()}


@asynccontextmanager
async def cpu() -> AsyncIterator[Bench]:
    """Twelve settings with others between them."""
    with TemporaryDirectory() as folder:
        layout = Path(folder) / "values.awl"
        layout.write_text(LAYOUT)
        async with S7Simulator(blocks=[Block(Kind.DB, 9, BODY)], pdu=PDU) as simulator:
            options = Options(szl=Szl(names=False), layouts=(DbLayout(9, (PublicFile(layout),)),))
            yield Bench(
                driver=S7Driver(),
                target=Target("cpu", simulator.host, simulator.port, 0.5, options=options),
                simulator=simulator,
                framing=TPKT,
                identity=Identity(),
                holds=lambda: held(bytes(simulator.data[9])),
                change=lambda: None,
                writes={f"db/9/{name}": value for name, value in WRITES.items()},
            )


async def test_a_restore_here_takes_several_jobs_of_several_items(tmp_path: Path) -> None:
    async with cpu() as bench, scene(tmp_path, bench) as found:
        before = bench.holds()
        await found.attack(bench.writes)
        plan = await found.plan()
        assert {write.path for write in plan.writes} == set(bench.writes)
        start = len(bench.simulator.log)
        assert (await found.restore(plan)).proved
        assert bench.holds() == before
        jobs = [entry for entry in bench.simulator.log[start:] if entry.writes]
        items = [str(entry).count("DB9.") for entry in jobs]
        assert (len(items), sum(items)) == (JOBS, ITEMS)
        assert min(items) > 1


@pytest.mark.parametrize("kind", KINDS)
async def test_whichever_write_goes_wrong(tmp_path: Path, kind: str) -> None:
    receipts = await whichever_write(tmp_path, cpu, kind)
    assert len(receipts) == (ITEMS if kind in VALUES else JOBS)
    if kind == "refused":
        assert all("not written: the address is out of range" in one.why for one in receipts)


@pytest.mark.parametrize("kind", VALUES)
async def test_all_go_wrong_from_one_on(tmp_path: Path, kind: str) -> None:
    receipts = await whichever_write(tmp_path, cpu, kind, lasting=True)
    assert len(receipts) == ITEMS
