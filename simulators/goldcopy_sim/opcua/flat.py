"""A controller for benchmarks: many folders of many variables, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime

from .codec import Data, Kind
from .ids import UA, ObjectIds, standard
from .model import Build, Model
from .structures import Field, Structure
from .variable import READ, WRITE

SPACE = "http://example.com/bench"
RANGE = Structure(
    "Range",
    standard(ObjectIds.Range),
    standard(ObjectIds.Range_Encoding_DefaultBinary),
    (Field("Low", Kind.Double), Field("High", Kind.Double)),
)


def flat(folders: int, variables: int, *, properties: bool) -> Model:
    """``folders`` times ``variables`` Doubles; with ``properties``, an EURange for each."""
    build = Build(
        "urn:example:bench",
        "Example Controls",
        "Bench",
        "1.0",
        "1",
        datetime(2026, 1, 1, tzinfo=UTC),
    )
    model = Model([UA, "urn:example:controls:bench", SPACE], build)
    root = model.id(SPACE, "Bench")
    model.object(standard(ObjectIds.ObjectsFolder), root, model.name(SPACE, "Bench"))
    span = Data(Kind.ExtensionObject, RANGE.value({"Low": 0.0, "High": float(variables)}))
    for f in range(folders):
        folder = model.id(SPACE, f"Bench.F{f:03}")
        name = model.name(SPACE, f"F{f:03}")
        model.object(root, folder, name, ObjectIds.FolderType, ObjectIds.Organizes)
        for v in range(variables):
            identifier = f"Bench.F{f:03}.V{v:03}"
            made = model.variable(
                folder,
                model.id(SPACE, identifier),
                model.name(SPACE, f"V{v:03}"),
                Data(Kind.Double, f + v / 1000),
                access=READ | WRITE,
            )
            model.fragile = model.fragile or made
            if properties:
                model.variable(
                    made.node,
                    model.id(SPACE, f"{identifier}.EURange"),
                    model.name(UA, "EURange"),
                    span,
                    structure=RANGE,
                    type_definition=ObjectIds.PropertyType,
                )
    return model
