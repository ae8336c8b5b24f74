"""``goldcopy restore resume``, ``rollback`` and ``abandon``: three ends of what was interrupted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from goldcopy.cli.options import DEFAULT_INVENTORY, InventoryFile, Json
from goldcopy.cli.permitting import By
from goldcopy.cli.restore import run, show_receipt
from goldcopy.cli.restore_plan import Name

if TYPE_CHECKING:
    from goldcopy.inventory import Device
    from goldcopy.vault import Vault


def resume(
    device: Name, inventory: InventoryFile = DEFAULT_INVENTORY, as_json: Json = False
) -> None:
    """Go on with a restore that was interrupted; first by reading what there is now."""
    from goldcopy.restore.apply import resume as go_on

    with _interrupted(device, inventory) as (vault, found, journal):
        receipt = run(vault, found, lambda means: go_on(journal, found, means))
        show_receipt(receipt, as_json)


def rollback(
    device: Name, inventory: InventoryFile = DEFAULT_INVENTORY, as_json: Json = False
) -> None:
    """Put back what an interrupted restore has written; proved in the same way."""
    from goldcopy.restore.apply import rollback as go_back

    with _interrupted(device, inventory) as (vault, found, journal):
        receipt = run(vault, found, lambda means: go_back(journal, found, means))
        show_receipt(receipt, as_json, wanted_back=True)


def abandon(
    device: Name,
    by: By,
    reason: Annotated[str, typer.Option("--reason", help="Recorded.")],
    inventory: InventoryFile = DEFAULT_INVENTORY,
    as_json: Json = False,
) -> None:
    """Give up an interrupted restore whose controller is gone. Sends nothing, proves nothing."""
    import asyncio

    from goldcopy.cli import output
    from goldcopy.registry import Registry
    from goldcopy.restore.apply import abandon as give_up
    from goldcopy.restore.means import Means

    with _interrupted(device, inventory) as (vault, found, journal):

        async def work() -> None:
            async with vault.writing() as writer:
                means = Means(vault, writer, Registry.installed())
                await give_up(journal, found, means, by, reason)

        asyncio.run(work())
        if as_json:
            output.emit({"device": found.name, "journal": journal.stem, "by": by, "reason": reason})
        else:
            print(f"{found.name}: given up; what the controller holds now, nobody has read")


@contextmanager
def _interrupted(name: str, inventory: Path) -> Iterator[tuple[Vault, Device, Path]]:
    """The vault, the device, and the journal of its restore that did not come to an end."""
    from goldcopy.cli.advice import advised, either
    from goldcopy.cli.options import opened, read_inventory
    from goldcopy.errors import Wrong
    from goldcopy.restore.journal import unfinished

    plant = read_inventory(inventory)
    (device,) = plant.select(name)[:1]
    with opened(plant) as vault:
        journals = unfinished(vault.path, device.name)
        if not journals:
            said = f"no restore of {device.name} was interrupted; goldcopy restore list shows all"
            back = f"goldcopy restore plan {device.name} --to SNAPSHOT"
            raise Wrong("\n".join([said, *either(f"{back}   takes back one that has ended")]))
        with advised(vault.path, device.name):
            yield vault, device, journals[-1]
