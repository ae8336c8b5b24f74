"""The EtherNet/IP simulators judged by other people's clients: pycomm3, ciplink and pylogix."""

from __future__ import annotations

import asyncio
import json
import math
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from goldcopy_sim.enip import DriveSimulator, LogixSimulator, PcccSimulator, Tag
from goldcopy_sim.enip.server import Listener

HERE = Path(__file__).parent
APART = HERE.parents[1] / ".peers" / "enip" / "bin" / "python"
LOGIX = str(HERE / "enip_pycomm3_client.py")
PYCOMM3 = (sys.executable, LOGIX, "pycomm3")
CIPLINK = (str(APART), LOGIX, "ciplink")
DEVICES = (sys.executable, str(HERE / "enip_devices_client.py"))
PYLOGIX = (str(APART), str(HERE / "enip_pylogix_client.py"))
BOTH = pytest.mark.parametrize("command", [PYCOMM3, CIPLINK], ids=["pycomm3", "ciplink"])
DENIED = {"Guard", "Secret"}


class Client:
    """The client's process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.input, self.output = process.stdin, process.stdout

    async def __call__(self, call: str, *args: object) -> Any:  # noqa: ANN401
        self.input.write(json.dumps({"call": call, "args": args}).encode() + b"\n")
        line = await asyncio.wait_for(self.output.readline(), timeout=30)
        assert line, "the client has ended; see its message above"
        answer = json.loads(line)
        assert "is" in answer, f"{call}{args}: {answer}"
        return answer["is"]


@asynccontextmanager
async def peer(simulator: Listener, command: tuple[str, ...]) -> AsyncIterator[Client]:
    """A client beside a simulator that runs; a connection it leaves open is an error."""
    assert APART.exists(), "no clients here: run tests/peers/setup first"
    async with simulator:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *command, str(simulator.port), stdin=pipe, stdout=pipe, limit=1 << 24
        )
        client = Client(process)
        try:
            yield client
            await client("close")
            assert not simulator.links
        finally:
            client.input.close()
            try:
                await asyncio.wait_for(process.wait(), timeout=10)
            except TimeoutError:
                process.kill()
                await process.wait()


def question(name: str, dims: list[int], kind: str) -> str:
    """A whole tag, as these clients ask for it."""
    count = math.prod(dims) * (32 if kind == "DWORD" else 1)
    return f"{name}{{{count}}}" if dims else name


def leaf(found: dict[str, Any], address: str) -> object:
    """What a client read for one of the simulator's leaves."""
    tag = max((name for name in found if belongs(address, name)), key=len)
    value = found[tag]
    for step in filter(None, re.findall(r"\.?([^.\[\]]+)", address[len(tag) :])):
        value = value[int(step)] if step.isdigit() else value[step]
    return tuple(value) if isinstance(value, list) else value


def belongs(address: str, name: str) -> bool:
    return address == name or address.startswith((f"{name}.", f"{name}["))


async def everything(client: Client, *, denied: set[str]) -> dict[str, Any]:
    """Every tag of the client's own list, read whole."""
    tags = await client("tags")
    names = [name for name in tags if name not in denied]
    asked = [question(name, tags[name]["dims"], tags[name]["type"]) for name in names]
    answers = await client("read", *asked)
    assert [error for _, error in answers if error] == []
    return {name: value for name, (value, _) in zip(names, answers, strict=True)}


@BOTH
async def test_full_open_and_every_leaf(command: tuple[str, ...]) -> None:
    simulator = LogixSimulator.demo("line3-palletizer")
    async with peer(simulator, command) as client:
        info = (await client("open"))["info"]
        found = await everything(client, denied=DENIED)
        tags, types = await client("tags"), await client("types")
        for name in DENIED:
            assert (await client("read", name))[0][1] == "Permission denied"
        assert (await client("read", "Guard.Delay", "Guard.Trips")) == [[250, None], [3, None]]
    held = {
        address: value
        for address, (_, value) in simulator.values().items()
        if not any(belongs(address, name) for name in DENIED)
    }
    assert {address: leaf(found, address) for address in held} == held
    assert info["name"] == "line3_palletizer"
    assert info["keyswitch"] == "REMOTE RUN"
    assert info["product_name"] == simulator.identity.name
    assert int(info["serial"], 16) == simulator.identity.serial
    assert {name: program["routines"] for name, program in info["programs"].items()} == {
        "Main": ["MainRoutine", "Infeed", "Stacking"],
        "Conveyors": ["MainRoutine"],
    }
    assert list(info["tasks"]) == ["MainTask", "FastTask"]
    assert set(info["modules"]) == {"Local"}
    assert {name for name, tag in tags.items() if tag["alias"]} == {
        "ActiveRecipe", "HomeDone", "Program:Main.Alias",
    }  # fmt: skip
    assert tags["Odometer"]["access"] == "Read Only"
    assert tags["LayerGrid"]["dims"] == [2, 3, 4]
    structures = {kind.name: kind for kind in simulator.templates.by_number.values()}
    structures["STRING"] = structures.pop("ASCIISTRING82")
    assert set(types) == set(structures)
    for name, kind in structures.items():
        assert types[name]["handle"] == kind.handle
        assert types[name]["size"] == kind.size
        assert types[name]["members"] == [slot.name for slot in kind.visible]
        assert types[name]["offsets"] == {slot.name: slot.offset for slot in kind.slots}
    assert not any(service.writes for service in simulator.services)
    assert not simulator.violations


