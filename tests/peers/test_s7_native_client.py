"""The S7 simulator judged by the native snap7 client (libsnap7 of python-snap7 2.0.2)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from goldcopy_sim.s7 import Block, Key, Kind, S7Simulator
from goldcopy_sim.s7.block import FOOTER, SYSTEM

PYTHON = Path(__file__).parents[2] / ".peers" / "snap7-native" / "bin" / "python"
HELPER = Path(__file__).with_name("snap7_native_client.py")
CHECKSUM = slice(-FOOTER + 26, -FOOTER + 28)
NEED_PASSWORD, INVALID_PASSWORD, NO_PASSWORD = 0x01D00000, 0x01E00000, 0x01F00000
NOT_AVAILABLE, OUT_OF_RANGE = 0x00C00000, 0x00900000
ALREADY_RUN, ALREADY_STOP, DELETE_REFUSED = 0x00F00000, 0x01300000, 0x01C00000


class Native:
    """The client's process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.input, self.output = process.stdin, process.stdout

    async def answer(self, call: str, *args: object) -> dict[str, Any]:
        self.input.write(json.dumps({"call": call, "args": args}).encode() + b"\n")
        answer: dict[str, Any] = json.loads(
            await asyncio.wait_for(self.output.readline(), timeout=30)
        )
        return answer

    async def __call__(self, call: str, *args: object) -> Any:  # noqa: ANN401
        answer = await self.answer(call, *args)
        assert "is" in answer, f"{call}{args}: {answer}"
        return answer["is"]

    async def error(self, call: str, *args: object) -> int | None:
        answer = await self.answer(call, *args)
        code: int | None = answer.get("error")
        return code


@asynccontextmanager
async def native(simulator: S7Simulator, pdu: int = 480) -> AsyncIterator[Native]:
    """A native client that is connected."""
    assert PYTHON.exists(), "no native snap7 here: run tests/peers/setup first"
    async with simulator:
        command = map(str, (PYTHON, HELPER, simulator.port, simulator.rack, simulator.slot, pdu))
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
        client = Native(process)
        try:
            await client("connect")
            yield client
        finally:
            client.input.close()
            try:
                await asyncio.wait_for(process.wait(), timeout=10)
            except TimeoutError:
                process.kill()
                await process.wait()
    assert not simulator.violations


@pytest.mark.parametrize("pdu", [240, 480, 960])
async def test_every_block_is_listed_described_and_uploaded(pdu: int) -> None:
    simulator = S7Simulator.many(220, pdu=pdu)
    async with native(simulator, 960) as client:
        assert await client("pdu") == pdu
        counts = await client("list_blocks")
        for kind in Kind:
            numbers = await client("list_of_type", kind.name)
            assert numbers == simulator.numbers(kind)
            assert counts[kind.name] == len(numbers)
            for number in numbers:
                image = bytes(simulator.images[Key(kind, number)])
                block = Block.parse(image)
                assert await client("info", kind.name, number) == {
                    "BlkType": kind.subtype,
                    "BlkNumber": number,
                    "BlkLang": block.language,
                    "BlkFlags": block.flags,
                    "MC7Size": len(block.body),
                    "LoadSize": len(image),
                    "LocalData": block.local_data,
                    "SBBLength": len(block.interface),
                    "CheckSum": block.checksum,
                    "Version": block.version,
                    "CodeDate": f"{block.code_time:%Y/%m/%d}",
                    "IntfDate": f"{block.interface_time:%Y/%m/%d}",
                    "Author": block.author,
                    "Family": block.family,
                    "Header": block.name,
                }
                if kind in SYSTEM:
                    assert await client.error("full_upload", kind.name, number) is not None
                else:
                    assert await client("full_upload", kind.name, number) == image.hex()
    assert not any(entry.writes for entry in simulator.log)


async def test_a_block_is_downloaded_linked_and_deleted() -> None:
    simulator = S7Simulator.demo("line1-press")
    simulator.switch(running=False)  # it takes blocks in STOP
    held = dict(simulator.images)
    async with native(simulator) as client:
        renumbered = {Key(Kind.FC, 10): 77, Key(Kind.DB, 2): 300}
        for key in (*renumbered, Key(Kind.FB, 1), Key(Kind.OB, 1), Key(Kind.SDB, 0)):
            kind, number = key
            new = renumbered.get(key, number)
            sent = bytearray(held[key])
            await client("download", new, sent.hex())
            sent[6:8] = new.to_bytes(2, "big")
            sent[CHECKSUM] = bytes(2)  # this client clears it
            assert simulator.images[Key(kind, new)] == sent
            assert await client("full_upload", kind.name, new) == sent.hex()
        assert not simulator.passive
        assert bytes.fromhex(await client("read", "DB", 300, 0, 8)) == bytes(simulator.data[2][:8])
        await client("delete", "FC", 77)
        assert await client.error("info", "FC", 77) == NOT_AVAILABLE
        assert await client.error("delete", "FC", 77) == DELETE_REFUSED
        assert Key(Kind.FC, 77) not in simulator.images
    names = [entry.name for entry in simulator.log if entry.writes]
    assert names[:2] == ["request download", "PI service _INSE"]
    assert names[-1] == "PI service _DELE"


