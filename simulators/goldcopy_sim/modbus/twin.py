"""The memory of a controller out of a backup of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import cast

from goldcopy_sim.service import Recorded, Value

from .encoding import words
from .tables import Bits, Registers, Unit

_OBJECTS = {"vendor": 0, "order_code": 1, "firmware": 2, "product": 4, "name": 6}
"""Field of the identity -> device identification object (6.21)."""


@dataclass
class Loaded:
    """What was made of a backup."""

    unit: int = 1
    bits: dict[str, dict[int, bool]] = field(default_factory=lambda: {"coil": {}, "discrete": {}})
    words: dict[str, dict[int, int]] = field(default_factory=lambda: {"holding": {}, "input": {}})
    """By table; ``file/4`` is one too."""
    fifos: dict[int, list[int]] = field(default_factory=dict)
    objects: dict[int, bytes] = field(default_factory=dict)
    server_id: bytes | None = None
    lacks: dict[str, str] = field(default_factory=dict)

    def memory(self) -> Unit:
        """As a controller has it."""
        return Unit(
            coils=Bits(self.bits["coil"]),
            discretes=Bits(self.bits["discrete"]),
            holding=Registers(self.words["holding"]),
            inputs=Registers(self.words["input"]),
            files={
                int(name.partition("/")[2]): Registers(records)
                for name, records in self.words.items()
                if name.startswith("file/")
            },
            fifos=self.fifos,
        )


def loaded(
    items: Iterable[Recorded], identity: Mapping[str, str], options: Mapping[str, object]
) -> Loaded:
    """All that can be held of these items; ``options`` describe the named registers."""
    found = Loaded(unit=cast(int, options.get("unit_id", 1)))
    named = {
        str(one["name"]): one
        for one in cast("Iterable[Mapping[str, object]]", options.get("registers") or ())
    }
    order = str(options.get("order", "ABCD"))
    plain = []
    for item in items:
        if item.path in named:
            try:
                _name(found, item, named[item.path], order)
            except ValueError as error:
                found.lacks[item.path] = str(error)
        else:
            plain.append(item)
    for item in plain:  # a whole word says more than what was named of it
        if not _hold(found, item):
            found.lacks[item.path] = f"nothing is known at {item.address or 'no address'}"
    for name, number in _OBJECTS.items():
        if identity.get(name):
            found.objects[number] = identity[name].encode()
    return found


def _name(found: Loaded, item: Recorded, described: Mapping[str, object], order: str) -> None:
    table, _, address = item.address.partition("/")
    if table in found.bits:
        found.bits[table][int(address)] = bool(item.value)
        return
    held = found.words[table]
    for at, word in enumerate(words(described, order, item.value), int(address)):
        held[at] = held.get(at, 0) & ~word.own | word.value & word.own


def _hold(found: Loaded, item: Recorded) -> bool:
    table, _, last = item.address.rpartition("/")
    value: Value = item.value
    if item.address == "fc17" and isinstance(value, bytes):
        found.server_id = value
    elif not last.isdecimal():
        return False
    elif table == "fc43" and isinstance(value, str | bytes):
        found.objects[int(last)] = value.encode() if isinstance(value, str) else value
    elif table in found.bits and isinstance(value, bool):
        found.bits[table][int(last)] = value
    elif table == "fifo" and isinstance(value, tuple):
        found.fifos[int(last)] = [cast(int, one) for one in value]
    elif (table in found.words or table.startswith("file/")) and type(value) is int:
        found.words.setdefault(table, {})[int(last)] = value
    else:
        return False
    return True
