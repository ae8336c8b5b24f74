"""One variable of a controller: what it holds, who may see it, how it is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from asyncua import ua
from asyncua.ua.uaerrors import UaError

from ..service import Value
from . import text
from .codec import Body, Data, Kind, Scalar, variant
from .ids import StatusCodes
from .settings import Role
from .structures import Leaf, Member, Structure, leaves, replace

READ, WRITE = 1, 2
"""Bits of AccessLevel (OPC 10000-3, 8.57)."""


@dataclass(eq=False)
class Variable:
    """What it holds now, and what a write must look like."""

    node: ua.NodeId
    data: Data
    kind: Kind
    """The type that writes must have, also while the value is null."""
    structure: Structure | None = None
    access: int = READ
    secret: bool = False
    """No user may read it, though the controller can."""
    status: int = StatusCodes.Good
    stamp: int = 0
    _encoded: bytes | None = None

    def put(self, data: Data, status: int = StatusCodes.Good) -> None:
        """Hold another value from now on."""
        self.data, self.status, self.stamp, self._encoded = data, status, text.now(), None

    @property
    def rank(self) -> int:
        """The ValueRank: -1 for a scalar, else the number of dimensions."""
        return rank(self.data)

    @property
    def variant(self) -> bytes:
        """The value as the wire has it."""
        if self._encoded is None:
            self._encoded = variant(self.data)
        return self._encoded

    def level(self, role: Role) -> int:
        """The UserAccessLevel."""
        hidden = READ if self.secret else 0
        return self.access & ~hidden & ~(WRITE if role == "viewer" else 0)

    def refusal(self, role: Role) -> int:
        """Why a user gets no value; Good where there is one (OPC 10000-4, 7.11)."""
        if not self.access & READ:
            return StatusCodes.BadNotReadable
        if not self.level(role) & READ:
            return StatusCodes.BadUserAccessDenied
        return self.status if self.status >> 31 else StatusCodes.Good

    def fits(self, data: Data) -> bool:
        """Whether ``data`` is of this variable's type, dimensions and, if any, structure."""
        if data.kind != self.kind or rank(data) != self.rank:
            return False
        if self.structure is None:
            return True
        try:
            for body in data.scalars:
                if not isinstance(body, Body) or body.encoding != self.structure.encoding:
                    return False
                self.structure.unpack(body.body)
        except UaError:
            return False
        return True

    def told(self, uris: Sequence[str]) -> Iterator[tuple[str, tuple[str, Value]]]:
        """IEC type and value, by the suffix that names a member of a structure."""
        if self.structure is None or not self.structure.published or self.data.value is None:
            yield "", text.told(self.data, uris)
            return
        for index, body in enumerate(self.data.scalars):
            prefix = "#" if self.data.shape is None else f"#[{index}]."
            members = self.structure.unpack(cast(Body, body).body)
            for leaf in leaves(self.structure, members):
                yield prefix + leaf.path, text.told(_leaf_data(leaf), uris)

    def change(self, value: Value, uris: Sequence[str]) -> None:
        """Hold the plain ``value``; an array takes its length from it."""
        kind, before = self.kind, self.data

        def one(plain: Value, old: Scalar) -> Scalar:
            if kind == Kind.ExtensionObject:
                held = cast(Body, before.scalars[0])  # of a structure that nobody explains
                encoding = self.structure.encoding if self.structure else held.encoding
                return Body(encoding, cast(bytes, plain))
            return text.meant(plain, kind, uris, old)

        if not isinstance(value, tuple):
            self.put(Data(kind, one(value, before.value if before.shape is None else None)))  # type: ignore[arg-type]
        elif before.shape is None:
            self.put(Data(kind, None))
        else:
            many = tuple(one(each, None) for each in value)
            shape = before.shape if len(before.shape) > 1 else (len(many),)
            self.put(Data(kind, many, shape))

    def change_member(self, path: str, value: Value, uris: Sequence[str]) -> None:
        """Set one leaf of a structure."""
        assert self.structure
        bodies, index = [cast(Body, body) for body in self.data.scalars], 0
        if self.data.shape is not None:
            number, _, path = path.removeprefix("[").partition("].")
            index = int(number)
        members = self.structure.unpack(bodies[index].body)
        leaf = next(leaf for leaf in leaves(self.structure, members) if leaf.path == path)
        replace(members, path, _member(leaf, value, uris))
        bodies[index] = self.structure.value(members)
        held = bodies[0] if self.data.shape is None else tuple(bodies)
        self.put(Data(Kind.ExtensionObject, held, self.data.shape))


def rank(data: Data) -> int:
    """The ValueRank of a value."""
    return -1 if data.shape is None else len(data.shape)


def _member(leaf: Leaf, value: Value, uris: Sequence[str]) -> Member:
    if isinstance(value, tuple):
        return [text.meant(each, leaf.kind, uris) for each in value]
    return text.meant(value, leaf.kind, uris, cast(Scalar, leaf.value))


def _leaf_data(leaf: Leaf) -> Data:
    if isinstance(leaf.value, list):
        many = tuple(cast("list[Scalar]", leaf.value))
        return Data(leaf.kind, many, (len(many),))
    return Data(leaf.kind, leaf.value)
