"""The misbehaviours of the OPC UA simulator, and what of asyncua it stands on."""

import asyncio
import inspect
from importlib.metadata import version
from itertools import pairwise

import pytest
from asyncua import ua
from asyncua.client.client import Client
from asyncua.common.utils import Buffer, NotEnoughData
from asyncua.server.address_space import AddressSpace
from asyncua.server.binary_server_asyncio import BinaryServer, OPCUAProtocol
from asyncua.server.internal_server import InternalServer
from asyncua.server.internal_session import InternalSession
from asyncua.server.server import Server
from asyncua.server.uaprocessor import UaProcessor
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.ua_binary import nodeid_from_binary, struct_from_binary
from asyncua.ua.uaerrors import (
    BadDecodingError,
    BadIdentityTokenRejected,
    BadSessionClosed,
    BadTooManyOperations,
    BadUserAccessDenied,
)

from goldcopy_sim.opcua import Login, OpcUaSimulator, Settings
from goldcopy_sim.opcua.outlet import DROP, Outlet
from goldcopy_sim.opcua.space import standard_space
from goldcopy_sim.service import Service

OPEN = {"security": [ua.SecurityPolicyType.NoSecurity]}
OVEN = "http://example.com/oven"


def oven(fault: str | None = None, **settings: object) -> OpcUaSimulator:
    how = Settings(**{**OPEN, **settings})  # type: ignore[arg-type]
    return OpcUaSimulator.demo("oven", fault=fault, settings=how)


def gain(plc: OpcUaSimulator) -> ua.NodeId:
    return plc.model.id(OVEN, "Devices.oven.ParameterSet.Gain")


async def read(plc: OpcUaSimulator, client: Client, times: int = 1) -> list[ua.DataValue]:
    nodes = [gain(plc)] * times
    return await client.uaclient.read_attributes(nodes, AttributeIds.Value)


def client_of(plc: OpcUaSimulator, timeout: float = 10) -> Client:
    return Client(plc.url, timeout=timeout)


def test_every_fault_says_what_it_does() -> None:
    assert all(name.islower() and len(what) > 20 for name, what in OpcUaSimulator.FAULTS.items())


async def test_silent_once_a_session_is_activated() -> None:
    async with oven("silent") as plc:
        client = client_of(plc, timeout=1.5)
        with pytest.raises((asyncio.TimeoutError, TimeoutError)):
            async with client:
                await read(plc, client)
        names = [each.name for each in plc.log]
        assert names[:2] == ["CreateSession", "ActivateSession"]
        assert "Read" in names


async def test_refuse_login_whoever_asks() -> None:
    async with oven("refuse-login", users={"anna": Login("x", "engineer")}) as plc:
        with pytest.raises(BadIdentityTokenRejected):
            await client_of(plc).connect()
        client = client_of(plc)
        client.set_user("anna")
        client.set_password("x")
        with pytest.raises(BadUserAccessDenied):
            await client.connect()


async def test_too_many_operations_above_a_limit_that_is_reported_as_none() -> None:
    async with oven("too-many-operations") as plc, client_of(plc) as client:
        limit = client.get_node(ua.NodeId(ua.Int32(11705)))
        assert await limit.read_value() == 0
        assert len(await read(plc, client, 250)) == 250
        with pytest.raises(BadTooManyOperations):
            await read(plc, client, 251)


async def test_undecodable_value_takes_the_whole_answer_with_it() -> None:
    async with oven("undecodable-value") as plc, client_of(plc) as client:
        assert plc.model.fragile is not None
        nodes = [gain(plc), plc.model.fragile.node, gain(plc)]
        with pytest.raises(NotEnoughData):
            await client.uaclient.read_attributes(nodes, AttributeIds.Value)
        assert len(await read(plc, client, 2)) == 2
        plc.fault = None
        whole = await client.uaclient.read_attributes(nodes, AttributeIds.Value)
        assert whole[1].Value is not None
        assert whole[1].Value.Value == ua.Range(ua.Double(20), ua.Double(320))


