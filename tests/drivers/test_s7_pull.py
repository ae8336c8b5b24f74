"""The S7 driver against the simulated CPU: what it holds, what it costs, what is left out."""

from __future__ import annotations

import msgspec
import pytest
from tests.drivers.s7_plant import (
    USER,
    block_of,
    content,
    everyone_left,
    gaps,
    pull,
)

from goldcopy.errors import Refused, Wrong
from goldcopy.snapshot import Identity
from goldcopy_s7.options import Area, Options, Szl
from goldcopy_sim.s7 import Block, Key, Kind, S7Simulator
from goldcopy_sim.s7 import Identity as Nameplate

MEMORY = (
    Area("DB"),
    Area("I", count=128),
    Area("Q", count=128),
    Area("M", count=256),
    Area("T", count=256),
    Area("C", count=256),
)


@pytest.mark.parametrize("pdu", [240, 480, 960])
@pytest.mark.parametrize("window", [1, 4])
async def test_every_block_and_value_byte_by_byte(pdu: int, window: int) -> None:
    async with S7Simulator.many(220, pdu=pdu) as simulator:
        snapshot, _ = await pull(simulator, Options(data=MEMORY), window=window)
        held = simulator.values()
        await everyone_left(simulator)
    assert not snapshot.gaps
    blocks = [path for path in held if path.startswith("block/")]
    assert len(blocks) == 220
    assert {path.removeprefix("block/").rstrip("0123456789") for path in blocks} == set(USER)
    for path, (_, value) in held.items():
        if path in "tc":
            assert isinstance(value, bytes)
            words = tuple(int.from_bytes(value[at : at + 2], "big") for at in range(0, 512, 2))
            assert content(snapshot, path) == words
        elif path in blocks:
            assert block_of(snapshot, path) == value, path
        else:
            assert content(snapshot, path) == value, path
    for kind in (Kind.SFC, Kind.SFB):
        listed = snapshot.by_path[f"blocks/{kind.name}"].value
        assert listed == tuple(sorted(simulator.numbers(kind)))
    assert not simulator.violations
    assert not any(entry.writes for entry in simulator.log)
    assert simulator.connections.peak == 1


async def test_header_and_footer_leaf_by_leaf() -> None:
    async with S7Simulator.demo("line1-press") as simulator:
        snapshot, _ = await pull(simulator)
        for key, image in simulator.images.items():
            if key.kind.name not in USER:
                continue
            made = Block.parse(bytes(image))
            leaves = {
                item.path.rpartition("/")[2]: item.value
                for item in snapshot.items
                if item.path.startswith(f"block/{key}/")
            }
            assert leaves.pop("language") in ("AWL", "KOP", "FUP", "SCL", "DB", "GRAPH", "SDB")
            assert leaves == {
                "flags": made.flags,
                "security": made.key,
                "load-size": len(image),
                "body-size": len(made.body),
                "interface-size": len(made.interface),
                "attributes-size": len(made.attributes),
                "local-data": made.local_data,
                "code-time": made.code_time.isoformat(sep=" ", timespec="milliseconds"),
                "interface-time": made.interface_time.isoformat(sep=" ", timespec="milliseconds"),
                "author": made.author,
                "family": made.family,
                "name": made.name,
                "version": f"{made.version >> 4}.{made.version & 15}",
                "checksum": made.checksum,
            }


async def test_identity() -> None:
    nameplate = Nameplate(plant="=HALL2", location="row 3", firmware=(3, 2, 8))
    async with S7Simulator(identity=nameplate, running=False) as simulator:
        snapshot, _ = await pull(simulator)
    assert snapshot.identity == Identity(
        vendor="Siemens",
        product="CPU 315-2 PN/DP",
        order_code="6ES7 315-2EH14-0AB0",
        serial="S C-C2UR28922012",
        firmware="V3.2.8",
        name="SIMATIC 300 Station",
        mode="STOP",
        protection="1 (none)",
    )
    assert {path: item.value for path, item in snapshot.by_path.items()} == {
        "identity/module-name": "CPU 315-2 PN/DP",
        "identity/plant": "=HALL2",
        "identity/copyright": "Original Siemens Equipment",
        "identity/memory-card": "MMC 4B1F2C90",
        "identity/location": "row 3",
        "identity/mode-selector": "RUN",
    }


