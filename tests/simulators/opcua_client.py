"""An oven without certificates, and what asyncua's client asks of it."""

from asyncua import ua
from asyncua.client.client import Client
from asyncua.ua.object_ids import ObjectIds

from goldcopy_sim.opcua import OpcUaSimulator, Settings

OPEN = {"security": [ua.SecurityPolicyType.NoSecurity]}
PARAMETERS = "Devices.line1-oven.ParameterSet"


def oven(**settings: object) -> OpcUaSimulator:
    return OpcUaSimulator.demo("line1-oven", settings=Settings(**{**OPEN, **settings}))  # type: ignore[arg-type]


def name(status: ua.StatusCode | None) -> str:
    assert status is not None
    return status.name


def own(plc: OpcUaSimulator, path: str) -> ua.NodeId:
    return plc.model.id("http://example.com/oven", path)


def parameter(plc: OpcUaSimulator, label: str) -> ua.NodeId:
    return own(plc, f"{PARAMETERS}.{label}")


def asked(node: ua.NodeId, **more: object) -> ua.BrowseDescription:
    description = ua.BrowseDescription(
        NodeId=node,
        BrowseDirection=ua.BrowseDirection.Forward,
        ReferenceTypeId=ua.NodeId(ua.Int32(ObjectIds.HierarchicalReferences)),
        ResultMask=ua.UInt32(63),
    )
    for field, value in more.items():
        setattr(description, field, value)
    return description


async def browse(
    client: Client, *descriptions: ua.BrowseDescription, size: int = 0
) -> list[ua.BrowseResult]:
    wanted = ua.BrowseParameters(
        NodesToBrowse=list(descriptions), RequestedMaxReferencesPerNode=ua.Counter(size)
    )
    return await client.uaclient.browse(wanted)


async def browse_next(
    client: Client, *points: bytes, release: bool = False
) -> list[ua.BrowseResult]:
    wanted = ua.BrowseNextParameters(
        ReleaseContinuationPoints=release,
        ContinuationPoints=list(points),
    )
    return await client.uaclient.browse_next(wanted)