@BOTH
async def test_writes_arrive_where_they_should(command: tuple[str, ...]) -> None:
    simulator = LogixSimulator.demo("line3-palletizer")
    before = simulator.values()
    async with peer(simulator, command) as client:
        await client("open")
        axis = (await client("read", "Axes[2]"))[0][0]
        axis["Speed"], axis["Homed"] = 77.5, False
        errors = await client(
            "write",
            ["Axes[2]", axis],
            ["Speed", 12.25],
            ["Recipe[1].Steps[2].Count", 99],
            ["Axes[1].Homed", False],
            ["Operator", "DAY SHIFT"],
            ["Program:Main.Count", -3],
            ["CycleCount.3", not (before["CycleCount"][1] >> 3 & 1)],  # type: ignore[operator]
        )
        assert errors == [None] * 7
        refused = await client("write", ["MaxSpeed", 1.0], ["Odometer", 1], ["Secret", 1])
        assert refused == ["Permission denied"] * 3
    after = simulator.values()
    changed = {key: after[key][1] for key in after if after[key] != before[key]}
    cycles = before["CycleCount"][1]
    assert isinstance(cycles, int)
    assert changed == {
        "Axes[2].Speed": 77.5,
        "Axes[2].Homed": False,
        "Speed": 12.25,
        "Recipe[1].Steps[2].Count": 99,
        "Axes[1].Homed": False,
        "Operator": "DAY SHIFT",
        "Program:Main.Count": -3,
        "CycleCount": cycles ^ 8,
        "Program:Main.Alias": cycles ^ 8,
    }
    assert not simulator.violations


async def test_a_single_write_of_pycomm3_comes_doubled() -> None:
    """Its known bug: the request is in the packet twice, and the rest is left alone."""
    simulator = LogixSimulator.demo("line3-palletizer")
    async with peer(simulator, PYCOMM3) as client:
        await client("open")
        assert await client("write", ["Speed", 5.5]) == [None]
    assert simulator.values()["Speed"] == ("REAL", 5.5)
    (violation,) = simulator.violations
    assert re.fullmatch(r"a write has \d+ bytes too many", violation)


@BOTH
@pytest.mark.parametrize("size", [4002, 500])
async def test_many_numbers_at_both_sizes(command: tuple[str, ...], size: int) -> None:
    simulator = LogixSimulator.flat(300, 4, 1000, max_size=size, large_open=size > 500)
    async with peer(simulator, command) as client:
        await client("open")
        found = await everything(client, denied=set())
    held = {address: value for address, (_, value) in simulator.values().items()}
    assert {address: leaf(found, address) for address in held} == held
    assert not simulator.violations


@BOTH
async def test_many_structures_and_programs(command: tuple[str, ...]) -> None:
    simulator = LogixSimulator.large()
    async with peer(simulator, command) as client:
        info = (await client("open"))["info"]
        found = await everything(client, denied=set())
    held = {address: value for address, (_, value) in simulator.values().items()}
    assert {address: leaf(found, address) for address in held} == held
    assert len(info["programs"]) == 20
    assert not simulator.violations


async def test_a_micro800() -> None:
    """Without ciplink 0.3.4: there it sends a connected request before it opens a connection."""
    simulator = LogixSimulator(
        tags=[Tag("Speed", "REAL", value=1.5), Tag("Row", "DINT", (5,), [1, 2, 3, 4, 5])],
        micro800=True,
    )
    async with peer(simulator, PYCOMM3) as client:
        await client("open")
        found = await everything(client, denied=set())
    held = {address: value for address, (_, value) in simulator.values().items()}
    assert {address: leaf(found, address) for address in held} == held


@BOTH
async def test_clock_and_neighbours(command: tuple[str, ...]) -> None:
    simulator = LogixSimulator.demo("line3-palletizer")
    async with peer(simulator, command) as client:
        await client("open")
        assert abs(await client("time") / 1e6 - time.time()) < 60
        assert await client("module", 1) == "1756-IF8/A"