@pytest.mark.parametrize("off", ["order", "names", "mode", "protection"])
async def test_each_status_list_can_be_left_out(off: str) -> None:
    async with S7Simulator.demo("line1-press") as simulator:
        szl = msgspec.convert({off: False}, Szl)
        snapshot, _ = await pull(simulator, Options(szl=szl, blocks=False, data=()))
        lists = [
            entry.detail[:4]
            for entry in simulator.log
            if entry.name == "read SZL" and entry.detail != "continued"
        ]
    every = {"order": "0011", "names": "001c", "mode": "0424", "protection": "0232"}
    if off == "order":  # what may be an F-CPU is not asked for its names
        assert set(lists) == {"0424", "0232"}
        assert "may be an F-CPU" in gaps(snapshot)["szl/001C"]
    else:
        assert set(lists) == set(every.values()) - {every[off]}
        assert not snapshot.gaps


async def test_an_f_cpu_is_spared_what_has_stopped_others() -> None:
    nameplate = Nameplate(order_code="6ES7 317-2FK14-0AB0")
    async with S7Simulator(identity=nameplate) as simulator:
        snapshot, _ = await pull(simulator)
        assert "001c index 0000" not in [entry.detail for entry in simulator.log]
        assert "szl.names: true" in gaps(snapshot)["szl/001C"]
        snapshot, _ = await pull(simulator, Options(szl=Szl(names=True)))
        assert snapshot.identity.serial == "S C-C2UR28922012"


# -- what is left out, and what is refused -------------------------------------------------------


async def test_types_and_areas_as_chosen() -> None:
    async with S7Simulator.many(50) as simulator:
        data = (
            Area("DB", number=1),
            Area("DB", number=2, start=2, count=4),
            Area("M", start=8, count=1),
        )
        snapshot, _ = await pull(simulator, Options(blocks=("OB", "FC"), data=data))
        held = simulator.values()
    kinds = {item.path.split("/")[1] for item in snapshot.items if item.kind == "block"}
    assert {kind.rstrip("0123456789") for kind in kinds} == {"OB", "FC"}
    db2 = held["db/2"][1]
    assert isinstance(db2, bytes)
    assert content(snapshot, "db/1") == held["db/1"][1]
    assert content(snapshot, "db/2/2") == db2[2:6]
    assert content(snapshot, "m/8") == b"\0"
    roles = {path: snapshot.by_path[path].role for path in ("db/1", "db/2/2", "m/8")}
    assert roles == {"db/1": "setting", "db/2/2": "setting", "m/8": "process"}
    assert not snapshot.gaps


@pytest.mark.parametrize(
    ("area", "mistake"),
    [
        ({"area": "M", "number": 8, "count": 1}, "area M has no number"),
        ({"area": "T"}, "area T needs a count"),
        ({"area": "DB", "number": 1, "start": 4}, "needs a count"),
        ({"area": "DB", "count": 4}, "needs the number"),
        ({"area": "X", "count": 4}, "Invalid enum value"),
        ({"area": "DB", "number": 70000}, "65535"),
    ],
)
def test_an_area_that_cannot_be_read_is_a_mistake(area: dict[str, object], mistake: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=mistake):
        msgspec.convert({"data": [area]}, Options)


