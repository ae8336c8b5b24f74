"""The OPC UA simulator as a simulator: state, restart, panel, and a clean end."""

import asyncio
import signal
import socket
import struct
import sys
from collections.abc import Mapping

import pytest
from asyncua import ua
from asyncua.client.client import Client
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.uaerrors import UaError

from goldcopy_sim.opcua import OpcUaSimulator, Settings
from goldcopy_sim.service import Value

OPEN = Settings(security=[ua.SecurityPolicyType.NoSecurity])

OVEN = "http://example.com/oven"
PARAMETERS = f"nsu={OVEN};s=Devices.line1-oven.ParameterSet."


def oven(**how: object) -> OpcUaSimulator:
    return OpcUaSimulator.demo("line1-oven", **{"settings": OPEN, **how})  # type: ignore[arg-type]


def bits(value: Value) -> object:
    """Equal for equal bits: NaN equals itself, -0.0 is not 0.0, True is not 1."""
    if isinstance(value, tuple):
        return tuple(bits(each) for each in value)
    if isinstance(value, float):
        return struct.pack("<d", value)
    return type(value), value


def same(left: Mapping[str, tuple[str, Value]], right: Mapping[str, tuple[str, Value]]) -> bool:
    def whole(values: Mapping[str, tuple[str, Value]]) -> dict[str, object]:
        return {address: (iec, bits(value)) for address, (iec, value) in values.items()}

    return whole(left) == whole(right)


def node_id(address: str, uris: list[str]) -> ua.NodeId:
    *space, identifier = address.split(";", 1)
    index = uris.index(space[0].removeprefix("nsu=")) if space else 0
    return ua.NodeId.from_string(f"ns={index};{identifier}")


def test_the_name_gives_the_state() -> None:
    assert same(oven().values(), oven().values())
    assert not same(oven().values(), OpcUaSimulator.demo("line2-oven").values())


def test_every_value_can_be_set_to_itself_and_stays_bit_for_bit() -> None:
    plc = oven()
    before = dict(plc.values())
    for address, (_, value) in before.items():
        plc.change(address, value)
    assert same(before, plc.values())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Gain", 2.5),
        ("ServiceCode", 2**64 - 1),
        ("RampTable", (1.0, 2.0)),
        ("LaneMap", (1, 2, 3, 4, 5, 6)),
        ("MachineTag", "🧊"),
        ("Commissioned", "2026-11-24T06:30:00.1234567Z"),
        ("CalibrationKey", b""),
        ("ActiveRecipe#Zones[1].Alarm.High", 301.5),
        ("Recipes#[2].Ramp", (7.0,)),
        ("SpareTitle", "no longer spare"),
    ],
)
async def test_a_change_is_seen_at_once(name: str, value: Value) -> None:
    async with oven() as plc, Client(plc.url) as client:
        uris = await client.get_namespace_array()
        node = client.get_node(node_id((PARAMETERS + name).partition("#")[0], uris))
        before = await node.read_value()
        others = {a: v for a, v in plc.values().items() if a != PARAMETERS + name}
        plc.change(PARAMETERS + name, value)
        assert await node.read_value() != before
        assert plc.values()[PARAMETERS + name][1] == value
        assert same({a: v for a, v in plc.values().items() if a != PARAMETERS + name}, others)


def test_a_change_of_what_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError):
        oven().change(PARAMETERS + "Nothing", 1)
    with pytest.raises(ValueError, match="no fault"):
        OpcUaSimulator.demo("x", fault="nothing")


async def test_process_values_move_when_told_to_and_nothing_else_does() -> None:
    plc = oven()
    before = plc.values()
    plc.tick()
    moved = {a for a, (_, value) in plc.values().items() if bits(value) != bits(before[a][1])}
    assert len(moved) == 12
    assert all("SetpointActual" in a or "HeaterOutput" in a for a in moved)
    for _ in range(500):
        plc.tick()
    for address in moved:
        low, high = (plc.values()[f"{address}.EURange#{end}"][1] for end in ("Low", "High"))
        now = plc.values()[address][1]
        assert float(str(low)) <= float(str(now)) <= float(str(high))


async def test_a_restart_keeps_the_values_the_port_and_the_certificate() -> None:
    plc = OpcUaSimulator.demo("line1-oven")
    async with plc:
        port, certificate = plc.port, plc.certificate
        plc.change(PARAMETERS + "Gain", 3.5)
    async with plc, Client(plc.url) as client:
        assert (plc.port, plc.certificate) == (port, certificate)
        uris = await client.get_namespace_array()
        assert await client.get_node(node_id(PARAMETERS + "Gain", uris)).read_value() == 3.5


async def test_a_reordered_namespace_table_has_the_same_uris_and_values() -> None:
    async with oven() as plc, oven(reorder=True) as other:
        assert same(plc.values(), other.values())
        tables = []
        for each in (plc, other):
            async with Client(each.url) as client:
                tables.append(await client.get_namespace_array())
                page = await client.get_node(
                    node_id(PARAMETERS + "StartPage", tables[-1])
                ).read_value()
                assert tables[-1][page.NamespaceIndex] == OVEN
        assert sorted(tables[0]) == sorted(tables[1])
        assert all(tables[0].index(uri) != tables[1].index(uri) for uri in tables[0][2:])


