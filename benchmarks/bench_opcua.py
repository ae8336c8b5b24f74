"""Our pull of 10,000 OPC UA variables beside asyncua, against one server in a process of its own.

Interleaved, so that a busy machine hits all alike. CPU is the client's alone. Requests are counted
by the server.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, NamedTuple

import asyncua.ua
from asyncua.client.client import Client

from goldcopy.driver import Courtesy, Meter, Target
from goldcopy_opcua import OpcUaDriver, OpcUaOptions
from goldcopy_sim.opcua import OpcUaSimulator, Settings

ua: Any = asyncua.ua  # its constructors ask for its own subclasses of int and str

FOLDERS, VARIABLES = 100, 100
LIMIT = 1000
RUNS = 5
DELAY = 0.0025
"""Seconds in each direction: a round trip of 5 ms."""


class Cost(NamedTuple):
    """What one run took."""

    wall: float
    cpu: float
    found: int


class Server:
    """The simulator in its own process."""

    def __init__(self, delay: float) -> None:
        command = [sys.executable, "-m", "benchmarks.bench_opcua", str(delay)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.terminate()
        self._process.wait()


async def serve(delay: float) -> None:
    settings = Settings(
        max_nodes_per_read=LIMIT,
        max_nodes_per_browse=LIMIT,
        security=[ua.SecurityPolicyType.NoSecurity],
        delay=2 * delay,
    )
    async with OpcUaSimulator.flat(FOLDERS, VARIABLES, settings=settings) as plc:
        print(plc.port, flush=True)
        await asyncio.Event().wait()


async def ours(port: int, window: int = 1) -> int:
    options = OpcUaOptions(security="None")
    target = Target("bench", "127.0.0.1", port, 30, Courtesy(window=window), options=options)
    async with OpcUaDriver().open(target, Meter()) as session:
        await session.identify()
        reading = await session.read()
    assert not reading.gaps
    return sum(item.type == "LREAL" for item in reading.items)


async def batched(port: int, attributes: tuple[str, ...] = ("Value", "UserAccessLevel")) -> int:
    """As well as asyncua can be used: the same requests as ours, its own decoding."""
    async with Client(f"opc.tcp://127.0.0.1:{port}", timeout=30, watchdog_intervall=60) as client:
        level, seen, variables = [ua.NodeId(85)], {ua.NodeId(85)}, []
        while level:
            below = []
            for start in range(0, len(level), LIMIT):
                asked = ua.BrowseParameters(
                    NodesToBrowse=[_all_below(node) for node in level[start : start + LIMIT]]
                )
                for result in await client.uaclient.browse(asked):
                    for reference in result.References:
                        node = reference.NodeId
                        if node in seen or node == ua.NodeId(2253):
                            continue
                        seen.add(node)
                        below.append(node)
                        if reference.NodeClass == ua.NodeClass.Variable and node.NamespaceIndex:
                            variables.append(node)
            level = below
        for attribute in attributes:
            for start in range(0, len(variables), LIMIT):
                part = variables[start : start + LIMIT]
                await client.uaclient.read_attributes(part, ua.AttributeIds[attribute])
    return len(variables)


def _all_below(node: object) -> object:
    return ua.BrowseDescription(
        NodeId=node,
        BrowseDirection=ua.BrowseDirection.Forward,
        ReferenceTypeId=ua.NodeId(33),
        IncludeSubtypes=True,
        NodeClassMask=7,
        ResultMask=63,
    )


async def value_only(port: int) -> int:
    return await batched(port, ("Value",))


async def naive(port: int) -> int:
    """As the examples do it: node by node."""
    async with Client(f"opc.tcp://127.0.0.1:{port}", timeout=30, watchdog_intervall=60) as client:
        waiting, found = [client.nodes.objects], 0
        while waiting:
            for child in await waiting.pop().get_children():
                if child.nodeid.NamespaceIndex == 0:
                    continue
                waiting.append(child)
                if await child.read_node_class() == ua.NodeClass.Variable:
                    await child.read_value()
                    found += 1
    return found


def timed(run: Callable[[int], Awaitable[int]], port: int) -> Cost:
    async def whole() -> int:
        return await run(port)

    wall, cpu = time.perf_counter(), time.process_time()
    found = asyncio.run(whole())
    return Cost(time.perf_counter() - wall, time.process_time() - cpu, found)


def main() -> None:
    total = FOLDERS * VARIABLES
    contenders: dict[str, Callable[[int], Awaitable[int]]] = {
        "goldcopy": ours,
        "asyncua batched": batched,
        "asyncua batched, values only": value_only,
    }
    with Server(0) as server:
        costs: dict[str, list[Cost]] = {name: [] for name in contenders}
        for _ in range(RUNS):
            for name, run in contenders.items():
                costs[name].append(timed(run, server.port))
                assert costs[name][-1].found == total, (name, costs[name][-1])
        costs["asyncua naive (1 run)"] = [timed(naive, server.port)]
    base = _median(costs["asyncua batched"])
    print(f"{total:,} variables in {FOLDERS} folders, {LIMIT} nodes a request, medians of {RUNS}")
    for name, many in costs.items():
        cost = _median(many)
        print(
            f"{name:30} cpu {cost.cpu:6.3f} s = {cost.cpu / base.cpu:5.2f}x batched, "
            f"wall {cost.wall:6.2f} s = {cost.wall / base.wall:5.2f}x"
        )
    for name in ("asyncua batched", "asyncua batched, values only"):
        ratio = _median(costs["goldcopy"]).cpu / _median(costs[name]).cpu
        print(f"goldcopy / {name}: {ratio:.2f}x CPU (bar 0.6x)")
    _with_latency()


def _with_latency() -> None:
    """The same pull over a round trip of 5 ms, by requests in flight.

    A pull has 39 round trips at window 1, so a window can save 0.2 s at most; the rest is the time
    that the server takes to answer.
    """
    walls: dict[str, list[float]] = {}
    with Server(DELAY) as server:
        for _ in range(RUNS):
            for window in (1, 4, 8):
                cost = timed(partial(ours, window=window), server.port)
                walls.setdefault(f"window {window}", []).append(cost.wall)
            walls.setdefault("asyncua batched", []).append(timed(batched, server.port).wall)
    base = statistics.median(walls["window 1"])
    for name, many in walls.items():
        wall = statistics.median(many)
        print(f"5 ms round trip, {name:16} {wall:5.2f} s = {wall / base:4.2f}x window 1")


def _median(costs: list[Cost]) -> Cost:
    return Cost(
        statistics.median(cost.wall for cost in costs),
        statistics.median(cost.cpu for cost in costs),
        costs[0].found,
    )


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
