"""The services of the OPC UA simulator, asked one by one by asyncua's client."""

from datetime import UTC, datetime
from typing import cast

import pytest
from asyncua import ua
from asyncua.client.client import Client
from asyncua.common.node import Node
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import BadNothingToDo, BadServiceUnsupported, BadTooManyOperations
from tests.simulators.opcua_client import (
    PARAMETERS,
    asked,
    browse,
    browse_next,
    name,
    oven,
    own,
    parameter,
)

from goldcopy_sim.opcua import OpcUaSimulator
from goldcopy_sim.service import Service

# Limits


async def read_gain(plc: OpcUaSimulator, client: Client, times: int) -> list[ua.DataValue]:
    return await client.uaclient.read_attributes(
        [parameter(plc, "Gain")] * times, AttributeIds.Value
    )


@pytest.mark.parametrize("reported", [True, False])
async def test_limits_are_kept_whether_or_not_they_are_told(reported: bool) -> None:
    limits = {"max_nodes_per_read": 5, "max_nodes_per_write": 4, "max_nodes_per_browse": 3}
    async with oven(**limits, report_limits=reported) as plc, Client(plc.url) as client:
        told = [
            await client.get_node(ua.NodeId(ua.Int32(each))).read_value()
            for each in (11705, 11707, 11710)  # read, write, browse
        ]
        assert told == ([5, 4, 3] if reported else [0, 0, 0])
        assert len(await read_gain(plc, client, 5)) == 5
        gain = parameter(plc, "Gain")
        with pytest.raises(BadTooManyOperations):
            await read_gain(plc, client, 6)
        with pytest.raises(BadTooManyOperations):
            await browse(client, *[asked(gain)] * 4)
        with pytest.raises(BadTooManyOperations):
            await browse_next(client, *[b"point"] * 4)
        value = ua.DataValue(ua.Variant(9.0, ua.VariantType.Float))
        before = plc.values()
        with pytest.raises(BadTooManyOperations):
            await client.uaclient.write_attributes([gain] * 5, [value] * 5, AttributeIds.Value)
        assert repr(plc.values()) == repr(before)


async def test_a_request_for_nothing_is_refused(plc: OpcUaSimulator, client: Client) -> None:
    with pytest.raises(BadNothingToDo):
        await read_gain(plc, client, 0)
    with pytest.raises(BadNothingToDo):
        await browse(client)


# Read


async def test_timestamps_are_those_asked_for(plc: OpcUaSimulator, client: Client) -> None:
    both = {
        ua.TimestampsToReturn.Source: (True, False),
        ua.TimestampsToReturn.Server: (False, True),
        ua.TimestampsToReturn.Both: (True, True),
        ua.TimestampsToReturn.Neither: (False, False),
    }
    gain = ua.ReadValueId(parameter(plc, "Gain"), ua.IntegerId(AttributeIds.Value))
    for wish, wanted in both.items():
        (value,) = await client.uaclient.read(
            ua.ReadParameters(TimestampsToReturn=wish, NodesToRead=[gain])
        )
        got = (value.SourceTimestamp is not None, value.ServerTimestamp is not None)
        assert got == wanted
        assert name(value.StatusCode or ua.StatusCode()) == "Good"


@pytest.mark.parametrize(
    ("node", "attribute", "status"),
    [
        ("i=999999", AttributeIds.Value, "BadNodeIdUnknown"),
        ("i=85", AttributeIds.Value, "BadAttributeIdInvalid"),
        ("i=2255", 99, "BadAttributeIdInvalid"),
        ("i=999999", 99, "BadNodeIdUnknown"),
    ],
)
async def test_what_is_not_there_has_a_status_of_its_own(
    client: Client, node: str, attribute: int, status: str
) -> None:
    wanted = ua.ReadParameters(
        NodesToRead=[
            ua.ReadValueId(ua.NodeId.from_string(node), ua.IntegerId(attribute)),
            ua.ReadValueId(ua.NodeId.from_string("i=2256"), ua.IntegerId(AttributeIds.BrowseName)),
        ]
    )
    bad, good = await client.uaclient.read(wanted)
    assert name(bad.StatusCode) == status
    assert good.Value is not None
    assert good.Value.Value.Name == "ServerStatus"


