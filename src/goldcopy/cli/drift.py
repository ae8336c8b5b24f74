"""``goldcopy drift``: how each device differs from its gold copy; green for one reason only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goldcopy.cli.options import DEFAULT_INVENTORY, Devices, InventoryFile, Json
from goldcopy.cli.options import Zone as ZoneOption

if TYPE_CHECKING:
    from goldcopy.collect import Outcome
    from goldcopy.drift.change import Origin
    from goldcopy.drift.model import Drift, Finding
    from goldcopy.drift.pairs import Pair
    from goldcopy.drift.survey import Standing
    from goldcopy.gold.judgement import Judgement
    from goldcopy.inventory import Device, Inventory
    from goldcopy.snapshot import Item
    from goldcopy.vault import Vault

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
    from goldcopy.cli.gold import context
    from goldcopy.cli.options import opened, read_inventory
    from goldcopy.cli.report import gathered, leave

    plant = read_inventory(inventory)
    devices = plant.select(*(names or ()), zone=zone)
    seconds = age_of(max_age)
    with opened(plant) as vault:
        context(plant, vault, seconds)
        if pull:
            pulled(plant, vault, devices)
        night = gathered(plant, context(plant, vault, seconds), devices, vault.doubts)
        standings = [one.standing for one in night.subjects]
        whence = {one.device.name: one.origins for one in night.subjects}
        if report is not None:
            leave(night, report)
        if as_json:
            output.emit(
                {
                    "devices": [told(one, whence[one.device]) for one in standings],
                    "pairs": [told_pair(one) for one in night.pairs],
                }
            )
        else:
            show(standings, whence)
            show_pairs(night.pairs)
        if not night.as_approved:
            raise typer.Exit(1)


def age_of(text: str) -> float:
    """Seconds of ``26h``. Raises ``Wrong``."""
    from goldcopy.errors import Wrong
    from goldcopy.inventory import seconds_of

    seconds = seconds_of(text)
    if seconds is None:
        raise Wrong(f"--max-age {text}: write it as 26h or 90m")
    return seconds


def pulled(plant: Inventory, vault: Vault, devices: Sequence[Device]) -> list[Outcome]:
    """Pull devices, as the night does: live values are left out unless the inventory wants them."""
    import asyncio

    from goldcopy.cli.pull import pull_into

    return asyncio.run(pull_into(vault, devices, plant.zones, keep_process=False))


def show(standings: Sequence[Standing], whence: Mapping[str, Mapping[str, Origin]]) -> None:
    """A line for each device, then what differs."""
    from goldcopy.cli import output

    rows: list[output.Row] = []
    for one in standings:
        drifted = one.verdict.drift
        rows.append(
            [
                one.device,
                output.styled(one.verdict.word, "green" if one.verdict.green else "bold red"),
                str(len(drifted.findings) + len(drifted.identity)) if drifted else "",
                str(drifted.compared) if drifted else "",
                str(drifted.left_out) if drifted else "",
                (drifted.severity or "") if drifted else "",
                one.verdict.why,
            ]
        )
    titles = ["device", "state", "differ", "compared", "left out", "severity", ""]
    output.table(titles, rows, right="differ compared left out")
    for one in standings:
        if one.verdict.drift is not None and not one.verdict.green:
            _details(one.device, one.verdict.drift, whence[one.device])


def _details(device: str, drifted: Drift, whence: Mapping[str, Origin]) -> None:
    from goldcopy.cli import output

    out = output.console()
    out.print()
    out.print(output.styled(device, "bold"))
    for told_ in drifted.identity:
        text = f"! {told_.field}: {told_.old or '(not told)'} -> {told_.new or '(not told)'}"
        out.print(output.styled(text, STYLES[told_.severity]))
    ranked = sorted(drifted.findings, key=lambda f: -("low", "medium", "high").index(f.severity))
    for finding in ranked[:SHOWN]:
        text = f"{line(finding)}  {_since(whence.get(finding.path))}"
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
    from goldcopy.report.text import plain, sides

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
    return plain("  ".join(part for part in parts if part))


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


def told_pair(one: Pair) -> dict[str, Any]:
    """A pair for machines."""
    import msgspec

    return msgspec.structs.asdict(one) | {
        "good": one.good,
        "findings": [_finding(finding, None) for finding in one.findings],
        "disagreements": [
            {
                "path": d.path,
                "other": d.other,
                "mine": _item(d.mine),
                "theirs": _item(d.theirs),
            }
            for d in one.disagreements
        ],
    }


def told(one: Standing, whence: Mapping[str, Origin]) -> dict[str, Any]:
    """A standing for machines."""
    drifted = one.verdict.drift
    return {
        "device": one.device,
        "state": one.verdict.word,
        "why": one.verdict.why,
        "gold": one.gold,
        "approved": _approved(one.judgement),
        "latest": one.latest,
        "severity": drifted.severity if drifted else None,
        "compared": drifted.compared if drifted else 0,
        "tolerated": drifted.tolerated if drifted else 0,
        "left_out": drifted.left_out if drifted else 0,
        "identity": drifted.identity if drifted else (),
        "gaps": drifted.gaps if drifted else (),
        "findings": [
            _finding(finding, whence.get(finding.path))
            for finding in (drifted.findings if drifted else ())
        ],
    }


def _approved(judgement: Judgement) -> Mapping[str, Any] | None:
    """By whom the gold copy was approved, until when, and which rules were signed with it."""
    if judgement.gold is None:
        return None
    said = judgement.gold.statement
    return {
        "by": [approval.by for approval in judgement.gold.approvals],
        "until": said.until,
        "ticket": said.ticket,
        "reason": said.reason,
        "scope": said.scope,
        "rules": said.masks,
    }


def _finding(finding: Finding, origin: Origin | None) -> Mapping[str, Any]:
    return {
        "path": finding.path,
        "sort": finding.sort,
        "severity": finding.severity,
        "old": _item(finding.old),
        "new": _item(finding.new),
        "moved": finding.moved,
        "why": finding.why,
        "origin": origin,
    }


def _item(item: Item | None) -> object:
    import msgspec

    from goldcopy.snapshot.canonical import item_line

    return msgspec.Raw(item_line(item)) if item else None
