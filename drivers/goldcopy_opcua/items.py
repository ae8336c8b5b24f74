"""From what was read of a variable to items: types, roles, limits, members.

Roles: properties, and the writable members of a DI ParameterSet, are settings; every other variable
is a process value until a rule of the inventory says otherwise. ``EURange`` and
``EngineeringUnits`` are settings of their own, since the variable that they describe seldom is one;
its item repeats them as limits and unit, which a restore checks against.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from goldcopy.snapshot import Gap, Item, Role

from . import status
from .builtin import EXTENSION_OBJECT, VARIANT, Body, Data, NodeId, Result, Text
from .codec import Undecodable
from .crawl import Node
from .keys import Keys, escape
from .services import VARIABLE
from .structures import EU_INFORMATION, RANGE, STANDARD, Leaf, leaves
from .types import Types
from .values import IEC, Told, tell

_COMPOUND = frozenset({0, EXTENSION_OBJECT, VARIANT})
_CURRENT_WRITE = 2  # UserAccessLevel (OPC 10000-3, 8.57)
_VOLATILE = frozenset({"OpenCount"})  # of a file: how many have it open just now


class Found(NamedTuple):
    """All that was read of one variable."""

    node: Node
    value: Result
    access: Result
    data_type: NodeId | None
    """Read only where the value does not tell its type: null."""


class Items:
    """Makes items. ``gaps`` collects what no item could be made of."""

    def __init__(self, keys: Keys, types: Types, values: dict[NodeId, Result]) -> None:
        self.gaps: list[Gap] = []
        self._keys = keys
        self._types = types
        self._values = values
        """Values of all variables: properties are looked up for the variable they describe."""

    def of(self, found: Found) -> list[Item]:
        """The items of one variable: one, or one for each member of a structure."""
        node, result = found.node, found.value
        if status.bad(result.status):
            self.gaps.append(Gap(node.path, status.reason(result.status)))
            return []
        if found.access.status and status.bad(found.access.status):
            why = status.reason(found.access.status)
            self.gaps.append(Gap(node.path, f"whether it may be written is not known: {why}"))
        level = found.access.data.value
        writable = isinstance(level, int) and level & _CURRENT_WRITE != 0
        try:
            if result.data.kind in _COMPOUND:
                return [
                    self._item(node, steps, told, result.status, writable)
                    for steps, told in self._parts(found)
                ]
            return [self._item(node, (), tell(result.data, self._keys), result.status, writable)]
        except Undecodable as error:
            self.gaps.append(Gap(node.path, f"its value cannot be kept: {error}"))
            return []

    def _item(
        self, node: Node, steps: tuple[str | int, ...], told: Told, code: int, writable: bool
    ) -> Item:
        path, address = node.path, self._keys.address(node.id)
        low = high = None
        unit = ""
        if steps:
            path += "".join(f"/{segment(step)}" for step in steps)
            address = address and address + member(steps)
        elif node.children:
            low, high = self._range(node)
            unit = self._unit(node)
        return Item(
            path,
            "parameter" if node.property or node.parameter else "tag",
            told.type,
            told.value,
            _role(node, writable),
            "read-write" if writable else "read",
            unit,
            _label(node, code, told.note),
            low,
            high,
            address,
        )

    def _parts(self, found: Found) -> Iterator[tuple[tuple[str | int, ...], Told]]:
        node, data = found.node, found.value.data
        if data.kind == 0:
            yield (), self._null(found.data_type)
            return
        members = _members(node) if node.children else frozenset()
        for leaf in self._opened(node, Leaf((), data)):
            if not leaf.steps or leaf.steps[0] not in members:
                yield leaf.steps, self._tell(leaf.data)

    def _null(self, data_type: NodeId | None) -> Told:
        kind = self._types.kind(data_type) if data_type is not None else 0
        return Told(f"ARRAY[0] OF {IEC.get(kind, 'BYTES')}", ())

    def _opened(self, node: Node, leaf: Leaf) -> Iterator[Leaf]:
        """Take structures apart, whatever they hold; those without definition stay whole."""
        steps, data = leaf
        if data.kind == VARIANT:
            yield from self._variants(node, leaf)
            return
        if data.kind != EXTENSION_OBJECT:
            yield leaf
            return
        bodies = bodies_of(data)
        opened = self._all_apart(node, bodies)
        if opened is None:
            yield from _whole(leaf)
            return
        for index, found in enumerate(opened):
            within = steps if data.shape is None else (*steps, index)
            for one in found:
                yield from self._opened(node, Leaf((*within, *one.steps), one.data))

    def _variants(self, node: Node, leaf: Leaf) -> Iterator[Leaf]:
        steps, data = leaf
        if isinstance(data.value, Data):
            yield from self._opened(node, Leaf(steps, data.value))
            return
        assert isinstance(data.value, tuple)
        if not data.value:
            yield Leaf(steps, Data(EXTENSION_OBJECT, (), (0,)))
        for index, one in enumerate(data.value):
            yield from self._opened(node, Leaf((*steps, index), one))

    def _all_apart(self, node: Node, bodies: tuple[object, ...]) -> list[list[Leaf]] | None:
        """The leaves of each body; None unless every one can be taken apart."""
        opened = []
        for body in bodies:
            if not isinstance(body, Body) or body.body is None:
                return None
            try:
                found = self._types.take_apart(body)
            except Undecodable as error:
                why = f"its value does not fit the definition of its type ({error}); kept as bytes"
                if all(gap.path != node.path for gap in self.gaps[-1:]):
                    self.gaps.append(Gap(node.path, why))
                return None
            if found is None:
                return None
            opened.append(found)
        return opened or None

    def _tell(self, data: Data) -> Told:
        """A leaf; structures that stayed whole are their bytes, labelled with their type."""
        if data.kind == 0:
            return Told("ARRAY[0] OF BYTES", ())
        if data.kind != EXTENSION_OBJECT:
            return tell(data, self._keys)
        bodies = bodies_of(data)
        names = {self._types.label(body) for body in bodies if isinstance(body, Body) and body.form}
        raw = [body.body if isinstance(body, Body) else None for body in bodies]
        note = f"type {', '.join(sorted(names))}" if names else ""
        told = tell(data._replace(value=tuple(raw) if data.shape else raw[0]), self._keys)
        return told._replace(note=note)

    def _range(self, node: Node) -> tuple[float | None, float | None]:
        """Low and high of the variable's EURange (OPC 10000-8, 5.3.2)."""
        found = self._property(node, "EURange", RANGE)
        if len(found) != 2 or any(type(one) is not float or one != one for one in found):
            return None, None
        return found[0], found[1]  # type: ignore[return-value]

    def _unit(self, node: Node) -> str:
        """The unit's display name (OPC 10000-8, 5.6.4.3)."""
        found = self._property(node, "EngineeringUnits", EU_INFORMATION)
        return found[2].text if len(found) == 4 and isinstance(found[2], Text) else ""

    def _property(self, node: Node, name: str, encoding: NodeId) -> list[object]:
        child = node.child(name) if node.children else None
        result = self._values.get(child.id) if child is not None else None
        body = result.data.value if result is not None and not status.bad(result.status) else None
        if not isinstance(body, Body) or body.type != encoding:
            return []
        try:
            return [leaf.data.value for leaf in leaves(body, STANDARD[encoding], self._kind)]
        except Undecodable:
            return []  # its own item tells

    def _kind(self, data_type: NodeId) -> int:
        return self._types.kind(data_type)