async def test_the_static_attributes_of_a_variable(plc: OpcUaSimulator, client: Client) -> None:
    def node(label: str) -> Node:
        return client.get_node(parameter(plc, label))

    assert await node("LaneMap").read_array_dimensions() == [2, 3]
    assert await node("LaneMap").read_value_rank() == 2
    assert await node("Gain").read_value_rank() == -1
    assert await node("Gain").read_data_type() == ua.NodeId(ua.Int32(ObjectIds.Float))
    assert await node("Anything").read_data_type() == ua.NodeId(ua.Int32(ObjectIds.Number))
    mode = client.get_node(await node("Mode").read_data_type())
    definition = await mode.read_data_type_definition()
    assert isinstance(definition, ua.EnumDefinition)
    assert [each.Name for each in definition.Fields] == ["Off", "Manual", "Automatic", "Service"]


# Write


async def write(client: Client, node: ua.NodeId, value: ua.DataValue, attribute: int = 13) -> str:
    wanted = ua.WriteValue(node, ua.IntegerId(attribute), Value=value)
    (status,) = await client.uaclient.write(ua.WriteParameters(NodesToWrite=[wanted]))
    return status.name


FLOAT = ua.VariantType.Float
BAD = ua.StatusCode(ua.UInt32(StatusCodes.BadSensorFailure))
NOW = cast(ua.DateTime, datetime.now(UTC))


@pytest.mark.parametrize(
    ("label", "value", "status"),
    [
        ("Gain", ua.DataValue(ua.Variant(6.5, FLOAT)), "Good"),
        ("Gain", ua.DataValue(ua.Variant(6.5, ua.VariantType.Double)), "BadTypeMismatch"),
        ("Gain", ua.DataValue(ua.Variant([6.5], FLOAT)), "BadTypeMismatch"),
        ("Gain", ua.DataValue(ua.Variant()), "BadTypeMismatch"),
        ("Gain", ua.DataValue(ua.Variant(6.5, FLOAT), SourceTimestamp=NOW), "BadWriteNotSupported"),
        ("Gain", ua.DataValue(ua.Variant(6.5, FLOAT), ServerTimestamp=NOW), "BadWriteNotSupported"),
        ("Gain", ua.DataValue(ua.Variant(6.5, FLOAT), BAD), "BadWriteNotSupported"),
        ("RampTable", ua.DataValue(ua.Variant([1.0], FLOAT)), "Good"),
        ("RampTable", ua.DataValue(ua.Variant(1.0, FLOAT)), "BadTypeMismatch"),
        ("LaneMap", ua.DataValue(ua.Variant([[1], [2]], ua.VariantType.Int16)), "Good"),
        ("LaneMap", ua.DataValue(ua.Variant([1, 2], ua.VariantType.Int16)), "BadTypeMismatch"),
        ("SpareLimit", ua.DataValue(ua.Variant(1.5, ua.VariantType.Double)), "Good"),
        ("SpareLimit", ua.DataValue(ua.Variant("x")), "BadTypeMismatch"),
        ("ServicePin", ua.DataValue(ua.Variant("4711")), "Good"),
        ("Acknowledge", ua.DataValue(ua.Variant(True)), "Good"),
        ("BatchCounter", ua.DataValue(ua.Variant(1, ua.VariantType.UInt32)), "BadNotWritable"),
        ("Nothing", ua.DataValue(ua.Variant(1)), "BadNodeIdUnknown"),
        ("ActiveRecipe", ua.DataValue(ua.Variant(ua.Range())), "BadTypeMismatch"),
    ],
)  # fmt: skip
async def test_a_write_is_judged_by_type_and_access(
    plc: OpcUaSimulator, client: Client, label: str, value: ua.DataValue, status: str
) -> None:
    before = plc.values()
    assert await write(client, parameter(plc, label), value) == status
    changed = {a for a in before if repr(plc.values().get(a)) != repr(before[a])}
    assert len(changed) == (status == "Good")
    assert plc.log[-1] == Service("Write", writes=True, detail="1 nodes")


