"""The key ``restore``: in which order many devices are put back, and when to stop."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase
from typing import Final

import msgspec

from goldcopy.errors import Wrong
from goldcopy.inventory.document import Node
from goldcopy.inventory.fields import Fields, each
from goldcopy.inventory.mistakes import Gathered
from goldcopy.inventory.scalars import text, whole
from goldcopy.registry import near

ZONE: Final = "zone:"


class RestorePolicy(msgspec.Struct, frozen=True):
    """How a restore of many devices goes."""

    waves: tuple[tuple[str, ...], ...] = ()
    """Patterns of device names, or ``zone:NAME``; what none of them names comes last."""
    stop_after: int = 1
    """So many devices that are not proved, and no further one is begun."""


class Places:
    """What a wave may name."""

    def __init__(self, devices: Sequence[str], zones: Collection[str] | None) -> None:
        """``zones``: None if they cannot be read, so nothing can be said about one."""
        self._devices = devices
        self._zones = zones

    def read(self, node: Node) -> str:
        """A pattern that names something. Raises ``Wrong``."""
        pattern = text(node)
        if pattern.startswith(ZONE):
            zone = pattern.removeprefix(ZONE)
            if self._zones is not None and zone not in self._zones:
                raise Wrong(f"there is no zone {zone}; {near(zone, self._zones) or 'declare it'}")
        elif not any(fnmatchcase(name, pattern) for name in self._devices):
            right = near(pattern, self._devices) or "name one, or zone:NAME"
            raise Wrong(f"no device is called {pattern}; {right}")
        return pattern


def restore_policy(node: Node, mistakes: Gathered, places: Places) -> RestorePolicy:
    """Read ``{waves: [[zone:utilities], [line1-*]], stop_after: 1}``."""
    fields = Fields(node, mistakes, "restore")
    none: tuple[tuple[str, ...], ...] = ()
    waves = fields.take("waves", lambda n: _waves(n, mistakes, places), none)
    stop_after = fields.take("stop_after", whole(1, 10_000), 1)
    fields.close()
    return RestorePolicy(waves, stop_after)


def _waves(node: Node, mistakes: Gathered, places: Places) -> tuple[tuple[str, ...], ...]:
    return tuple(_wave(part, mistakes, places) for part in each(node))


def _wave(node: Node, mistakes: Gathered, places: Places) -> tuple[str, ...]:
    found = []
    try:
        for part in each(node):
            try:
                found.append(places.read(part))
            except Wrong as error:
                mistakes.add(part.place, f"waves: {error}")
    except Wrong as error:
        mistakes.add(node.place, f"waves: a wave {error}")
    return tuple(found)
