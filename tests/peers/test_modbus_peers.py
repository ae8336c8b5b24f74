"""Other people's Modbus servers: what was set by their own API is what the snapshot holds."""

from __future__ import annotations

import random
import struct
import sys
from pathlib import Path

import msgspec
import pytest
from tests.peers.peer_process import Peer, serving

from goldcopy.driver import Courtesy, Meter, Target
from goldcopy.errors import Refused
from goldcopy.snapshot import Gap, Identity, Snapshot, Value
from goldcopy_modbus import ModbusDriver, Options

HERE = Path(__file__).parent
PEERS_PYTHON = HERE.parents[1] / ".peers" / "py" / "bin" / "python"
LIBMODBUS = (sys.executable, str(HERE / "libmodbus_server.py"))
assert PEERS_PYTHON.exists(), "no Python for the peers: run tests/peers/setup first"
PYMODBUSTCP = (str(PEERS_PYTHON), str(HERE / "pymodbustcp_server.py"))
BOTH = pytest.mark.parametrize(
    "command", [LIBMODBUS, PYMODBUSTCP], ids=["libmodbus", "pyModbusTCP"]
)

SIZE = {"holding": 3000, "input": 300, "coil": 5000, "discrete": 77}
ILLEGAL = "illegal data address (exception 2)"


async def dump(peer: Peer, table: str) -> list[int]:
    return list((await peer.tell(dump=table))["values"])


async def pull(port: int, window: int = 1, **options: object) -> Snapshot:
    chosen = msgspec.convert(options, Options)
    target = Target("peer", "127.0.0.1", port, courtesy=Courtesy(window=window), options=chosen)
    async with ModbusDriver().open(target, Meter()) as session:
        identity = await session.identify()
        reading = await session.read()
    return Snapshot.of("peer", "modbus", identity, reading.items, reading.gaps)


def raw(snapshot: Snapshot) -> dict[str, object]:
    return {item.path: item.value for item in snapshot.items}


def whole() -> list[dict[str, object]]:
    return [{"table": table, "start": 0, "count": count} for table, count in SIZE.items()]


@BOTH
@pytest.mark.parametrize("window", [1, 8])
async def test_the_snapshot_holds_what_was_set(command: tuple[str, str], window: int) -> None:
    rng = random.Random(window)
    held: dict[str, list[int]] = {
        table: [rng.randrange(2 if table in ("coil", "discrete") else 1 << 16) for _ in range(size)]
        for table, size in SIZE.items()
    }
    async with serving(command, size=SIZE) as peer:
        for table, values in held.items():
            for start in range(0, len(values), 500):
                await peer.tell(**{table: [start, *values[start : start + 500]]})
        first = await pull(peer.port, window, identify=False, ranges=whole())
        await peer.tell(holding=[2999, held["holding"][2999] ^ 1])
        second = await pull(peer.port, window, identify=False, ranges=whole())
    assert first.gaps == second.gaps == ()
    assert raw(first) == {f"{t}/{n}": value for t in held for n, value in enumerate(held[t])}
    assert dict(raw(second).items() - raw(first).items()) == {
        "holding/2999": held["holding"][2999] ^ 1
    }
    assert {type(item.value) for item in first.items} == {int, bool}


@BOTH
async def test_a_range_beyond_what_the_peer_has_costs_one_gap(command: tuple[str, str]) -> None:
    async with serving(command, size={"holding": 330, "coil": 10}) as peer:
        await peer.tell(holding=[0, *range(1000, 1330)])
        await peer.tell(coil=[0, *[1, 0] * 5])
        ranges = [
            {"table": "holding", "start": 0, "count": 400},
            {"table": "coil", "start": 5, "count": 20},
        ]
        registers = [
            {"name": "last", "table": "holding", "address": 329, "type": "uint16"},
            {"name": "half", "table": "holding", "address": 329, "type": "uint32"},
        ]
        snapshot = await pull(peer.port, 4, identify=False, ranges=ranges, registers=registers[:1])
        cut = await pull(peer.port, identify=False, registers=registers[1:])
    wanted = {f"holding/{n}": 1000 + n for n in range(329)} | {"last": 1329}
    assert raw(snapshot) == wanted | {f"coil/{n}": n % 2 == 0 for n in range(5, 10)}
    assert snapshot.gaps == (Gap("coil/10..24", ILLEGAL), Gap("holding/330..399", ILLEGAL))
    assert (cut.items, cut.gaps) == ((), (Gap("half", ILLEGAL),))


