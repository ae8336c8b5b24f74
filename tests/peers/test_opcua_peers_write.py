"""Writing to other people's OPC UA servers: their own API tells what has arrived."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.peers.peer_process import Peer

from goldcopy.driver import Meter, Target
from goldcopy.errors import Refused
from goldcopy.snapshot import Item, Snapshot, Value
from goldcopy_opcua import OpcUaDriver, OpcUaOptions

from .test_opcua_peers import (
    KINDS,
    PARAMETERS,
    RECIPE,
    asyncua_peer,
    invented,
    node_peer,
    pull,
    same,
    words,
)


async def put_back(port: int, wanted: Mapping[str, Item]) -> tuple[Snapshot, int]:
    """Write these, read all back; the number of groups."""
    options = OpcUaOptions(security="None")
    target = Target("peer", "127.0.0.1", port, 20, options=options)
    async with OpcUaDriver().open_writing(target, Meter()) as writer:
        groups = writer.groups(list(wanted.values()))
        for group in groups:
            await writer.write(group)
        reading = await writer.read()
        identity = await writer.identify()
    found = Snapshot.of("peer", "opcua", identity, reading.items, reading.gaps)
    for path, item in wanted.items():
        assert same(found.by_path[path], item.type, item.value), path
        assert found.by_path[path].label == item.label, path
    return found, len(groups)


def changed(snapshot: Snapshot, path: str, type_: str, value: Value) -> Item:
    return msgspec.structs.replace(snapshot.by_path[path], type=type_, value=value)


async def prepared(peer: Peer, rng: random.Random, half: Any) -> None:  # noqa: ANN401
    """A value of every type, and an array of each."""
    verb = "set" if half else "add"
    for kind in KINDS:
        fit = words if half and kind in ("Int64", "UInt64") else lambda value: value
        one, many = invented(rng, kind)[1], [invented(rng, kind)[1] for _ in range(2)]
        await peer.tell(**{verb: kind}, type=kind, value=fit(one))
        await peer.tell(**{verb: f"{kind}s"}, type=kind, value=[fit(each) for each in many])


def wanted_of(
    snapshot: Snapshot, rng: random.Random, below: str
) -> tuple[dict[str, Item], dict[str, object]]:
    """New items for every type, and what the peer's own API must show of them."""
    items, shown = dict[str, Item](), dict[str, object]()
    for kind in KINDS:
        iec, theirs, value = invented(rng, kind)
        items[f"{below}{kind}"] = changed(snapshot, f"{below}{kind}", iec, value)
        many = [invented(rng, kind) for _ in range(3)]
        path, values = f"{below}{kind}s", tuple(one[2] for one in many)
        items[path] = changed(snapshot, path, f"ARRAY[3] OF {iec}", values)
        if kind not in ("DateTime", "Float"):  # a Float is shown with other digits
            shown[kind], shown[f"{kind}s"] = theirs, [one[1] for one in many]
    return items, shown


@pytest.mark.parametrize("seed", range(3))
async def test_asyncua_holds_what_was_written(seed: int) -> None:
    rng = random.Random(seed)
    async with asyncua_peer() as peer:
        await prepared(peer, rng, half=False)
        await peer.tell(add="Label", type="LocalizedText", value={"made of": ["Tür", "de"]})
        await peer.tell(add="Node", type="NodeId", value={"made of": ["Label", 3]})
        await peer.tell(add="Matrix", type="Int16", value=[[1, 2, 3], [4, 5, 6]])
        before = await pull(peer.port)
        items, shown = wanted_of(before, rng, "peer:")
        node = "nsu=http://example.com/peer;s=Matrix"
        items["peer:Label"] = changed(before, "peer:Label", "STRING", "Fenster 🔥")
        items["peer:Node"] = changed(before, "peer:Node", "STRING", node)
        matrix = (-(2**15), 2, 3, 4)
        items["peer:Matrix"] = changed(before, "peer:Matrix", "ARRAY[2,2] OF INT", matrix)
        _, groups = await put_back(peer.port, items)
        assert groups == 1
        held = {name: (await peer.tell(get=name))["value"] for name in shown}
        assert held == shown
        assert (await peer.tell(get="Label"))["value"] == ["Fenster 🔥", "de"]
        assert (await peer.tell(get="Node"))["value"] == "ns=3;s=Matrix"
        assert (await peer.tell(get="Matrix"))["value"] == [[-(2**15), 2], [3, 4]]


