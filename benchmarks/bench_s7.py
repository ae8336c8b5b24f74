"""Reading 100 data blocks of 4 KiB: ours beside python-snap7's clients and native snap7's.

One simulated CPU in a process of its own serves all of them, each over one connection, in
interleaved rounds; every client gives the same bytes. Then the same with 5 ms for each reply.
"""

from __future__ import annotations

import asyncio
import statistics
import time
import zlib
from collections.abc import Callable
from pathlib import Path

from benchmarks.race import Timed, elsewhere, interleaved, serving
from goldcopy.driver import Courtesy, Meter, Target
from goldcopy.snapshot import Item
from goldcopy_s7 import S7Driver
from goldcopy_s7.options import Area, Options, Szl

BLOCKS, SIZE, PDU = 100, 4096, 960
NATIVE = Path(__file__).parents[1] / ".peers" / "snap7-native" / "bin" / "python"
QUIET = Szl(order=False, names=False, mode=False, protection=False)
DATA = tuple(Area("DB", number=number, count=SIZE) for number in range(1, BLOCKS + 1))

SERVER = """
import asyncio, sys
from goldcopy_sim.s7 import S7Simulator
async def serve(delay):
    async with S7Simulator.flat({blocks}, {size}, pdu={pdu}, amq=8, delay=delay) as simulator:
        print(simulator.port, flush=True)
        await asyncio.to_thread(sys.stdin.read)
asyncio.run(serve(float(sys.argv[1])))
"""
NATIVE_CLIENT = """
import sys, time, zlib
from snap7.client import Client
from snap7.type import Parameter
client = Client()
client.set_param(Parameter.PDURequest, {pdu})
client.connect("127.0.0.1", 0, 2, int(sys.argv[1]))
begin = time.perf_counter()
blocks = [client.db_read(number, 0, {size}) for number in range(1, {blocks} + 1)]
print(time.perf_counter() - begin, zlib.crc32(b"".join(map(bytes, blocks))))
"""


def main() -> None:
    server = SERVER.format(blocks=BLOCKS, size=SIZE, pdu=PDU)
    for delay, rounds in ((0.0, 7), (0.005, 3)):
        with serving(["-c", server, str(delay)]) as port:
            compare(int(port), delay, rounds)


def compare(port: int, delay: float, rounds: int) -> None:
    clients: dict[str, Callable[[], Timed]] = {
        "native snap7 2.0.2": lambda: native(port),
        "python-snap7 Client": lambda: blocking(port),
        "python-snap7 AsyncClient": lambda: asyncio.run(library(port)),
        "ours, window 1": lambda: asyncio.run(ours(port, 1)),
        "ours, window 4": lambda: asyncio.run(ours(port, 4)),
        "ours, window 8": lambda: asyncio.run(ours(port, 8)),
    }
    if not NATIVE.exists():
        print("native snap7 is not installed: run tests/peers/setup to have it compared")
        del clients["native snap7 2.0.2"]
    times = interleaved(clients, rounds)
    median = {name: statistics.median(taken) for name, taken in times.items()}
    best = min(value for name, value in median.items() if not name.startswith("ours"))
    library_time = median["python-snap7 AsyncClient"]
    print(f"{BLOCKS} DBs of {SIZE} bytes, PDU {PDU}, {delay * 1e3:g} ms a reply, best first")
    for name, value in sorted(median.items(), key=lambda pair: pair[1]):
        print(
            f"  {name:26} {value * 1e3:7.0f} ms   {library_time / value:5.2f}x AsyncClient"
            f"   {best / value:5.2f}x the best of the others"
        )
    bar = "at least 5x the best of the others" if delay else "never slower than AsyncClient"
    print(f"  bar for window 8: {bar}")


async def ours(port: int, window: int) -> Timed:
    options = Options(pdu=PDU, szl=QUIET, blocks=False, data=DATA)
    target = Target("cpu", "127.0.0.1", port, courtesy=Courtesy(window=window), options=options)
    async with S7Driver().open(target, Meter()) as session:
        begin = time.perf_counter()
        reading = await session.read()
        seconds = time.perf_counter() - begin
    assert not reading.gaps
    items = sorted(reading.items, key=lambda item: int(item.path.removeprefix("db/")))
    return seconds, checksum([content(item) for item in items])


def content(item: Item) -> bytes:
    assert isinstance(item.value, bytes)
    return item.value


def blocking(port: int) -> Timed:
    from snap7.client import Client
    from snap7.type import Parameter

    client = Client()
    client.set_param(Parameter.PDURequest, PDU)
    client.connect("127.0.0.1", 0, 2, port)
    begin = time.perf_counter()
    blocks = [bytes(client.db_read(number, 0, SIZE)) for number in range(1, BLOCKS + 1)]
    seconds = time.perf_counter() - begin
    client.disconnect()
    return seconds, checksum(blocks)


async def library(port: int) -> Timed:
    from snap7.async_client import AsyncClient

    client = AsyncClient()
    client.pdu_length = PDU
    await client.connect("127.0.0.1", 0, 2, port)
    begin = time.perf_counter()
    blocks = [bytes(await client.db_read(number, 0, SIZE)) for number in range(1, BLOCKS + 1)]
    seconds = time.perf_counter() - begin
    await client.disconnect()
    return seconds, checksum(blocks)


def native(port: int) -> Timed:
    return elsewhere(NATIVE, NATIVE_CLIENT.format(blocks=BLOCKS, size=SIZE, pdu=PDU), port)


def checksum(blocks: list[bytes]) -> int:
    return zlib.crc32(b"".join(blocks))
