"""``goldcopy show``: what a snapshot holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from goldcopy.cli.options import DEFAULT_INVENTORY, InventoryFile, Json

if TYPE_CHECKING:
    from goldcopy.snapshot import Gap, Item, Snapshot
    from goldcopy.vault import Entry


def show(
    snapshot: Annotated[
        str, typer.Argument(help="DEVICE, DEVICE@gold, DEVICE~1, DEVICE@2026-11-24 or an id.")
    ],
    only: Annotated[
        str | None, typer.Option("--only", help="A glob of paths: 'registers/*', 'db/5/**'.")
    ] = None,
    inventory: InventoryFile = DEFAULT_INVENTORY,
    as_json: Json = False,
) -> None:
    """Show a snapshot: who the controller is, every item, every gap."""
    from goldcopy.cli.options import looking, read_inventory
    from goldcopy.cli.surveying import named
    from goldcopy.inventory import path_matcher

    plant = read_inventory(inventory)
    with looking(plant) as find:
        vault, name = find(snapshot)
        entry = named(plant, vault, name)
        found = vault.load(entry)
        matches = path_matcher(only or "**")
        items = [item for item in found.items if matches(item.path)]
        gaps = [gap for gap in found.gaps if matches(gap.path)]
        if as_json:
            _as_json(entry, found, items, gaps)
        else:
            _as_text(entry, found, items, gaps)


def _as_json(entry: Entry, found: Snapshot, items: list[Item], gaps: list[Gap]) -> None:
    import msgspec

    from goldcopy.cli import output
    from goldcopy.snapshot.canonical import item_line

    output.emit(
        {
            "entry": entry,
            "driver": found.driver,
            "identity": found.identity,
            "rules": found.rules,
            "items": [msgspec.Raw(item_line(item)) for item in items],
            "gaps": gaps,
        }
    )


def _as_text(entry: Entry, found: Snapshot, items: list[Item], gaps: list[Gap]) -> None:
    import msgspec

    from goldcopy.cli import output

    out = output.console()
    facts = {"device": found.device, "driver": found.driver, "id": entry.id}
    facts["taken"] = f"{output.local(entry.facts.taken)} in {entry.facts.seconds:.2f} s"
    if entry.facts.carried:
        number = len(entry.facts.carried)
        facts["carried"] = f"{number} items not read again: a change token covers them"
    facts |= {k: v for k, v in msgspec.structs.asdict(found.identity).items() if v}
    for name, value in facts.items():
        out.print(output.styled(f"{name.replace('_', ' '):<12}", "bold"), output.styled(value, ""))
    out.print()
    if items:
        output.table(
            ["path", "type", "value", "role", "access", "limits", "address"],
            [
                [
                    item.path,
                    item.type,
                    output.value_text(item.type, item.value, item.unit),
                    item.role,
                    item.access,
                    _limits(item),
                    item.address if item.address != item.path else "",
                ]
                for item in items
            ],
        )
    for gap in gaps:
        out.print(output.styled(f"gap  {gap.path}: {gap.reason}", "yellow"))
    out.print(f"{len(items)} items, {len(gaps)} gaps")


def _limits(item: Item) -> str:
    if item.low is None and item.high is None:
        return ""
    low = "" if item.low is None else f"{item.low:g}"
    high = "" if item.high is None else f"{item.high:g}"
    return f"{low}…{high}"
