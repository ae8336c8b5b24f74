"""The demo machines: an oven or a packer by a vendor that does not exist, Example Controls.

The same name always gives the same machine. Besides what a machine is for, it holds what makes
OPC UA hard to back up: every built-in type, values that are null, NaN, Bad or hidden, structures
with and without a definition, loops, and one node on two paths.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

from .codec import Data, Kind, Text
from .ids import UA, ObjectIds, standard
from .model import Build, Model
from .parameters import parameters
from .place import Place
from .programs import programs
from .types import TYPES, describe

DI = "http://opcfoundation.org/UA/DI/"
IO = "http://example.com/controls/io/"
VENDOR = "Example Controls"

_PROJECT_SIZE = 300_000


class Kit(NamedTuple):
    """What sets one kind of machine apart."""

    kind: str
    product: str
    zone: str
    set: tuple[str, float, float, str]
    """Name, low, high and unit of what is set for each zone."""
    actual: tuple[str, float, float, str]


KITS = (
    Kit(
        "oven",
        "EC-OV6 tunnel oven",
        "Zone",
        ("Setpoint", 20.0, 320.0, "CEL"),
        ("HeaterOutput", 0.0, 100.0, "P1"),
    ),
    Kit(
        "packer",
        "EC-PK6 flow packer",
        "Lane",
        ("FilmSpeed", 0.0, 120.0, "2X"),
        ("FilmTension", 0.0, 80.0, "NEW"),
    ),
)


def machine(name: str, *, reorder: bool = False) -> Model:
    """All that the machine ``name`` holds."""
    dice = random.Random(name)
    picked = dice.choice(KITS)
    kit = next((each for each in KITS if each.kind in name), picked)
    space = f"http://example.com/{kit.kind}"
    uris = [DI, TYPES, space, IO]
    if reorder:
        uris.reverse()
    revision = f"3.{dice.randrange(10)}.{dice.randrange(20)}"
    build = Build(
        f"urn:example:controls:{kit.kind}",
        VENDOR,
        kit.product,
        revision,
        str(dice.randrange(1000, 9999)),
        datetime(2025, dice.randrange(1, 13), dice.randrange(1, 29), tzinfo=UTC),
    )
    model = Model([UA, f"urn:example:controls:{name}", *uris], build)
    types = describe(model, kit.kind)
    device = _device(model, name, kit, space, dice)
    _zones(device, kit, dice)
    own = device.part("ParameterSet", space=DI)
    parameters(own, types, dice)
    top = Place(model, standard(ObjectIds.ObjectsFolder), space, "Controller")
    controller = top._replace(path="PLC").part("Controller")
    main = programs(controller, kit.kind, types, dice)
    model.link(main.node, ObjectIds.Organizes, controller.node)
    _files(controller, dice)
    _inputs(model, device)
    return model


def _device(model: Model, name: str, kit: Kit, space: str, dice: random.Random) -> Place:
    """The nameplate of OPC 10000-100, 4.5."""
    device_set = model.object(
        standard(ObjectIds.ObjectsFolder), model.id(DI, 5001), model.name(DI, "DeviceSet")
    )
    top = Place(model, device_set, space, "Devices")
    device = top.part(name)
    serial = f"EC{dice.randrange(10**8):08}"
    plate = [
        device.property(label, kind, value, space=DI).node
        for label, kind, value in (
            ("Manufacturer", Kind.LocalizedText, Text(VENDOR, "en")),
            ("ManufacturerUri", Kind.String, "http://example.com/controls"),
            ("Model", Kind.LocalizedText, Text(kit.product, "en")),
            ("ProductCode", Kind.String, kit.product.split()[0]),
            ("SerialNumber", Kind.String, serial),
            ("HardwareRevision", Kind.String, dice.choice("ABCD")),
            ("SoftwareRevision", Kind.String, model.build.software),
            ("DeviceRevision", Kind.String, "1"),
            ("RevisionCounter", Kind.Int32, dice.randrange(1, 400)),
        )
    ]
    identification = device.part("Identification", space=DI)
    for node in plate:
        model.link(identification.node, ObjectIds.Organizes, node)
    return device


def _zones(device: Place, kit: Kit, dice: random.Random) -> None:
    """Six zones: something to set, something measured, both with unit and range."""
    model = device.model
    favourites = device.folder("Favourites")
    for number in range(1, 7):
        zone = device.part(f"{kit.zone}{number}")
        label, low, high, unit = kit.set
        wanted = round(dice.uniform(low, high), 1)
        made = zone.analog(label, wanted, low, high, unit)
        zone.analog(f"{label}Actual", wanted, low, high, unit, live=True)
        label, low, high, unit = kit.actual
        zone.analog(label, round(dice.uniform(low, high), 2), low, high, unit, live=True)
        zone.put("Enabled", Kind.Boolean, dice.random() < 0.8, writable=True)
        model.link(favourites.node, ObjectIds.Organizes, made.node)
        if model.fragile is None:
            range_of_it = f"{device.path}.{kit.zone}{number}.{kit.set[0]}.EURange"
            model.fragile = model.variables[model.id(device.uri, range_of_it)]


def _files(controller: Place, dice: random.Random) -> None:
    folder = controller.folder("Files")
    lines = [f"{n};recipe {n};{dice.randrange(50, 300)}" for n in range(40)]
    for label, content in (
        ("Project.zip", dice.randbytes(_PROJECT_SIZE)),
        ("Recipes.csv", "\n".join(lines).encode()),
        ("Empty.log", b""),
    ):
        model = folder.model
        node = model.id(folder.uri, f"{folder.path}.{label}")
        model.file(folder.node, node, model.name(folder.uri, label), content)


def _inputs(model: Model, device: Place) -> None:
    """Ids of all four kinds; and a second child called Status, in another namespace."""
    device.put("Status", Kind.UInt16, 3)
    base = model.object(
        device.node, model.id(IO, 1000), model.name(IO, "Status"), ObjectIds.FolderType
    )
    place = Place(model, base, IO, "Inputs")
    identifiers: tuple[int | UUID | bytes, ...] = (
        1001,
        uuid5(NAMESPACE_URL, device.path),
        b"\x00\xffin 3",
    )
    place.put("Emergency", Kind.Boolean, False)
    for number, identifier in enumerate(identifiers):
        model.variable(
            base,
            model.id(IO, identifier),
            model.name(IO, f"Input{number + 1}"),
            Data(Kind.Int16, -number),
        )