async def test_cut_at_the_kth_read_of_each_connection() -> None:
    async with oven("cut", fault_at=3) as plc:
        for _ in range(2):
            client = client_of(plc)
            await client.connect()
            await read(plc, client)
            await read(plc, client)
            with pytest.raises(ConnectionError):
                await read(plc, client)
            await client.disconnect()
        assert plc.connections.total == 2
        assert sum(each.name == "Read" for each in plc.log) == 6


async def test_close_session_at_the_kth_read() -> None:
    async with oven("close-session") as plc, client_of(plc) as client:
        await read(plc, client)
        with pytest.raises(BadSessionClosed):
            await read(plc, client)
        with pytest.raises(BadSessionClosed):
            await client.get_node(gain(plc)).get_children()


async def heads(client: Client, plc: OpcUaSimulator) -> tuple[int, int]:
    """The RequestHandles of a Read and of its answer."""
    line = client.uaclient.protocol
    assert line is not None
    wanted = ua.ReadValueId(gain(plc), ua.IntegerId(AttributeIds.Value))
    request = ua.ReadRequest(Parameters=ua.ReadParameters(NodesToRead=[wanted]))
    body: Buffer = await line.send_request(request)
    nodeid_from_binary(body)
    answer = struct_from_binary(ua.ResponseHeader, body)
    return int(request.RequestHeader.RequestHandle), int(answer.RequestHandle)


async def test_wrong_handle_names_another_request() -> None:
    async with oven() as plc, client_of(plc) as client:
        sent, got = await heads(client, plc)
        assert got == sent
        plc.fault = "wrong-handle"
        sent, got = await heads(client, plc)
        assert got == sent + 1


async def test_wrong_request_id_is_no_answer_to_anything() -> None:
    async with oven("wrong-request") as plc:
        client = client_of(plc)
        await client.connect()
        with pytest.raises(ConnectionError):
            await read(plc, client)
        await client.disconnect()


async def test_no_continuation_forgets_the_rest() -> None:
    async with oven("no-continuation") as plc, client_of(plc) as client:
        parameters = plc.model.id(OVEN, "Devices.oven.ParameterSet")
        wanted = ua.BrowseParameters(
            NodesToBrowse=[ua.BrowseDescription(parameters, ResultMask=ua.UInt32(63))]
        )
        (page,) = await client.uaclient.browse(wanted)
        assert len(page.References) == 10
        more = ua.BrowseNextParameters(False, [page.ContinuationPoint])
        (lost,) = await client.uaclient.browse_next(more)
        assert lost.StatusCode.name == "BadContinuationPointInvalid"
        # asyncua's own high level does not look at that status: it returns the first page.
        node = client.get_node(parameters)
        short = await node.get_references()
        plc.fault = None
        assert len(short) == 10 < len(await node.get_references())


async def test_slow_answers_come_in_drops() -> None:
    async with oven("slow") as plc:
        client = client_of(plc, timeout=1.5)
        with pytest.raises((asyncio.TimeoutError, TimeoutError)):
            async with client:
                await read(plc, client, 300)


async def test_a_request_that_cannot_be_decoded_is_logged_and_refused() -> None:
    async with oven() as plc, client_of(plc) as client:
        line = client.uaclient.protocol
        assert line is not None
        wanted = ua.WriteValue(gain(plc), ua.IntegerId(AttributeIds.Value))
        request = ua.WriteRequest(Parameters=ua.WriteParameters(NodesToWrite=[wanted]))
        inner = ua.DataValue(ua.Variant(ua.DataValue(), ua.VariantType.DataValue))
        request.Parameters.NodesToWrite[0].Value = inner
        with pytest.raises(BadDecodingError):
            await line.send_request(request)
        assert plc.log[-1] == Service("Write", writes=True, detail="undecodable")


# Latency