async def test_asyncua_a_member_of_a_structure_is_written_alone() -> None:
    members = {
        "Number": 7, "Title": "Brötchen", "Mode": 2, "Home": [1.5, -0.0],
        "Way": [[1.0, 2.0], [3.0, 4.0]], "Weights": [0.5, 0.25], "Note": "hot", "writable": True,
    }  # fmt: skip
    async with asyncua_peer() as peer:
        await peer.tell(structure=members)
        before = await pull(peer.port)
        items = {
            f"peer:Order/{name}": changed(before, f"peer:Order/{name}", type_, value)
            for name, type_, value in (
                ("Title", "STRING", "Baguette, longer than before"),
                ("Way/1/X", "LREAL", 9.5),
                ("Weights", "ARRAY[3] OF REAL", (1.5, 2.5, 3.5)),
                ("Note", "STRING", "cold"),
            )
        }
        after, groups = await put_back(peer.port, items)
        assert groups == 1
        assert (await peer.tell(get="Order.Title"))["value"] == "Baguette, longer than before"
        assert (await peer.tell(get="Order.Weights"))["value"] == [1.5, 2.5, 3.5]
        assert (await peer.tell(get="Order.Number"))["value"] == 7
    others = {p: i for p, i in before.by_path.items() if p not in items}
    assert {p: after.by_path[p] for p in others} == others


@pytest.mark.parametrize("seed", range(3))
async def test_node_opcua_holds_what_was_written(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    below = f"{PARAMETERS}/peer:"
    async with node_peer(tmp_path) as peer:
        await prepared(peer, rng, half=True)
        await peer.tell(matrix=[1.5, 2.5, 3.5, 4.5, 5.5, -0.0])
        before = await pull(peer.port)
        items, shown = wanted_of(before, rng, below)
        matrix = (-0.0, 1e-300, 3.0, 4.0, 5.0, 6.0)
        items[f"{below}Matrix"] = changed(before, f"{below}Matrix", "ARRAY[2,3] OF LREAL", matrix)
        await put_back(peer.port, items)
        held = {name: (await peer.tell(get=name))["value"] for name in shown}
        assert (await peer.tell(get="Matrix"))["value"] == [0, 1e-300, 3, 4, 5, 6]
    for name, theirs in shown.items():
        if name.startswith(("Int64", "UInt64")):
            theirs = [words(one) for one in theirs] if isinstance(theirs, list) else words(theirs)
        assert str(held[name]).lower() == str(theirs).lower() or held[name] == theirs, name


async def test_node_opcua_members_of_structures_and_refusals(tmp_path: Path) -> None:
    below = f"{PARAMETERS}/peer:"
    async with node_peer(tmp_path) as peer:
        await peer.tell(recipe=RECIPE)
        await peer.tell(recipes=[RECIPE, RECIPE | {"Number": 8}])
        await peer.tell(set="Locked", type="Double", value=4.5)
        await peer.tell(set="Double", type="Double", value=4.5)
        before = await pull(peer.port)
        items = {
            f"{below}{name}": changed(before, f"{below}{name}", type_, value)
            for name, type_, value in (
                ("Recipe/Title", "STRING", "Ciabatta"),
                ("Recipe/Released", "DATE_AND_TIME", "2027-01-02T03:04:05.0060000Z"),
                ("Recipe/Steps/1/Speed", "REAL", 7.5),
                ("Recipes/1/Number", "UINT", 65535),
                ("Recipes/0/Ramp", "ARRAY[1] OF LREAL", (-1e300,)),
            )
        }
        after, groups = await put_back(peer.port, items)
        assert groups == 1
        recipe = (await peer.tell(get="Recipe"))["value"]
        assert (recipe["title"], recipe["number"]) == ("Ciabatta", 7)
        assert recipe["steps"][1]["speed"] == 7.5
        others = {p: i for p, i in before.by_path.items() if p not in items and below in p}
        assert {p: after.by_path[p] for p in others} == others
        locked = msgspec.structs.replace(before.by_path[f"{below}Locked"], access="read-write")
        good = changed(before, f"{below}Double", "LREAL", 5.5)
        with pytest.raises(Refused, match="Locked: the server does not let this user write it"):
            await put_back(peer.port, {good.path: good, locked.path: locked})
        assert (await peer.tell(get="Double"))["value"] == 4.5
