"""``goldcopy demo``: pull a simulated plant, change it behind goldcopy's back, pull, compare."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import typer

from goldcopy.cli.options import DEFAULT_INVENTORY, InventoryFile, Json

if TYPE_CHECKING:
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
    """Start the demo plant, pull it, change some values, pull again, show exactly those."""
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
    from goldcopy.cli.pull import print_outcomes, pull_into
    from goldcopy.cli.simulate import plant

    def say(text: str) -> None:
        output.console(error=as_json).print(output.styled(f"\n{text}", "bold cyan"))

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
        exact = _compare(vault, devices, done, as_json, say)
    say("All simulated controllers are stopped, the demo's vault is removed.")
    return exact and all(outcome.state == "kept" for outcome in (*first, *second))


def tamper(snapshot: Snapshot, controller: Simulator) -> list[Tampered]:
    """Change a few settings, spread over the controller; all that is then not as it was.

    That may be more than was changed: a controller has aliases for its values.
    """
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
        controller.change(address, nudged(held[address][1]))
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


def nudged(value: SimulatedValue) -> SimulatedValue:
    """Another value of the same kind, near enough to look like somebody's doing."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value - 1 if value > 0 else value + 1
    if isinstance(value, bytes):
        return value[:-1] + bytes([value[-1] ^ 1])
    assert isinstance(value, float)
    return value + 1.0 if abs(value) < 1e6 else 0.0


def _compare(
    vault: Vault, devices: Sequence[Device], done: Sequence[Tampered], as_json: bool, say: Say
) -> bool:
    """Print what goldcopy found; True if it is what was done, no more and no less."""
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
    if as_json:
        output.emit({"changed": sorted(expected), "found": sorted(found), "exact": exact})
    elif exact:
        say(f"Exactly the {len(expected)} values that were changed.")
    else:
        missed, extra = sorted(expected - found), sorted(found - expected)
        say(f"NOT what was changed: missed {missed}, found besides {extra}")
    return exact