async def test_floats_set_by_libmodbus_in_each_byte_order_are_read() -> None:
    """Its versions differ in the letters that they give to an order: a known value tells."""
    letters = {0x47F12000: "ABCD", 0x0020F147: "DCBA", 0xF1470020: "BADC", 0x200047F1: "CDAB"}
    values = [1.5, -0.1, 3.4028234663852886e38, 1e-45]
    async with serving(LIBMODBUS, size={"holding": 40}) as peer:
        registers = []
        orders = set()
        for n, theirs in enumerate(("abcd", "dcba", "badc", "cdab")):
            await peer.tell(float=theirs, at=38, value=123456.0)
            known = {"name": "known", "table": "holding", "address": 38, "type": "uint32"}
            (item,) = (await pull(peer.port, identify=False, registers=[known])).items
            assert isinstance(item.value, int)
            order = letters[item.value]
            orders.add(order)
            for m, value in enumerate(values):
                at = 8 * n + 2 * m
                await peer.tell(float=theirs, at=at, value=value)
                place = {"table": "holding", "address": at, "type": "float32"}
                registers.append({"name": f"{order}/{value}", "order": order, **place})
        snapshot = await pull(peer.port, identify=False, registers=registers)
    assert orders == {"ABCD", "DCBA", "BADC", "CDAB"}
    assert len(snapshot.items) == 16
    for item in snapshot.items:
        wanted = float(item.path.partition("/")[2])
        assert item.value == struct.unpack("f", struct.pack("f", wanted))[0]


async def test_libmodbus_tells_its_server_id_and_has_no_device_identification() -> None:
    async with serving(LIBMODBUS, size={"holding": 5}) as peer:
        await peer.tell(holding=[0, 1, 2, 3, 4, 5])
        snapshot = await pull(peer.port, ranges=[{"table": "holding", "start": 0, "count": 5}])
    held = raw(snapshot)
    server_id = held.pop("device/ServerId")
    assert isinstance(server_id, bytes)
    assert server_id[:5] == b"\xb4\xffLMB"
    assert held == {f"holding/{n}": n + 1 for n in range(5)}
    assert snapshot.identity == Identity()
    assert snapshot.gaps == ()


async def test_pymodbustcp_hangs_up_on_function_17_and_is_still_read() -> None:
    async with serving(PYMODBUSTCP, size={"holding": 5}) as peer:
        await peer.tell(holding=[0, 1, 2, 3, 4, 5])
        ranges = [{"table": "holding", "start": 0, "count": 5}]
        snapshot = await pull(peer.port, ranges=ranges)
        listed = await pull(peer.port, ranges=ranges, identify=["fc43"])
    assert raw(snapshot) == {f"holding/{n}": n + 1 for n in range(5)}
    assert [gap.path for gap in snapshot.gaps] == ["device/ServerId"]  # nobody knows
    assert "it closed the connection instead of an answer" in snapshot.gaps[0].reason
    assert [gap.path for gap in listed.gaps] == ["device"]  # listed, and refused
    assert ILLEGAL in listed.gaps[0].reason


async def test_pymodbustcp_tells_its_identity() -> None:
    texts = ["Vendor", "Code", "V1.2", "http://v", "Product", "Model", "Name"]
    async with serving(PYMODBUSTCP, size={"holding": 1}, identity=texts) as peer:
        snapshot = await pull(peer.port, identify=["fc43"])
    assert snapshot.identity == Identity(
        vendor="Vendor", order_code="Code", firmware="V1.2", product="Product", name="Name"
    )
    assert raw(snapshot) == {"device/VendorUrl": "http://v", "device/ModelName": "Model"}
    assert snapshot.gaps == ()


# -- writing: the servers' own memory tells what has arrived ---------------------------------------


async def put_back(port: int, values: dict[str, Value], **options: object) -> Meter:
    """Write these and read them back; what the writes have cost."""
    chosen, meter = msgspec.convert({"identify": False, **options}, Options), Meter()
    target = Target("peer", "127.0.0.1", port, options=chosen)
    async with ModbusDriver().open_writing(target, meter) as writer:
        items = {item.path: item for item in (await writer.read()).items}
        wanted = [msgspec.structs.replace(items[path], value=one) for path, one in values.items()]
        before = meter.requests
        for group in writer.groups(wanted):
            await writer.write(group)
        meter.requests -= before
        spent = meter.requests
        found = {item.path: item.value for item in (await writer.read()).items}
        meter.requests = spent
    assert found == {**{path: item.value for path, item in items.items()}, **values}
    return meter


