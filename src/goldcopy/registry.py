"""Names to drivers and simulators, from the entry points of whatever is installed.

Nothing is imported before it is asked for by name, and what is loaded is checked once against the
contract: Python does not check the class variables of a Protocol.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import ClassVar, NamedTuple, Protocol, Self, cast

import msgspec

from goldcopy.driver import Capability, Driver
from goldcopy.errors import Wrong

DRIVERS = "goldcopy.drivers"
SIMULATORS = "goldcopy.simulators"

SimulatedValue = bool | int | float | str | bytes | tuple["SimulatedValue", ...]


class SimulatedService(Protocol):
    """One service that a simulated controller was asked for."""

    @property
    def name(self) -> str:
        """In the protocol's words."""
        ...

    @property
    def writes(self) -> bool:
        """Whether it would change anything in the controller."""
        ...


class Simulator(Protocol):
    """What a simulated controller offers. It shares no code with us: this mirrors its shape."""

    FAULTS: ClassVar[Mapping[str, str]]
    """Misbehaviours by name, each with what it does."""
    host: str
    port: int
    fault: str | None

    @property
    def log(self) -> Sequence[SimulatedService]:
        """Every service that it was asked for."""
        ...

    @classmethod
    def demo(cls, name: str, *, port: int = 0, fault: str | None = None) -> Self:
        """A believable controller; the same name always gives the same state."""
        ...

    async def __aenter__(self) -> Self:
        """Listen; ``port`` then holds the real port."""
        ...

    async def __aexit__(self, *exc: object) -> None:
        """Stop listening and cut every connection."""
        ...

    def values(self) -> Mapping[str, tuple[str, SimulatedValue]]:
        """All it holds: address in the protocol's words -> (IEC 61131-3 type, value)."""
        ...

    def change(self, address: str, value: SimulatedValue) -> None:
        """Set a value behind everybody's back."""
        ...


class Recorded(NamedTuple):
    """One item of a snapshot as a twin gets it: plain data, since it shares no code with us."""

    path: str
    kind: str
    type: str
    value: SimulatedValue
    """Big content too."""
    role: str
    access: str
    label: str
    address: str
    unit: str
    low: int | float | None
    high: int | float | None


class Twin(Simulator, Protocol):
    """A simulated controller that can be loaded with a snapshot."""

    lacks: Mapping[str, str]
    """Path of an item, or of a folder of items -> why the twin does not hold it as it was."""
    reach: Mapping[str, object]
    """What of the device's options has to be otherwise for the twin."""

    @classmethod
    def twin(
        cls,
        items: Iterable[Recorded],
        identity: Mapping[str, str],
        options: Mapping[str, object],
        *,
        name: str,
        port: int = 0,
    ) -> Twin:
        """One that holds these items, and says of itself what ``identity`` says.

        ``options`` are the device's own of the inventory: how its values are encoded, and which of
        several kinds of controllers it is; so what is made may be of another class. Raises
        ``ValueError``, with the reason, for a controller of a kind that cannot be simulated.
        """
        ...

    def wipe(self) -> None:
        """All that can be written is zero or empty, as after a reset to the factory's values."""
        ...

    def lock(self) -> str:
        """Ask for a credential that nobody knows; which one, "" where the protocol has none."""
        ...


class Registry:
    """The drivers and simulators that can be had by name."""

    def __init__(
        self, drivers: Iterable[EntryPoint] = (), simulators: Iterable[EntryPoint] = ()
    ) -> None:
        self._drivers = _Shelf("driver", drivers, _driver_faults)
        self._simulators = _Shelf("simulator", simulators, _simulator_faults)
        self._made: dict[str, Driver] = {}

    @classmethod
    def installed(cls) -> Registry:
        """All that is installed in this Python environment."""
        return cls(entry_points(group=DRIVERS), entry_points(group=SIMULATORS))

    def drivers(self) -> tuple[str, ...]:
        """The drivers' names, sorted. Being listed does not mean that it loads."""
        return self._drivers.names()

    def simulators(self) -> tuple[str, ...]:
        """The simulators' names, sorted."""
        return self._simulators.names()

    def driver(self, name: str) -> Driver:
        """The driver of this name.

        Raises ``Wrong`` if there is none, or it does not load, or does not keep the contract.
        """
        if name not in self._made:
            kind = self._drivers.load(name)
            try:
                self._made[name] = cast("type[Driver]", kind)()
            except Exception as error:  # foreign code: whatever it raises, it is one broken driver
                raise Wrong(self._drivers.broken(name, error)) from error
        return self._made[name]

    def simulator(self, name: str) -> type[Simulator]:
        """The simulator class of this name. Raises ``Wrong`` as ``driver`` does."""
        return cast("type[Simulator]", self._simulators.load(name))

    def twin(self, name: str) -> type[Twin] | None:
        """The simulator of this name if it can be loaded with a snapshot; None if not, or none."""
        if name not in self._simulators.names():
            return None
        kind = self._simulators.load(name)
        has = all(callable(getattr(kind, power, None)) for power in ("twin", "wipe", "lock"))
        return cast("type[Twin]", kind) if has else None


