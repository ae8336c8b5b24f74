"""``goldcopy report …`` and the files that ``drift --report`` and ``night`` leave."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from goldcopy.cli.options import DEFAULT_INVENTORY, InventoryFile, Json

if TYPE_CHECKING:
    from goldcopy.report.night import Night


def attack(
    layer: Annotated[
        Path | None, typer.Option("--layer", help="Write a layer for the ATT&CK Navigator here.")
    ] = None,
    max_age: Annotated[
        str, typer.Option("--max-age", help="How old a snapshot may be to count.")
    ] = "26h",
    inventory: InventoryFile = DEFAULT_INVENTORY,
    as_json: Json = False,
) -> None:
    """Show what the vault proves against ATT&CK for ICS M0953 and the standards on recovery."""
    from goldcopy.cli import output
    from goldcopy.cli.options import opened, read_inventory
    from goldcopy.cli.surveying import age_of, context, gathered
    from goldcopy.report import evidence

    plant = read_inventory(inventory)
    seconds = age_of(max_age)
    with opened(plant) as vault:
        night = gathered(plant, context(plant, vault, seconds), plant.devices, ())
        found = evidence.standings(vault, night, timedelta(seconds=seconds))
    made = evidence.layer(night, found)
    rows = evidence.requirements(night, found)
    if layer is not None:
        write(layer, _json(made))
    if as_json:
        output.emit(
            {"layer": made, "devices": found, "requirements": [row._asdict() for row in rows]}
        )
        return
    output.table(
        ["technique", "", "covered", "falls short"],
        [
            [
                technique.id,
                technique.name,
                output.styled(f"{told['score']} %", "green" if told["score"] == 100 else "red"),
                _short(told["comment"].splitlines(), len(found)),
            ]
            for technique, told in zip(evidence.TECHNIQUES, made["techniques"], strict=True)
        ],
        right="covered",
    )
    print()
    output.table(
        ["device", *evidence.NEEDS],
        [
            [
                one.device,
                *(
                    output.styled("yes", "green")
                    if one.has[need]
                    else output.styled(one.why[need] or "no", "red")
                    for need in evidence.NEEDS
                ),
            ]
            for one in found
        ],
    )
    print()
    output.table(
        ["standard", "clause", "wants", "evidence"],
        [
            [
                row.standard,
                row.clause,
                row.wants,
                output.styled(row.evidence, "red" if row.evidence == "no evidence" else ""),
            ]
            for row in rows
        ],
    )


def _short(lines: Sequence[str], devices: int) -> str:
    """Who falls short, from a line each that begins with the name."""
    from goldcopy.cli.pull import named

    everybody = len(lines) == devices > 1
    return f"all {devices}" if everybody else named([line.partition(":")[0] for line in lines])


def leave(night: Night, folder: Path) -> list[Path]:
    """Write the page, its JSON and the metrics into a folder."""
    from goldcopy.cli.standing import told, told_pair
    from goldcopy.errors import VaultUnavailable
    from goldcopy.report.metrics import metrics
    from goldcopy.report.page import page

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VaultUnavailable(f"{folder} cannot be made: {error.strerror}") from None
    answer = {
        "at": night.at,
        "vault": night.vault,
        "findings": night.findings,
        "devices": [told(one) for one in night.subjects],
        "pairs": [told_pair(one) for one in night.pairs],
    }
    made = {
        folder / "drift.html": page(night),
        folder / "drift.json": _json(answer),
        folder / "goldcopy.prom": metrics(night),
    }
    for path, text in made.items():
        write(path, text)
    return list(made)


def write(path: Path, text: str) -> None:
    """Put a file in place whole, so that nobody reads half of it. Raises ``VaultUnavailable``."""
    from goldcopy.errors import VaultUnavailable

    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise VaultUnavailable(f"{path} cannot be written: {error.strerror}") from None


def _json(answer: object) -> str:
    import msgspec

    return msgspec.json.format(msgspec.json.encode(answer), indent=2).decode() + "\n"
