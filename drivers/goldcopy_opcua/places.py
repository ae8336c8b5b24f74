"""The places in a variable's value that have an item each, and how another value gets there.

A structure travels whole. So the other members go back as they were read, byte for byte: whoever
writes one reads the whole just before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from goldcopy.errors import Unsupported

from .codec import EXTENSION_OBJECT, VARIANT, Body, Data, Undecodable
from .encode import member
from .items import bodies_of
from .structures import Located
from .types import Types

Put = Callable[[Data], Data]
"""Takes what the place is to hold, gives the whole value."""


class Place(NamedTuple):
    """One value within another."""

    steps: tuple[str | int, ...]
    """The way there; none if it is the whole."""
    data: Data
    """What it holds now."""
    put: Put


def places(data: Data, types: Types) -> Iterator[Place]:
    """All places of a value: one, or one for each member of a structure (as ``items`` has them)."""
    yield from _within(Place((), data, lambda new: new), types)


def _within(place: Place, types: Types) -> Iterator[Place]:
    steps, data, put = place
    if data.kind == VARIANT:
        yield from _variants(place, types)
        return
    located = _located(data, types) if data.kind == EXTENSION_OBJECT else None
    if located is None:
        yield from _whole(place)
        return
    for index, leaves in enumerate(located):
        within = steps if data.shape is None else (*steps, index)
        for leaf, start, end in leaves:
            into = _into(data, index, start, end, put)
            yield from _within(Place((*within, *leaf.steps), leaf.data, into), types)


def _variants(place: Place, types: Types) -> Iterator[Place]:
    steps, data, put = place
    if isinstance(data.value, Data):
        yield from _within(Place(steps, data.value, lambda new: put(Data(VARIANT, new))), types)
        return
    assert isinstance(data.value, tuple)
    for index, one in enumerate(data.value):
        yield Place((*steps, index), one, _mixed)


def _mixed(_: Data) -> Data:
    raise Unsupported("a single element of an array of mixed types cannot be written")


def _located(data: Data, types: Types) -> list[list[Located]] | None:
    """The leaves of each structure; None unless every one can be taken apart."""
    found = []
    for body in bodies_of(data):
        try:
            leaves = (
                types.locate(body) if isinstance(body, Body) and body.body is not None else None
            )
        except Undecodable:
            leaves = None
        if leaves is None:
            return None
        found.append(leaves)
    return found or None


def _into(data: Data, index: int, start: int, end: int, put: Put) -> Put:
    """Into the bytes of one structure."""

    def into(new: Data) -> Data:
        bodies = [*bodies_of(data)]
        body = bodies[index]
        assert isinstance(body, Body)
        assert body.body is not None
        bodies[index] = body._replace(body=body.body[:start] + member(new) + body.body[end:])
        return put(data._replace(value=bodies[0] if data.shape is None else tuple(bodies)))

    return into


def _whole(place: Place) -> Iterator[Place]:
    """What stays whole; structures of several types each for itself (as ``items`` has them)."""
    steps, data, put = place
    bodies = bodies_of(data) if data.kind == EXTENSION_OBJECT else ()
    if len({body.type for body in bodies if isinstance(body, Body) and body.form}) < 2:
        yield place
        return

    def one(index: int) -> Put:
        def into(new: Data) -> Data:
            return put(data._replace(value=(*bodies[:index], new.value, *bodies[index + 1 :])))

        return into

    for index, body in enumerate(bodies):
        yield Place((*steps, index), Data(EXTENSION_OBJECT, body), one(index))
