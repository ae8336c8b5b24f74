"""``goldcopy demo``: a simulated plant is pulled, attacked, compared, put back and proved."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import typer

from goldcopy.cli.options import DEFAULT_INVENTORY, InventoryFile, Json

if TYPE_CHECKING:
    from goldcopy.cli.demo_restore import Approvers
    from goldcopy.inventory import Device, Inventory
    from goldcopy.registry import SimulatedValue, Simulator
    from goldcopy.snapshot import Snapshot
    from goldcopy.vault import Vault

Say = Callable[[str], None]

CHANGES = 3
"""How many values are changed in each controller."""


class Tampered(NamedTuple):
    """One value that was changed at the controller."""

    device: str
    path: str
    address: str
    old: SimulatedValue
    new: SimulatedValue


def demo(inventory: InventoryFile = DEFAULT_INVENTORY, as_json: Json = False) -> None:
    """Start the demo plant; pull, approve, attack, find exactly that, restore, prove."""
    import asyncio

    import msgspec

    from goldcopy.cli.init import make_vault
    from goldcopy.cli.options import opened, read_inventory

    plant = read_inventory(inventory)
    with tempfile.TemporaryDirectory(prefix="goldcopy-demo-") as folder:
        path = Path(folder) / "vault"
        make_vault(path, Path(folder) / "keys", "", (), unsealed=False)
        identity = Path(folder) / "keys/reader.key"
        with opened(msgspec.structs.replace(plant, vault=path, identity=identity)) as vault:
            exact = asyncio.run(_run(plant, vault, as_json))
    if not exact:
        raise typer.Exit(1)


async def _run(inventory: Inventory, vault: Vault, as_json: bool) -> bool:
    import msgspec

    from goldcopy.cli import output
    from goldcopy.cli.demo_restore import Approvers
    from goldcopy.cli.pull import print_outcomes, pull_into
    from goldcopy.cli.simulate import plant

    def say(text: str) -> None:
        output.console(error=as_json).print("\n", output.styled(text, "bold cyan"), sep="")

    async with plant(inventory.devices, own_ports=True) as running:
        devices = [
            msgspec.structs.replace(
                device, host=running[device.name].host, port=running[device.name].port
            )
            for device in inventory.devices
        ]
        say(f"{len(running)} simulated controllers are up; the first pull:")
        first = await pull_into(vault, devices, inventory.zones)
        if not as_json:
            print_outcomes(first)
        people = Approvers(vault)
        await people.name_gold(devices)
        say("Two people sign what was pulled: these are the gold copies.")
        done: list[Tampered] = []
        for device in devices:
            done += tamper(vault.load(vault.resolve(device.name)), running[device.name])
        say(f"Somebody changes {len(done)} values at the controllers, past goldcopy:")
        if not as_json:
            rows = [[one.device, one.address, _shown(one.old), _shown(one.new)] for one in done]
            output.table(["device", "where", "was", "is"], rows)
        say("The second pull:")
        second = await pull_into(vault, devices, inventory.zones)
        if not as_json:
            print_outcomes(second, gaps=False)
        found = _compare(vault, devices, done, as_json, say)
        expected = {(one.device, one.path) for one in done}
        exact = found == expected
        proved = await _put_back(people, devices, running, done, as_json, say)
        if as_json:
            output.emit(
                {
                    "changed": sorted(expected),
                    "found": sorted(found),
                    "exact": exact,
                    "proved": proved,
                }
            )
    say("All simulated controllers are stopped, the demo's vault is removed.")
    return exact and proved and all(outcome.state == "kept" for outcome in (*first, *second))


def tamper(snapshot: Snapshot, controller: Simulator) -> list[Tampered]:
    """Change a few settings, spread over the controller; all that is then not as it was.

    That may be more than was changed: a controller has aliases for its values.
    """
    from goldcopy.drill.harm import nudged

    held = dict(controller.values())
    fit = [
        item.address
        for item in snapshot.items
        if item.role == "setting"
        and item.access == "read-write"
        and item.address in held
        and isinstance(held[item.address][1], bool | int | float | bytes)
        and held[item.address][1] != b""
    ]
    for address in fit[:: max(1, len(fit) // CHANGES)][:CHANGES]:
        other = nudged(held[address][1])
        assert other is not None, "what is empty was left out"
        controller.change(address, other)
    now = dict(controller.values())
    return [
        Tampered(snapshot.device, item.path, item.address, held[item.address][1], after[1])
        for item in snapshot.items
        if (after := now.get(item.address)) and repr(after) != repr(held[item.address])
        if item.kind != "block"  # its image holds values, which are items of their own
    ]


def _shown(value: SimulatedValue) -> str:
    """Of bytes the end: that is where they are changed."""
    return f"… {value[-8:].hex(' ')}" if isinstance(value, bytes) else str(value)


def _compare(
    vault: Vault, devices: Sequence[Device], done: Sequence[Tampered], as_json: bool, say: Say
) -> set[tuple[str, str]]:
    """Print what goldcopy found, and whether it is what was done, no more and no less."""
    from goldcopy.cli import diff, output
    from goldcopy.snapshot.diff import diff as changes_of

    found: set[tuple[str, str]] = set()
    say("What goldcopy found:")
    for device in devices:
        before, after = vault.resolve(f"{device.name}~1"), vault.resolve(device.name)
        old, new = vault.load(before), vault.load(after)
        found |= {(device.name, change.path) for change in changes_of(old, new)}
        if not as_json:
            output.console().print(output.styled(device.name, "bold"))
            diff.report(before, old, after, new, as_json=False)
    expected = {(one.device, one.path) for one in done}
    exact = found == expected
    if exact:
        say(f"Exactly the {len(expected)} values that were changed.")
    else:
        missed, extra = sorted(expected - found), sorted(found - expected)
        say(f"NOT what was changed: missed {missed}, found besides {extra}")
    return found


async def _put_back(
    people: Approvers,
    devices: Sequence[Device],
    running: Mapping[str, Simulator],
    done: Sequence[Tampered],
    as_json: bool,
    say: Say,
) -> bool:
    """Drift, then the restore of what drifted; True if the controllers hold all of it again."""
    from goldcopy.cli import output
    from goldcopy.cli.drift import show
    from goldcopy.drift.survey import survey
    from goldcopy.report.night import gather

    say("Drift from the gold copies:")
    standings = survey(people.plant(), devices)
    if not as_json:
        show(gather(people.plant(), devices, standings).subjects)
    say("The restore: planned, approved, written, every leaf read back:")
    receipts = [
        await people.restore(device, one)
        for device, one in zip(devices, standings, strict=True)
        if one.verdict.word == "drift"
    ]
    if not as_json:
        output.table(
            ["device", "planned", "proved", "seconds", ""],
            [
                [
                    one.device,
                    str(one.planned),
                    output.styled(str(one.counts["proved"]), "green" if one.proved else "bold red"),
                    f"{(one.ended - one.began).total_seconds():.2f}",
                    one.why,
                ]
                for one in receipts
            ],
            right="planned proved seconds",
        )
    back = all(repr(running[one.device].values()[one.address][1]) == repr(one.old) for one in done)
    proved = back and all(one.proved for one in receipts)
    say("Proved: every controller holds what was approved." if proved else "NOT proved; see above.")
    return proved