async def test_only_values_can_be_written(plc: OpcUaSimulator, client: Client) -> None:
    text = ua.DataValue(ua.Variant(ua.LocalizedText("x")))
    gain = parameter(plc, "Gain")
    assert await write(client, gain, text, AttributeIds.DisplayName) == "BadNotWritable"
    assert await write(client, gain, text, AttributeIds.Executable) == "BadAttributeIdInvalid"
    namespaces = ua.NodeId(ua.Int32(ObjectIds.Server_NamespaceArray))
    assert await write(client, namespaces, ua.DataValue(ua.Variant(["x"]))) == "BadNotWritable"


async def test_one_write_can_have_mixed_results(plc: OpcUaSimulator, client: Client) -> None:
    nodes = [parameter(plc, label) for label in ("Gain", "BatchCounter", "ZeroShift")]
    value = ua.DataValue(ua.Variant(2.0, FLOAT))
    statuses = await client.uaclient.write_attributes(nodes, [value] * 3, AttributeIds.Value)
    assert [each.name for each in statuses] == ["Good", "BadNotWritable", "Good"]
    assert plc.values()[f"nsu=http://example.com/oven;s={PARAMETERS}.ZeroShift"][1] == 2.0


async def test_a_structure_goes_back_as_the_bytes_it_came_in(
    plc: OpcUaSimulator, client: Client
) -> None:
    node = client.get_node(parameter(plc, "ActiveRecipe"))
    before, raw = plc.values(), await node.read_value()
    address = f"nsu=http://example.com/oven;s={PARAMETERS}.ActiveRecipe#Released"
    plc.change(address, "2026-11-24T06:30:00.1234567Z")
    assert plc.values()[address] != before[address]
    assert await write(client, node.nodeid, ua.DataValue(ua.Variant(raw))) == "Good"
    assert repr(plc.values()) == repr(before)
    assert await node.read_value() == raw
    short = ua.ExtensionObject(raw.TypeId, raw.Body[:-1])
    assert await write(client, node.nodeid, ua.DataValue(ua.Variant(short))) == "BadTypeMismatch"
    options = await client.get_node(parameter(plc, "Options")).read_value()
    other = ua.ExtensionObject(options.TypeId, raw.Body)
    assert await write(client, node.nodeid, ua.DataValue(ua.Variant(other))) == "BadTypeMismatch"
    long = ua.ExtensionObject(raw.TypeId, raw.Body + b"\0")
    assert await write(client, node.nodeid, ua.DataValue(ua.Variant(long))) == "BadTypeMismatch"


# Files


async def call(
    client: Client, file: ua.NodeId, method: int, *given: ua.Variant
) -> ua.CallMethodResult:
    wanted = ua.CallMethodRequest(file, ua.NodeId(ua.Int32(method)), list(given))
    (result,) = await client.uaclient.call([wanted])
    return result


def number(value: int, kind: ua.VariantType = ua.VariantType.UInt32) -> ua.Variant:
    return ua.Variant(value, kind)


