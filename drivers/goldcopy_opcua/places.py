"""The places in a variable's value that have an item each, and how other values get there.

A structure travels whole. So the other members go back as they were read, byte for byte: whoever
writes one reads the whole just before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .builtin import EXTENSION_OBJECT, VARIANT, Body, Data
from .codec import Undecodable
from .encode import member
from .items import bodies_of
from .structures import Located
from .types import Types

Steps = tuple[str | int, ...]
"""The way into a value; none if it is the whole."""
Change = Callable[[Steps, Data], Data]
"""Takes the way to a place and what it holds, gives what it is to hold: the same object, if that.

An element of an array of mixed types holds a ``VARIANT``, and cannot be changed.
"""


def changed(data: Data, types: Types, change: Change, steps: Steps = ()) -> Data:
    """A value with all its places changed: one, or one for each member (as ``items`` has them)."""
    if data.kind == VARIANT:
        return _variants(data, types, change, steps)
    located = _located(data, types) if data.kind == EXTENSION_OBJECT else None
    if located is None:
        return _whole(data, change, steps)
    bodies = []
    for index, (body, leaves) in enumerate(located):
        within = steps if data.shape is None else (*steps, index)
        bodies.append(_body(body, leaves, types, change, within))
    return _with(data, bodies)


def _body(
    body: Body, leaves: Sequence[Located], types: Types, change: Change, steps: Steps
) -> Body:
    """One structure, put together from what stays of its bytes and what is other."""
    assert body.body is not None
    parts, at = [], 0
    for leaf, start, end in leaves:
        new = changed(leaf.data, types, change, (*steps, *leaf.steps))
        if new is not leaf.data:
            parts += [body.body[at:start], member(new)]
            at = end
    return body._replace(body=b"".join((*parts, body.body[at:]))) if parts else body


def _variants(data: Data, types: Types, change: Change, steps: Steps) -> Data:
    if isinstance(data.value, Data):
        new = changed(data.value, types, change, steps)
        return data if new is data.value else data._replace(value=new)
    assert isinstance(data.value, tuple)
    for index, one in enumerate(data.value):
        change((*steps, index), Data(VARIANT, one))
    return data


def _located(data: Data, types: Types) -> list[tuple[Body, list[Located]]] | None:
    """The leaves of each structure; None unless every one can be taken apart."""
    found = []
    for body in bodies_of(data):
        if not isinstance(body, Body) or body.body is None:
            return None
        try:
            leaves = types.locate(body)
        except Undecodable:
            return None
        if leaves is None:
            return None
        found.append((body, leaves))
    return found or None


def _whole(data: Data, change: Change, steps: Steps) -> Data:
    """What stays whole; structures of several types each for itself (as ``items`` has them)."""
    bodies = bodies_of(data) if data.kind == EXTENSION_OBJECT else ()
    if len({body.type for body in bodies if isinstance(body, Body) and body.form}) < 2:
        return change(steps, data)
    each = [Data(EXTENSION_OBJECT, body) for body in bodies]
    return _with(data, [change((*steps, index), one).value for index, one in enumerate(each)])


def _with(data: Data, bodies: Sequence[object]) -> Data:
    """The value with other structures; the same object if they are the same."""
    if all(new is old for new, old in zip(bodies, bodies_of(data), strict=True)):
        return data
    return data._replace(value=bodies[0] if data.shape is None else tuple(bodies))
