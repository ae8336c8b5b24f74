"""Values and types as a backup writes them, back to what a controller holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, cast

from asyncua import ua

from ..service import Recorded
from .codec import Data, Kind, Scalar, Text
from .flat import RANGE
from .ids import StatusCodes
from .place import UNIT
from .structures import Field, Member, Structure
from .text import IEC, meant

Step = str | int
_ARRAY = re.compile(r"ARRAY\[([\d,]+)\] OF (.+)", re.DOTALL)
_STEPS = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
_KINDS = {
    "BOOL": Kind.Boolean, "SINT": Kind.SByte, "USINT": Kind.Byte, "INT": Kind.Int16,
    "UINT": Kind.UInt16, "DINT": Kind.Int32, "UDINT": Kind.UInt32, "LINT": Kind.Int64,
    "ULINT": Kind.UInt64, "REAL": Kind.Float, "LREAL": Kind.Double, "STRING": Kind.String,
    "BYTES": Kind.ByteString, "DATE_AND_TIME": Kind.DateTime,
}  # fmt: skip
"""What several built-in types are written as is held as the plainest of them."""
STANDARD = {"EURange": RANGE, "EngineeringUnits": UNIT}


class Remarks(NamedTuple):
    """What a label says, taken apart."""

    display: str = ""
    status: int = StatusCodes.Good
    locale: str | None = None
    type: str = ""
    """Of bytes that are a structure nobody could take apart."""

    @classmethod
    def of(cls, label: str) -> Remarks:
        """From the label of an item."""
        made = cls()
        for part in filter(None, label.split("; ")):
            if part.startswith("locale "):
                made = made._replace(locale=part.removeprefix("locale "))
            elif part.startswith("type "):
                made = made._replace(type=part.removeprefix("type "))
            elif part.startswith("Uncertain") and hasattr(StatusCodes, part):
                made = made._replace(status=getattr(StatusCodes, part))
            else:
                made = made._replace(display=part)
        return made


def plain(item: Recorded, uris: Sequence[str], value: object = None) -> Data:
    """The value of an item that is no structure. Raises ``ValueError`` for a type nobody knows."""
    locale = Remarks.of(item.label).locale
    found = _ARRAY.fullmatch(item.type)
    name = found[2] if found else item.type
    if name not in _KINDS:
        raise ValueError(f"the type {name} is not known here")
    kind = Kind.LocalizedText if locale is not None else _KINDS[name]

    def one(each: object) -> Scalar:
        if kind == Kind.LocalizedText:
            return Text(cast(str, each), locale)
        return meant(each, kind, uris)  # type: ignore[arg-type]

    held = item.value if value is None else value
    if not found:
        return Data(kind, one(held))
    shape = tuple(map(int, found[1].split(",")))
    return Data(kind, tuple(map(one, cast("tuple[object, ...]", held))), shape)


def steps(address: str) -> tuple[Step, ...]:
    """The way into a structure: ``…#Zones[1].Setpoint`` -> Zones, 1, Setpoint."""
    way = address.partition("#")[2]
    return tuple(int(at) if at else name for at, name in _STEPS.findall(way))


class Definitions:
    """The structures that a backup describes, by the name of their type."""

    def __init__(
        self,
        texts: Mapping[str, str],
        name: Callable[[str, str], ua.NodeId],
    ) -> None:
        """``name`` gives the node of a type: its segment, and what of it."""
        self.enumerations = {
            segment: text.splitlines()[1:]
            for segment, text in texts.items()
            if text.startswith("enumeration")
        }
        self.structures: dict[str, Structure] = {}
        self.lacks: dict[str, str] = {}
        self._texts = texts
        self._name = name
        for segment in texts:
            if segment not in self.enumerations:
                self._structure(segment)

    def fitting(self, leaves: Sequence[tuple[tuple[Step, ...], Recorded]]) -> list[Structure]:
        """Those of which these can be the members."""
        tops = {way[1] if isinstance(way[0], int) else way[0] for way, _ in leaves}
        return [
            one
            for one in self.structures.values()
            if {field.name for field in one.fields if not field.optional} <= tops
            and tops <= {field.name for field in one.fields}
        ]

    def _structure(self, segment: str) -> Structure | None:
        if segment in self.structures:
            return self.structures[segment]
        sort, *lines = self._texts.get(segment, "").splitlines() or [""]
        fields = [self._field(line) for line in lines]
        if sort != "structure" or None in fields:
            self.lacks[f"types/{segment}"] = "a type of this sort is not made anew"
            return None
        made = Structure(
            segment.rpartition(":")[2],
            self._name(segment, "type"),
            self._name(segment, "encoding"),
            tuple(cast("list[Field]", fields)),
        )
        self.structures[segment] = made
        return made

    def _field(self, line: str) -> Field | None:
        name, _, kind = line.rpartition(": ")
        optional = kind.endswith(" optional")
        kind = kind.removesuffix(" optional")
        array = kind.endswith("[]")
        kind = kind.removesuffix("[]")
        if kind in self.enumerations:
            node = self._name(kind, "type")
            return Field(name, Kind.Int32, array, optional, data_type=node)
        if kind in self._texts:
            inner = self._structure(kind)
            return Field(name, inner, array, optional) if inner else None
        built_in = {one.name: one for one in IEC}
        return Field(name, built_in[kind], array, optional) if kind in built_in else None


def members(
    structure: Structure,
    leaves: Sequence[tuple[tuple[Step, ...], Recorded]],
    uris: Sequence[str],
) -> dict[str, Member]:
    """One structure of its leaves. Raises ``ValueError`` if they are not those of this one."""
    held: dict[str, Member] = {}
    for field in structure.fields:
        own = [(way[1:], item) for way, item in leaves if way[0] == field.name]
        if own:
            held[field.name] = _member(field, own, uris)
        elif not field.optional:
            raise ValueError(f"its member {field.name} is not in the backup")
    return held


def _member(
    field: Field, own: Sequence[tuple[tuple[Step, ...], Recorded]], uris: Sequence[str]
) -> Member:
    if isinstance(field.type, Structure):
        if not field.array:
            return members(field.type, own, uris)
        return [members(field.type, part, uris) for part in elements(own)]
    ((_, item),) = own
    found = _ARRAY.fullmatch(item.type)
    if (found[2] if found else item.type) != IEC[field.type]:
        raise ValueError(f"its member {field.name} is a {item.type}")
    locale = Remarks.of(item.label).locale

    def one(value: object) -> Scalar:
        if field.type == Kind.LocalizedText:
            return Text(cast(str, value), locale)
        return meant(value, cast(Kind, field.type), uris)  # type: ignore[arg-type]

    if field.array:
        return [one(each) for each in cast("tuple[object, ...]", item.value)]
    return None if item.value == () else one(item.value)


def elements(
    leaves: Sequence[tuple[tuple[Step, ...], Recorded]],
) -> Iterator[list[tuple[tuple[Step, ...], Recorded]]]:
    """The leaves of each element of an array of structures."""
    if any(not way for way, _ in leaves):
        return  # an array of none
    for at in range(1 + max(cast(int, way[0]) for way, _ in leaves)):
        yield [(way[1:], item) for way, item in leaves if way[0] == at]
