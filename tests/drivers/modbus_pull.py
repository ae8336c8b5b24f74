"""Pulls from a simulated Modbus device, and what it holds and was asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import msgspec

from goldcopy.driver import Courtesy, Meter, Target
from goldcopy.snapshot import Snapshot
from goldcopy_modbus import ModbusDriver, Options
from goldcopy_sim.modbus import ModbusSimulator

ILLEGAL = "illegal data address (exception 2)"


async def pull(
    simulator: ModbusSimulator,
    options: Mapping[str, object],
    *,
    window: int = 1,
    patience: float = 10.0,
    meter: Meter | None = None,
) -> Snapshot:
    target = Target(
        "bench",
        simulator.host,
        simulator.port,
        timeout=patience,
        courtesy=Courtesy(window=window),
        options=msgspec.convert({"identify": False, **options}, Options),
    )
    async with ModbusDriver().open(target, meter or Meter()) as session:
        identity = await session.identify()
        reading = await session.read()
    assert not any(service.writes for service in simulator.log)
    assert simulator.connections.peak == 1
    return Snapshot.of("bench", "modbus", identity, reading.items, reading.gaps)


def everything(table: str, count: int, start: int = 0) -> dict[str, object]:
    return {"ranges": [{"table": table, "start": start, "count": count}]}


def held(simulator: ModbusSimulator, table: str) -> dict[str, object]:
    return {
        address: typed
        for address, typed in simulator.values().items()
        if address.startswith(f"{table}/")
    }


def raw(snapshot: Snapshot) -> dict[str, object]:
    return {item.path: (item.type, item.value) for item in snapshot.items}


def asked(simulator: ModbusSimulator) -> Counter[str]:
    return Counter(service.name for service in simulator.log)
