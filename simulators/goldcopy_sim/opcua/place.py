"""A place in a controller's tree where nodes are put: short words for describing a machine."""

from __future__ import annotations

from typing import NamedTuple, Unpack

from asyncua import ua

from .codec import Data, Kind, Scalar, Text
from .flat import RANGE
from .ids import UA, ObjectIds, standard
from .model import Live, Model, Traits
from .structures import Field, Structure
from .variable import READ, WRITE, Variable

UNIT = Structure(
    "EUInformation",
    standard(ObjectIds.EUInformation),
    standard(ObjectIds.EUInformation_Encoding_DefaultBinary),
    (
        Field("NamespaceUri", Kind.String),
        Field("UnitId", Kind.Int32),
        Field("DisplayName", Kind.LocalizedText),
        Field("Description", Kind.LocalizedText),
    ),
)
UNITS = {
    "CEL": ("°C", "degree Celsius"),
    "P1": ("%", "percent"),
    "NEW": ("N", "newton"),
    "MMT": ("mm", "millimetre"),
    "2X": ("m/min", "metre per minute"),
    "RPM": ("r/min", "revolutions per minute"),
}
"""UNECE codes -> what is shown and what it means (OPC 10000-8, 5.6.3.3)."""


class Place(NamedTuple):
    """A node that others are put under; their ids are its path and their name."""

    model: Model
    node: ua.NodeId
    uri: str
    path: str

    def part(
        self,
        name: str,
        kind: ua.NodeId | int = ObjectIds.BaseObjectType,
        reference: int = ObjectIds.HasComponent,
        *,
        space: str | None = None,
    ) -> Place:
        """An object below; ``space`` qualifies its BrowseName with another namespace."""
        path = f"{self.path}.{name}"
        qualified = self.model.name(self.uri if space is None else space, name)
        node = self.model.object(
            self.node, self.model.id(self.uri, path), qualified, kind, reference
        )
        return self._replace(node=node, path=path)

    def folder(self, name: str) -> Place:
        """A folder below."""
        return self.part(name, ObjectIds.FolderType, ObjectIds.Organizes)

    def put(
        self,
        name: str,
        kind: Kind,
        value: Scalar | tuple[Scalar, ...],
        shape: tuple[int, ...] | None = None,
        *,
        writable: bool = False,
        space: str | None = None,
        **traits: Unpack[Traits],
    ) -> Variable:
        """A variable below; a tuple is an array unless ``shape`` makes it a matrix."""
        if shape is None and type(value) is tuple:  # a Text is a tuple too, and a scalar
            shape = (len(value),)
        qualified = self.model.name(self.uri if space is None else space, name)
        traits.setdefault("access", READ | WRITE * writable)
        return self.model.variable(
            self.node,
            self.model.id(self.uri, f"{self.path}.{name}"),
            qualified,
            Data(kind, value, shape),
            **traits,
        )

    def property(
        self,
        name: str,
        kind: Kind,
        value: Scalar,
        *,
        space: str | None = None,
        structure: Structure | None = None,
    ) -> Variable:
        """A property of this node."""
        return self.put(
            name,
            kind,
            value,
            space=space,
            structure=structure,
            type_definition=ObjectIds.PropertyType,
        )

    def analog(
        self,
        name: str,
        value: float,
        low: float,
        high: float,
        unit: str,
        *,
        live: bool = False,
    ) -> Variable:
        """An AnalogItem (OPC 10000-8, 5.3.2.3); it is either set by hand or moves by itself."""
        made = self.put(
            name,
            Kind.Float,
            value,
            writable=not live,
            type_definition=ObjectIds.AnalogItemType,
        )
        below = self._replace(node=made.node, path=f"{self.path}.{name}")
        span = RANGE.value({"Low": low, "High": high})
        shown, meaning = UNITS[unit]
        cefact = UNIT.value(
            {
                "NamespaceUri": "http://www.opcfoundation.org/UA/units/un/cefact",
                "UnitId": int.from_bytes(unit.encode()),
                "DisplayName": Text(shown, "en"),
                "Description": Text(meaning, "en"),
            }
        )
        below.property("EURange", Kind.ExtensionObject, span, structure=RANGE, space=UA)
        below.property("EngineeringUnits", Kind.ExtensionObject, cefact, structure=UNIT, space=UA)
        if live:
            self.model.live.append(Live(made, low, high))
        return made

    def below(self, variable: Variable) -> Place:
        """A place under a variable that has components of its own."""
        return self._replace(node=variable.node, path=str(variable.node.Identifier))
