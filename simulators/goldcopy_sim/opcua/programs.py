"""The program of a demo machine, as PLCopen lays it out (OPC 30000): resource, tasks, programs.

OPC UA shows the interface of a program and its tags, never its source.
"""

from __future__ import annotations

import random

from .codec import Kind
from .place import Place
from .types import Types

_TAGS = {
    "oven": ("Heating", "Conveyor", "Exhaust"),
    "packer": ("Infeed", "Sealing", "Cutting"),
}


def programs(controller: Place, kind: str, types: Types, dice: random.Random) -> Place:
    """Put the program below a controller; returns its resource."""
    resource = controller.part("Resources").part("Main")
    tasks = resource.part("Tasks")
    for name, interval, priority in (("Fast", 4_000, 1), ("Slow", 100_000, 8)):
        task = tasks.part(name)
        task.put("IntervalUs", Kind.UInt32, interval, writable=True)
        task.put("Priority", Kind.UInt32, priority, writable=True)
        task.put("Overruns", Kind.UInt32, dice.randrange(20))
    shared = resource.part("GlobalVars")
    for name in ("TargetRate", "MaxRate", "StartDelay", "StopDelay", "LampTest"):
        shared.put(name, Kind.Int32, dice.randrange(1, 5_000), writable=True)
    shared.put("Simulation", Kind.Boolean, False, writable=True)
    every = resource.part("Programs")
    for name in _TAGS[kind]:
        _program(every.part(name), types, dice)
    return resource


def _program(program: Place, types: Types, dice: random.Random) -> None:
    program.put("Step", Kind.Int16, dice.randrange(0, 90, 10))
    program.put("Mode", Kind.Int32, 2, writable=True, data_type=types.mode)
    program.put("Timeout", Kind.Double, float(dice.randrange(5, 60)), writable=True)
    program.put("Interlocks", Kind.UInt16, dice.getrandbits(16), writable=True)
    program.put("Message", Kind.String, "")
    # A function block that is a variable: its parameters are components, not properties.
    block = program.put("Controller", Kind.Int16, dice.randrange(4))
    inside = program.below(block)
    for name, low, high in (("Kp", 0.2, 9.0), ("Ti", 1.0, 90.0), ("Td", 0.0, 9.0)):
        inside.put(name, Kind.Float, round(dice.uniform(low, high), 2), writable=True)
