"""``goldcopy kit``: a folder from which devices are restored without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from goldcopy.cli.options import DEFAULT_INVENTORY, Devices, InventoryFile, Json, Zone

NEEDS_A_PERSON = 1


def kit(
    to: Annotated[Path, typer.Option("--to", help="A new or empty folder, best on a USB stick.")],
    devices: Devices = None,
    zone: Zone = "",
    wheels: Annotated[
        Path | None,
        typer.Option("--wheels", help="A folder with the wheels of goldcopy and its dependencies."),
    ] = None,
    lock: Annotated[
        Path | None,
        typer.Option("--lock", help="requirements.lock, whose hashes the wheels must have."),
    ] = None,
    inventory: InventoryFile = DEFAULT_INVENTORY,
    as_json: Json = False,
) -> None:
    """Make a recovery kit: packs, wheels, public keys, and a printable runbook per device."""
    from goldcopy.cli import output
    from goldcopy.cli.options import opened, read_inventory
    from goldcopy.cli.surveying import context
    from goldcopy.errors import Wrong
    from goldcopy.kit import make
    from goldcopy.kit.wheels import needed

    if lock and not wheels:
        raise Wrong("--lock says which wheels are right: give --wheels too")
    plant = read_inventory(inventory)
    chosen = plant.select(*(devices or ()), zone=zone)
    found = needed(wheels, lock) if wheels else []
    with opened(plant) as vault:
        made = make(context(plant, vault), plant, inventory, chosen, to, found)
        if as_json:
            output.emit(made)
        else:
            print(f"kit        {made.folder}   {made.bytes / 1e6:.1f} MB")
            print(f"vault      {made.vault}   packs 1 to {made.packs}")
            print(f"devices    {len(made.devices)}, a runbook each in runbooks/")
            if made.wheels:
                print(f"wheels     {len(made.wheels)}, for this Python and this kind of computer")
            else:
                print("wheels     none: goldcopy must be on the laptop already (or give --wheels)")
            if made.fingerprint:
                print(f"signed by  {made.fingerprint}   (print it, and keep it apart)")
            else:
                print("signed by  nobody: this machine has no writer's key")
            for one in made.carried:
                print(f"carries    {one}")
            for one in made.bring:
                print(f"bring      {one}   (not in the kit: a secret, or it cannot be read here)")
            for name, why in made.no_gold.items():
                text = f"{name}: no valid gold copy: {why}"
                output.console().print(output.styled(text, "bold red"))
        if made.no_gold:
            raise typer.Exit(NEEDS_A_PERSON)
