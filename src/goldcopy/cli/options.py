"""The options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from goldcopy.inventory import Inventory
    from goldcopy.vault import Reader, Vault

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

SOURCE_INDEX = "source.sqlite"
"""Beside the vault, where the inventory names a source: a cache."""
DEFAULT_INVENTORY = Path("inventory.yaml")
UNPROVED = 4
"""The exit code of a restore that did not prove itself: of two, the higher one is given."""


def read_inventory(file: Path) -> Inventory:
    """The inventory, or ``Wrong`` with every mistake in it."""
    from goldcopy.inventory import load
    from goldcopy.registry import Registry

    return load(file, Registry.installed())


def reader_of(inventory: Inventory) -> Reader | None:
    """The identity that opens the vault; None where there is none, as on a collector."""
    from goldcopy.cli.passphrase import unlocked
    from goldcopy.vault import Reader

    named = os.environ.get("GOLDCOPY_IDENTITY")
    file = Path(named) if named else inventory.identity
    if not named and not file.exists():
        return None
    return unlocked(file, Reader.load)


@contextmanager
def opened(inventory: Inventory, path: Path | None = None) -> Iterator[Vault]:
    """The vault. What is in doubt of it is the end of the command, after its answer.

    ``path`` is of another vault than the inventory's own, which is only read: its index is beside
    the own one.
    """
    from goldcopy.errors import Unproved, VaultDamaged, VaultUnavailable
    from goldcopy.vault import Vault

    index = inventory.vault.parent / SOURCE_INDEX if path not in (None, inventory.vault) else None
    path = path or inventory.vault
    if inventory.source is not None and index is None and not path.exists():
        raise VaultUnavailable(
            f"nothing is kept on this computer yet: no restore was begun ({path})"
        )
    vault = Vault.open(path, reader_of(inventory), index)
    outcome: typer.Exit | None = None
    try:
        yield vault
    except typer.Exit as end:
        outcome = end
    finally:
        doubts = vault.doubts
        vault.close()
    said = f"{path}: {'; '.join(doubts)}. What they do not touch can be trusted"
    if doubts and outcome is not None and outcome.exit_code == UNPROVED:
        raise Unproved(said) from outcome
    if doubts:
        raise VaultDamaged(said)
    if outcome is not None:
        raise outcome


@contextmanager
def sourced(inventory: Inventory, vault: Vault) -> Iterator[Vault]:
    """The vault that is restored from: ``vault`` itself, unless the inventory names a source."""
    if inventory.source is None:
        yield vault
        return
    with opened(inventory, inventory.source) as source:
        yield source


HERE = "here:"
"""Before a name, where the inventory has a source: what was kept on this computer."""


@contextmanager
def looking(inventory: Inventory) -> Iterator[Callable[[str], tuple[Vault, str]]]:
    """Give a function that tells in which vault a name is looked up, and the name there.

    That is the source, if the inventory names one (a kit): what will be restored is in it. Which
    vault it is, is then said on standard error.
    """
    import sys

    with ExitStack() as stack:
        vaults: dict[Path, Vault] = {}

        def find(name: str) -> tuple[Vault, str]:
            bare = name.removeprefix(HERE)
            here = inventory.source is None or bare != name
            path = inventory.vault if here else inventory.source
            assert path is not None
            if path not in vaults:
                vaults[path] = stack.enter_context(opened(inventory, path))
                if inventory.source is not None:
                    whose = "kept on this computer" if here else "the kit's, which is only read"
                    print(f"vault: {path}, {whose}", file=sys.stderr)
            return vaults[path], bare

        yield find
