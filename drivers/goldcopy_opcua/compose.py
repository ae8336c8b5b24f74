"""What a variable must hold so that an item is read again: its whole value, made of what it holds.

An item tells the value and its IEC type. Built-in type, locale of a text and type of a structure
are those of the variable as it is now; where the item tells that they were others, it is not
written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple

from goldcopy.errors import Unsupported, Wrong
from goldcopy.snapshot import Item, Value

from . import builtin
from .builtin import EXTENSION_OBJECT, NULL, VARIANT, Body, Data, NodeId, Text
from .items import bodies_of, member, segment
from .keys import Keys
from .meant import meant, shape_of
from .places import Steps, changed
from .types import Types
from .values import IEC

_TEXTS = frozenset({builtin.STRING, builtin.XML_ELEMENT})
_NULLABLE = _TEXTS | {builtin.BYTE_STRING}
"""Built-in types with a null of their own; any other is null only as a Variant without type."""


class Held(NamedTuple):
    """A variable as it is now."""

    data: Data
    kind: int
    """The built-in type of its data type, ``VARIANT`` if it is abstract; 0 if not known."""
    rank: int
    """ValueRank: below 0 it may be a scalar (OPC 10000-3, 5.6.2)."""
    member: bool = False
    """Whether it is only a member of a structure."""


class Goal(NamedTuple):
    """An item, and the way into the variable's value."""

    item: Item
    way: str
    """``#Zones[1].Setpoint``, or ``Zones/1/Setpoint``; "" is the whole."""


def composed(held: Held, goals: Sequence[Goal], keys: Keys, types: Types) -> Data:
    """The value with all goals in it. Raises ``Wrong`` and ``Unsupported``, each with a path."""
    wanted = {goal.way: goal.item for goal in goals}
    met: Counter[str] = Counter()

    def change(steps: Steps, data: Data) -> Data:
        now = _within(data) if steps else held._replace(data=data)
        for way in wanted.keys() & {member(steps), "/".join(map(segment, steps))}:
            met[way] += 1
            data = _put(wanted[way], now, keys, types)
        return data

    data = changed(held.data, types, change)
    for goal in goals:
        if met[goal.way] != 1:
            what = "has no such member now" if goal.way else "is taken apart into members now"
            if met[goal.way]:
                what = "has several members that are called so"
            raise Wrong(f"{goal.item.path}: the variable {what}; nothing was written")
    return data


def _put(item: Item, held: Held, keys: Keys, types: Types) -> Data:
    try:
        return _value(item, held, keys, types)
    except (Wrong, Unsupported) as error:
        raise type(error)(f"{item.path}: {error}; nothing was written") from None


def _within(data: Data) -> Held:
    """A member: of one type and rank by its definition."""
    return Held(data, data.kind, len(data.shape) if data.shape is not None else -1, member=True)


def _value(item: Item, held: Held, keys: Keys, types: Types) -> Data:
    if held.data.kind == VARIANT:
        raise Unsupported("a single element of an array of mixed types cannot be written")
    shape, element = shape_of(item.type)
    kind = _kind(held, element, item.label)
    if shape is not None and item.value == ():
        return _nothing(kind, shape, held)
    if kind == EXTENSION_OBJECT:
        return _structures(item, shape, held.data, types)
    made = meant(item.type, item.value, kind, keys, _locales(item, kind, shape, held.data))
    return _nulls(made, held.data)


def _kind(held: Held, element: str, label: str) -> int:
    """The built-in type to write. Raises ``Wrong`` if the item is of another."""
    kind = held.data.kind or held.kind
    if element == IEC.get(kind) or (element == "BYTES" and _broken(label) and kind in _TEXTS):
        return kind
    if held.kind == VARIANT:  # it may hold any type
        for other, name in IEC.items():
            if name == element and other != EXTENSION_OBJECT:
                return other
    raise Wrong(f"it was {element}, and the variable holds {IEC.get(kind, 'nothing known')} now")


def _broken(label: str) -> bool:
    return _note(label, "not UTF-8") is not None


def _note(label: str, start: str) -> str | None:
    """What the label notes at its end after ``start`` (see ``items``)."""
    note = label.rpartition("; ")[2]
    return note.removeprefix(start) if note.startswith(start) else None


def _nothing(kind: int, shape: tuple[int, ...], held: Held) -> Data:
    """An empty array, or null where the variable is a scalar."""
    if held.data.shape is not None or held.rank >= 0:
        return Data(kind, (), shape)
    if kind in _NULLABLE:
        return Data(kind, None)
    if held.member and kind != EXTENSION_OBJECT:
        raise Wrong("a member of this type cannot be null")
    return Data(kind, Body(NodeId(0, 0), 0, None)) if held.member else NULL


def _nulls(made: Data, now: Data) -> Data:
    """Within an array null and empty are told alike: what is null and is to be empty stays so."""
    if made.kind not in _NULLABLE or not isinstance(made.value, tuple):
        return made
    held = now.value if isinstance(now.value, tuple) else ()
    pairs = zip_longest(made.value, held[: len(made.value)], fillvalue="")
    return made._replace(
        value=tuple([None if old is None and not new else new for new, old in pairs])
    )


def _locales(item: Item, kind: int, shape: tuple[int, ...] | None, now: Data) -> list[str]:
    """A locale for each text. Raises ``Wrong`` where it is not known which has which."""
    if kind != builtin.LOCALIZED_TEXT:
        return []
    noted = _note(item.label, "locale ") or ""
    count = len(item.value) if isinstance(item.value, tuple) else 1
    if shape is None or not noted:
        return [noted] * count
    texts = now.value if isinstance(now.value, tuple) else ()
    found = [one.locale if isinstance(one, Text) else "" for one in texts]
    if len(found) != count or ", ".join(sorted(set(found) - {""})) != noted:
        raise Wrong(f"its texts were in {noted}, and which in which is not known")
    return found


def _structures(item: Item, shape: tuple[int, ...] | None, now: Data, types: Types) -> Data:
    """Structures that nobody takes apart, by their bytes; their type is that which is there now."""
    bodies = bodies_of(now) if now.kind == EXTENSION_OBJECT else ()
    known = [body for body in bodies if isinstance(body, Body) and body.form]
    if not known:
        raise Wrong("it holds nothing now, so of which structure its bytes are is not known")
    name = types.label(known[0])
    if _note(item.label, "type ") != name:
        raise Wrong(f"its bytes were not of the type {name} that is there now")
    values = item.value if isinstance(item.value, tuple) else (item.value,)
    made = [_body(one, index, bodies, known[0]) for index, one in enumerate(values)]
    if shape is None:
        return Data(EXTENSION_OBJECT, made[0])
    return Data(EXTENSION_OBJECT, tuple(made), shape)


def _body(value: Value, index: int, bodies: tuple[object, ...], pattern: Body) -> Body:
    """What is there already stays as it is: null and empty have the same bytes."""
    if not isinstance(value, bytes):
        raise Wrong("its content is not at hand")
    now = bodies[index] if index < len(bodies) else None
    if isinstance(now, Body) and (now.body or b"") == value:
        return now
    return pattern._replace(body=value)