async def test_a_cpu_that_runs_takes_no_block() -> None:
    image = Block(Kind.FC, 1, b"\x65\0" * 300).pack()
    simulator = S7Simulator()
    async with native(simulator) as client:
        assert await client.error("download", 1, image.hex()) is not None
        assert not simulator.images
        assert not simulator.passive
        simulator.switch(running=False)
        await client("download", 1, image.hex())
        assert list(simulator.images) == [Key(Kind.FC, 1)]


async def test_status_lists_and_identity() -> None:
    simulator = S7Simulator.demo("line1-press")
    async with native(simulator) as client:
        ids = bytes.fromhex((await client("szl", 0, 0))["data"])
        assert len(ids) > 40
        for at in range(0, len(ids), 2):
            szl = int.from_bytes(ids[at : at + 2], "big")
            index = {0x0132: 4, 0x0232: 4, 0x0115: 0x0800}.get(szl, 1)
            answer = await client("szl", szl, index)
            size = 0 if szl >> 8 == 0x0F else answer["length"] * answer["count"]
            assert size == 0 or len(answer["data"]) == 2 * size
        components = await client("szl", 0x001C, 0)  # 348 bytes: two PDUs of 240
        assert (components["length"], components["count"]) == (34, 10)
        assert bytes.fromhex(components["data"]).startswith(b"\0\1line1-press\0")
        assert await client.error("szl", 0x9999, 0) == NOT_AVAILABLE
        assert await client.error("szl", 0x0131, 99) == NOT_AVAILABLE
        who = simulator.identity
        assert await client("cpu_info") == {
            "ModuleTypeName": who.module_type,
            "SerialNumber": who.serial,
            "ASName": who.system,
            "Copyright": who.copyright,
            "ModuleName": who.module,
        }
        order = await client("order_code")
        assert order["OrderCode"].strip() == who.order_code
        assert (order["V1"], order["V2"], order["V3"]) == who.firmware
        communication = await client("cp_info")
        assert communication["MaxPduLength"] == 240
        assert communication["MaxConnections"] == simulator.max_connections


@pytest.mark.parametrize("level", [2, 3])
async def test_protection(level: int) -> None:
    block = Block(Kind.FC, 1, b"\x65\0" * 300)
    image = block.pack()
    simulator = S7Simulator(blocks=[block], protection=level, password="goldcopy", load_in_run=True)
    async with native(simulator) as client:
        told = await client("protection")
        assert (told["sch_schal"], told["sch_par"], told["sch_rel"]) == (1, level, level)
        refused = await client.error("full_upload", "FC", 1)
        assert refused == (NEED_PASSWORD if level == 3 else None)
        assert await client.error("download", 2, image.hex()) is not None
        assert await client.error("stop") is not None
        assert await client.error("password", "wrong") == INVALID_PASSWORD
        await client("password", "goldcopy")
        assert await client("full_upload", "FC", 1) == image.hex()
        await client("download", 2, image.hex())
        await client("clear_password")
        assert await client.error("clear_password") == NO_PASSWORD
        assert await client.error("delete", "FC", 2) is not None
    assert set(simulator.images) == {Key(Kind.FC, 1), Key(Kind.FC, 2)}


async def test_areas_of_every_kind() -> None:
    simulator = S7Simulator.flat(3, 4096)
    async with native(simulator) as client:
        for number in (1, 2, 3):
            assert await client("read", "DB", number, 0, 4096) == simulator.data[number].hex()
        for area, code in (("I", 0x81), ("Q", 0x82), ("M", 0x83), ("T", 0x1D), ("C", 0x1C)):
            await client("write", area, 0, 5, "01020304")
            unit = 2 if area in "TC" else 1
            assert bytes(simulator.areas[code][5 * unit : 5 * unit + 4]) == b"\1\2\3\4"
            assert await client("read", area, 0, 5, 4 // unit) == "01020304"
        await client("write", "DB", 2, 3000, "ab" * 1000)
        assert bytes(simulator.data[2][3000:4000]) == b"\xab" * 1000
        assert await client.error("read", "DB", 9, 0, 1) == NOT_AVAILABLE
        assert await client.error("read", "DB", 1, 4090, 7) == OUT_OF_RANGE
        assert bytes.fromhex(await client("upload", "DB", 2)) == bytes(simulator.data[2])


async def test_operating_mode_and_clock() -> None:
    simulator = S7Simulator.demo("line1-press")
    async with native(simulator) as client:
        assert await client("state") == 8
        assert await client.error("hot_start") == ALREADY_RUN
        await client("stop")
        assert await client("state") == 4
        assert await client.error("stop") == ALREADY_STOP
        await client("cold_start")
        assert await client("state") == 8
        # C's struct tm: second, minute, hour, day, month from 0, year from 1900.
        await client("set_clock", 10, 20, 13, 4, 6, 121, 0, 0, 0)
        _, minute, hour, day, month, year, *_ = await client("clock")
        assert (year, month, day, hour, minute) == (121, 6, 4, 13, 20)
        await client("compress")
        await client("copy_ram_to_rom")
    assert [entry.name for entry in simulator.log if entry.writes] == [
        "PI service P_PROGRAM",
        "PLC stop",
        "PLC stop",
        "PI service P_PROGRAM",
        "set clock",
        "PI service _GARB",
        "PI service _MODU",
    ]


async def test_a_place_that_is_empty_refuses() -> None:
    simulator = S7Simulator.demo("line1-press")
    async with native(simulator) as client:
        simulator.slot = 5
        await client("disconnect")
        assert await client.error("connect") is not None
