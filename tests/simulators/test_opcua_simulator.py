"""What the OPC UA simulator holds, as asyncua's own client sees it."""

import asyncio
import json
import math
import struct
import sys
from collections.abc import Mapping
from uuid import UUID

import pytest
from asyncua import ua
from asyncua.client.client import Client
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaError, UaStatusCodeError
from hypothesis import given
from hypothesis import strategies as st

from goldcopy_sim.opcua import OpcUaSimulator, Settings
from goldcopy_sim.service import Value

OPEN = Settings(security=[ua.SecurityPolicyType.NoSecurity])

OVEN = "http://example.com/oven"
PARAMETERS = f"nsu={OVEN};s=Devices.line1-oven.ParameterSet."

WIDTHS = {
    "BOOL": ua.VariantType.Boolean,
    "SINT": ua.VariantType.SByte,
    "USINT": ua.VariantType.Byte,
    "INT": ua.VariantType.Int16,
    "UINT": ua.VariantType.UInt16,
    "DINT": ua.VariantType.Int32,
    "UDINT": ua.VariantType.UInt32,
    "LINT": ua.VariantType.Int64,
    "ULINT": ua.VariantType.UInt64,
    "REAL": ua.VariantType.Float,
    "LREAL": ua.VariantType.Double,
    "STRING": ua.VariantType.String,
    "BYTES": ua.VariantType.ByteString,
    "DATE_AND_TIME": ua.VariantType.DateTime,
}


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


def flat(value: object) -> tuple[object, ...]:
    if isinstance(value, list):
        return tuple(each for part in value for each in flat(part))
    return (value,)


async def test_every_scalar_and_array_reads_as_it_is_listed() -> None:
    seen = set()
    async with oven() as plc, Client(plc.url) as client:
        uris = await client.get_namespace_array()
        for address, (iec, value) in plc.values().items():
            base = iec.rpartition(" ")[2]
            if "#" in address or base not in WIDTHS or address in plc.hidden():
                continue
            node = client.get_node(node_id(address, uris))
            if await node.read_node_class() != ua.NodeClass.Variable:
                continue  # a file
            variant = (await node.read_data_value(raise_on_bad_status=False)).Value
            assert variant is not None
            if variant.Value is None:
                assert (iec, value) == (f"ARRAY[0] OF {base}", ())
                continue
            if variant.VariantType != WIDTHS[base]:
                continue  # the types that IEC 61131-3 does not know: see the next test
            seen.add(iec)
            if variant.is_array:
                shape = [int(n) for n in variant.Dimensions or [len(variant.Value)]]  # type: ignore[list-item]
                assert iec == f"ARRAY[{','.join(map(str, shape))}] OF {base}", address
            told = value if isinstance(value, tuple) else (value,)
            for one, read in zip(told, flat(variant.Value), strict=True):
                if base == "DATE_AND_TIME":  # asyncua reads microseconds
                    assert str(one)[:26] == f"{read:%Y-%m-%dT%H:%M:%S.%f}"
                else:
                    assert bits(one) == bits(read), address  # type: ignore[arg-type]
    assert set(WIDTHS) <= seen
    assert {"ARRAY[8] OF REAL", "ARRAY[2,3] OF INT", "ARRAY[2,2,2] OF LREAL"} <= seen
    assert "ARRAY[0] OF DATE_AND_TIME" in seen


