"""What there is to see while a run goes on. Written by the run, read by whoever shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from goldcopy.collect.outcome import Outcome
from goldcopy.driver import Meter

State = Literal["waiting", "connecting", "reading", "retrying", "keeping", "kept", "failed"]


@dataclass
class Progress:
    """One device's part of the run."""

    device: str
    state: State = "waiting"
    meter: Meter = field(default_factory=Meter)
    """Costs of all attempts; ``done`` of ``total`` belong to the present one."""
    attempt: int = 0
    """Which one it is, from 1; 0 while it waits for its turn."""
    error: str = ""
    """Why the last attempt failed, one line."""
    retry_at: float = 0.0
    """While ``retrying``: when, on the clock of ``time.monotonic``."""


@dataclass
class Watch:
    """A whole run."""

    devices: dict[str, Progress] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    """As they come in, so that a run that is cut short still tells what it has done."""
