"""Reading 2,000 DINTs and 100 arrays of 1,000: ours beside pycomm3, pylogix and ciplink, batched.

One simulated controller in a process of its own serves all of them, each over one connection of
4,000 bytes, in interleaved rounds; every client gives the same values. What is timed is a pass over
all values with the tag list at hand, opening excluded; ours is ``read_since``, and asks for the
tag-database version before and after. Then the same with 5 ms for each reply.
"""

from __future__ import annotations

import asyncio
import statistics
import time
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks.race import Timed, elsewhere, interleaved, serving
from goldcopy.driver import Courtesy, Meter, Target, Tokened
from goldcopy.snapshot import Snapshot
from goldcopy_enip import EnipDriver

DINTS, ARRAYS, LENGTH = 2000, 100, 1000
PEERS = Path(__file__).parents[1] / ".peers" / "enip" / "bin" / "python"
NAMES = [f"D{at:04d}" for at in range(DINTS)]
ROWS = [f"A{at:03d}" for at in range(ARRAYS)]

SERVER = """
import asyncio, sys
from goldcopy_sim.enip import LogixSimulator
async def serve(delay):
    async with LogixSimulator.flat({dints}, {arrays}, {length}, delay=delay) as simulator:
        print(simulator.port, flush=True)
        await asyncio.to_thread(sys.stdin.read)
asyncio.run(serve(float(sys.argv[1])))
"""
COMMON = """
import sys, time, zlib
port = int(sys.argv[1])
names = [f"D{{at:04d}}" for at in range({dints})]
rows = [f"A{{at:03d}}" for at in range({arrays})]
def told(seconds, single, many):
    values = list(single) + [value for row in many for value in row]
    print(seconds, zlib.crc32(",".join(map(str, values)).encode()))
"""
CIPLINK = """
from ciplink import LogixDriver
with LogixDriver(f"127.0.0.1:{port}/0") as client:
    begin = time.perf_counter()
    found = client.read(*names, *(f"{row}{{LENGTH}}" for row in rows))
    seconds = time.perf_counter() - begin
told(seconds, [one.value for one in found[:len(names)]], [one.value for one in found[len(names):]])
"""
PYLOGIX = """
from pylogix import PLC
with PLC("127.0.0.1", 0, port=port) as client:
    client.ConnectionSize = 4000
    for _ in range(2):
        begin = time.perf_counter()
        single = client.Read(names)
        many = [client.Read(row, LENGTH) for row in rows]
        seconds = time.perf_counter() - begin
told(seconds, [one.Value for one in single], [one.Value for one in many])
"""


def main() -> None:
    server = SERVER.format(dints=DINTS, arrays=ARRAYS, length=LENGTH)
    for delay, rounds in ((0.0, 7), (0.005, 3)):
        with serving(["-c", server, str(delay)]) as port:
            compare(int(port), delay, rounds)


def compare(port: int, delay: float, rounds: int) -> None:
    clients: dict[str, Callable[[], Timed]] = {
        "pycomm3, batched": lambda: pycomm3(port),
        "ciplink, batched": lambda: peer(CIPLINK, port),
        "pylogix, batched, 2nd pass": lambda: peer(PYLOGIX, port),
        "ours, window 1": lambda: asyncio.run(ours(port, 1)),
        "ours, window 4": lambda: asyncio.run(ours(port, 4)),
    }
    if not PEERS.exists():
        print("ciplink and pylogix are not installed: run tests/peers/setup to have them compared")
        del clients["ciplink, batched"], clients["pylogix, batched, 2nd pass"]
    times = interleaved(clients, rounds)
    median = {name: statistics.median(taken) for name, taken in times.items()}
    base = median["pycomm3, batched"]
    print(f"{DINTS} DINTs and {ARRAYS} x DINT[{LENGTH}], {delay * 1e3:g} ms a reply, best first")
    for name, value in sorted(median.items(), key=lambda pair: pair[1]):
        spread = f"[{min(times[name]) * 1e3:.0f}..{max(times[name]) * 1e3:.0f}]"
        print(f"  {name:28} {value * 1e3:7.0f} ms {spread:14} {base / value:5.2f}x pycomm3")
    bar = "window 4 ahead of all" if delay else "3x pycomm3, at most 1.5 times ciplink's time"
    print(f"  bar: {bar}")


async def ours(port: int, window: int) -> Timed:
    target = Target("plc", "127.0.0.1", port, courtesy=Courtesy(window=window))
    async with EnipDriver().open(target, Meter()) as session:
        identity, first = await session.identify(), await session.read()
        previous = Snapshot.of("plc", "enip", identity, first.items, first.gaps)
        assert isinstance(session, Tokened)
        begin = time.perf_counter()
        reading = await session.read_since(previous)
        seconds = time.perf_counter() - begin
    assert reading.carried
    assert not reading.gaps
    values = {item.address: item.value for item in reading.items}
    return seconds, checksum([values[name] for name in NAMES], [values[row] for row in ROWS])


def pycomm3(port: int) -> Timed:
    from pycomm3 import LogixDriver

    with LogixDriver(f"127.0.0.1:{port}/0") as client:
        begin = time.perf_counter()
        found = client.read(*NAMES, *(f"{row}{{{LENGTH}}}" for row in ROWS))
        seconds = time.perf_counter() - begin
    values = [one.value for one in found]
    return seconds, checksum(values[:DINTS], values[DINTS:])


def peer(program: str, port: int) -> Timed:
    script = COMMON.format(dints=DINTS, arrays=ARRAYS) + program.replace("LENGTH", str(LENGTH))
    script = script.replace(f"{{{LENGTH}}}", f"{{{{{LENGTH}}}}}")
    return elsewhere(PEERS, script, port)


def checksum(single: Iterable[object], many: Iterable[object]) -> int:
    values = [*single, *(one for row in many for one in row)]  # type: ignore[attr-defined]
    return zlib.crc32(",".join(map(str, values)).encode())