@BOTH
@pytest.mark.parametrize("functions", [[5, 6], [15, 16], [5, 6, 15, 16]], ids=str)
async def test_what_is_written_is_what_the_peer_holds(
    command: tuple[str, str], functions: list[int]
) -> None:
    rng = random.Random(7)
    size = {"holding": 300, "coil": 2500}
    places = {t: sorted(rng.sample(range(n), n // 2)) for t, n in size.items()}
    values: dict[str, Value] = {f"holding/{n}": rng.randrange(1 << 16) for n in places["holding"]}
    values |= {f"coil/{n}": rng.random() < 0.5 for n in places["coil"]}
    ranges = [{"table": table, "start": 0, "count": count} for table, count in size.items()]
    if functions == [5, 6]:
        values = dict([*values.items()][::10])
    async with serving(command, size=size) as peer:
        await peer.tell(holding=[0, *range(300)])
        await put_back(peer.port, values, ranges=ranges, write_functions=functions)
        held = {table: await dump(peer, table) for table in size}
    wanted = {"holding": list(range(300)), "coil": [0] * 2500}
    for path, value in values.items():
        table, _, number = path.partition("/")
        wanted[table][int(number)] = int(value)  # type: ignore[arg-type]
    assert held == wanted


@BOTH
async def test_whole_tables_are_written_in_the_fewest_requests(command: tuple[str, str]) -> None:
    size = {"holding": 1000, "coil": 5000}
    values: dict[str, Value] = {f"holding/{n}": n ^ 0xFFFF for n in range(1000)}
    values |= {f"coil/{n}": n % 7 == 0 for n in range(5000)}
    ranges = [{"table": table, "start": 0, "count": count} for table, count in size.items()]
    async with serving(command, size=size) as peer:
        meter = await put_back(peer.port, values, ranges=ranges)
    assert meter.requests == -(-1000 // 123) + -(-5000 // 1968)


@BOTH
async def test_named_values_arrive_in_each_byte_order(command: tuple[str, str]) -> None:
    """Judged by the registers that libmodbus' and struct's own bytes would be."""
    layouts = {
        "ABCD": (0, 1, 2, 3),
        "DCBA": (3, 2, 1, 0),
        "BADC": (1, 0, 3, 2),
        "CDAB": (2, 3, 0, 1),
    }
    registers, values, wanted = [], dict[str, Value](), list[int]()
    for n, (order, places) in enumerate(layouts.items()):
        place = {"table": "holding", "address": 2 * n}
        registers.append({"name": order, "type": "float32", "order": order, **place})
        values[order] = -123456.5
        raw = struct.pack(">f", -123456.5)
        wanted += struct.unpack(">2H", bytes(raw[place] for place in places))
    registers.append(
        {"name": "text", "table": "holding", "address": 8, "type": "string", "length": 4}
    )
    registers.append(
        {"name": "temp", "table": "holding", "address": 10, "type": "int16", "scale": 0.1}
    )
    values |= {"text": "ab", "temp": -21.5}
    wanted += [0x6162, 0, -215 & 0xFFFF]
    async with serving(command, size={"holding": 11}) as peer:
        meter = await put_back(peer.port, values, registers=registers)
        assert await dump(peer, "holding") == wanted
    assert meter.requests == 1


async def test_libmodbus_spares_the_other_bits_of_a_register() -> None:
    registers = [
        {"name": f"bit/{n}", "table": "holding", "address": 1, "bit": n} for n in range(16)
    ]
    async with serving(LIBMODBUS, size={"holding": 3}) as peer:
        await peer.tell(holding=[0, 0x1111, 0x1234, 0x3333])
        values: dict[str, Value] = {"bit/2": False, "bit/15": True}
        meter = await put_back(peer.port, values, registers=registers, write_functions=[22])
        assert await dump(peer, "holding") == [0x1111, 0x9230, 0x3333]
    assert meter.requests == 1


async def test_pymodbustcp_has_no_mask_write_and_says_so() -> None:
    registers = [{"name": "bit", "table": "holding", "address": 1, "bit": 0}]
    async with serving(PYMODBUSTCP, size={"holding": 3}) as peer:
        with pytest.raises(Refused, match=r"function 22 on holding/1: illegal function"):
            await put_back(peer.port, {"bit": True}, registers=registers, write_functions=[22])
        assert await dump(peer, "holding") == [0, 0, 0]
