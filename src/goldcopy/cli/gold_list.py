"""``goldcopy gold list|verify``: whose gold copies count, until when, and what does not and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from goldcopy.cli.options import DEFAULT_INVENTORY, Devices, InventoryFile, Json

if TYPE_CHECKING:
    from goldcopy.gold.judgement import Candidate, Judgement
    from goldcopy.inventory import Device, Inventory
    from goldcopy.vault import Vault


def list_(
    names: Devices = None, inventory: InventoryFile = DEFAULT_INVENTORY, as_json: Json = False
) -> None:
    """Show the gold copy of each device: whose, until when, and what is proposed."""
    _show(names or [], inventory, as_json, refused=False)


def verify(
    names: Devices = None, inventory: InventoryFile = DEFAULT_INVENTORY, as_json: Json = False
) -> None:
    """As list, with what does not count and why. Exit code 1 unless all are valid."""
    if not _show(names or [], inventory, as_json, refused=True):
        raise typer.Exit(1)


def _show(names: list[str], inventory: Path, as_json: bool, refused: bool) -> bool:
    from goldcopy.cli import output
    from goldcopy.cli.options import looking, read_inventory

    plant = read_inventory(inventory)
    devices = plant.select(*names)
    with looking(plant) as find:
        vault, _ = find("")
        found = {device.name: judged_gold(plant, vault, device) for device in devices}
    if as_json:
        output.emit([_told(name, judgement) for name, judgement in found.items()])
        return all(one.state == "valid" for one in found.values())
    rows: list[output.Row] = []
    for name, one in found.items():
        said = one.gold.statement if one.gold else None
        rows.append(
            [
                name,
                output.styled(one.state, "green" if one.state == "valid" else "bold red"),
                said.snapshot[: output.SHORT] if said else "",
                ", ".join(approval.by for approval in one.gold.approvals) if one.gold else "",
                output.local(said.until) if said else "",
                said.ticket if said else "",
                one.why or (said.reason if said else ""),
            ]
        )
    output.table(["device", "gold", "snapshot", "approved by", "until", "ticket", ""], rows)
    for name, one in found.items():
        for candidate in one.pending:
            print(f"{name}: {_proposed(candidate)}")
        for refusal in one.refused if refused else ():
            text = f"{name}: refused ({refusal.reason}) {refusal.by}: {refusal.why}"
            output.console().print(output.styled(text, "red"))
    return all(one.state == "valid" for one in found.values())


def _told(name: str, one: Judgement) -> dict[str, object]:
    return {
        "device": name,
        "state": one.state,
        "why": one.why,
        "gold": one.gold,
        "pending": one.pending,
        "refused": one.refused,
    }


def _proposed(candidate: Candidate) -> str:
    said = candidate.statement
    have = ", ".join(one.by for one in candidate.approvals) or "nobody"
    return (
        f"proposed by {said.proposed_by}: {said.snapshot[:12]} ({said.reason}); approved by {have}"
    )


def judged_gold(plant: Inventory, vault: Vault, device: Device) -> Judgement:
    """What counts of all that was signed for a device."""
    from goldcopy.cli.surveying import context
    from goldcopy.drift.survey import judged

    return judged(context(plant, vault), device)
