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
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaStatusCodeError
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


class Ticks(ua.uatypes.VariantTypeCustom):
    """Writes a DateTime as the number it is on the wire: asyncua has no 100 ns."""

    def __init__(self) -> None:
        super().__init__(ua.VariantType.DateTime)
        self.name = "Int64"


async def test_a_time_keeps_its_last_digit_both_ways() -> None:
    async with oven() as plc, Client(plc.url) as client:
        uris = await client.get_namespace_array()
        address, line = PARAMETERS + "Commissioned", client.uaclient.protocol
        assert line is not None
        node = node_id(address, uris)
        ticks = 134_084_394_001_234_567  # 155 190 days and 6.5 hours after 1601-01-01
        value = ua.DataValue(ua.Variant(ticks, Ticks()))  # type: ignore[arg-type]
        (status,) = await client.uaclient.write_attributes([node], [value], AttributeIds.Value)
        assert status.is_good()
        assert plc.values()[address] == ("DATE_AND_TIME", "2025-11-24T06:30:00.1234567Z")
        wanted = ua.ReadValueId(node, ua.IntegerId(AttributeIds.Value))
        body = await line.send_request(
            ua.ReadRequest(Parameters=ua.ReadParameters(NodesToRead=[wanted]))
        )
        assert b"\x0d" + struct.pack("<q", ticks) in bytes(body)
        plc.change(address, "2025-11-24T06:30:00.1234568Z")
        body = await line.send_request(
            ua.ReadRequest(Parameters=ua.ReadParameters(NodesToRead=[wanted]))
        )
        assert b"\x0d" + struct.pack("<q", ticks + 1) in bytes(body)


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