async def test_a_delay_is_latency_not_work() -> None:
    """All requests are taken in before the first of them is answered."""
    async with oven(delay=0.3) as plc, client_of(plc) as client:
        plc.log.clear()
        answered = asyncio.Event()
        seen: list[int] = []

        async def one() -> None:
            await read(plc, client)
            if not answered.is_set():
                seen.append(sum(each.name == "Read" for each in plc.log))
            answered.set()

        await asyncio.gather(*(one() for _ in range(20)))
        assert seen == [20]


class Wire(asyncio.Transport):
    """Remembers what was written, and when."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.times: list[float] = []
        self.closing = False

    def write(self, data: bytes) -> None:  # type: ignore[override]
        self.sent.append(data)
        self.times.append(asyncio.get_running_loop().time())

    def is_closing(self) -> bool:
        return self.closing

    def abort(self) -> None:
        self.closing = True


async def test_delayed_messages_keep_their_order() -> None:
    wire = Wire()
    outlet = Outlet(wire, 0.01)
    messages = [bytes([n]) for n in range(50)]
    for message in messages:
        outlet.write(message)
    assert wire.sent == []
    await asyncio.sleep(0.1)
    assert wire.sent == messages


async def test_drops_of_two_messages_do_not_mix() -> None:
    wire = Wire()
    outlet = Outlet(wire, 0.0)
    outlet.dripping = True
    first, second = bytes(range(DROP + 5)), bytes(range(100, 110))
    outlet.write(first)
    outlet.write(second)
    await asyncio.sleep(0.5)
    assert b"".join(wire.sent) == first + second
    assert len(wire.sent) == 3
    assert all(later > earlier for earlier, later in pairwise(wire.times))


async def test_nothing_is_sent_after_the_connection_is_dropped() -> None:
    wire = Wire()
    outlet = Outlet(wire, 0.01)
    outlet.write(b"late")
    outlet.abort()
    await asyncio.sleep(0.05)
    assert wire.sent == []


# What we rely on in asyncua


def names(function: object) -> list[str]:
    return list(inspect.signature(function).parameters)  # type: ignore[arg-type]


def test_the_parts_of_asyncua_that_are_overridden_are_still_there() -> None:
    assert version("asyncua") == "2.1.0"
    processor = UaProcessor
    assert names(processor.__init__) == ["self", "internal_server", "transport", "limits"]
    assert names(processor.process) == ["self", "header", "body"]
    assert names(processor._process_message) == ["self", "typeid", "requesthdr", "seqhdr", "body"]  # noqa: SLF001
    assert names(processor.open_secure_channel) == ["self", "algohdr", "seqhdr", "body"]
    assert inspect.iscoroutinefunction(processor.close)
    assert names(OPCUAProtocol.connection_made) == ["self", "transport"]
    assert names(OPCUAProtocol.connection_lost) == ["self", "ex"]
    assert names(BinaryServer._make_protocol) == ["self"]  # noqa: SLF001
    assert names(InternalServer.load_standard_address_space) == ["self", "shelf_file"]
    assert names(Server._setup_server_nodes) == ["self"]  # noqa: SLF001
    assert names(AddressSpace.set_attribute_value_callback) == [
        "self",
        "nodeid",
        "attr",
        "callback",
    ]
    assert names(InternalSession.close_session) == ["self", "delete_subs"]


async def test_no_server_writes_into_the_standard_address_space_they_all_copy() -> None:
    def picture() -> str:
        space = standard_space()
        nodes = [space[node] for node in space.keys()]  # noqa: SIM118
        return repr([(n.nodeid, n.attributes, n.references, n.call) for n in nodes])

    before = picture()
    async with OpcUaSimulator.demo("packer") as plc, client_of(plc) as client:
        assert await client.get_namespace_array()
    assert picture() == before
    own = [each for node in standard_space().keys() for each in standard_space()[node].references]  # noqa: SIM118
    assert own
    assert all(each.NodeId.NamespaceIndex == 0 for each in own)
