"""The EtherNet/IP driver judged by the suite that every driver passes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from goldcopy.driver import Target
from goldcopy.snapshot import Identity, Value
from goldcopy.testing.bench import Bench, Held
from goldcopy.testing.framing import ETHERNET_IP
from goldcopy.testing.powers import TokenedConformance, WritableConformance
from goldcopy_enip import EnipDriver
from goldcopy_enip.options import Options
from goldcopy_sim.enip import LogixSimulator, Structure
from goldcopy_sim.enip.listing import word
from goldcopy_sim.enip.tags import Scope
from goldcopy_sim.enip.types import NONE, type_word

OPTIONS = Options(write_in_run=True)
DENIED = ("tag/Secret", "tag/Guard/Key")


def held(simulator: LogixSimulator) -> Held:
    """What a right driver reads, from the simulator's own state."""
    database = simulator.database
    found: dict[str, tuple[str, Value]] = {
        path_of(address): value for address, value in simulator.values().items()
    }
    for path in DENIED:
        del found[path]
    identity = simulator.identity
    programs = sorted(database.titles.values())
    found |= {
        "identity/device-type": ("UINT", identity.type),
        "identity/product-code": ("UINT", identity.product),
        "identity/status": ("WORD", identity.status),
        "database/version": ("ARRAY[5] OF DWORD", tuple(simulator.version)),
        "database/symbols": ("BYTES", symbols(simulator)),
        "programs": names(programs),
        "tasks": names(sorted(simulator.tasks)),
    }
    for program in programs:
        found[f"routines/{program}"] = names(sorted(routines(database.programs[program.lower()])))
    for kind in simulator.templates.by_number.values():
        found[f"type/{kind.name}"] = "STRING", definition(kind)
    return found


def path_of(address: str) -> str:
    scope, _, name = address.partition(".") if address.startswith("Program:") else ("", "", address)
    parts = name.replace("]", "").replace("[", ".").split(".")
    return "/".join((f"program/{scope[8:]}" if scope else "tag", *parts))


def names(several: list[str]) -> tuple[str, Value]:
    return f"ARRAY[{len(several)}] OF STRING", tuple(several)


def routines(scope: Scope) -> Iterator[str]:
    for symbol in scope.by_number.values():
        if symbol.name.startswith("Routine:"):
            yield symbol.name.removeprefix("Routine:")


def definition(kind: Structure) -> str:
    lines = [f"handle {kind.handle:04x}, {kind.size} bytes"]
    for slot in kind.slots:
        name = slot.type.name
        if slot.length:
            of_bits = name == "DWORD"
            count = 32 * slot.length if of_bits else slot.length
            name = f"ARRAY[{count}] OF {'BOOL' if of_bits else name}"
        bit = "" if slot.bit is None else f".{slot.bit}"
        lines.append(f"{slot.name} : {name} @ {slot.offset}{bit}")
    return "\n".join(lines) + "\n"


def symbols(simulator: LogixSimulator) -> bytes:
    """The tag database as the driver keeps it for its next pull."""
    base = simulator.database
    titles = sorted(base.titles.values())
    scopes = [("", base.controller)] + [(title, base.programs[title.lower()]) for title in titles]
    rows, used = [], set()
    for scope, known in scopes:
        for number, symbol in known.by_number.items():
            place = symbol.place
            if place is None or symbol.system:
                continue
            if isinstance(place.type, Structure):
                used |= set(within(place.type))
            row = (scope, symbol.name, number, word(symbol), place.dims, place.access, symbol.alias)
            rows.append(row)
    templates = {
        kind.instance: (
            kind.name,
            kind.handle,
            kind.size,
            [
                (
                    slot.name,
                    type_word(slot.type) | (0x2000 if slot.length else 0),
                    slot.length if slot.bit is None else slot.bit,
                    slot.offset,
                )
                for slot in kind.slots
            ],
        )
        for kind in sorted(used, key=lambda kind: kind.instance)
    }
    own = {title: sorted(routines(base.programs[title.lower()])) for title in titles}
    kept = (simulator.version, titles, sorted(simulator.tasks), own, rows, templates)
    return json.dumps(kept, separators=(",", ":")).encode()


def within(kind: Structure) -> Iterator[Structure]:
    yield kind
    for slot in kind.slots:
        if isinstance(slot.type, Structure):
            yield from within(slot.type)


class TestLogix(TokenedConformance, WritableConformance):
    @asynccontextmanager
    async def bench(self) -> AsyncIterator[Bench]:
        async with LogixSimulator.demo("line3-palletizer") as simulator:
            yield made(simulator)


def made(simulator: LogixSimulator) -> Bench:
    assert all(
        symbol.place.access == NONE
        for symbol in simulator.database.controller.by_name.values()
        if symbol.name == "Secret" and symbol.place
    )
    who = simulator.identity
    return Bench(
        driver=EnipDriver(),
        target=Target("palletizer", simulator.host, simulator.port, timeout=0.5, options=OPTIONS),
        simulator=simulator,
        framing=ETHERNET_IP,
        identity=Identity(
            vendor="Rockwell Automation/Allen-Bradley",
            product=who.name,
            serial=f"{who.serial:08X}",
            firmware=f"{who.revision[0]}.{who.revision[1]}",
            name="line3_palletizer",
            mode="REMOTE RUN",
        ),
        holds=lambda: held(simulator),
        change=lambda: simulator.change("Recipe[1].Steps[2].Time", 4711),
        gaps=DENIED,
        writes={
            "tag/Speed": 17.25,
            "tag/Zones": tuple(range(-8, 8)),
            "tag/Recipe/2/Name": "BOX/9",
            "tag/Recipe/1/Steps/3/Rotate": not simulator.values()["Recipe[1].Steps[3].Rotate"][1],
            "tag/AlarmFlags": (True, False) * 32,
            "program/Main/Local/LimitHigh": -0.0,
        },
    )
