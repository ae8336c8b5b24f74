"""``goldcopy simulate``: the inventory's devices as simulated controllers on this computer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from goldcopy.cli.options import DEFAULT_INVENTORY, Devices, InventoryFile, Json

if TYPE_CHECKING:
    from goldcopy.inventory import Device
    from goldcopy.registry import Simulator


def simulate(
    names: Devices = None,
    fault: Annotated[
        list[str] | None,
        typer.Option("--fault", help="DEVICE=FAULT; `--fault list` prints the faults."),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option("--for", help="Stop after this many seconds.")
    ] = None,
    inventory: InventoryFile = DEFAULT_INVENTORY,
    as_json: Json = False,
) -> None:
    """Serve simulated controllers at the inventory's loopback addresses until interrupted."""
    import asyncio

    from goldcopy.cli.options import read_inventory

    if fault == ["list"]:
        _list_faults(as_json)
        return
    devices = read_inventory(inventory).select(*(names or ()))
    faults = _faults(fault or [], devices)
    asyncio.run(_serve(devices, faults, seconds, as_json))


@asynccontextmanager
async def plant(
    devices: Sequence[Device], faults: Mapping[str, str] | None = None, own_ports: bool = False
) -> AsyncIterator[dict[str, Simulator]]:
    """Simulators for these devices, by name; ``own_ports`` takes free ports instead of theirs."""
    from goldcopy.registry import Registry

    registry = Registry.installed()
    async with AsyncExitStack() as stack:
        running: dict[str, Simulator] = {}
        for device in devices:
            kind = registry.simulator(device.driver)
            port = 0 if own_ports else device.port
            made = kind.demo(device.name, port=port, fault=(faults or {}).get(device.name))
            try:
                running[device.name] = await stack.enter_async_context(made)
            except OSError as error:
                raise _port_taken(device.name, port, error) from None
        yield running


def _port_taken(name: str, port: int, error: OSError) -> Exception:
    from goldcopy.errors import Wrong

    return Wrong(
        f"{name}: cannot listen on port {port} ({error.strerror or error}); "
        "is a simulator running already? Give the device another port"
    )


async def _serve(
    devices: Sequence[Device], faults: Mapping[str, str], seconds: float | None, as_json: bool
) -> None:
    import asyncio

    from goldcopy.cli import output
    from goldcopy.errors import Wrong

    far = [device.name for device in devices if device.host not in ("127.0.0.1", "localhost")]
    if far:
        raise Wrong(
            f"simulators listen on 127.0.0.1 only, and {', '.join(far)} has another host; "
            "name the devices to simulate, or use an inventory of its own"
        )
    async with plant(devices, faults) as running:
        listening = [
            {"device": name, "host": one.host, "port": one.port, "fault": one.fault}
            for name, one in running.items()
        ]
        if as_json:
            output.emit({"simulators": listening})
        else:
            for row in listening:
                print(f"{row['device']:<20} {row['host']}:{row['port']}  {row['fault'] or ''}")
            print("Ctrl-C stops them all.", flush=True)
        await asyncio.sleep(seconds) if seconds is not None else await asyncio.Event().wait()


def _list_faults(as_json: bool) -> None:
    from goldcopy.cli import output
    from goldcopy.registry import Registry

    registry = Registry.installed()
    known = {name: dict(registry.simulator(name).FAULTS) for name in registry.simulators()}
    if as_json:
        output.emit(known)
        return
    rows = [[name, fault, what] for name, faults in known.items() for fault, what in faults.items()]
    output.table(["simulator", "fault", "what it does"], rows)


def _faults(given: Sequence[str], devices: Sequence[Device]) -> dict[str, str]:
    from goldcopy.errors import Wrong
    from goldcopy.registry import Registry

    registry = Registry.installed()
    by_name = {device.name: device for device in devices}
    faults: dict[str, str] = {}
    for one in given:
        name, equals, fault = one.partition("=")
        if not equals or name not in by_name:
            raise Wrong(f"--fault {one}: give DEVICE=FAULT, with one of {', '.join(by_name)}")
        known = registry.simulator(by_name[name].driver).FAULTS
        if fault not in known:
            raise Wrong(f"--fault {one}: this simulator knows {', '.join(sorted(known))}")
        faults[name] = fault
    return faults