async def test_the_nameplate_is_under_device_set() -> None:
    async with oven() as plc, Client(plc.url) as client:
        di = await client.get_namespace_index("http://opcfoundation.org/UA/DI/")
        devices = await client.nodes.objects.get_child([f"{di}:DeviceSet"])
        (device,) = await devices.get_children()
        plate = {
            (await node.read_browse_name()).to_string(): await node.read_value()
            for node in await device.get_properties()
        }
        assert plate[f"{di}:Manufacturer"].Text == "Example Controls"
        assert plate[f"{di}:SerialNumber"].startswith("EC")
        assert plate[f"{di}:RevisionCounter"] > 0
        assert set(plate) == {
            f"{di}:{name}"
            for name in (
                "Manufacturer", "ManufacturerUri", "Model", "ProductCode", "SerialNumber",
                "HardwareRevision", "SoftwareRevision", "DeviceRevision", "RevisionCounter",
            )
        }  # fmt: skip
        build = await client.get_node(ObjectIds.Server_ServerStatus_BuildInfo).read_value()
        assert build.SoftwareVersion == plate[f"{di}:SoftwareRevision"]


async def test_analog_items_have_a_range_and_a_unit() -> None:
    async with oven() as plc, Client(plc.url) as client:
        uris = await client.get_namespace_array()
        address = f"nsu={OVEN};s=Devices.line1-oven.Zone1.Setpoint"
        node = client.get_node(node_id(address, uris))
        assert await node.read_type_definition() == ua.NodeId(ua.Int32(ObjectIds.AnalogItemType))
        span = await (await node.get_child("0:EURange")).read_value()
        assert span == ua.Range(Low=20.0, High=320.0)
        unit = await (await node.get_child("0:EngineeringUnits")).read_value()
        assert (unit.UnitId, unit.DisplayName.Text) == (4408652, "°C")


async def test_server_time_is_that_of_the_read() -> None:
    async with oven() as plc, Client(plc.url) as client:
        node = client.get_node(ObjectIds.Server_ServerStatus_CurrentTime)
        status = client.get_node(ObjectIds.Server_ServerStatus)
        first = await node.read_value()
        between = (await status.read_value()).CurrentTime
        assert first < between < await node.read_value()


async def test_it_leaves_nothing_behind() -> None:
    async with oven() as plc:
        client = Client(plc.url)
        await client.connect()
        assert plc.connections.open == 1
    assert (plc.connections.open, plc.connections.total, plc.connections.peak) == (0, 1, 1)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(plc.host, plc.port)
    with pytest.raises((ConnectionError, asyncio.TimeoutError, UaError)):
        await client.nodes.server.read_browse_name()
    await client.disconnect()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_client_that_comes_as_it_stops_does_not_hold_it_up() -> None:
    async with asyncio.timeout(10):
        async with oven() as plc:
            late = [socket.create_connection((plc.host, plc.port)) for _ in range(3)]
        for each in late:
            each.close()
        await asyncio.sleep(0.01)
    assert plc.connections.open == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_two_controllers_share_no_state() -> None:
    async with oven() as one, OpcUaSimulator.demo("packer", settings=OPEN) as two:
        for plc, product in ((one, "EC-OV6 tunnel oven"), (two, "EC-PK6 flow packer")):
            async with Client(plc.url) as client:
                name = ObjectIds.Server_ServerStatus_BuildInfo_ProductName
                assert await client.get_node(name).read_value() == product
                children = await client.nodes.objects.get_children_descriptions()
                assert sum(each.BrowseName.Name == "DeviceSet" for each in children) == 1


async def test_the_benchmark_server_has_as_many_variables_as_asked() -> None:
    async with OpcUaSimulator.flat(3, 4, properties=True) as plc, Client(plc.url) as client:
        index = await client.get_namespace_index("http://example.com/bench")
        bench = await client.nodes.objects.get_child([f"{index}:Bench"])
        folders = await bench.get_children()
        variables = [each for folder in folders for each in await folder.get_variables()]
        assert [each.nodeid.to_string() for each in variables][
            -1
        ] == f"ns={index};s=Bench.F002.V003"
        assert (len(folders), len(variables), len(plc.values())) == (3, 12, 12 * 3)
        assert await variables[-1].read_value() == 2.003


async def test_it_runs_alone_until_interrupted() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "goldcopy_sim.opcua", "--name", "line1-oven", "--fault", "slow",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    said = (await process.stdout.readline()).decode()
    host, port = said.removeprefix("line1-oven listens on ").strip().split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    process.send_signal(signal.SIGINT)
    out, errors = await process.communicate()
    writer.close()
    assert (out, errors) == (b"stopped\n", b"")