async def test_types_that_iec_does_not_know_are_told_as_text() -> None:
    async with oven() as plc, Client(plc.url) as client:
        uris = await client.get_namespace_array()
        values = plc.values()

        async def read(name: str) -> object:
            return await client.get_node(node_id(PARAMETERS + name, uris)).read_value()

        def told(name: str) -> tuple[str, Value]:
            return values[PARAMETERS + name]

        guid = await read("ConfigurationId")
        assert isinstance(guid, UUID)
        assert told("ConfigurationId") == ("STRING", str(guid))
        page = await read("StartPage")
        assert isinstance(page, ua.NodeId)
        assert told("StartPage") == (
            "STRING",
            f"nsu={uris[page.NamespaceIndex]};s={page.Identifier!s}",
        )
        note = await read("OperatorNote")
        assert note == ua.LocalizedText("Tür prüfen", "de")
        assert told("OperatorNote") == ("STRING", "Tür prüfen")
        view = await read("ActiveView")
        assert isinstance(view, ua.QualifiedName)
        assert told("ActiveView") == ("STRING", f"nsu={uris[view.NamespaceIndex]};{view.Name}")
        assert told("BaseType") == ("STRING", "i=58")
        assert await read("BaseType") == ua.NodeId(58)  # type: ignore[arg-type]
        assert told("Layout") == ("STRING", (await read("Layout")).Value)  # type: ignore[attr-defined]
        fault = await read("LastFault")
        assert fault == ua.StatusCode(ua.UInt32(StatusCodes.BadCommunicationError))
        assert told("LastFault") == ("UDINT", StatusCodes.BadCommunicationError)


async def test_awkward_values_are_there() -> None:
    values = oven().values()
    assert math.isnan(values[PARAMETERS + "Scale"][1])  # type: ignore[arg-type]
    assert math.copysign(1, values[PARAMETERS + "ZeroShift"][1]) == -1  # type: ignore[arg-type]
    assert max(str(values[PARAMETERS + "MachineTag"][1])) > "\uffff"
    assert int(str(values[PARAMETERS + "ServiceCode"][1])) > 2**63
    assert values[PARAMETERS + "SpareLimit"] == ("ARRAY[0] OF LREAL", ())
    assert 140 <= len(oven().model.variables) <= 200


async def test_status_and_access_decide_whether_there_is_a_value() -> None:
    async with oven() as plc, Client(plc.url) as client:
        uris = await client.get_namespace_array()
        assert {a.removeprefix(PARAMETERS): why for a, why in plc.hidden().items()} == {
            "DoorSensor": "BadSensorFailure",
            "ServicePin": "BadUserAccessDenied",
            "Acknowledge": "BadNotReadable",
        }
        for address, why in plc.hidden().items():
            node = client.get_node(node_id(address, uris))
            got = await node.read_data_value(raise_on_bad_status=False)
            assert got.StatusCode is not None
            assert got.StatusCode.name == why
            assert got.Value == ua.Variant()
        pin = client.get_node(node_id(PARAMETERS + "ServicePin", uris))
        assert await pin.get_access_level() >= {ua.AccessLevel.CurrentRead}
        assert ua.AccessLevel.CurrentRead not in await pin.get_user_access_level()
        humidity = client.get_node(node_id(PARAMETERS + "Humidity", uris))
        uncertain = await humidity.read_data_value(raise_on_bad_status=False)
        assert uncertain.StatusCode == ua.StatusCode(
            ua.UInt32(StatusCodes.UncertainLastUsableValue)
        )
        assert uncertain.Value is not None
        assert uncertain.Value.Value == 41.5


JUDGE = """
import asyncio, json, sys
from asyncua import ua
from asyncua.client.client import Client
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds

def plain(value):
    if isinstance(value, list):
        return [plain(each) for each in value]
    if hasattr(value, "__dataclass_fields__"):
        return {n: plain(getattr(value, n)) for n in value.__dataclass_fields__ if n != "Encoding"}
    return value if isinstance(value, (bool, int, float, str, type(None))) else str(value)

async def main():
    async with Client(sys.argv[1]) as client:
        await client.load_data_type_definitions()
        index = await client.get_namespace_index(sys.argv[2])
        for name in sys.argv[4:]:
            node = client.get_node(f"ns={index};s={sys.argv[3]}{name}")
            print(json.dumps(plain(await node.read_value())))

asyncio.run(main())
"""


def members(values: Mapping[str, tuple[str, Value]], address: str) -> dict[str, Value]:
    return {
        key.removeprefix(address): value
        for key, (_, value) in values.items()
        if key.startswith(address)
    }


def unfolded(value: object, path: str = "") -> dict[str, object]:
    if isinstance(value, dict):
        parts = [(f"{path}.{name}" if path else name, each) for name, each in value.items()]
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        parts = [(f"{path}[{n}]", each) for n, each in enumerate(value)]
    else:
        return {path: tuple(value) if isinstance(value, list) else value}
    return {key: leaf for part, each in parts for key, leaf in unfolded(each, part).items()}


