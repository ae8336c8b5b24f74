"""``goldcopy log`` and ``goldcopy blame``: the history of a device, and of one item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from goldcopy.cli.options import DEFAULT_INVENTORY, InventoryFile, Json

if TYPE_CHECKING:
    from rich.text import Text

    from goldcopy.vault import Entry


def log(
    device: Annotated[str, typer.Argument(help="The device.")],
    inventory: InventoryFile = DEFAULT_INVENTORY,
    most: Annotated[int, typer.Option("--most", "-n", help="How many, newest first.")] = 20,
    as_json: Json = False,
) -> None:
    """List the snapshots of a device, newest first."""
    from goldcopy.cli import output
    from goldcopy.cli.options import looking, read_inventory

    with looking(read_inventory(inventory)) as find:
        vault, device = find(device)
        entries = vault.log(device)[:most]
        if as_json:
            output.emit({"device": device, "snapshots": entries})
            return
        output.table(
            ["taken", "id", "items", "gaps", "settings", "seconds", "by"],
            [
                [
                    output.local(entry.facts.taken),
                    entry.id[: output.SHORT],
                    str(entry.items),
                    output.styled(str(entry.gaps), "yellow" if entry.gaps else ""),
                    _settings(entry),
                    f"{entry.facts.seconds:.2f}",
                    entry.facts.by,
                ]
                for entry in entries
            ],
            right="items gaps seconds",
        )


def _settings(entry: Entry) -> str | Text:
    from goldcopy.cli import output

    if entry.unchanged:
        return "as before"
    return output.styled("changed", "bold") if entry.number > 1 else "new"


def blame(
    device: Annotated[str, typer.Argument(help="The device.")],
    path: Annotated[str, typer.Argument(help="The item's path, as `show` prints it.")],
    inventory: InventoryFile = DEFAULT_INVENTORY,
    as_json: Json = False,
) -> None:
    """Show when one item had which value, newest first."""
    import msgspec

    from goldcopy.cli import output
    from goldcopy.cli.options import looking, read_inventory
    from goldcopy.snapshot import Gap
    from goldcopy.snapshot.canonical import item_line

    with looking(read_inventory(inventory)) as find:
        vault, device = find(device)
        history = vault.blame(device, path)
        if as_json:
            output.emit(
                {
                    "device": device,
                    "path": path,
                    "history": [
                        {
                            "id": entry.id,
                            "taken": entry.facts.taken,
                            "item": None
                            if was is None or isinstance(was, Gap)
                            else msgspec.Raw(item_line(was)),
                            "gap": was.reason if isinstance(was, Gap) else None,
                        }
                        for entry, was in history
                    ],
                }
            )
            return
        rows: list[output.Row] = []
        for entry, was in history:
            if was is None:
                said = output.styled("not there", "red")
            elif isinstance(was, Gap):
                said = output.styled(f"could not be read: {was.reason}", "yellow")
            else:
                said = output.styled(output.value_text(was.type, was.value, was.unit), "")
            rows.append([output.local(entry.facts.taken), entry.id[: output.SHORT], said])
        output.table(["since", "id", path], rows)
