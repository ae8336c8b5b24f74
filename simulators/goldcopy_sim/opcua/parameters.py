"""The parameters of a demo machine: every built-in type, and every value that is hard to keep."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from math import inf, nan
from uuid import UUID

from asyncua import ua

from . import text
from .codec import Body, Kind, Name, Text
from .ids import ObjectIds, StatusCodes, standard
from .place import Place
from .structures import Member, Structure
from .types import MODES, Types
from .variable import WRITE


def parameters(place: Place, types: Types, dice: random.Random) -> None:
    """Put them into a ParameterSet."""
    _scalars(place, types, dice)
    _numbers(place, dice)
    _arrays(place, dice)
    _awkward(place)
    _structures(place, types, dice)


def _scalars(place: Place, types: Types, dice: random.Random) -> None:
    """One of each type that is no number."""
    model = place.model
    place.put("KeypadLocked", Kind.Boolean, dice.random() < 0.5, writable=True)
    place.put("MachineTag", Kind.String, f"Linie {dice.randrange(1, 9)} 🔥🏭", writable=True)
    place.put("Commissioned", Kind.DateTime, moment(dice), writable=True)
    place.put("ConfigurationId", Kind.Guid, UUID(int=dice.getrandbits(128)), writable=True)
    place.put("CalibrationKey", Kind.ByteString, dice.randbytes(24), writable=True)
    place.put("Layout", Kind.XmlElement, "<layout columns='2'/>")
    place.put("StartPage", Kind.NodeId, model.id(place.uri, place.path), writable=True)
    base = ua.ExpandedNodeId(ua.Int32(ObjectIds.BaseObjectType))
    place.put("BaseType", Kind.ExpandedNodeId, base)
    index = model.uris.index(place.uri)
    place.put("ActiveView", Kind.QualifiedName, Name(index, "Overview"), writable=True)
    place.put("OperatorNote", Kind.LocalizedText, Text("Tür prüfen", "de"), writable=True)
    place.put("LastFault", Kind.StatusCode, StatusCodes.BadCommunicationError)
    mode = dice.randrange(len(MODES))
    place.put("Mode", Kind.Int32, mode, writable=True, data_type=types.mode)


def _numbers(place: Place, dice: random.Random) -> None:
    """Every width, near its edges."""
    near = dice.randrange(1, 100)
    place.put("TrimOffset", Kind.SByte, -128 + near, writable=True)
    place.put("Language", Kind.Byte, near % 6, writable=True)
    place.put("CountsOffset", Kind.Int16, -32_768 + near, writable=True)
    place.put("StationNumber", Kind.UInt16, near, writable=True)
    place.put("EncoderOffset", Kind.Int32, -(2**31) + near, writable=True)
    place.put("BatchCounter", Kind.UInt32, 2**32 - near)
    place.put("HomePosition", Kind.Int64, -(2**63) + near, writable=True)
    place.put("ServiceCode", Kind.UInt64, 2**64 - near, writable=True)
    place.put("Gain", Kind.Float, round(dice.uniform(0.5, 8), 2), writable=True)
    place.put("IntegralTime", Kind.Double, round(dice.uniform(5, 90), 3), writable=True)
    place.put("Scale", Kind.Double, nan, writable=True)
    place.put("ZeroShift", Kind.Float, -0.0, writable=True)
    place.put("OverrunLimit", Kind.Double, inf, writable=True)
    number = standard(ObjectIds.Number)
    place.put("Anything", Kind.Int16, near, writable=True, data_type=number)


def _arrays(place: Place, dice: random.Random) -> None:
    ramp = tuple(round(dice.uniform(0.5, 5), 2) for _ in range(8))
    place.put("RampTable", Kind.Float, ramp, writable=True)
    place.put("Flags", Kind.Boolean, (True, False, True, True), writable=True)
    place.put("Holidays", Kind.DateTime, (), writable=True)
    place.put("Shifts", Kind.String, ("früh", "", "spät"), writable=True)
    place.put("Services", Kind.DateTime, (moment(dice), moment(dice)), writable=True)
    place.put("Keys", Kind.UInt64, (2**64 - 1, 0), writable=True)
    lanes = tuple(dice.randrange(-500, 500) for _ in range(6))
    place.put("LaneMap", Kind.Int16, lanes, (2, 3), writable=True)
    cube = tuple(dice.random() for _ in range(8))
    place.put("Cube", Kind.Double, cube, (2, 2, 2), writable=True)


def _awkward(place: Place) -> None:
    """Null, Bad, uncertain, hidden, and one that can only be written."""
    place.put("SpareTitle", Kind.String, None, writable=True)
    place.put("SpareLimit", Kind.Double, None, writable=True)
    place.put("DoorSensor", Kind.Double, 0.0, status=StatusCodes.BadSensorFailure)
    place.put("Humidity", Kind.Float, 41.5, status=StatusCodes.UncertainLastUsableValue)
    place.put("ServicePin", Kind.String, "0815", writable=True, secret=True)
    place.put("Acknowledge", Kind.Boolean, False, access=WRITE)


def _structures(place: Place, types: Types, dice: random.Random) -> None:
    """A structure within structures, an array of them, one with options, one unexplained."""
    held = tuple(types.recipe.value(recipe(number, dice)) for number in range(1, 4))
    _put(place, "ActiveRecipe", held[0], types.recipe)
    _put(place, "Recipes", held, types.recipe)
    options: dict[str, Member] = {"Language": 2, "Scanner": "SC-2"}
    _put(place, "Options", types.options.value(options), types.options)
    words: list[Member] = [dice.randrange(65_536) for _ in range(12)]
    image: dict[str, Member] = {"Words": words, "Checksum": dice.getrandbits(32)}
    _put(place, "DriveImage", types.drive.value(image), types.drive)


def _put(place: Place, name: str, value: Body | tuple[Body, ...], structure: Structure) -> None:
    place.put(name, Kind.ExtensionObject, value, writable=True, structure=structure)


def recipe(number: int, dice: random.Random) -> dict[str, Member]:
    """One recipe, in the terms of its structure."""
    zones: list[Member] = [
        {
            "Enabled": dice.random() < 0.8,
            "Setpoint": float(dice.randrange(80, 240)),
            "Alarm": {"Low": 60.0, "High": round(dice.uniform(240, 320), 1)},
        }
        for _ in range(2)
    ]
    return {
        "Number": number,
        "Title": f"Recipe {number} 🍞",
        "Mode": dice.randrange(len(MODES)),
        "Released": moment(dice),
        "Total": {"Low": -0.0, "High": float(number) * 100},
        "Zones": zones,
        "Ramp": [float(dice.randrange(1, 9)) for _ in range(4)],
    }


def moment(dice: random.Random) -> int:
    """Some time in 2024, to the last digit of a DateTime."""
    start = text.ticks(datetime(2024, 1, 1, tzinfo=UTC))
    return start + dice.randrange(366 * 24 * 3600 * 10_000_000)
