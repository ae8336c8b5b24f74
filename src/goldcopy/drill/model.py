"""What came of a drill, and the note that it leaves."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, Literal, Self

import msgspec

from goldcopy.errors import Wrong
from goldcopy.vault import Note

KIND: Final = "drill"
"""Of the note."""
Scenario = Literal[
    "wiped",  # reset to the factory's values
    "setpoints",  # settings manipulated all over the controller
    "half-restored",  # a restore that was interrupted half way, and is resumed
    "firmware",  # a controller with another firmware in its place: must be refused
    "credential",  # a credential that nobody knows: needs a person
    "spare",  # a real controller that may be overwritten
    "tampered-gold",  # a flipped bit in the replica's copy
    "missing-key",  # without the reader's identity
    "dead-replica",
]
ON_TWIN: Final[tuple[Scenario, ...]] = (
    "wiped", "setpoints", "half-restored", "firmware", "credential",
)  # fmt: skip
ON_VAULT: Final[tuple[Scenario, ...]] = ("tampered-gold", "missing-key", "dead-replica")
State = Literal["passed", "failed", "not drilled"]


class Drilled(msgspec.Struct, frozen=True, kw_only=True):
    """One scenario on one device."""

    device: str
    scenario: Scenario
    state: State
    """``passed``: what must happen has happened, be it a refusal. ``not drilled``: it could not be
    tried, or means nothing here."""
    why: str
    """A sentence for a person."""
    proved: bool = False
    """Whether a restore was made, and every planned leaf was read back as it was to be."""
    leaves: dict[str, int] = {}
    """How many leaves came to which verdict; ``harmed``: those that the scenario changed."""
    seconds: float | None = None
    """Of the restore here, from the first read to the last; None if there was none."""
    requests: int | None = None
    """That the restore sent; None where nobody counted."""
    estimate_seconds: float | None = None
    """Of the same requests on the device, by its own last pulls."""
    source: str = ""
    """Where the gold copy came from: the name of a replica, or ``local vault``."""
    snapshot: str = ""
    """Id of the gold copy."""
    told: tuple[str, ...] = ()
    """What was not drilled of it: what the twin cannot hold, what a restore cannot put back."""
    at: datetime = datetime(1970, 1, 1, tzinfo=UTC)

    def body(self, by: str) -> dict[str, object]:
        """The body of its note."""
        found = msgspec.to_builtins(self)
        del found["at"]
        return {**found, "passed": self.state == "passed", "by": by}

    @classmethod
    def of(cls, note: Note) -> Self:
        """Read a note back. Raises ``Wrong`` for the body of something else."""
        try:
            made = msgspec.convert(note.body, cls)
        except msgspec.ValidationError as error:
            raise Wrong(f"the note {note.id[:12]} is no drill: {error}") from None
        return msgspec.structs.replace(made, at=note.time)