async def test_one_bad_item_is_one_gap() -> None:
    data = (
        Area("DB", number=1, count=4),
        Area("DB", number=77, count=4),
        Area("M", count=9999),
        Area("DB", number=2, count=60000),
        Area("DB", number=88),
    )
    async with S7Simulator.many(20) as simulator:
        snapshot, _ = await pull(simulator, Options(blocks=False, data=data))
    found = gaps(snapshot)
    assert set(found) == {"db/77", "m", "db/2", "db/88"}
    assert "no such object (item code 0x0a)" in found["db/77"]
    assert "out of range (item code 0x05)" in found["db/2"]
    assert "does not list" in found["db/88"]
    assert "db/1" in snapshot.by_path


async def test_of_two_areas_from_one_start_the_longer_is_read() -> None:
    data = (Area("M", count=8), Area("M", count=64), Area("DB"), Area("DB", number=1, count=2))
    async with S7Simulator.flat(1, 100) as simulator:
        snapshot, _ = await pull(simulator, Options(blocks=False, data=data))
        assert content(snapshot, "m") == bytes(64)
        assert content(snapshot, "db/1") == simulator.values()["db/1"][1]


async def test_an_s7_1500_gives_what_it_permits() -> None:
    data = (Area("DB", number=1, count=100), Area("DB", number=2, count=100), Area("M", count=16))
    async with S7Simulator.flat(2, 100, classic=False, optimized=[2]) as simulator:
        snapshot, _ = await pull(simulator, Options(data=data))
        assert content(snapshot, "db/1") == simulator.values()["db/1"][1]
        found = gaps(snapshot)
        assert set(found) == {"block", "db/2", "szl/0232"}
        assert "S7-1200/1500" in found["block"]
        assert "turn off optimized access" in found["db/2"]
        snapshot, _ = await pull(simulator)
        assert "options.data" in gaps(snapshot)["db"]
        simulator.put_get = False
        snapshot, _ = await pull(simulator, Options(data=data))
        found = gaps(snapshot)
    assert set(found) == {"block", "db/1", "db/2", "m", "szl/0232"}
    assert "permit PUT/GET" in found["db/1"]


async def test_protection_names_its_level_until_the_password_is_given() -> None:
    block = Block(Kind.FC, 1, b"\x65\0" * 300)
    async with S7Simulator(blocks=[block], protection=3, password="goldcopy") as simulator:
        snapshot, _ = await pull(simulator)
        reason = gaps(snapshot)["block/FC1"]
        assert "0xd241" in reason
        assert "level in force: 3" in reason
        assert "block/FC1" not in snapshot.by_path
        assert snapshot.by_path["block/FC1/body-size"].value == 600
        snapshot, _ = await pull(simulator, password="goldcopy")
        assert content(snapshot, "block/FC1") == block.pack()
        with pytest.raises(Refused, match="password was not accepted") as wrong:
            await pull(simulator, password="geheim")
        assert "geheim" not in str(wrong.value)
        with pytest.raises(Wrong, match="eight characters"):
            await pull(simulator, password="much too long")
        await everyone_left(simulator)
    assert not any(entry.writes for entry in simulator.log)


async def test_wrong_place_is_said_so() -> None:
    async with S7Simulator(slot=3) as simulator:
        with pytest.raises(Refused, match="check rack and slot"):
            await pull(simulator)
        await pull(simulator, Options(slot=3))
        await pull(simulator, Options(remote_tsap=0x0303))


async def test_no_connection_free_is_said_so() -> None:
    async with S7Simulator(max_connections=0) as simulator:
        with pytest.raises(Refused, match="no connection is free"):
            await pull(simulator)


async def test_an_empty_cpu_and_an_empty_data_block() -> None:
    async with S7Simulator(blocks=[Block(Kind.DB, 3, b"")]) as simulator:
        snapshot, _ = await pull(simulator)
        assert content(snapshot, "db/3") == b""
        assert not snapshot.gaps
        simulator.delete(Key(Kind.DB, 3))
        snapshot, _ = await pull(simulator)
    assert not snapshot.gaps
    assert not [item for item in snapshot.items if not item.path.startswith("identity/")]
