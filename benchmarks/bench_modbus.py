"""A pull of 65,536 holding registers: ours beside pymodbus' AsyncModbusTcpClient.

One server, in a process of its own, serves all, each over one connection, in interleaved rounds.
Ours is a whole pull: it connects, identifies, reads and makes an item of each register. pymodbus'
client is shown twice: as it comes, with the registers in a list, and with the same items made.
"""

from __future__ import annotations

import asyncio
import gc
import json
import statistics
import time
from collections.abc import Callable, Coroutine
from pathlib import Path

from pymodbus.client import AsyncModbusTcpClient

from benchmarks.race import serving
from goldcopy.driver import Courtesy, Meter, Target
from goldcopy.snapshot import Item
from goldcopy_modbus import ModbusDriver, Options
from goldcopy_modbus.options import Range

REGISTERS, MOST = 65_536, 125
BASE = "pymodbus, registers only"
LIBMODBUS = Path(__file__).parents[1] / "tests" / "peers" / "libmodbus_server.py"
SIZE = json.dumps({"size": {"holding": REGISTERS}})
"""What our server on libmodbus is told first."""
SIMULATOR = """
import asyncio, json, sys
from goldcopy_sim.modbus import ModbusSimulator
async def serve(delay):
    async with ModbusSimulator.flat({registers}, delay=delay) as simulator:
        print(json.dumps({{"port": simulator.port}}), flush=True)
        await asyncio.to_thread(sys.stdin.read)
asyncio.run(serve(float(sys.argv[1])))
"""

Timed = tuple[float, float, int]
"""Seconds, seconds of our processor, and a checksum of what was read."""


def main() -> None:
    """Print the table."""
    for title, command, first, rounds in (
        ("simulator, loopback", simulator(0.0), "", 15),
        ("libmodbus, loopback", [str(LIBMODBUS)], SIZE, 15),
        ("simulator, 5 ms for each reply", simulator(0.005), "", 3),
    ):
        with serving(command, first) as told:
            compare(title, json.loads(told)["port"], rounds, has_fc43="simulator" in title)


def simulator(delay: float) -> list[str]:
    """The arguments of Python for a simulator."""
    return ["-c", SIMULATOR.format(registers=REGISTERS), str(delay)]


def compare(title: str, port: int, rounds: int, *, has_fc43: bool) -> None:
    """Time all clients in turn and print their medians."""
    options = Options(
        ranges=(Range(table="holding", start=0, count=REGISTERS),),
        # libmodbus sleeps half a second before it refuses a function that it does not have.
        identify=True if has_fc43 else ("fc17",),
    )
    clients: dict[str, Callable[[], Coroutine[None, None, Timed]]] = {
        BASE: lambda: theirs(port, items=False),
        "pymodbus, the same items": lambda: theirs(port, items=True),
        "ours, window 1": lambda: ours(port, options, 1),
        "ours, window 4": lambda: ours(port, options, 4),
        "ours, window 8": lambda: ours(port, options, 8),
    }
    taken: dict[str, list[Timed]] = {name: [] for name in clients}
    for _ in range(rounds):
        for name, client in clients.items():
            gc.collect()
            taken[name].append(asyncio.run(client()))
    assert len({read for times in taken.values() for _, _, read in times}) == 1, "not the same"
    show(title, taken)


def show(title: str, taken: dict[str, list[Timed]]) -> None:
    """Medians, and how often they go into pymodbus' two."""
    wall = {name: statistics.median(time[0] for time in times) for name, times in taken.items()}
    used = {name: statistics.median(time[1] for time in times) for name, times in taken.items()}
    base, items = list(wall.values())[:2]
    print(f"{title:32} {'time':>9} {'processor':>10} {'faster than it':>15} {'with items':>11}")
    for name, seconds in wall.items():
        print(
            f"  {name:30} {seconds * 1e3:6.1f} ms {used[name] * 1e3:7.1f} ms "
            f"{base / seconds:14.2f}x {items / seconds:10.2f}x"
        )


async def theirs(port: int, *, items: bool) -> Timed:
    """pymodbus, as its documentation shows it."""
    begin, worked = time.perf_counter(), time.process_time()
    client = AsyncModbusTcpClient("127.0.0.1", port=port)
    await client.connect()
    registers: list[int] = []
    for start in range(0, REGISTERS, MOST):
        count = min(MOST, REGISTERS - start)
        reply = await client.read_holding_registers(start, count=count)
        assert not reply.isError()
        registers += reply.registers
    client.close()
    made = [
        Item(path, "tag", "WORD", value, "setting", "read-write", "", "", None, None, path)
        for number, value in enumerate(registers if items else ())
        for path in [f"holding/{number}"]
    ]
    taken = time.perf_counter() - begin, time.process_time() - worked
    assert len(made) == (REGISTERS if items else 0)
    return (*taken, hash(tuple(registers)))


async def ours(port: int, options: Options, window: int) -> Timed:
    """A pull, as ``collect`` does it."""
    begin, worked = time.perf_counter(), time.process_time()
    target = Target("bench", "127.0.0.1", port, courtesy=Courtesy(window=window), options=options)
    async with ModbusDriver().open(target, Meter()) as session:
        await session.identify()
        reading = await session.read()
    taken = time.perf_counter() - begin, time.process_time() - worked
    assert not reading.gaps
    registers = [item.value for item in reading.items if item.path.startswith("holding/")]
    return (*taken, hash(tuple(registers)))


if __name__ == "__main__":
    main()
