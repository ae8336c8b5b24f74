"""The standard address space, shared by all simulators of a process until they touch it.

Its 6174 nodes take most of a second to build, and a copy for each simulator would be half a
million objects that every garbage collection has to look at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, MutableMapping
from functools import cache

from asyncua import ua
from asyncua.server.address_space import (
    AddressSpace,
    AttributeValue,
    NodeData,
    NodeManagementService,
)
from asyncua.server.internal_server import InternalServer
from asyncua.server.standard_address_space import standard_address_space


@cache
def standard_space() -> AddressSpace:
    """The nodes of the standard, as nobody may alter them."""
    space = AddressSpace()
    standard_address_space.fill_address_space(NodeManagementService(space))  # type: ignore[no-untyped-call]
    return space


class CopyOnTouch(MutableMapping[ua.NodeId, NodeData]):
    """The nodes of one server: the standard's, copied when they are first asked for, and its own.

    A copy holds what services replace. The DataValues and ReferenceDescriptions within are
    shared: they are replaced whole, never altered.
    """

    def __init__(self, standard: AddressSpace) -> None:
        self._standard = standard
        self._own: dict[ua.NodeId, NodeData] = {}

    def __getitem__(self, node: ua.NodeId) -> NodeData:
        found = self._own.get(node)
        if found is None:
            origin = self._standard[node]
            found = self._own[node] = NodeData(origin.nodeid)
            for attribute, held in origin.attributes.items():
                found.attributes[attribute] = AttributeValue(held.value)  # type: ignore[arg-type]
            found.references = origin.references.copy()
        return found

    def __setitem__(self, node: ua.NodeId, data: NodeData) -> None:
        self._own[node] = data

    def __delitem__(self, node: ua.NodeId) -> None:
        del self._own[node]

    def __contains__(self, node: object) -> bool:
        return node in self._own or (isinstance(node, ua.NodeId) and node in self._standard)

    def __iter__(self) -> Iterator[ua.NodeId]:
        yield from dict.fromkeys([*self._standard.keys(), *self._own])

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Standard(InternalServer):
    """asyncua's inner server over the shared standard address space."""

    async def load_standard_address_space(self, shelf_file: object = None) -> None:
        """Put the shared nodes in place, as asyncua does with a shelf of them."""
        shared = await asyncio.to_thread(standard_space)
        self.aspace._nodes = CopyOnTouch(shared)  # type: ignore[assignment]  # noqa: SLF001
