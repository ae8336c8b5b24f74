"""``goldcopy rules learn``: find what moves by itself, and say which rules would tell so."""

from __future__ import annotations

from typing import Annotated

import typer

from goldcopy.cli.options import DEFAULT_INVENTORY, InventoryFile, Json


def learn(
    device: Annotated[str, typer.Argument()],
    pulls: Annotated[int, typer.Option("--pulls", min=2, help="How often to read it.")] = 15,
    pause: Annotated[float, typer.Option("--pause", min=0, help="Seconds between pulls.")] = 10.0,
    inventory: InventoryFile = DEFAULT_INVENTORY,
    as_json: Json = False,
) -> None:
    """Read a device several times; propose rules for what moves by itself. Applies nothing."""
    import asyncio
    import sys
    import time

    from goldcopy.cli import output
    from goldcopy.cli.options import opened, read_inventory
    from goldcopy.cli.pull import pull_into
    from goldcopy.cli.steps import steps
    from goldcopy.drift.learn import learn as learnt
    from goldcopy.errors import Unreachable

    plant = read_inventory(inventory)
    (chosen,) = plant.select(device)[:1]
    with opened(plant) as vault, steps("pulls") as progress:
        snapshots = []
        log = not sys.stderr.isatty()  # a terminal shows one picture at a time: that of all pulls
        progress(0, pulls)
        for number in range(pulls):
            pull = pull_into(vault, [chosen], plant.zones, full=True, shown=log)
            (outcome,) = asyncio.run(pull)
            if outcome.state != "kept":
                raise Unreachable(f"pull {number + 1} failed: {outcome.error}")
            snapshots.append(vault.load(vault.log(chosen.name)[0]))
            progress(number + 1, pulls)
            if number + 1 < pulls:
                time.sleep(pause)
        found = learnt(snapshots, chosen.rules)
    if as_json:
        output.emit(found._asdict())
        return
    if not found.rules:
        print(f"nothing moved by itself in {pulls} pulls; no rule is needed")
    else:
        print(f"add to {inventory}, under rules: of {chosen.name}:")
        print(found.yaml())
    for path, why in found.doubtful.items():
        output.console().print(output.styled(f"{path}: moved, and is no live value: {why}", "red"))
