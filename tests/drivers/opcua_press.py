"""An OPC UA controller of few parameters, for restores: a press of one's own making."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from asyncua.ua import SecurityPolicyType

from goldcopy.driver import Target
from goldcopy.snapshot import Identity, Value
from goldcopy.testing.bench import Bench, Held
from goldcopy.testing.framing import OPC_UA
from goldcopy_opcua import OpcUaDriver, OpcUaOptions
from goldcopy_sim.opcua import OpcUaSimulator, Settings
from goldcopy_sim.opcua.ids import UA, ObjectIds, standard
from goldcopy_sim.opcua.machine import DI
from goldcopy_sim.opcua.model import Build, Model
from goldcopy_sim.opcua.place import Place
from goldcopy_sim.opcua.structures import Field, Structure
from goldcopy_sim.opcua.variable import Variable

SPACE = "http://example.com/press"
TYPES = "http://example.com/press/types"
PARAMETERS = "DI:DeviceSet/press:press-1/DI:ParameterSet"


def press() -> Place:
    """A controller without a parameter, and where its parameters go."""
    made = datetime(2026, 1, 1, tzinfo=UTC)
    build = Build("urn:example:press", "Example Controls", "Press", "1.0", "1", made)
    model = Model([UA, "urn:example:controls:press-1", DI, SPACE, TYPES], build)
    objects = standard(ObjectIds.ObjectsFolder)
    devices = model.object(objects, model.id(DI, 5001), model.name(DI, "DeviceSet"))
    return Place(model, devices, SPACE, "Devices").part("press-1").part("ParameterSet", space=DI)


def structure(model: Model, number: int, name: str, *fields: Field, **how: bool) -> Structure:
    """A type of the press."""
    made = Structure(name, model.id(TYPES, number), model.id(TYPES, number + 1), fields, **how)
    return model.structure(standard(ObjectIds.Structure), model.name(TYPES, name), made)


def path(address: str) -> str:
    """Where a snapshot has what the simulator has there."""
    variable, _, way = address.partition("#")
    steps = re.findall(r"[^.\[\]]+", way)
    return "/".join((f"{PARAMETERS}/press:{variable.rpartition('.')[2]}", *steps))


def variables(model: Model) -> dict[str, Variable]:
    """By name."""
    return {str(node.Identifier).rpartition(".")[2]: v for node, v in model.variables.items()}


@asynccontextmanager
async def bench_of(
    model: Model, writes: Mapping[str, Value], patience: float, **settings: int
) -> AsyncIterator[Bench]:
    """The press, running; ``writes`` are by name: ``Recipe/Zones/0/Setpoint``."""
    how = Settings(security=[SecurityPolicyType.NoSecurity], **settings)  # type: ignore[arg-type]
    async with OpcUaSimulator("press-1", model, settings=how) as plc:

        def holds() -> Held:
            return {path(address): typed for address, typed in plc.values().items()}

        yield Bench(
            OpcUaDriver(),
            Target("bench", plc.host, plc.port, patience, options=OpcUaOptions(security="None")),
            plc,
            OPC_UA,
            Identity(),
            holds,
            lambda: None,
            writes={f"{PARAMETERS}/press:{name}": value for name, value in writes.items()},
        )
