"""``goldcopy drift``: how each device differs from its gold copy; green for one reason only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from goldcopy.cli.options import DEFAULT_INVENTORY, Devices, InventoryFile, Json
from goldcopy.cli.options import Zone as ZoneOption

if TYPE_CHECKING:
    from goldcopy.drift.change import Origin
    from goldcopy.drift.model import Drift, Finding
    from goldcopy.drift.pairs import Pair
    from goldcopy.report.night import Subject

SHOWN = 20
"""Findings shown of a device; ``--json`` has all."""
SIGNS = {"added": "+", "removed": "-", "unreadable": "?"}
STYLES = {"high": "bold red", "medium": "red", "low": "yellow"}


def drift(
    names: Devices = None,
    zone: ZoneOption = "",
    pull: Annotated[bool, typer.Option("--pull", help="Read the devices first.")] = False,
    report: Annotated[
        Path | None, typer.Option("--report", help="Leave an HTML page, JSON and metrics here.")
    ] = None,
    max_age: Annotated[
        str, typer.Option("--max-age", help="A snapshot older than this says nothing about now.")
    ] = "26h",
    inventory: InventoryFile = DEFAULT_INVENTORY,
    as_json: Json = False,
) -> None:
    """Show what has drifted from the gold copies, and whether pairs are alike.

    Exit code 0 only if all devices are green and all pairs good.
    """
    from goldcopy.cli import output
    from goldcopy.cli.options import HERE, looking, read_inventory
    from goldcopy.cli.pull import pulled
    from goldcopy.cli.report import leave
    from goldcopy.cli.standing import told, told_pair
    from goldcopy.cli.surveying import age_of, context, gathered

    plant = read_inventory(inventory)
    devices = plant.select(*(names or ()), zone=zone)
    seconds = age_of(max_age)
    with looking(plant) as find:
        # In a kit, what was pulled is on this computer, and its gold copies are the kit's.
        here, _ = find(HERE)
        vault, _ = find("")
        pulls = here if here is not vault else None
        context(plant, vault, seconds)
        if pull:
            pulled(plant, here, devices)
        doubts = [*vault.doubts, *(pulls.doubts if pulls else ())]
        night = gathered(plant, context(plant, vault, seconds, pulls), devices, doubts)
        if report is not None:
            leave(night, report)
        if as_json:
            output.emit(
                {
                    "devices": [told(one) for one in night.subjects],
                    "pairs": [told_pair(one) for one in night.pairs],
                }
            )
        else:
            show(night.subjects)
            show_pairs(night.pairs)
        if not night.as_approved:
            raise typer.Exit(1)


def show(subjects: Sequence[Subject]) -> None:
    """A line for each device, then what differs."""
    from goldcopy.cli import output

    rows: list[output.Row] = []
    for one in subjects:
        said = one.standing.verdict
        drifted = said.drift
        rows.append(
            [
                one.device.name,
                output.styled(said.word, "green" if said.green else "bold red"),
                str(len(drifted.findings) + len(drifted.identity)) if drifted else "",
                str(drifted.compared) if drifted else "",
                str(drifted.left_out) if drifted else "",
                (drifted.severity or "") if drifted else "",
                said.why,
            ]
        )
    titles = ["device", "state", "differ", "compared", "left out", "severity", ""]
    output.table(titles, rows, right="differ compared left-out")
    for one in subjects:
        if one.standing.verdict.drift is not None and not one.standing.verdict.green:
            _details(one, one.standing.verdict.drift)


def _details(one: Subject, drifted: Drift) -> None:
    from goldcopy.cli import output

    out = output.console()
    out.print()
    out.print(output.styled(one.device.name, "bold"))
    for said in drifted.identity:
        text = f"! {said.field}: {said.old or '(not told)'} -> {said.new or '(not told)'}"
        text += f"  {_since(one.identity.get(said.field))}"
        out.print(output.styled(text.rstrip(), STYLES[said.severity]))
    ranked = sorted(drifted.findings, key=lambda f: -("low", "medium", "high").index(f.severity))
    for finding in ranked[:SHOWN]:
        text = f"{line(finding)}  {_since(one.origins.get(finding.path))}"
        out.print(output.styled(text.rstrip(), STYLES[finding.severity]))
    if len(ranked) > SHOWN:
        out.print(f"  and {len(ranked) - SHOWN} more (--json has all)")
    for gap in drifted.gaps[:SHOWN]:
        out.print(output.styled(f"? {gap.path}: not read: {gap.reason}", "magenta"))


def _since(origin: Origin | None) -> str:
    from goldcopy.cli import output

    if origin is None:
        return ""
    whose = f"change {origin.ticket}" if origin.ticket else "outside of any change"
    return f"since {output.local(origin.since)}, {whose}"


def line(finding: Finding) -> str:
    """One finding in one line: what is told of it is what differs."""
    from goldcopy.report.text import sides

    both = [side for side in sides(finding) if side]
    if finding.old and finding.new and finding.old.kind == "block":
        both = []
    parts = [f"{SIGNS.get(finding.sort, '~')} {finding.path}"]
    if finding.sort in ("retyped", "masked", "unreadable"):
        parts.append(finding.sort)
    parts.append(" -> ".join(both))
    if finding.moved:
        parts.append(f"({', '.join(finding.moved)})")
    if finding.why:
        parts.append(f"[{finding.why}]")
    return "  ".join(part for part in parts if part)


def show_pairs(pairs: Sequence[Pair]) -> None:
    """Standby pairs and second paths, then in what two of them differ."""
    from goldcopy.cli import output
    from goldcopy.report.text import value_of

    if not pairs:
        return
    out = output.console()
    out.print()
    rows: list[output.Row] = [
        [
            one.device,
            f"{one.sort} of {one.other}",
            output.styled(one.word, "green" if one.good else "bold red"),
            " and ".join(filter(None, one.modes)),
            one.why,
        ]
        for one in pairs
    ]
    output.table(["device", "", "state", "modes", ""], rows)
    for one in pairs:
        if one.good:
            continue
        lines = [f"! {d.field}: {d.old} -> {d.new}" for d in one.identity]
        lines += [line(finding) for finding in one.findings]
        lines += [
            f"~ {d.path}: {value_of(d.mine) or '(not there)'}; "
            f"{one.other} {d.other}: {value_of(d.theirs) or '(not there)'}"
            for d in one.disagreements
        ]
        for text in lines[:SHOWN]:
            out.print(output.styled(text, "red"))
        if len(lines) > SHOWN:
            out.print(f"  and {len(lines) - SHOWN} more (--json has all)")
