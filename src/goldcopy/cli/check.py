"""``goldcopy check``: is the inventory right, and (if asked) do the controllers answer."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goldcopy.cli.options import DEFAULT_INVENTORY, Devices, InventoryFile, Json

if TYPE_CHECKING:
    import asyncio

    from goldcopy.inventory import Device

AT_ONCE = 8


def check(
    names: Devices = None,
    connect: Annotated[
        bool, typer.Option("--connect", help="Ask each controller who it is; read nothing else.")
    ] = False,
    inventory: InventoryFile = DEFAULT_INVENTORY,
    as_json: Json = False,
) -> None:
    """Check the inventory: every mistake at once, with its line and what would be right."""
    import asyncio

    from goldcopy.cli import output
    from goldcopy.cli.options import opened, read_inventory

    plant = read_inventory(inventory)
    devices = plant.select(*(names or ()))
    vault_there = plant.vault.exists()
    rows = asyncio.run(_ask_all(devices)) if connect else []
    if as_json:
        vault = {"path": str(plant.vault), "there": vault_there}
        output.emit({"vault": vault, "devices": len(devices), "identities": rows})
    else:
        print(f"inventory  {inventory}: {len(devices)} devices, no mistakes")
        missing = "" if vault_there else " (not there: make it with goldcopy init)"
        print(f"vault      {plant.vault}{missing}")
        for row in rows:
            said = "  ".join(f"{k} {v}" for k, v in row["identity"].items() if v)
            failed = output.styled(row["error"], "red")
            answer = failed if row["error"] else output.styled(said or "answers", "green")
            output.console().print(output.styled(f"{row['device']:<20}", "bold"), answer)
    with opened(plant) if vault_there else nullcontext():
        if any(row["error"] for row in rows):
            raise typer.Exit(1)


async def _ask_all(devices: Sequence[Device]) -> list[dict[str, Any]]:
    import asyncio

    places = asyncio.Semaphore(AT_ONCE)
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(_ask(device, places)) for device in devices]
    return [task.result() for task in asked]


async def _ask(device: Device, places: asyncio.Semaphore) -> dict[str, Any]:
    """Who the controller says it is."""
    import asyncio

    import msgspec

    from goldcopy.driver import Meter
    from goldcopy.errors import GoldcopyError
    from goldcopy.registry import Registry

    row: dict[str, Any] = {"device": device.name, "identity": {}, "error": ""}
    try:
        async with (
            places,
            asyncio.timeout(device.deadline),
            Registry.installed().driver(device.driver).open(device.target(), Meter()) as session,
        ):
            row["identity"] = msgspec.structs.asdict(await session.identify())
    except GoldcopyError as error:
        row["error"] = str(error)
    except TimeoutError:
        row["error"] = f"no answer within the device's deadline of {device.deadline:g} s"
    return row
