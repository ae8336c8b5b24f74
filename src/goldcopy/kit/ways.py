"""In which way each thing in a snapshot gets back on the device: by itself, by hand, by a tool."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field

from goldcopy.driver import Writable
from goldcopy.inventory import Device
from goldcopy.registry import Registry
from goldcopy.restore.leaf import outside
from goldcopy.restore.safety import safety
from goldcopy.snapshot import Gap, Item, Snapshot


@dataclass
class Ways:
    """What is in a snapshot, by the way in which it is put back."""

    never: str
    """Why goldcopy writes nothing at all to this device; "" if it does."""
    automatic: list[Item] = field(default_factory=list)
    by_hand: list[tuple[Item, str]] = field(default_factory=list)
    """Settings that goldcopy cannot write, each with the reason."""
    programs: list[Item] = field(default_factory=list)
    """Blocks, which the engineering tool loads."""
    unspoken: int = 0
    """Settings of which the gold copy does not speak."""
    live: int = 0
    """Live values and diagnostics: they are no settings, and stay as they are."""
    gaps: list[Gap] = field(default_factory=list)
    """What the snapshot does not hold."""


def ways(snapshot: Snapshot, device: Device, scope: Container[str], registry: Registry) -> Ways:
    """Sort a snapshot's items; ``scope`` holds the paths of which the gold copy speaks."""
    found = Ways(_never(snapshot, device, registry), gaps=list(snapshot.gaps))
    for item in snapshot.items:
        if item.role != "setting":
            found.live += 1
        elif item.path not in scope:
            found.unspoken += 1
        elif item.kind == "block" and (found.never or item.access != "read-write"):
            found.programs.append(item)
        elif why := found.never or _obstacle(item):
            found.by_hand.append((item, "" if found.never else why))
        else:
            found.automatic.append(item)
    return found


def _never(snapshot: Snapshot, device: Device, registry: Registry) -> str:
    if why := safety(device, snapshot.identity):
        return f"{why}: safety controllers are never written"
    if not device.writable:
        return "the inventory does not say writable: true"
    driver = registry.driver(device.driver)
    return "" if isinstance(driver, Writable) else f"the driver {driver.name} cannot write"


def _obstacle(item: Item) -> str:
    if item.access != "read-write":
        return "read-only here"
    return outside(item, item.value)
