"""The contract between goldcopy and a driver, nothing else.

A ``Driver`` opens a ``Session``; a session can identify and read. Optional powers are small
protocols of their own, which a driver has or has not; none is a stub that raises. A driver holds no
retry, no concurrency between devices and no budget: those are ``collect``'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import PosixPath
from typing import ClassVar, Literal, NamedTuple, Protocol, TypeVar, runtime_checkable

import msgspec

from goldcopy.errors import Wrong
from goldcopy.snapshot import Gap, Identity, Item, Snapshot

Options = TypeVar("Options")


class Secret:
    """A password that no print, log or error can show."""

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself; call it only where it goes into the login frame."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__


class PublicFile(PosixPath):
    """A file that a driver's options name and that is no secret: a recovery kit carries it.

    A field of ``Options`` that is a plain ``Path`` may lead to a secret: no kit carries it.
    """


class Courtesy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How gently a controller is treated."""

    connections: int = 1
    """At once. 1 unless known to be safe: a fifth Modbus client can evict the HMI."""
    window: int = 1
    """Requests in flight; what the controller grants is never exceeded."""
    pause: float = 0.0
    """Seconds of quiet after the last request or reply."""
    rate: float = 0.0
    """Requests a second at most; 0 for no limit."""


@dataclass(frozen=True)
class Target:
    """One controller to reach, as the inventory tells it."""

    device: str
    host: str
    port: int
    timeout: float = 5.0
    """Seconds for one exchange, connecting included."""
    courtesy: Courtesy = field(default_factory=Courtesy)
    username: str = ""
    password: Secret | None = None
    options: object = None
    """An instance of the driver's ``Options``."""

    def options_as(self, kind: type[Options]) -> Options:
        """The options, or the defaults of ``kind``. Raises ``Wrong`` if they are no ``kind``."""
        options = kind() if self.options is None else self.options
        if not isinstance(options, kind):
            name = type(options).__name__
            raise Wrong(f"{self.device}: {name} are not the options of its driver")
        return options


@dataclass
class Meter:
    """What a session has cost so far. The driver counts, whoever watches reads it at any time."""

    requests: int = 0
    bytes_out: int = 0
    bytes_in: int = 0
    round_trips: int = 0
    done: int = 0
    """Steps of this pull that are done, of ``total``, for a progress bar."""
    total: int = 0


class Reading(NamedTuple):
    """All that one pull found. Complete, or with its gaps; a read that is cut short raises."""

    items: Sequence[Item]
    gaps: Sequence[Gap] = ()
    carried: Sequence[str] = ()
    """Paths taken over from the previous snapshot because a change token covers them."""
    blobs: Mapping[str, bytes] = {}
    """Content of carried items, by hash, where the previous snapshot had it at hand."""


class Session(Protocol):
    """An open link to one controller, for reading only. Any method may raise ``GoldcopyError``."""

    async def identify(self) -> Identity:
        """What the controller says of itself; called before ``read``."""
        ...

    async def read(self) -> Reading:
        """Everything, each path once. Never writes, not even a lock or a clock."""
        ...


@runtime_checkable
class Tokened(Protocol):
    """A session whose controller has a cheap token for "nothing changed"."""

    async def read_since(self, previous: Snapshot) -> Reading:
        """As ``read``, but what the token proves unchanged is carried over from ``previous``."""
        ...


class Writer(Session, Protocol):
    """A session that may write. Only a restore opens one."""

    def groups(self, items: Sequence[Item]) -> Sequence[Sequence[Item]]:
        """The items in the order given, cut where another request has to begin. Sends nothing.

        What cannot be written at all is a group of its own, so that ``write`` can say why.
        """
        ...

    async def write(self, group: Sequence[Item]) -> None:
        """Write one group; return once the controller has acknowledged all of it. Never retried.

        Where it raises ``Wrong`` or ``Unsupported``, nothing of the group was sent; after any other
        error only reading back tells what of the group is written.
        """
        ...


class Capability(NamedTuple):
    """One row of the honest table that ``goldcopy drivers`` prints."""

    what: str
    state: Literal["done", "partial", "planned", "impossible"]
    why: str = ""
    """What is missing, or why it cannot be done; "" only for ``done``."""


class Driver(Protocol):
    """Opens sessions. Holds no state of its own, so one serves every device."""

    name: ClassVar[str]
    """As in the inventory: ``modbus``."""
    title: ClassVar[str]
    """For people: ``Modbus TCP``."""
    port: ClassVar[int]
    """The protocol's usual port."""
    Options: ClassVar[type[msgspec.Struct]]
    """What ``options`` of the inventory may hold: a frozen struct that forbids unknown fields.

    A field of type ``PublicFile`` or ``Path`` is relative to the inventory's folder.
    """
    capabilities: ClassVar[Sequence[Capability]]

    def open(self, target: Target, meter: Meter) -> AbstractAsyncContextManager[Session]:
        """Connect and log in on enter, close on exit, also when cancelled."""
        ...


class Section(NamedTuple):
    """A part of an item's content: ``content[start:end]``."""

    name: str
    """``code``, ``interface``; the parts of one name are taken together."""
    start: int
    end: int
    stamp: bool = False
    """A time stamp, which may move while all else stays."""


@runtime_checkable
class Sectioned(Protocol):
    """A driver that can take the content of its blocks apart."""

    def sections(self, item: Item, content: bytes) -> Sequence[Section]:
        """The parts of an item's content, all of it; () for what it does not know."""
        ...


@runtime_checkable
class Writable(Protocol):
    """A driver that can put values back."""

    def open_writing(self, target: Target, meter: Meter) -> AbstractAsyncContextManager[Writer]:
        """As ``open``, for a restore."""
        ...
