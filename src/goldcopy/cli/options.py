"""The options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from goldcopy.inventory import Inventory
    from goldcopy.vault import Vault

InventoryFile = Annotated[
    Path,
    typer.Option("--inventory", "-i", help="The inventory file.", envvar="GOLDCOPY_INVENTORY"),
]
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output (docs/cli.md).")]
Devices = Annotated[
    list[str] | None,
    typer.Argument(help="Device names or globs; all devices if none is given.", metavar="DEVICE…"),
]
Zone = Annotated[str, typer.Option("--zone", help="Only the devices of this zone.")]

DEFAULT_INVENTORY = Path("inventory.yaml")


def read_inventory(file: Path) -> Inventory:
    """The inventory, or ``Wrong`` with every mistake in it."""
    from goldcopy.inventory import load
    from goldcopy.registry import Registry

    return load(file, Registry.installed())


def open_vault(file: Path) -> Vault:
    """The vault that the inventory names, for reading."""
    from goldcopy.vault import Vault

    return Vault.open(read_inventory(file).vault)
