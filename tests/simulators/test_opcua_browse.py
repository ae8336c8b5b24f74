"""Browse and BrowseNext of the OPC UA simulator: pages, loops, paths."""

from itertools import product

import pytest
from asyncua import ua
from asyncua.client.client import Client
from asyncua.server.address_space import ViewService
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.ua_binary import struct_to_binary
from asyncua.ua.uaerrors import UaStatusCodeError as Refused
from tests.simulators.opcua_client import asked, browse, browse_next, name, oven, own, parameter

from goldcopy_sim.opcua import OpcUaSimulator
from goldcopy_sim.opcua.browse import References


async def tree(client: Client) -> dict[ua.NodeId, list[ua.NodeId]]:
    """Every node below Objects but the server's own, drained page by page."""
    found: dict[ua.NodeId, list[ua.NodeId]] = {}
    server = ua.NodeId(ua.Int32(ObjectIds.Server))
    level = [ua.NodeId(ua.Int32(ObjectIds.ObjectsFolder))]
    while level:
        (node, *level) = level
        (result,) = await browse(client, asked(node))
        references = list(result.References)
        while result.ContinuationPoint:
            (result,) = await browse_next(client, result.ContinuationPoint)
            assert name(result.StatusCode) == "Good"
            references += result.References
        found[node] = [each.NodeId for each in references]
        level += [
            each
            for each in dict.fromkeys(found[node])
            if each not in found and each not in level and each != server
        ]
    return found


async def test_pages_hold_the_same_tree_as_one_answer() -> None:
    async with oven() as plc, Client(plc.url) as client:
        whole = await tree(client)
        assert "BrowseNext" not in {each.name for each in plc.log}
    async with oven(max_references_per_node=7) as plc, Client(plc.url) as client:
        assert await tree(client) == whole
        assert "BrowseNext" in {each.name for each in plc.log}
    variables = set(plc.model.variables)
    assert variables <= set(whole)


async def test_the_graph_has_a_loop_and_a_node_on_two_paths(
    plc: OpcUaSimulator, client: Client
) -> None:
    children = await tree(client)
    resource, controller = own(plc, "PLC.Controller.Resources.Main"), own(plc, "PLC.Controller")
    assert controller in children[resource]
    assert own(plc, "PLC.Controller.Resources") in children[controller]
    setpoint = own(plc, "Devices.line1-oven.Zone1.Setpoint")
    assert sum(setpoint in below for below in children.values()) == 2


async def test_every_reference_can_be_followed_back(plc: OpcUaSimulator, client: Client) -> None:
    children = await tree(client)
    methods = {node for node in children if node.NamespaceIndex == 0}
    for node in set(children) - methods:
        (back,) = await browse(client, asked(node, BrowseDirection=ua.BrowseDirection.Inverse))
        parents = {parent for parent, below in children.items() if node in below}
        assert {each.NodeId for each in back.References} == parents


async def test_siblings_share_a_name_in_different_namespaces(
    plc: OpcUaSimulator, client: Client
) -> None:
    device = client.get_node(own(plc, "Devices.line1-oven"))
    names = [each.BrowseName for each in await device.get_children_descriptions()]
    spaces = {each.NamespaceIndex for each in names if each.Name == "Status"}
    assert spaces == {
        plc.model.uris.index("http://example.com/oven"),
        plc.model.uris.index("http://example.com/controls/io/"),
    }


async def test_browse_finds_what_asyncua_finds_in_the_same_address_space(
    plc: OpcUaSimulator,
) -> None:
    assert plc._server is not None  # noqa: SLF001
    space = plc._server.iserver.aspace  # noqa: SLF001
    ours, theirs = References(space), ViewService(space)
    nodes = [ua.NodeId(ua.Int32(n)) for n in (84, 85, 2253, 2268, 62, 22)]
    nodes += [own(plc, "Devices.line1-oven.Zone1"), parameter(plc, "Gain"), ua.NodeId("none", 1)]  # type: ignore[arg-type]
    directions = list(ua.BrowseDirection)[:3]
    choices = product(nodes, directions, (0, 33, 34, 35, 46, 47), (True, False), (0, 2, 3))
    for node, direction, reference, subtypes, classes in choices:
        description = asked(
            node,
            BrowseDirection=direction,
            ReferenceTypeId=ua.NodeId(ua.Int32(reference)),
            IncludeSubtypes=subtypes,
            NodeClassMask=classes,
        )
        (wanted,) = theirs.browse(ua.BrowseParameters(NodesToBrowse=[description]))
        found = ours.of(description)
        if not wanted.StatusCode.is_good():
            assert found is None
        else:
            assert found == [struct_to_binary(each) for each in wanted.References]


async def test_only_the_fields_asked_for_come_back(plc: OpcUaSimulator, client: Client) -> None:
    device = own(plc, "Devices.line1-oven")
    (lean,) = await browse(client, asked(device, ResultMask=ua.UInt32(8)))
    (full,) = await browse(client, asked(device))
    for less, more in zip(lean.References, full.References, strict=True):
        assert (less.NodeId, less.BrowseName) == (more.NodeId, more.BrowseName)
        assert less.TypeDefinition.is_null()
        assert less.NodeClass == ua.NodeClass.Unspecified
        assert less.DisplayName.Text is None
        assert more.DisplayName.Text


async def test_continuation_points_run_out_and_can_be_given_back() -> None:
    settings = {"max_references_per_node": 2, "max_browse_continuation_points": 2}
    async with oven(**settings) as plc, Client(plc.url) as client:
        points = client.get_node(ObjectIds.Server_ServerCapabilities_MaxBrowseContinuationPoints)
        assert await points.read_value() == 2
        zones = [asked(own(plc, f"Devices.line1-oven.Zone{n}")) for n in (1, 2, 3)]
        results = await browse(client, *zones)
        assert [name(each.StatusCode) for each in results] == [
            "Good",
            "Good",
            "BadNoContinuationPoints",
        ]
        assert [len(each.References) for each in results] == [2, 2, 0]
        (again,) = await browse(client, zones[2])
        assert name(again.StatusCode) == "BadNoContinuationPoints"
        given = results[0].ContinuationPoint
        (back,) = await browse_next(client, given, release=True)
        assert (name(back.StatusCode), back.References) == ("Good", [])
        (gone,) = await browse_next(client, given)
        assert name(gone.StatusCode) == "BadContinuationPointInvalid"
        (again,) = await browse(client, zones[2])
        assert again.ContinuationPoint


async def test_a_page_is_the_smaller_of_both_wishes() -> None:
    async with oven(max_references_per_node=3) as plc, Client(plc.url) as client:
        device = asked(own(plc, "Devices.line1-oven"))
        for size, got in ((0, 3), (2, 2), (9, 3)):
            (result,) = await browse(client, device, size=size)
            assert len(result.References) == got


async def test_paths_lead_to_nodes(plc: OpcUaSimulator, client: Client) -> None:
    index = plc.model.uris.index("http://example.com/oven")
    top = await client.nodes.objects.get_child([f"{index}:Controller", f"{index}:Resources"])
    assert top.nodeid == own(plc, "PLC.Controller.Resources")
    with pytest.raises(Refused) as refused:
        await top.get_child([f"{index}:Nothing"])
    assert refused.value.code == StatusCodes.BadNoMatch
