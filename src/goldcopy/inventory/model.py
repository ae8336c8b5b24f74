"""What an inventory says: where the vault is, the zones, the devices."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from goldcopy.driver import Courtesy, Target
from goldcopy.errors import Wrong
from goldcopy.inventory.gold import GoldPolicy
from goldcopy.inventory.night import NightPolicy, Window
from goldcopy.inventory.pairs import SameAs
from goldcopy.inventory.recovery import Recovery
from goldcopy.inventory.replicas import ReplicaPlace
from goldcopy.inventory.restore import RestorePolicy
from goldcopy.inventory.rules import Rules
from goldcopy.inventory.secrets import SecretSource
from goldcopy.registry import near


class Zone(msgspec.Struct, frozen=True):
    """A part of the plant network that one collector can reach."""

    max_devices: int = 8
    """Pulled at once."""
    window: Window | None = None
    """When the night run may ask it; None is any time."""


class Device(msgspec.Struct, frozen=True):
    """One controller, as the inventory describes it. Holds no secret, only where it is found."""

    name: str
    driver: str
    host: str
    port: int
    zone: str = ""
    """"" is no zone: only the run's own limit holds."""
    timeout: float = 5.0
    """Seconds for one exchange, connecting included."""
    deadline: float = 600.0
    """Seconds for the whole pull, attempts and pauses between them included."""
    courtesy: Courtesy = Courtesy()
    username: str = ""
    password: SecretSource | None = None
    writable: bool = False
    """Whether a restore may write to it."""
    keep_process: bool = False
    """Whether every pull keeps live values, not only one by hand."""
    options: msgspec.Struct | None = None
    """An instance of the driver's ``Options``."""
    rules: Rules = Rules()
    description: str = ""
    approvers: int = 1
    """Different people that its gold copy needs."""
    standby_of: str = ""
    """The active device of the pair in which this is the standby."""
    same_as: SameAs | None = None
    """Another device of the inventory that is the same controller, read in another way."""
    safety: bool = False
    """Whether it runs a safety program: then a restore never writes to it."""
    recovery: Recovery = Recovery()

    def target(self) -> Target:
        """What a driver needs to reach it; fetches the password now, and may block on a file.

        Raises ``Wrong`` if there is no password where the inventory says it is.
        """
        return Target(
            device=self.name,
            host=self.host,
            port=self.port,
            timeout=self.timeout,
            courtesy=self.courtesy,
            username=self.username,
            password=self.password.resolve() if self.password else None,
            options=self.options,
        )


class Inventory(msgspec.Struct, frozen=True):
    """An inventory without mistakes."""

    vault: Path
    zones: Mapping[str, Zone]
    devices: tuple[Device, ...]
    """In the order of the file; names are unique."""
    replicas: tuple[ReplicaPlace, ...] = ()
    """Other places that hold the vault."""
    gold: GoldPolicy | None = None
    """None: nobody can approve anything."""
    notify: tuple[SecretSource, ...] = ()
    """Where news go: apprise URLs, which hold passwords."""
    identity: Path = Path()
    """The reader's identity, which opens a sealed vault. Where there is no such file, goldcopy can
    only write to it."""
    restore: RestorePolicy = RestorePolicy()
    night: NightPolicy = NightPolicy()
    source: Path | None = None
    """The vault of which gold copies and snapshots are restored, if it is another one than
    ``vault``: that of a recovery kit is only read."""

    def select(self, *wanted: str, zone: str = "") -> tuple[Device, ...]:
        """The devices with these names or name patterns (``line1-*``), in the order of the file.

        Nothing wanted is all of them; ``zone`` leaves only those in it. Raises ``Wrong`` for
        whatever selects no device: a typing error must not look like "all is well".
        """
        if zone and zone not in self.zones:
            raise Wrong(f"there is no zone {zone}; {_right(zone, self.zones)}")
        for pattern in wanted:
            if not any(fnmatchcase(device.name, pattern) for device in self.devices):
                names = [device.name for device in self.devices]
                raise Wrong(f"no device is called {pattern}; {_right(pattern, names)}")
        selected = tuple(
            device
            for device in self.devices
            if (not wanted or any(fnmatchcase(device.name, pattern) for pattern in wanted))
            and (not zone or device.zone == zone)
        )
        if not selected:
            raise Wrong(f"none of the devices asked for is in zone {zone}")
        return selected


def _right(word: str, known: Mapping[str, Zone] | list[str]) -> str:
    some = ", ".join(list(known)[:10]) + (", …" if len(known) > 10 else "")
    return near(word, known) or f"the inventory has: {some or 'none'}"
