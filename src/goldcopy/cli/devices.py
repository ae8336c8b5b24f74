"""``goldcopy devices`` and ``goldcopy drivers``: what is there, and what can be done with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from goldcopy.cli.options import DEFAULT_INVENTORY, InventoryFile, Json

if TYPE_CHECKING:
    from goldcopy.inventory import Inventory
    from goldcopy.vault import Entry

STYLES = {"done": "green", "partial": "yellow", "planned": "cyan", "impossible": "red"}


def devices(inventory: InventoryFile = DEFAULT_INVENTORY, as_json: Json = False) -> None:
    """List the devices of the inventory, each with its latest snapshot."""
    from goldcopy.cli.options import opened, read_inventory

    plant = read_inventory(inventory)
    if not plant.vault.exists():
        _list(plant, {}, as_json)
        return
    with opened(plant) as vault:
        _list(plant, {name: vault.log(name)[0] for name in vault.devices()}, as_json)


def _list(plant: Inventory, latest: Mapping[str, Entry], as_json: bool) -> None:
    from goldcopy.cli import output

    if as_json:
        output.emit(
            {
                "devices": [
                    {
                        "device": device.name,
                        "driver": device.driver,
                        "host": device.host,
                        "port": device.port,
                        "zone": device.zone,
                        "writable": device.writable,
                        "latest": latest.get(device.name),
                    }
                    for device in plant.devices
                ]
            }
        )
        return
    rows: list[output.Row] = []
    for device in plant.devices:
        entry = latest.get(device.name)
        rows.append(
            [
                device.name,
                device.driver,
                f"{device.host}:{device.port}",
                device.zone,
                output.local(entry.facts.taken) if entry else output.styled("never", "yellow"),
                str(entry.items) if entry else "",
                str(entry.gaps) if entry else "",
                entry.id[: output.SHORT] if entry else "",
            ]
        )
    output.table(
        ["device", "driver", "address", "zone", "last pulled", "items", "gaps", "id"],
        rows,
        right="items gaps",
    )


def drivers(as_json: Json = False) -> None:
    """Say honestly what each driver can and cannot do."""
    from goldcopy.cli import output
    from goldcopy.registry import Registry

    registry = Registry.installed()
    known = [registry.driver(name) for name in registry.drivers()]
    if as_json:
        output.emit(
            {
                "drivers": [
                    {
                        "driver": one.name,
                        "title": one.title,
                        "port": one.port,
                        "capabilities": [row._asdict() for row in one.capabilities],
                    }
                    for one in known
                ]
            }
        )
        return
    rows: list[output.Row] = [
        [one.name, row.what, output.styled(row.state, STYLES[row.state]), row.why]
        for one in known
        for row in one.capabilities
    ]
    output.table(["driver", "what", "state", "why"], rows)
