"""Devices that belong together: a standby, and a second path to the same controller."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from goldcopy.errors import Wrong
from goldcopy.inventory.document import Node, Scalar, Table
from goldcopy.inventory.fields import Fields
from goldcopy.inventory.globs import literal
from goldcopy.inventory.mistakes import Gathered, Place
from goldcopy.inventory.scalars import text
from goldcopy.registry import near


class SameAs(msgspec.Struct, frozen=True):
    """Another device of the inventory that reads the same controller in another way."""

    device: str
    map: tuple[tuple[str, str], ...]
    """Own path -> the other's. Both are single paths, or both end in ``**`` and stand for all
    that is below."""

    def other(self, path: str) -> str | None:
        """Where the other device has what is here at ``path``; None if nobody says so.

        The first entry that fits counts.
        """
        for mine, theirs in self.map:
            if mine == path:
                return theirs
            if mine.endswith("**") and path.startswith(mine[:-2]):
                return theirs[:-2] + path[len(mine) - 2 :]
        return None


class Links:
    """What devices say of one another, checked once all names are known."""

    def __init__(self, mistakes: Gathered) -> None:
        self._mistakes = mistakes
        self._said: list[tuple[Place, str, str, str]] = []
        """Where, by which device, under which key, of which other one."""

    def take(self, fields: Fields, device: str) -> tuple[str, SameAs | None]:
        """Read ``standby_of`` and ``same_as`` of a device."""
        standby_of = fields.take("standby_of", text, "")
        if standby_of:
            self._said.append((fields.at("standby_of"), device, "standby_of", standby_of))
        same_as = fields.take("same_as", self._same_as, None)
        if same_as and same_as.device:
            self._said.append((fields.at("same_as"), device, "same_as", same_as.device))
        return standby_of, same_as

    def check(self, names: Sequence[str]) -> None:
        """Note what names no device, itself, or a standby."""
        standbys = {device for _, device, key, _ in self._said if key == "standby_of"}
        for place, device, key, other in self._said:
            if other == device:
                self._mistakes.add(place, f"{key}: {device} cannot be its own other")
            elif other not in names:
                right = near(other, names) or "name another device of this inventory"
                self._mistakes.add(place, f"{key}: there is no device {other}; {right}")
            elif key == "standby_of" and other in standbys:
                self._mistakes.add(
                    place, f"{key}: {other} is a standby itself; name the active one of the pair"
                )

    def _same_as(self, node: Node) -> SameAs:
        fields = Fields(node, self._mistakes, "same_as")
        device = fields.require("device", text, "", "device: line1-mixer")
        whole: tuple[tuple[str, str], ...] = (("**", "**"),)
        paths = fields.take("map", self._map, whole)
        fields.close()
        return SameAs(device, paths)

    def _map(self, node: Node) -> tuple[tuple[str, str], ...]:
        if not isinstance(node, Table) or not node.parts:
            raise Wrong("needs paths as keys, like `db/5/speed: holding/17`")
        return tuple((key, self._pair(key, part)) for key, part in node.parts.items())

    def _pair(self, mine: str, node: Node) -> str:
        theirs = node.text if isinstance(node, Scalar) else ""
        kinds = {_sort(mine), _sort(theirs)}
        if len(kinds) != 1 or not theirs or "" in kinds:
            self._mistakes.add(
                node.place,
                f"map: {mine} needs one path of the other device; both are single paths, "
                "or both end in /** and stand for all that is below",
            )
        return theirs


def _sort(pattern: str) -> str:
    """``path``, ``folder``, or "" for what can be neither."""
    if pattern == "**" or (pattern.endswith("/**") and literal(pattern[:-3])):
        return "folder"
    return "path" if literal(pattern) else ""