def bodies_of(data: Data) -> tuple[object, ...]:
    """The ExtensionObjects of a value; one of a scalar."""
    if data.shape is None:
        return (data.value,)
    assert isinstance(data.value, tuple)
    return data.value


def _whole(leaf: Leaf) -> Iterator[Leaf]:
    """Structures that cannot be taken apart: an array of one type stays one leaf."""
    steps, data = leaf
    bodies = bodies_of(data)
    if len({body.type for body in bodies if isinstance(body, Body) and body.form}) < 2:
        yield leaf
        return
    for index, body in enumerate(bodies):
        yield Leaf((*steps, index), Data(EXTENSION_OBJECT, body))


def _members(node: Node) -> frozenset[str | int]:
    """Members that the server also shows as variables: their own items hold the values."""
    names: set[str | int] = set()
    for child in node.children:
        if child.node_class == VARIABLE and not child.property:
            name = child.name.name
            names.add(name)
            index = name.removeprefix("[").removesuffix("]")
            if index.isdecimal():
                names.add(int(index))
    return frozenset(names)


def _role(node: Node, writable: bool) -> Role:
    if node.property:
        return "diagnostic" if node.name.name in _VOLATILE else "setting"
    return "setting" if node.parameter and writable else "process"


def _label(node: Node, code: int, note: str) -> str:
    """How people call it, whether the server doubts the value, what the value does not say."""
    shown = "" if node.display == node.name.name else node.display
    if not code and not note:
        return shown
    doubt = status.name(code) if status.uncertain(code) else ""
    return "; ".join(part for part in (shown, doubt, note) if part)


def segment(step: str | int) -> str:
    """The part of a path that leads into a structure."""
    return str(step) if isinstance(step, int) else escape(step)


def member(steps: tuple[str | int, ...]) -> str:
    """The part of an address that leads into a structure: ``#Zones[1].Setpoint``."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return "#" + text.removeprefix(".") if text else ""
