"""A write that goes wrong inside the controller: its request as a whole, or one of its values."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import cast
from uuid import UUID

from asyncua import ua

from ..mishap import Mishap, altered
from .codec import FIXED, Body, Data, Kind, Name, Reader, Scalar, Text, encode, number
from .structures import Leaf, Structure, leaves, replace
from .variable import Variable


def carried_out(
    mishap: Mishap | None,
    act: Callable[[], bytes],
    answer: Callable[[bytes], None],
    cut: Callable[[], None],
) -> None:
    """Carry out a request and answer it, more or less.

    Args:
        mishap: what may go wrong with it; None for nothing.
        act: carries it out and gives the answer.
        answer: sends it.
        cut: ends the connection.
    """
    fate = mishap.of_request() if mishap else ""

    def do() -> None:
        reply = act()
        if fate == "cut":
            cut()
        elif fate != "lost":
            for _ in range(2 if fate == "twice" else 1):
                answer(reply)

    if mishap and fate == "late":
        mishap.later(do)
    elif fate != "dropped":
        do()


def clamped(variable: Variable, wanted: Data) -> Data:
    """What is stored instead: of the same type, and other where something was to be changed.

    An array of nothing has no other value: what is there stays.
    """
    many, held = [*wanted.scalars], variable.data.scalars
    if not many:
        return variable.data
    n = next((n for n, one in enumerate(many) if n >= len(held) or one != held[n]), 0)
    if variable.structure is None:
        many[n] = _other(wanted.kind, many[n])
    else:
        many[n] = _other_body(variable.structure, cast(Body, many[n]), held[n : n + 1])
    return wanted._replace(value=many[0] if wanted.shape is None else tuple(many))


def _other(kind: Kind, value: Scalar) -> Scalar:
    """Another value of this type."""
    if kind in FIXED:  # its least significant byte is the first
        return Reader(altered(number(kind, value)[::-1])[::-1]).unpack(kind)
    match value:
        case None:
            return b"" if kind == Kind.ByteString else ""
        case str():
            return value[:-1] or "?"
        case bytes():
            return altered(value) or b"\x00"
        case UUID():
            return UUID(bytes=altered(value.bytes))
        case Name(_, name):
            return value._replace(name=cast(str, _other(Kind.String, name)))
        case Text(text, _):
            return value._replace(text=cast(str, _other(Kind.String, text)))
        case ua.NodeId():
            held = cast("int | str | UUID | bytes", value.Identifier)
            other = held ^ 1 if isinstance(held, int) else _other(Kind.Null, held)
            return dataclasses.replace(value, Identifier=cast(ua.String, other))
    raise TypeError(f"{value!r} has no other value")


def _other_body(structure: Structure, wanted: Body, held: Sequence[Scalar]) -> Body:
    """The first member that was to be changed is another, all others are as they were written."""
    before = {
        leaf.path: _encoded(leaf)
        for body in held
        if isinstance(body, Body)
        for leaf in leaves(structure, structure.unpack(body.body))
    }
    members = structure.unpack(wanted.body)
    leaf = next(
        (
            leaf
            for leaf in leaves(structure, members)
            if leaf.value != [] and before.get(leaf.path) != _encoded(leaf)
        ),
        None,
    )
    if leaf is None:
        return cast(Body, held[0]) if held else wanted
    if isinstance(leaf.value, list):
        first, *rest = cast("list[Scalar]", leaf.value)
        replace(members, leaf.path, [_other(leaf.kind, first), *rest])
    else:
        replace(members, leaf.path, _other(leaf.kind, leaf.value))
    return structure.value(members)


def _encoded(leaf: Leaf) -> list[bytes]:
    many = leaf.value if isinstance(leaf.value, list) else [leaf.value]
    return [encode(leaf.kind, one) for one in cast("list[Scalar]", many)]
