"""What the suite works on: a driver, a running simulator, and what the simulator holds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from goldcopy.driver import Driver, Target
from goldcopy.snapshot import Blob, Identity, Snapshot, Value
from goldcopy.snapshot.values import INLINE_BYTES, to_json
from goldcopy.testing.framing import Framing


class Service(Protocol):
    """One line of a simulator's log: a service that a client asked for."""

    @property
    def name(self) -> str:
        """In the protocol's words."""
        ...

    @property
    def writes(self) -> bool:
        """Whether it would change anything in the controller."""
        ...


class Simulated(Protocol):
    """What the suite must know of a simulator."""

    @property
    def log(self) -> Sequence[Service]:
        """All it was asked for since it was started, in order."""
        ...


Held = Mapping[str, tuple[str, Value]]
"""Path -> (type, value)."""


@dataclass
class Bench:
    """A driver in front of a simulator."""

    driver: Driver
    target: Target
    """The simulator's address. The suite puts a link in between, so only the port changes."""
    simulator: Simulated
    framing: Framing
    identity: Identity
    """What a right driver must identify the simulator as."""
    holds: Callable[[], Held]
    """What a right driver must read now, made from the simulator's own values."""
    change: Callable[[], None]
    """Change one value that is held, as somebody at the panel would."""
    gaps: Collection[str] = ()
    """Paths of the gaps that a right driver must list."""
    deadline: float = 15.0
    """Seconds after which a pull hangs. Far more than a right driver takes on a slow machine."""
    patience: float = 5.0
    """Seconds for what must happen at once: a socket to close, a task to end."""
    parallel: int = 16
    """Pulls that the simulator bears at once, each over a link of its own."""
    cuts: int = 1000
    """Cuts to try: after every byte of a session up to so long, after chosen ones of a longer."""
    secrets: Collection[str] = ()
    """What must be in no output, beside the passwords of ``target`` and ``refused``."""
    refused: Target | None = None
    """A login that the simulator refuses. For ``LoginConformance``."""
    login: str = ""
    """The name in the simulator's log of the service that carries the password."""
    writes: Mapping[str, Value] = field(default_factory=dict)
    """Paths, and values to write there. For ``WritableConformance``."""
    one_write: int = 1
    """Writing services in the simulator's log that writing one of them takes."""

    def lies(self, snapshot: Snapshot) -> Iterator[str]:
        """What the snapshot says and the controller does not, or the other way round.

        A snapshot may have gaps: it must have one at or above each path that is held and not read.
        Of an identity, what cannot be read is "", and a gap tells so.
        """
        held = self.holds()
        for item in snapshot.items:
            if item.path not in held:
                yield f"{item.path} is read, and the controller has no such thing"
            elif (found := form(item.type, item.value)) != (wanted := form(*held[item.path])):
                yield f"{item.path} is read as {found}, and is {wanted}"
        gaps = {gap.path for gap in snapshot.gaps}
        for path in held.keys() - snapshot.by_path.keys():
            if gaps.isdisjoint(_above(path)):
                yield f"{path} is not read, and no gap says so"
        known = msgspec.structs.asdict(self.identity)
        for name, text in msgspec.structs.asdict(snapshot.identity).items():
            if text != known[name] and (text or gaps <= set(self.gaps)):
                yield f"the identity's {name} is read as {text!r}, and is {known[name]!r}"

    def incomplete(self, snapshot: Snapshot) -> Iterator[str]:
        """What is wrong with a snapshot that nothing has disturbed: lies, and gaps amiss."""
        yield from self.lies(snapshot)
        gaps = {gap.path: gap.reason for gap in snapshot.gaps}
        for path in gaps.keys() - set(self.gaps):
            yield f"{path} is a gap, and can be read: {gaps[path]}"
        for path in set(self.gaps) - gaps.keys():
            yield f"{path} must be a gap, and is none"


def form(type_: str, value: Value) -> tuple[str, object]:
    """Type and canonical value, by which two values are compared: floats are their bits."""
    if type(value) is bytes and len(value) > INLINE_BYTES:
        value = Blob.of(value)
    return type_, to_json(type_, value)


def _above(path: str) -> Iterator[str]:
    while path:
        yield path
        path = path.rpartition("/")[0]
