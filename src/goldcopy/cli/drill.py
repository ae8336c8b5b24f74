"""``goldcopy drill``: restores exercised on twins and spares, timed, with evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, cast

import typer

from goldcopy.cli.options import DEFAULT_INVENTORY, Devices, InventoryFile, Json

if TYPE_CHECKING:
    from goldcopy.drill.due import Due
    from goldcopy.drill.model import Drilled, Scenario
    from goldcopy.drill.rounds import Round, Spare
    from goldcopy.inventory import Device, Inventory
    from goldcopy.vault import Vault

NOT_DRILLED, IN_DOUBT, NOT_PROVED = 1, 3, 4
STYLES = {"passed": "green", "failed": "bold red", "not drilled": "yellow"}
TOLD = 10
"""Lines shown of what was not drilled of a device; ``--json`` has all."""


def run(
    names: Devices = None,
    scenario: Annotated[
        list[str] | None, typer.Option("--scenario", help="Which; all of them if none is given.")
    ] = None,
    target: Annotated[
        str, typer.Option("--target", help="HOST:PORT of a spare, which is overwritten.")
    ] = "",
    in_run: Annotated[
        bool, typer.Option("--in-run", help="Write to the spare although it runs its program.")
    ] = False,
    inventory: InventoryFile = DEFAULT_INVENTORY,
    as_json: Json = False,
) -> None:
    """Restore gold copies from a replica to harmed twins, or to a spare. Touches no device.

    Exit code 4 if a restore did not prove itself, 1 if a device could not be drilled.
    """
    import asyncio

    from goldcopy.cli import output
    from goldcopy.cli.options import opened, read_inventory
    from goldcopy.drill import rounds

    plant = read_inventory(inventory)
    devices = plant.select(*(names or ()))
    spare = _spare(target, in_run, plant, devices)
    wanted = _scenarios(scenario or (), spare)
    with opened(plant) as vault:
        round_ = _round(plant, vault, _progress(as_json))
        done = asyncio.run(rounds.run(round_, devices, wanted, spare))
        if as_json:
            output.emit({"drills": done})
        else:
            _show(done)
        if code := _code(done):
            raise typer.Exit(code)


def list_(
    names: Devices = None,
    inventory: InventoryFile = DEFAULT_INVENTORY,
    as_json: Json = False,
) -> None:
    """Show which drills are due by the standards, and the trend. Exit code 1 if any is."""
    from goldcopy.cli import output
    from goldcopy.cli.options import opened, read_inventory
    from goldcopy.drill.due import due

    plant = read_inventory(inventory)
    devices = plant.select(*(names or ()))
    with opened(plant) as vault:
        *found, of_vault = due(vault, [*(one.name for one in devices), ""], datetime.now(UTC))
        if as_json:
            output.emit({"devices": found, "vault": of_vault.failing})
        else:
            _show_due(found)
            for one in (*found, of_vault):
                for text in one.failing:
                    line = f"{one.device or 'vault'}: {text}"
                    output.console().print(output.styled(line, "bold red"))
        if of_vault.failing or any(one.due or one.failing for one in found):
            raise typer.Exit(1)


# -- the parts -------------------------------------------------------------------------------------


def _progress(as_json: bool) -> Callable[[Drilled], None]:
    """A line for each drill as it is done, for whoever waits at a terminal."""
    import sys

    def tell(one: Drilled) -> None:
        if sys.stderr.isatty() and not as_json:
            print(f"{one.device or 'vault'}: {one.scenario}: {one.state}", file=sys.stderr)

    return tell


def _round(plant: Inventory, vault: Vault, tell: Callable[[Drilled], None]) -> Round:
    from goldcopy.cli.options import reader_of
    from goldcopy.cli.replicas import reachable
    from goldcopy.cli.surveying import context
    from goldcopy.drill.rounds import Round
    from goldcopy.vault.me import me

    known = context(plant, vault)
    return Round(
        vault,
        reader_of(plant),
        reachable(plant) if plant.replicas else {},
        known.signers,
        known.registry,
        me(),
        tell,
    )


def _scenarios(given: Sequence[str], spare: Spare | None) -> Sequence[Scenario]:
    from goldcopy.drill.model import ON_TWIN, ON_VAULT
    from goldcopy.errors import Wrong
    from goldcopy.registry import near

    if spare is not None and given:
        raise Wrong("nothing is broken on a spare on purpose: drop --scenario, or --target")
    known = (*ON_TWIN, *ON_VAULT)
    for one in given:
        if one not in known:
            raise Wrong(f"no scenario {one}; {near(one, known) or 'there are ' + ', '.join(known)}")
    return cast("Sequence[Scenario]", given)


def _spare(target: str, in_run: bool, plant: Inventory, devices: Sequence[Device]) -> Spare | None:
    """The spare, which must be none of the plant's own controllers: it is overwritten."""
    from goldcopy.drill.rounds import Spare
    from goldcopy.errors import Wrong

    if not target:
        return None
    host, colon, port = target.rpartition(":")
    if not colon or not port.isdecimal() or not 0 < int(port) < 65536:
        raise Wrong(f"--target {target}: give HOST:PORT")
    if len(devices) != 1:
        raise Wrong("--target is one spare: name the one device that it stands for")
    here = _addresses(host)
    for device in plant.devices:
        if device.port == int(port) and here & _addresses(device.host):
            raise Wrong(f"{target} is {device.name} itself: a drill never writes to the plant")
    return Spare(host, int(port), in_run)