@pytest.mark.parametrize("kind", ["oven", "packer"])
async def test_asyncua_decodes_the_structures_by_their_published_definitions(kind: str) -> None:
    """In a process of its own: asyncua keeps what it learns for every later connection."""
    async with OpcUaSimulator.demo(f"a-{kind}", settings=OPEN) as plc:
        uri, path = f"http://example.com/{kind}", f"Devices.a-{kind}.ParameterSet."
        judge = await asyncio.create_subprocess_exec(
            sys.executable, "-c", JUDGE, plc.url, uri, path, "ActiveRecipe", "Recipes", "Options",
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, _ = await judge.communicate()
        assert judge.returncode == 0
        for name, line in zip(
            ("ActiveRecipe", "Recipes", "Options"), out.splitlines(), strict=True
        ):
            read = unfolded(json.loads(line))
            wanted = members(plc.values(), f"nsu={uri};s={path}{name}#")
            for key, value in wanted.items():
                if key.endswith("Released"):
                    assert str(value)[:23].replace("T", " ") == str(read[key])[:23]
                else:
                    assert read[key] == value, key
            absent = {key for key, value in read.items() if value is None}
            assert set(read) - absent == set(wanted)


async def test_one_structure_keeps_its_definition_to_itself() -> None:
    async with oven() as plc, Client(plc.url) as client:
        uris = await client.get_namespace_array()
        node = client.get_node(node_id(PARAMETERS + "DriveImage", uris))
        data_type = client.get_node(await node.read_data_type())
        with pytest.raises(UaStatusCodeError):
            await data_type.read_attribute(AttributeIds.DataTypeDefinition)
        read = await node.read_value()
        assert isinstance(read, ua.ExtensionObject)
        assert plc.values()[PARAMETERS + "DriveImage"] == ("BYTES", read.Body)


async def test_the_same_type_id_is_another_structure_on_the_other_kind_of_machine() -> None:
    definitions = []
    for kind in ("oven", "packer"):
        async with OpcUaSimulator.demo(kind, settings=OPEN) as plc, Client(plc.url) as client:
            index = await client.get_namespace_index("http://example.com/controls/types/")
            limits = client.get_node(ua.NodeId(3010, index))  # type: ignore[arg-type]
            definition = await limits.read_data_type_definition()
            assert isinstance(definition, ua.StructureDefinition)
            definitions.append([field.Name for field in definition.Fields])
    assert definitions == [["Low", "High"], ["High", "Low"]]


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


@given(
    st.lists(st.integers(0, 2**63 - 1), max_size=3),
    st.text(max_size=4),
    st.floats(width=32),
    st.uuids(),
    st.binary(max_size=5),
)
def test_values_are_encoded_as_asyncua_reads_them(
    whole: list[int], text: str, real: float, guid: UUID, raw: bytes
) -> None:
    from asyncua.common.utils import Buffer
    from asyncua.ua.ua_binary import variant_from_binary, variant_to_binary

    from goldcopy_sim.opcua import codec

    kinds = codec.Kind
    for data, value in (
        (codec.Data(kinds.Int64, tuple(whole), (len(whole),)), whole),
        (codec.Data(kinds.String, text), text),
        (codec.Data(kinds.Float, real), real),
        (codec.Data(kinds.Guid, guid), guid),
        (codec.Data(kinds.ByteString, raw), raw),
        (codec.Data(kinds.LocalizedText, codec.Text(text, "de")), ua.LocalizedText(text, "de")),
        (codec.Data(kinds.QualifiedName, codec.Name(3, text)), ua.QualifiedName(text, 3)),
    ):
        encoded = codec.variant(data)
        read = variant_from_binary(Buffer(encoded))
        assert read.VariantType == data.kind
        assert repr(read.Value) == repr(value)
        assert variant_to_binary(read) == encoded
        assert repr(codec.Reader(encoded).variant()) == repr(data)
