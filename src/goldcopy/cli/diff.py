"""``goldcopy diff``: what moved between two snapshots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goldcopy.cli.options import DEFAULT_INVENTORY, InventoryFile, Json

if TYPE_CHECKING:
    from rich.console import Console

    from goldcopy.snapshot import Snapshot
    from goldcopy.snapshot.diff import Change
    from goldcopy.snapshot.parts import Part
    from goldcopy.vault import Entry

PARTS_SHOWN = 40
"""Elements of one array, or places in one block, that are printed."""

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
    from goldcopy.cli.options import looking, read_inventory
    from goldcopy.cli.surveying import named

    plant = read_inventory(inventory)
    with looking(plant) as find:

        def snapshot(name: str) -> tuple[Entry, Snapshot]:
            vault, bare = find(name)
            entry = named(plant, vault, bare)
            return entry, vault.load(entry)

        before = snapshot(f"{old}~1" if new is None else old)
        after = snapshot(old if new is None else new)
        if report(*before, *after, as_json):
            raise typer.Exit(1)


def report(before: Entry, one: Snapshot, after: Entry, other: Snapshot, as_json: bool) -> bool:
    """Print the difference; True if there is any."""
    from goldcopy.cli import output
    from goldcopy.snapshot.diff import diff as changes_of
    from goldcopy.snapshot.diff import gap_changes, identity_changes

    every = changes_of(one, other)
    changes = [change for change in every if not _live_left_out(change, one, other)]
    left_out = len(every) - len(changes)
    identity = identity_changes(one.identity, other.identity)
    opened, closed = gap_changes(one, other)
    if as_json:
        output.emit(
            {
                "old": before,
                "new": after,
                "identity": [{"field": f, "old": a, "new": b} for f, a, b in identity],
                "changes": [_json(change, parts(change, one, other)) for change in changes],
                "gaps": {"new": opened, "closed": closed},
                "left_out": left_out,
            }
        )
        return bool(changes or identity or opened or closed)
    out = output.console()
    for name, was, now in identity:
        out.print(output.styled(f"! {name}: {was or '(not told)'} -> {now or '(not told)'}", "red"))
    for change in changes:
        _print(out, change, parts(change, one, other))
    for gap in opened:
        out.print(output.styled(f"? {gap.path}: cannot be read any more: {gap.reason}", "magenta"))
    for gap in closed:
        out.print(output.styled(f"  {gap.path}: can be read again", "green"))
    moved = bool(changes or identity or opened or closed)
    if not moved:
        out.print(
            f"no difference between {before.id[: output.SHORT]} and {after.id[: output.SHORT]}"
        )
    if left_out:
        out.print(f"{left_out} live values are in one of the two only: a night keeps none")
    return moved


def _live_left_out(change: Change, one: Snapshot, other: Snapshot) -> bool:
    """Whether this is a live value, and the side that lacks it keeps no live values at all."""
    if change.sort not in ("added", "removed"):
        return False
    there, lacking = (change.old, other) if change.sort == "removed" else (change.new, one)
    assert there is not None
    return there.role == "process" and all(item.role != "process" for item in lacking.items)


def _print(out: Console, change: Change, moved: Sequence[Part]) -> None:
    from goldcopy.cli import output

    style = STYLES[change.sort]
    if not moved:
        out.print(output.styled(f"{SIGNS[change.sort]} {change.path}  {_moved(change)}", style))
        return
    unit = change.new.unit if change.new else ""
    for part in moved[:PARTS_SHOWN]:
        old = output.value_text(part.type, part.old, unit)
        new = output.value_text(part.type, part.new, unit)
        out.print(output.styled(f"~ {change.path}{joined(part)}  {old} -> {new}", style))
    if len(moved) > PARTS_SHOWN:
        more = f"~ {change.path}: {len(moved) - PARTS_SHOWN} places more (--json has all)"
        out.print(output.styled(more, style))


def joined(part: Part) -> str:
    """Behind the path: ``[7]`` of an array, ``/12.3`` of bytes."""
    return part.where if part.where.startswith("[") else f"/{part.where}"


def parts(change: Change, one: Snapshot, other: Snapshot) -> list[Part]:
    """The parts of an array or of bytes that moved, if the value is all that did."""
    import msgspec

    from goldcopy.snapshot.parts import bytewise, elements

    old, new = change.old, change.new
    if old is None or new is None:
        return []
    if msgspec.structs.replace(old, value=new.value, type=new.type) != new:
        return []
    before, after = one.content(old), other.content(new)
    if before is not None and after is not None:
        return bytewise(before, after)
    return elements(old, new)


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


def _json(change: Change, moved: Sequence[Part]) -> dict[str, Any]:
    import msgspec

    from goldcopy.snapshot.canonical import item_line
    from goldcopy.snapshot.values import to_json

    told: dict[str, Any] = {"path": change.path, "change": change.sort}
    told["old"] = msgspec.Raw(item_line(change.old)) if change.old else None
    told["new"] = msgspec.Raw(item_line(change.new)) if change.new else None
    if change.why:
        told["why"] = change.why
    if moved:
        told["parts"] = [
            {
                "path": change.path + joined(part),
                "type": part.type,
                "old": None if part.old is None else to_json(part.type, part.old),
                "new": None if part.new is None else to_json(part.type, part.new),
            }
            for part in moved
        ]
    return told
