"""What a restore works with, and what there is to see of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from goldcopy.inventory import Device
from goldcopy.registry import Registry
from goldcopy.restore.reach import Reach
from goldcopy.vault import Vault, Writer


@dataclass
class Watch:
    """What there is to see while a restore goes on."""

    stage: Literal["reading", "writing", "reading back", "rolling back", "done"] = "reading"
    done: int = 0
    """Leaves sent, of ``total``."""
    total: int = 0


@dataclass(frozen=True)
class Means:
    """What a restore works with."""

    vault: Vault
    writer: Writer
    registry: Registry
    pause: float = 0.0
    """Seconds between two groups of writes, beside the device's courtesy."""
    retries: int = 2
    """Of a read that fails. Nothing is ever written a second time unread."""
    retry_pause: float = 1.0
    hold: float = 0.0
    """Seconds after which all that was proved is read once more; 0 for no second look."""
    settle: float | None = None
    """Seconds in which what was sent and not answered may still be carried out; None: as long as
    the device may take for an answer."""
    watch: Watch = field(default_factory=Watch)

    def reach(self, device: Device) -> Reach:
        """The way to a device."""
        return Reach(device, self.registry, self.retries, self.retry_pause)

    def settling(self, device: Device) -> float:
        """Seconds to wait before what a device holds is believed, where a write had no answer."""
        return device.timeout if self.settle is None else self.settle
