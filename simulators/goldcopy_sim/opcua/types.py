"""The data types of Example Controls: an enumeration and the structures of a recipe."""

from __future__ import annotations

from typing import NamedTuple

from asyncua import ua
from asyncua.ua.uaprotocol_hand import DataTypeAttributes

from .codec import Kind
from .ids import ObjectIds, standard
from .model import Model
from .structures import Field, Structure

TYPES = "http://example.com/controls/types/"
MODES = ("Off", "Manual", "Automatic", "Service")


class Types(NamedTuple):
    """What the variables of a machine are made of."""

    mode: ua.NodeId
    recipe: Structure
    options: Structure
    drive: Structure
    """Packed like any other, but its definition is the vendor's secret."""


def describe(model: Model, kind: str) -> Types:
    """Put the types into the type tree.

    Ovens and packers come from two teams: the same NodeId is not the same structure on both.
    """
    mode = _enumeration(model, 3001, "OperatingMode")
    low, high = Field("Low", Kind.Double), Field("High", Kind.Double)
    limits = _structure(model, 3010, "Limits", *((low, high) if kind == "oven" else (high, low)))
    zone = _structure(
        model,
        3020,
        "ZoneRecipe",
        Field("Enabled", Kind.Boolean),
        Field("Setpoint", Kind.Float),
        Field("Alarm", limits),
    )
    recipe = _structure(
        model,
        3030,
        "Recipe",
        Field("Number", Kind.UInt16),
        Field("Title", Kind.String),
        Field("Mode", Kind.Int32, data_type=mode),
        Field("Released", Kind.DateTime),
        Field("Total", limits),
        Field("Zones", zone, array=True),
        Field("Ramp", Kind.Float, array=True),
    )
    options = _structure(
        model,
        3040,
        "Options",
        Field("Language", Kind.Byte),
        Field("Printer", Kind.String, optional=True),
        Field("Scanner", Kind.String, optional=True),
        Field("Interval", Kind.UInt32, optional=True),
    )
    drive = _structure(
        model,
        3050,
        "DriveImage",
        Field("Words", Kind.UInt16, array=True),
        Field("Checksum", Kind.UInt32),
        published=False,
    )
    return Types(mode, recipe, options, drive)


def _structure(
    model: Model, number: int, name: str, *fields: Field, published: bool = True
) -> Structure:
    made = Structure(name, model.id(TYPES, number), model.id(TYPES, number + 1), fields, published)
    return model.structure(standard(ObjectIds.Structure), model.name(TYPES, name), made)


def _enumeration(model: Model, number: int, name: str) -> ua.NodeId:
    fields = [
        ua.EnumField(
            Value=ua.Int64(value), Name=ua.String(mode), DisplayName=ua.LocalizedText(mode)
        )
        for value, mode in enumerate(MODES)
    ]
    attributes = DataTypeAttributes()
    attributes.IsAbstract = False
    attributes.DataTypeDefinition = ua.EnumDefinition(Fields=fields)  # type: ignore[assignment]
    return model.node(
        standard(ObjectIds.Enumeration),
        model.id(TYPES, number),
        model.name(TYPES, name),
        attributes,
        reference=ObjectIds.HasSubtype,
    )