async def test_a_file_is_read_in_pieces_of_64_kib(plc: OpcUaSimulator, client: Client) -> None:
    file = own(plc, "PLC.Controller.Files.Project.zip")
    (content,) = [c for a, (_, c) in plc.values().items() if a.endswith("Files.Project.zip")]
    node = client.get_node(file)
    assert await (await node.get_child("0:Size")).read_value() == 300_000
    count = await node.get_child("0:OpenCount")
    opened = await call(client, file, ObjectIds.FileType_Open, number(1, ua.VariantType.Byte))
    (handle,) = opened.OutputArguments
    assert await count.read_value() == 1
    pieces: list[bytes] = []
    while not pieces or pieces[-1]:
        wish = number(300_000, ua.VariantType.Int32)
        read = await call(client, file, ObjectIds.FileType_Read, handle, wish)
        pieces.append(read.OutputArguments[0].Value)
    assert [len(each) for each in pieces] == [65_536] * 4 + [37_856, 0]
    assert b"".join(pieces) == content
    closed = await call(client, file, ObjectIds.FileType_Close, handle)
    assert name(closed.StatusCode) == "Good"
    assert await count.read_value() == 0
    late = await call(
        client, file, ObjectIds.FileType_Read, handle, number(1, ua.VariantType.Int32)
    )
    assert name(late.StatusCode) == "BadInvalidArgument"
    calls = [each for each in plc.log if each.name == "Call"]
    assert {each.detail for each in calls} == {"Open", "Read", "Close"}
    assert not any(each.writes for each in calls)


async def test_the_simple_client_of_asyncua_reads_a_small_file_and_truncates_a_large_one(
    plc: OpcUaSimulator, client: Client
) -> None:
    from asyncua.client.ua_file import UaFile

    for label, length in (("Recipes.csv", None), ("Project.zip", 65_536)):
        path = f"PLC.Controller.Files.{label}"
        (content,) = [c for a, (_, c) in plc.values().items() if a.endswith(path)]
        assert isinstance(content, bytes)
        async with UaFile(client.get_node(own(plc, path)), "r") as file:
            assert await file.read() == content[:length]


async def test_a_file_cannot_be_changed_and_the_log_knows_who_tried(
    plc: OpcUaSimulator, client: Client
) -> None:
    file = own(plc, "PLC.Controller.Files.Recipes.csv")
    refused = await call(client, file, ObjectIds.FileType_Open, number(2, ua.VariantType.Byte))
    assert name(refused.StatusCode) == "BadNotWritable"
    assert plc.log[-1] == Service("Call", writes=True, detail="Open")
    write_it = await call(client, file, ObjectIds.FileType_Write, number(1), ua.Variant(b"x"))
    assert name(write_it.StatusCode) == "BadNotWritable"
    assert plc.log[-1].writes
    other = await call(client, file, ObjectIds.ConditionType_ConditionRefresh)
    assert name(other.StatusCode) == "BadMethodInvalid"
    assert plc.log[-1].writes


async def test_the_end_of_a_connection_closes_its_files(plc: OpcUaSimulator) -> None:
    file = own(plc, "PLC.Controller.Files.Recipes.csv")
    async with Client(plc.url) as client:
        await call(client, file, ObjectIds.FileType_Open, number(1, ua.VariantType.Byte))
    async with Client(plc.url) as client:
        count = await client.get_node(file).get_child("0:OpenCount")
        assert await count.read_value() == 0


# The log


async def test_every_service_is_logged_with_what_it_asked_for(plc: OpcUaSimulator) -> None:
    async with Client(plc.url) as client:
        await client.get_endpoints()
        wanted = [
            ua.ReadValueId(parameter(plc, "Gain"), ua.IntegerId(each))
            for each in (AttributeIds.Value, AttributeIds.DataType, AttributeIds.Value)
        ]
        await client.uaclient.read(ua.ReadParameters(NodesToRead=wanted))
        await browse(client, asked(parameter(plc, "Gain")))
        await browse_next(client, b"a", b"b", release=True)
        with pytest.raises(BadServiceUnsupported):
            await client.uaclient.add_nodes([])
        with pytest.raises(BadServiceUnsupported):
            await client.create_subscription(500, None)
    quiet = [each for each in plc.log if each.detail]
    assert quiet == [
        Service("Read", False, "3 nodes, attributes 13,14"),
        Service("Browse", False, "1 nodes"),
        Service("BrowseNext", False, "2 points, release"),
    ]
    assert [each.name for each in plc.log if not each.detail] == [
        "CreateSession",
        "ActivateSession",
        "GetEndpoints",
        "AddNodes",
        "CreateSubscription",
        "CloseSession",
    ]
    assert [each.name for each in plc.log if each.writes] == ["AddNodes"]
