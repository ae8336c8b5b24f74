"""One write that goes wrong inside the OPC UA simulator, as asyncua's client meets it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from asyncua import ua
from asyncua.client.client import Client
from asyncua.common.connection import MessageChunk
from asyncua.ua.attribute_ids import AttributeIds

from goldcopy_sim.mishap import VALUES, Mishap
from goldcopy_sim.opcua import OpcUaSimulator
from goldcopy_sim.opcua.amiss import clamped
from goldcopy_sim.opcua.codec import Body, Data, Kind, variant
from goldcopy_sim.opcua.machine import machine
from goldcopy_sim.opcua.structures import leaves
from goldcopy_sim.opcua.variable import Variable
from goldcopy_sim.opcua.wiping import wipe


@dataclass
class Line:
    """A simulator of three Doubles, and a client of it."""

    plc: OpcUaSimulator
    client: Client

    async def write(self, *values: float) -> list[str]:
        """The statuses."""
        wanted = ua.WriteParameters(
            NodesToWrite=[
                ua.WriteValue(
                    NodeId=node,
                    AttributeId=ua.IntegerId(AttributeIds.Value),
                    Value=ua.DataValue(ua.Variant(value, ua.VariantType.Double)),
                )
                for node, value in zip(self.plc.model.variables, values, strict=False)
            ]
        )
        return [status.name for status in await self.client.uaclient.write(wanted)]

    def held(self) -> list[object]:
        return [value for _, value in self.plc.values().values()]


@asynccontextmanager
async def line(mishap: Mishap, patience: float = 10) -> AsyncIterator[Line]:
    async with OpcUaSimulator.flat(1, 3) as plc:
        client = Client(plc.url, timeout=patience)
        await client.connect()
        plc.mishap = mishap
        try:
            yield Line(plc, client)
        finally:
            client.disconnect_socket()


@pytest.mark.parametrize("kind", ["dropped", "lost"])
async def test_no_answer_and_the_connection_stays(kind: str) -> None:
    async with line(Mishap(kind, 1), patience=0.3) as found:
        assert await found.write(1.5) == ["Good"]
        with pytest.raises(TimeoutError):
            await found.write(2.5)
        assert found.held()[0] == (1.5 if kind == "dropped" else 2.5)
        assert await found.write(3.5) == ["Good"]
        assert found.held()[0] == 3.5
        assert found.plc.mishap is not None
        assert found.plc.mishap.met == 1


async def test_cut_once_it_is_carried_out() -> None:
    async with line(Mishap("cut", 0)) as found:
        with pytest.raises(ConnectionError):
            await found.write(2.5)
        assert found.held()[0] == 2.5


async def test_twice_are_two_messages_to_one_request() -> None:
    async with line(Mishap("twice", 0)) as found:
        numbers: list[tuple[int, int]] = []
        protocol = found.client.uaclient.protocol
        assert protocol is not None
        connection = protocol._connection  # noqa: SLF001
        honest = connection._check_incoming_chunk  # noqa: SLF001

        def check(chunk: MessageChunk) -> None:
            header = chunk.SequenceHeader
            numbers.append((header.SequenceNumber, header.RequestId))
            honest(chunk)

        connection._check_incoming_chunk = check  # type: ignore[method-assign]  # noqa: SLF001
        assert await found.write(2.5) == ["Good"]
        async with asyncio.timeout(5):
            while len(numbers) < 2:  # noqa: ASYNC110 - the client tells nobody
                await asyncio.sleep(0.01)
        (first, request), (second, again) = numbers
        assert (second, again) == (first + 1, request)


async def test_late_and_carried_out_though_the_client_is_gone() -> None:
    async with line(Mishap("late", 0, delay=0.5)) as found:
        asked = asyncio.create_task(found.write(2.5))
        async with asyncio.timeout(5):
            while not found.plc.mishap or not found.plc.mishap.met:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert found.held()[0] == 0.0
        assert await asked == ["Good"]
        assert found.held()[0] == 2.5
    async with line(Mishap("late", 0, delay=0.5), patience=0.1) as found:
        with pytest.raises(TimeoutError):
            await found.write(2.5)
        found.client.disconnect_socket()
        assert found.held()[0] == 0.0
        assert found.plc.mishap is not None
        await found.plc.mishap.over()
        assert found.held()[0] == 2.5


@pytest.mark.parametrize("kind", VALUES)
async def test_one_value_of_a_request(kind: str) -> None:
    async with line(Mishap(kind, 4)) as found:
        before = found.held()
        assert await found.write(1.5, 2.5, 3.5) == ["Good"] * 3
        wrong = "BadOutOfRange" if kind == "refused" else "Good"
        assert await found.write(4.5, 5.5, 6.5) == ["Good", wrong, "Good"]
        first, second, third = found.held()
        assert (first, third) == (4.5, 6.5)
        assert before[1] not in (2.5, 5.5)
        assert (second == 2.5) == (kind != "clamped")
        assert second != 5.5


async def test_all_from_one_on() -> None:
    async with line(Mishap("ignored", 1, lasting=True)) as found:
        before = found.held()
        assert await found.write(1.5, 2.5, 3.5) == ["Good"] * 3
        assert found.held() == [1.5, *before[1:]]
        assert found.plc.mishap is not None
        assert found.plc.mishap.met == 2


async def test_a_value_that_is_refused_anyway_is_none() -> None:
    async with line(Mishap("ignored", 0)) as found:
        for variable in [*found.plc.model.variables.values()][:1]:
            variable.access = 1
        assert await found.write(1.5, 2.5, 3.5) == ["BadNotWritable", "Good", "Good"]
        assert found.held()[1:] == [0.001, 3.5]


def test_every_type_can_be_clamped_to_another_value_of_its_type() -> None:
    """Of a structure, only a member that was to be changed."""
    model = machine("oven-1")
    wanted = {node: variable.data for node, variable in model.variables.items()}
    wipe(model)
    kinds = set()
    for node, variable in model.variables.items():
        data = wanted[node]
        if data == variable.data or data.value is None or data.value == ():
            continue
        stored = clamped(variable, data)
        kinds.add(data.kind)
        assert variable.fits(stored), node
        assert stored.shape == data.shape
        assert variant(stored) != variant(data), node
        if variable.structure is not None:
            assert only_changed(variable, data, stored)
    assert kinds > {Kind.Boolean, Kind.Float, Kind.String, Kind.Guid, Kind.ExtensionObject}


def only_changed(variable: Variable, wanted: Data, stored: Data) -> bool:
    """Whether one leaf is neither as before nor as wanted, and all others are as wanted."""
    assert variable.structure
    other = []
    for one, two, three in zip(wanted.scalars, stored.scalars, variable.data.scalars, strict=False):
        assert isinstance(one, Body)
        assert isinstance(two, Body)
        assert isinstance(three, Body)
        told = [
            {leaf.path: repr(leaf.value) for leaf in leaves(variable.structure, members)}
            for members in map(variable.structure.unpack, (one.body, two.body, three.body))
        ]
        new, got, old = told
        other += [old.get(path) != new[path] for path in new if new[path] != got[path]]
    return other == [True]