async def test_pylogix_reads_lists_and_writes() -> None:
    simulator = LogixSimulator.demo("line3-palletizer")
    held = simulator.values()
    async with peer(simulator, PYLOGIX) as client:
        tags = dict(await client("tags"))
        types = await client("types")
        single = ["Speed", "CycleCount", "Running", "Energy", "Odometer", "HomeDone",
                  "Recipe[1].Steps[2].Time", "Program:Main.Count", "Axes[1].Homed",
                  "Guard.Delay"]  # fmt: skip
        for address in single:
            assert await client("read", address) == [held[address][1], "Success"]
        assert await client("read_many", *single[:5]) == [
            [held[address][1], "Success"] for address in single[:5]
        ]
        assert await client("read", "Operator") == ["NIGHT SHIFT", "Success"]
        for address, start, count in (
            ("Zones", "Zones", 16),
            ("LayerGrid", "LayerGrid[0,0,0]", 24),
            ("AlarmFlags", "AlarmFlags", 64),
        ):
            value = held[address][1]
            assert isinstance(value, tuple)
            assert await client("read", start, count) == [list(value), "Success"]
        assert await client("read", "Secret") == [None, "Privilege violation"]
        assert (await client("read", "Nobody"))[1] == "Path segment error"
        for address, value in (("Speed", 1.5), ("Axes[1].Homed", False), ("Operator", "bob")):
            assert await client("write", address, value) == "Success"
        assert abs(await client("time") / 1e6 - time.time()) < 60
        assert await client("device") == simulator.identity.name
        assert await client("module", 1) == "1756-IF8/A"
    after = simulator.values()
    assert {key: after[key][1] for key in after if after[key] != held[key]} == {
        "Speed": 1.5,
        "Axes[1].Homed": False,
        "Operator": "bob",
    }
    assert {address.split("[")[0].split(".")[0] for address in held if ":" not in address} <= set(
        tags
    )
    assert tags["Recipe"] == "PalletRecipe"
    assert tags["Program:Conveyors.Speeds"] == "REAL"
    structures = {kind.name: kind for kind in simulator.templates.by_number.values()}
    assert {name: fields for name, fields in types.items() if name in structures} == {
        name: [slot.name for slot in kind.slots] for name, kind in structures.items()
    }
    assert not simulator.violations


async def test_an_slc_is_listed_read_and_written() -> None:
    simulator = PcccSimulator.demo("strapper")
    before = simulator.values()
    async with peer(simulator, (*DEVICES, "slc")) as client:
        assert await client("open")
        assert await client("processor") == "1747-L553"
        listed = await client("directory")
        found = {}
        for name, size in listed.items():
            if name[0] in "NFB":
                value = []
                for at in range(0, size["elements"], 20):
                    count = min(20, size["elements"] - at)
                    value += (await client("read", f"{name}:{at}{{{count}}}"))[0][0]
                found[name] = tuple(value)
        texts = await client("read", "ST9:0", "ST9:1", "ST9:2")
        timer = await client("read", "T4:1.PRE", "T4:1.ACC", "N77:0")
        assert await client("write", "N7:3", -55) is None
        assert await client("write", "F8:1", 1.5) is None
        # It announces a whole timer, six bytes from the control word on, and brings two.
        assert "Illegal Command" in await client("write", "T4:2.PRE", 250)
    assert {name: size["length"] for name, size in listed.items()} == {
        file.name: len(file.memory) for file in simulator.files.values()
    }
    assert set(found) == {"B3", "N7", "F8", "N20"}
    for name in ("N7", "F8", "N20"):
        assert found[name] == before[name][1]
    assert [text for text, _ in texts] == ["RECIPE 0", "RECIPE 1", "RECIPE 2"]
    assert [value for value, _ in timer[:2]] == [before["T4:1.PRE"][1], before["T4:1.ACC"][1]]
    assert timer[2][1] is not None
    after = simulator.values()
    assert {key for key in after if after[key] != before[key]} == {"N7", "F8"}


async def test_a_drive_answers_a_plain_cip_client() -> None:
    simulator = DriveSimulator.demo("line3-drive")
    held = simulator.values()
    async with peer(simulator, (*DEVICES, "cip")) as client:
        assert await client("open")
        assert await client("ask", 0x0E, 0x01, 1, 7, "") == [b"\x0dPowerFlex 755".hex(), None]
        value, error = await client("ask", 0x0E, 0x0F, 42, 1, "")
        assert (int.from_bytes(bytes.fromhex(value), "little"), error) == (
            held["parameter/42"][1],
            None,
        )
        assert await client("ask", 0x10, 0x0F, 42, 1, "0700") == ["", None]
        refused = await client("ask", 0x10, 0x0F, 1, 1, "0700")
        assert refused[1] == "Attribute not settable"
    changed = {key: now for key, now in simulator.values().items() if now != held[key]}
    assert changed == {"parameter/42": ("UINT", 7)}
    assert not simulator.violations
