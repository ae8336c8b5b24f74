"""An oven, and a client that is connected to it."""

from collections.abc import AsyncIterator

import pytest
from asyncua.client.client import Client
from tests.simulators.opcua_client import oven

from goldcopy_sim.opcua import OpcUaSimulator


@pytest.fixture
async def plc() -> AsyncIterator[OpcUaSimulator]:
    async with oven() as running:
        yield running


@pytest.fixture
async def client(plc: OpcUaSimulator) -> AsyncIterator[Client]:
    async with Client(plc.url) as connected:
        yield connected
