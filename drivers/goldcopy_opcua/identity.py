"""Who the controller is: its DI nameplate where it has one, else the build of its server."""

from __future__ import annotations

from goldcopy.snapshot import Identity

from . import status
from .answers import Reference
from .builtin import NodeId, Text
from .client import Client
from .crawl import DI
from .server import Server
from .services import OBJECT, VALUE, VARIABLE

_DEVICE_SET = 5001
"""Its numeric id in the DI namespace, which is given there for good (OPC 10000-100, annex A)."""
_PLATE = frozenset({"Manufacturer", "Model", "ProductCode", "SerialNumber", "SoftwareRevision"})


async def identify(client: Client, server: Server) -> Identity:
    """The nameplate of the one device in DeviceSet. Of several, none is the controller's."""
    name, plate = await _nameplate(client, server)
    return Identity(
        vendor=plate.get("Manufacturer") or server.vendor,
        product=plate.get("Model") or server.product,
        order_code=plate.get("ProductCode", ""),
        serial=plate.get("SerialNumber", ""),
        firmware=plate.get("SoftwareRevision") or server.version,
        name=name,
        mode=server.state,
    )


async def _nameplate(client: Client, server: Server) -> tuple[str, dict[str, str]]:
    space = server.keys.index.get(DI)
    if space is None:
        return "", {}
    [(_, devices)] = await client.browse([NodeId(space, _DEVICE_SET)], classes=OBJECT)
    here = [device for device in devices if not device.server and not device.uri]
    if not here:
        return "", {}
    found = await client.browse([device.target for device in here], classes=VARIABLE)
    plates = [
        (device, plate)
        for device, (_, references) in zip(here, found, strict=True)
        if (plate := _of(references, space))
    ]
    if len(plates) != 1:
        return "", {}
    device, plate = plates[0]
    results = await client.read([(node, VALUE) for node in plate.values()])
    return device.name.name, {
        name: text
        for name, result in zip(plate, results, strict=True)
        if not status.bad(result.status) and (text := _text(result.data.value))
    }


def _of(references: list[Reference], space: int) -> dict[str, NodeId]:
    """The nodes of a nameplate among a device's variables."""
    return {
        reference.name.name: reference.target
        for reference in references
        if reference.name.ns == space and reference.name.name in _PLATE and not reference.server
    }


def _text(value: object) -> str:
    if isinstance(value, Text):
        value = value.text
    return value.strip() if isinstance(value, str) else ""
