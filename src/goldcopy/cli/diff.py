"""``goldcopy diff``: what moved between two snapshots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from goldcopy.cli.options import DEFAULT_INVENTORY, InventoryFile, Json

if TYPE_CHECKING:
    from rich.console import Console

    from goldcopy.snapshot import Snapshot
    from goldcopy.snapshot.diff import Change
    from goldcopy.vault import Entry

SIGNS = {"added": "+", "removed": "-", "changed": "~", "unreadable": "?"}
STYLES = {"added": "green", "removed": "red", "changed": "yellow", "unreadable": "magenta"}


def diff(
    old: Annotated[str, typer.Argument(help="The older snapshot, or a device alone.")],
    new: Annotated[
        str | None, typer.Argument(help="The newer one. Without it: DEVICE~1 against DEVICE.")
    ] = None,
    inventory: InventoryFile = DEFAULT_INVENTORY,
    as_json: Json = False,
) -> None:
    """Show what moved between two snapshots. Exit code 1 if anything did."""
    from goldcopy.cli.options import open_vault

    vault = open_vault(inventory)
    before = vault.resolve(f"{old}~1" if new is None else old)
    after = vault.resolve(old if new is None else new)
    one, other = vault.load(before), vault.load(after)
    vault.close()
    if report(before, one, after, other, as_json):
        raise typer.Exit(1)


def report(before: Entry, one: Snapshot, after: Entry, other: Snapshot, as_json: bool) -> bool:
    """Print the difference; True if there is any."""
    from goldcopy.cli import output
    from goldcopy.snapshot.diff import diff as changes_of
    from goldcopy.snapshot.diff import gap_changes, identity_changes

    changes = changes_of(one, other)
    identity = identity_changes(one.identity, other.identity)
    opened, closed = gap_changes(one, other)
    if as_json:
        output.emit(
            {
                "old": before,
                "new": after,
                "identity": [{"field": f, "old": a, "new": b} for f, a, b in identity],
                "changes": [_json(change) for change in changes],
                "gaps": {"new": opened, "closed": closed},
            }
        )
        return bool(changes or identity or opened or closed)
    out = output.console()
    for name, was, now in identity:
        out.print(output.styled(f"! {name}: {was or '(not told)'} -> {now or '(not told)'}", "red"))
    for change in changes:
        _print(out, change)
    for gap in opened:
        out.print(output.styled(f"? {gap.path}: cannot be read any more: {gap.reason}", "magenta"))
    for gap in closed:
        out.print(output.styled(f"  {gap.path}: can be read again", "green"))
    if not (changes or identity or opened or closed):
        out.print(
            f"no difference between {before.id[: output.SHORT]} and {after.id[: output.SHORT]}"
        )
        return False
    return True


def _print(out: Console, change: Change) -> None:
    from goldcopy.cli import output
    from goldcopy.snapshot.diff import elements

    style = STYLES[change.sort]
    parts = elements(change.old, change.new) if change.old and change.new else []
    if parts and change.old and change.new:
        out.print(output.styled(f"~ {change.path}  {change.new.type}", style))
        element = change.new.type.partition(" OF ")[2]
        for part in parts:
            old = output.value_text(element, part.old, change.new.unit)
            new = output.value_text(element, part.new, change.new.unit)
            out.print(output.styled(f"    [{part.number}]  {old} -> {new}", style))
        return
    out.print(output.styled(f"{SIGNS[change.sort]} {change.path}  {_moved(change)}", style))


def _moved(change: Change) -> str:
    """Old and new of a change in one line; what else moved besides the value is named too."""
    import msgspec

    from goldcopy.cli import output

    old, new = change.old, change.new
    if old is None or new is None:
        item = old or new
        assert item is not None
        text = f"{output.value_text(item.type, item.value, item.unit)}  {item.type}"
        return f"{text}  ({change.why})" if change.why else text
    was, now = msgspec.structs.asdict(old), msgspec.structs.asdict(new)
    others = [f"{k}: {was[k]} -> {now[k]}" for k in was if k != "value" and was[k] != now[k]]
    before = output.value_text(old.type, old.value, old.unit)
    after = output.value_text(new.type, new.value, new.unit)
    return "  ".join(([f"{before} -> {after}"] if before != after else []) + others)


def _json(change: Change) -> dict[str, Any]:
    import msgspec

    from goldcopy.snapshot.canonical import item_line
    from goldcopy.snapshot.diff import elements
    from goldcopy.snapshot.values import to_json

    old, new = change.old, change.new
    told: dict[str, Any] = {"path": change.path, "change": change.sort}
    told["old"] = msgspec.Raw(item_line(old)) if old else None
    told["new"] = msgspec.Raw(item_line(new)) if new else None
    if change.why:
        told["why"] = change.why
    if old and new and (parts := elements(old, new)):
        types = (old.type.partition(" OF ")[2], new.type.partition(" OF ")[2])
        told["elements"] = [
            {
                "index": part.number,
                "old": None if part.old is None else to_json(types[0], part.old),
                "new": None if part.new is None else to_json(types[1], part.new),
            }
            for part in parts
        ]
    return told
