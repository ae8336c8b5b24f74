"""An OPC UA controller does one write wrong, whichever it is."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import pytest
from tests.drivers.mishaps import KINDS, whichever_write
from tests.drivers.opcua_press import bench_of, press, structure

from goldcopy.snapshot import Value
from goldcopy.testing.bench import Bench
from goldcopy_sim.mishap import REQUESTS, VALUES
from goldcopy_sim.opcua.codec import Kind
from goldcopy_sim.opcua.space import standard_space
from goldcopy_sim.opcua.structures import Field, Member

WRITES: dict[str, Value] = {
    "Enabled": False,
    "Gain": 2.5,
    "Image": bytes((9, 0, 0, 0)),
    "Title": "Türe zu",
    "Ramp": (1.5, -0.0),
    "Zones/1/Limit/High": 250.5,
    "Zones/1/Name": "hot",
    "Recipe/Number": 9,
}
"""Two of them are members of one structure."""
VARIABLES = 7
AT_ONCE = 3
"""Variables in one Write."""
REQUESTED = -(-VARIABLES // AT_ONCE)
SHORT, PATIENCE = 1.0, 5.0
"""Seconds: the first where an answer is waited for that does not come."""


@pytest.fixture(autouse=True, scope="module")
def built() -> None:
    """The standard's nodes, before several controllers build them all at once."""
    standard_space()


def small(patience: float) -> AbstractAsyncContextManager[Bench]:
    place = press()
    model = place.model
    double = Kind.Double
    limits = structure(model, 10, "Limits", Field("Low", double), Field("High", double))
    zone = structure(model, 20, "Zone", Field("Name", Kind.String), Field("Limit", limits))
    recipe = structure(
        model, 30, "Recipe", Field("Number", Kind.UInt16), Field("Zone", zone), Field("Key", double)
    )
    secret = structure(model, 40, "Image", Field("Word", Kind.UInt32), published=False)
    zones = tuple(one("AB"[n], 20.0 * n, 300.0) for n in range(2))
    bodies = tuple(map(zone.value, zones))
    made = recipe.value({"Number": 4, "Zone": one("C", -0.0, 1.0), "Key": 0.5})
    put = place.put
    put("Enabled", Kind.Boolean, True, writable=True)
    put("Gain", double, 0.5, writable=True)
    put("Image", Kind.ExtensionObject, secret.value({"Word": 7}), writable=True, structure=secret)
    put("Title", Kind.String, "auf", writable=True)
    put("Ramp", Kind.Float, (1.0, 2.0), writable=True)
    put("Zones", Kind.ExtensionObject, bodies, writable=True, structure=zone)
    put("Recipe", Kind.ExtensionObject, made, writable=True, structure=recipe)
    put("Spare", double, 0.25, writable=True)
    return bench_of(model, WRITES, patience, max_nodes_per_write=AT_ONCE)


def one(name: str, low: float, high: float) -> dict[str, Member]:
    return {"Name": name, "Limit": {"Low": low, "High": high}}


@pytest.mark.parametrize("kind", KINDS)
async def test_whichever_write_goes_wrong(tmp_path: Path, kind: str) -> None:
    benches = partial(small, SHORT if kind in REQUESTS else PATIENCE)
    receipts = await whichever_write(tmp_path, benches, kind)
    assert len(receipts) == (REQUESTED if kind in REQUESTS else VARIABLES)
    refused = kind == "refused"
    assert all(("BadOutOfRange" in receipt.why) == refused for receipt in receipts)


@pytest.mark.parametrize("kind", VALUES)
async def test_all_go_wrong_from_one_on(tmp_path: Path, kind: str) -> None:
    benches = partial(small, PATIENCE)
    receipts = await whichever_write(tmp_path, benches, kind, lasting=True)
    assert len(receipts) == VARIABLES