class _Shelf:
    """Entry points of one group by name, each loaded and checked at most once."""

    def __init__(
        self,
        what: str,
        points: Iterable[EntryPoint],
        faults: Callable[[object, str], list[str]],
    ) -> None:
        self._what = what
        self._faults = faults
        self._points: dict[str, list[EntryPoint]] = {}
        self._loaded: dict[str, object] = {}
        self._failed: dict[str, str] = {}
        for point in points:
            known = self._points.setdefault(point.name, [])
            if all(other.value != point.value for other in known):  # one package may be seen twice
                known.append(point)

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self._points))

    def load(self, name: str) -> object:
        if name in self._failed:  # a broken import is slow, and an inventory asks for each device
            raise Wrong(self._failed[name])
        if name not in self._loaded:
            point = self._only(name)
            try:
                kind = point.load()
            except Exception as error:  # foreign code: whatever it raises, it is one broken driver
                self._failed[name] = self.broken(name, error)
                raise Wrong(self._failed[name]) from error
            faults = self._faults(kind, name)
            if faults:
                self._failed[name] = (
                    f"the {self._what} {name} ({self._from(name)}) does not keep the contract: "
                    f"{'; '.join(faults)}. Ask its maintainer, or install another version"
                )
                raise Wrong(self._failed[name])
            self._loaded[name] = kind
        return self._loaded[name]

    def broken(self, name: str, error: Exception) -> str:
        return (
            f"the {self._what} {name} ({self._from(name)}) cannot be loaded: "
            f"{type(error).__name__}: {' '.join(str(error).split())}. Install it anew"
        )

    def _only(self, name: str) -> EntryPoint:
        points = self._points.get(name)
        if points is None:
            right = near(name, self._points) or f"installed: {', '.join(self.names()) or 'none'}"
            raise Wrong(f"there is no {self._what} {name}; {right}")
        if len(points) > 1:
            raise Wrong(
                f"{len(points)} packages offer a {self._what} {name} ({self._from(name)}); "
                "uninstall all but one"
            )
        return points[0]

    def _from(self, name: str) -> str:
        return ", ".join(
            f"{point.dist.name} {point.dist.version}" if point.dist else point.value
            for point in self._points[name]
        )


def near(word: str, known: Iterable[str]) -> str:
    """``did you mean X?`` for the known word closest to this one, or ""."""
    by_lower = {one.lower(): one for one in known}
    found = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return f"did you mean {by_lower[found[0]]}?" if found else ""


def _driver_faults(kind: object, name: str) -> list[str]:
    if not isinstance(kind, type):
        return ["it is not a class"]
    faults = []
    if getattr(kind, "name", None) != name:
        faults.append(
            f"its name is {getattr(kind, 'name', None)!r} but it is installed as {name!r}"
        )
    if not isinstance(title := getattr(kind, "title", None), str) or not title:
        faults.append("title must be a text")
    port = getattr(kind, "port", None)
    if type(port) is not int or not 1 <= port <= 65535:
        faults.append("port must be a number from 1 to 65535")
    faults += _options_faults(getattr(kind, "Options", None))
    table = getattr(kind, "capabilities", None)
    if not isinstance(table, Sequence) or not all(isinstance(row, Capability) for row in table):
        faults.append("capabilities must be a sequence of Capability")
    if not callable(getattr(kind, "open", None)):
        faults.append("it has no open()")
    return faults


def _options_faults(options: object) -> list[str]:
    if not isinstance(options, type) or not issubclass(options, msgspec.Struct):
        return ["Options must be a msgspec.Struct"]
    config = options.__struct_config__
    faults = []
    if not config.frozen:
        faults.append("Options must be frozen")
    if not config.forbid_unknown_fields:
        faults.append("Options must forbid unknown fields")
    return faults


def _simulator_faults(kind: object, _name: str) -> list[str]:
    if not isinstance(kind, type):
        return ["it is not a class"]
    faults = []
    if not isinstance(getattr(kind, "FAULTS", None), Mapping):
        faults.append("FAULTS must be a mapping")
    for method in ("demo", "values", "change", "__aenter__", "__aexit__"):
        if not callable(getattr(kind, method, None)):
            faults.append(f"it has no {method}()")
    return faults
