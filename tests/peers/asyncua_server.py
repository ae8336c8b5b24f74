"""An OPC UA server of asyncua in a process of its own, told what to do by lines of JSON.

``{"uris": [...]}`` first: it answers ``{"port": N}``. Then any number of
``{"add": NAME, "type": "Double", "value": V}`` (a list is an array), ``{"set": NAME, ...}``,
``{"bad": NAME, "status": S}``, ``{"structure": {...}}``, ``{"property": NAME, "of": NAME, ...}``;
each is answered ``{}`` once it is done. ``{"get": NAME}`` is answered ``{"value": V}``. A value
like ``{"made of": [...]}`` is of a type that is made of parts. All values go through asyncua's own
API. It ends when its input does.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import sys
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncua.ua
from asyncua.common.structures104 import new_enum, new_struct, new_struct_field
from asyncua.server.server import Server

ua: Any = asyncua.ua  # its constructors ask for its own subclasses of int and str


def meant(kind: str, value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, list):
        return [meant(kind, each) for each in value]
    if value is None:
        return None
    match kind:
        case "DateTime":
            return datetime.fromisoformat(value)
        case "ByteString":
            return base64.b64decode(value)
        case "Guid":
            return UUID(value)
        case "LocalizedText":
            return ua.LocalizedText(*value["made of"])
        case "QualifiedName":
            return ua.QualifiedName(*value["made of"])
        case "NodeId":
            return ua.NodeId(*value["made of"])
    return value


def shown(value: Any) -> Any:  # noqa: ANN401 - JSON
    """The other way round."""
    match value:
        case list():
            return [shown(each) for each in value]
        case datetime():
            return value.isoformat(timespec="milliseconds")
        case bytes():
            return base64.b64encode(value).decode()
        case ua.LocalizedText():
            return [value.Text, value.Locale]
        case ua.NodeId() | UUID():
            return str(value) if isinstance(value, UUID) else value.to_string()
    return value


class Peer:
    """The server and what it was given."""

    def __init__(self, server: Server, index: int) -> None:
        self.server = server
        self.index = index
        self.nodes: dict[str, Any] = {}

    async def obey(self, order: dict[str, Any]) -> None:
        match order:
            case {"add": name, "type": kind, "value": value}:
                await self.add(self.server.nodes.objects, name, kind, value)
            case {"property": name, "of": owner, "type": kind, "value": value}:
                variant = ua.Variant(meant(kind, value), ua.VariantType[kind])
                self.nodes[name] = await self.nodes[owner].add_property(
                    ua.NodeId(name, self.index), ua.QualifiedName(name, self.index), variant
                )
            case {"set": name, "type": kind, "value": value}:
                variant = ua.Variant(
                    meant(kind, value), ua.VariantType[kind], is_array=isinstance(value, list)
                )
                await self.nodes[name].write_value(ua.DataValue(variant))
            case {"bad": name, "status": status}:
                code = ua.StatusCode(getattr(ua.StatusCodes, status))
                await self.nodes[name].write_value(ua.DataValue(StatusCode=code))
            case {"structure": members}:
                await self.structure(members)
            case _:
                raise ValueError(order)

    async def get(self, name: str) -> Any:  # noqa: ANN401 - JSON
        """What a variable holds; a member of it behind a dot."""
        name, *members = name.split(".")
        value = await self.server.get_node(ua.NodeId(name, self.index)).read_value()
        for each in members:
            value = getattr(value, each)
        return shown(value)

    async def add(self, parent: Any, name: str, kind: str, value: Any) -> None:  # noqa: ANN401
        variant = ua.Variant(
            meant(kind, value), ua.VariantType[kind], is_array=isinstance(value, list)
        )
        node = await parent.add_variable(
            ua.NodeId(name, self.index), ua.QualifiedName(name, self.index), variant
        )
        await node.set_writable()
        self.nodes[name] = node

    async def structure(self, members: dict[str, Any]) -> None:
        """A structure within a structure, an enumeration and arrays, made by asyncua's helpers."""
        server, index = self.server, self.index
        mode = await new_enum(server, index, "Mode", ["Off", "Hand", "Auto"])
        point, _ = await new_struct(
            server,
            index,
            "Point",
            [
                new_struct_field("X", ua.VariantType.Double),
                new_struct_field("Y", ua.VariantType.Double),
            ],
        )
        order, _ = await new_struct(
            server,
            index,
            "Order",
            [
                new_struct_field("Number", ua.VariantType.UInt32),
                new_struct_field("Title", ua.VariantType.String),
                new_struct_field("Mode", mode),
                new_struct_field("Home", point),
                new_struct_field("Way", point, array=True),
                new_struct_field("Weights", ua.VariantType.Float, array=True),
                new_struct_field("Note", ua.VariantType.String, optional=True),
            ],
        )
        made = await server.load_data_type_definitions()
        value = made["Order"]()
        value.Number, value.Title = members["Number"], members["Title"]
        value.Mode = made["Mode"](members["Mode"])
        value.Home = made["Point"](*members["Home"])
        value.Way = [made["Point"](*each) for each in members["Way"]]
        value.Weights = members["Weights"]
        value.Note = members.get("Note")
        variable = await server.nodes.objects.add_variable(
            ua.NodeId("Order", index),
            ua.QualifiedName("Order", index),
            ua.Variant(value, ua.VariantType.ExtensionObject),
            datatype=order.nodeid,
        )
        if members.get("writable"):
            await variable.set_writable()


async def main() -> None:
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
    loop = asyncio.get_running_loop()
    peer: Peer | None = None
    server = Server()
    await server.init()
    server.set_endpoint("opc.tcp://127.0.0.1:0")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    try:
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            order = json.loads(line)
            answer: dict[str, Any] = {}
            if "uris" in order:
                for uri in order["uris"]:
                    await server.register_namespace(uri)
                peer = Peer(server, await server.get_namespace_index(order["uris"][-1]))
                await server.start()
                listening: Any = server.bserver
                answer = {"port": listening._server.sockets[0].getsockname()[1]}  # noqa: SLF001
            elif "get" in order:
                assert peer is not None
                answer = {"value": await peer.get(order["get"])}
            else:
                assert peer is not None
                await peer.obey(order)
            print(json.dumps(answer), flush=True)
    finally:
        await server.stop()


asyncio.run(main())