def _addresses(host: str) -> set[str]:
    """A host by name and by address, as far as either is known here."""
    import contextlib
    import socket

    found = {host}
    with contextlib.suppress(OSError):
        found |= {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
    return found


def _code(done: Sequence[Drilled]) -> int:
    """The higher one of what there is to say."""
    from goldcopy.drill.model import ON_VAULT

    failed = [one.scenario in ON_VAULT for one in done if one.state == "failed"]
    if failed:
        return IN_DOUBT if all(failed) else NOT_PROVED
    # That a protocol has no credentials, or tells no firmware, is no fault of a device.
    needed = ("wiped", "setpoints", "half-restored", "spare", "tampered-gold")
    left = any(one.state == "not drilled" and one.scenario in needed for one in done)
    return NOT_DRILLED if left else 0


def _show(done: Sequence[Drilled]) -> None:
    from goldcopy.cli import output

    rows: list[output.Row] = [
        [
            one.device or "vault",
            one.scenario,
            output.styled(one.state, STYLES[one.state]),
            str(one.leaves.get("harmed", "")),
            str(one.leaves.get("proved", "")),
            _seconds(one.seconds),
            _seconds(one.estimate_seconds),
            one.source,
            one.why,
        ]
        for one in done
    ]
    titles = ["device", "scenario", "outcome", "harmed", "proved", "here", "on-device", "from", ""]
    output.table(titles, rows, right="harmed proved here on-device", names=2)
    told = list(dict.fromkeys(f"{one.device}: {text}" for one in done for text in one.told))
    for text in told[:TOLD]:
        output.console().print(output.styled(text, "dim"))
    if len(told) > TOLD:
        print(f"… {len(told) - TOLD} more that were not drilled; --json has all")


def _show_due(found: Sequence[Due]) -> None:
    from goldcopy.cli import output
    from goldcopy.drill.due import RULES

    def term(one: Due, at: int) -> output.Row:
        found = one.terms[at]
        if found.until is None:
            return (output.styled("never", "bold red"),)
        text = f"until {found.until:%Y-%m-%d}"
        return (output.styled(text, "bold red" if found.due else "green"),)

    rows: list[output.Row] = [
        [
            one.device,
            *(cell for at in range(len(RULES)) for cell in term(one, at)),
            " ".join(_seconds(seconds) for seconds in one.seconds),
            output.styled(one.trend, "bold red" if one.trend == "slower" else ""),
        ]
        for one in found
    ]
    titles = [f"{rule.standard} ({rule.months} months)" for rule in RULES]
    output.table(["device", *titles, "last restores", "trend"], rows)


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f} s"
