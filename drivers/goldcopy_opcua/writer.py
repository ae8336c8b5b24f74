"""Writing values: read what is there, make the whole of it, write once, judge each status."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from goldcopy.errors import GoldcopyError, Refused, Unsupported, Wrong
from goldcopy.snapshot import Blob, Item

from . import answers, services, status
from .builtin import EXTENSION_OBJECT, NodeId, Result
from .client import Client
from .compose import Goal, Held, composed
from .crawl import Crawl
from .encode import variant
from .meant import node as node_of
from .options import OpcUaOptions
from .pull import encodings
from .server import Server
from .services import BROWSE_NAME, DATA_TYPE, USER_ACCESS_LEVEL, VALUE, VALUE_RANK
from .session import OpcUaSession
from .transport import Fault
from .types import Types

MOST_BYTES = 32_768
"""Of values in one Write, about: what fits into a message of any server (OPC 10000-6, 7.1.2.4)."""
_AROUND = 64
"""Bytes around a value, about: the node, the attribute."""
_CURRENT_WRITE = 2  # UserAccessLevel (OPC 10000-3, 8.57)
_NUMBERED = re.compile(r"\{[^}/]*;i=\d+\}")  # what tells twins apart (see ``keys``)
_ASKED = (VALUE, USER_ACCESS_LEVEL, DATA_TYPE, VALUE_RANK)


class Candidate(NamedTuple):
    """A node that may be meant, and the way into its value."""

    node: NodeId
    way: str


class OpcUaWriter(OpcUaSession):
    """An open session, for writing too. The server has been looked at: its limits are known."""

    def __init__(self, client: Client, options: OpcUaOptions, server: Server) -> None:
        super().__init__(client, options)
        self._server = server
        self._keys = server.keys
        self._types = Types(client, server.keys)
        self._paths: dict[str, NodeId] | None = None

    def groups(self, items: Sequence[Item]) -> Sequence[Sequence[Item]]:
        """As many variables together as the server takes in one Write.

        The members of one variable stay together: they are written with its whole value.
        """
        groups: list[list[Item]] = []
        nodes: set[str] = set()
        size = 0
        for name, run in groupby(items, _variable):
            members = list(run)
            if not name:
                groups += [[item] for item in members]
                nodes = set()
                continue
            bytes_ = sum(map(_bytes, members))
            size += bytes_ + (name not in nodes) * _AROUND
            if not nodes or len(nodes | {name}) > self._client.limits.write or size > MOST_BYTES:
                groups.append([])
                nodes, size = set(), bytes_ + _AROUND
            groups[-1] += members
            nodes.add(name)
        return groups

    async def write(self, group: Sequence[Item]) -> None:
        """Read the variables, put the items into their values, write them with one request.

        Or with several, if members that nobody asked for make the values too long: those are
        written as they were read just before. Raises ``Unsupported``, ``Wrong`` and ``Refused``
        before anything is sent; ``Refused`` also where the server does not take a value, when
        others of the group are written.
        """
        for item in group:
            error = _amiss(item)
            if error is not None:
                raise error
        goals: dict[NodeId, list[Goal]] = {}
        for item, (node, way) in zip(group, await self._found(group), strict=True):
            goals.setdefault(node, []).append(Goal(item, way))
        read = await self._read(list(goals))
        for node, wanted in goals.items():
            for goal in wanted:
                _check(goal.item, read[node])
        await self._learn(list(read.values()))
        values = [(node, self._composed(read[node], wanted)) for node, wanted in goals.items()]
        paths = {node: wanted[0].item.path for node, wanted in goals.items()}
        for part in _fitting(values):
            await self._send(part, [paths[node] for node, _ in part])

    # -- which node ------------------------------------------------------------------------------

    async def _found(self, group: Sequence[Item]) -> list[Candidate]:
        """For each item the likeliest node that is there, else the last that may be meant."""
        meant = [await self._candidates(item) for item in group]
        nodes = list(dict.fromkeys(one.node for found in meant for one in found[:-1]))
        results = await self._client.read([(node, BROWSE_NAME) for node in nodes])
        there = {n for n, result in zip(nodes, results, strict=True) if not _unknown(result)}
        return [next((one for one in found if one.node in there), found[-1]) for found in meant]

    async def _candidates(self, item: Item) -> list[Candidate]:
        """The nodes that may be meant, the likeliest first: an identifier may have a ``#``, too."""
        if not item.address:
            return [await self._by_path(item)]
        try:
            return [
                Candidate(self._own(item, node_of(address, self._keys)), way)
                for address, way in _splits(item.address)
            ]
        except ValueError as error:
            raise Wrong(f"{item.path}: {error}; nothing was written") from None

    def _own(self, item: Item, node: NodeId) -> NodeId:
        if node.ns == 0 and isinstance(node.id, int):
            raise Unsupported(f"{item.path}: a node of the standard's own is never written")
        return node

    async def _by_path(self, item: Item) -> Candidate:
        """Where numeric ids may be given anew, only the browse names tell the node."""
        if _NUMBERED.search(item.path):
            raise Wrong(
                f"{item.path}: only a number that the server may give anew tells this from another "
                "of the same name; nothing was written"
            )
        if self._paths is None:
            crawl = Crawl(self._client, self._keys, self._options)
            await crawl.run()
            self._paths = {node.path: node.id for node in crawl.nodes}
        path, way = item.path, ""
        while path:
            if path in self._paths:
                return Candidate(self._own(item, self._paths[path]), way)
            path, _, last = path.rpartition("/")
            way = f"{last}/{way}" if way else last
        raise Wrong(
            f"{item.path}: the server has no variable with this path now; nothing was written"
        )

    # -- what it holds ---------------------------------------------------------------------------

    async def _read(self, nodes: list[NodeId]) -> dict[NodeId, list[Result]]:
        results = await self._client.read([(node, one) for node in nodes for one in _ASKED])
        size = len(_ASKED)
        return {node: results[n * size : (n + 1) * size] for n, node in enumerate(nodes)}

    async def _learn(self, read: Sequence[list[Result]]) -> None:
        """The types that are needed to put the values together."""
        values = [value for value, *_ in read]
        data_types = {
            told.data.value
            for value, _, told, _ in read
            if isinstance(told.data.value, NodeId) and value.data.kind in (0, EXTENSION_OBJECT)
        }
        await self._types.learn(encodings(values), data_types)

    def _composed(self, read: list[Result], goals: Sequence[Goal]) -> bytes:
        data_type, rank = (result.data.value for result in read[2:])
        kind = self._types.kind(data_type) if isinstance(data_type, NodeId) else 0
        held = Held(read[0].data, kind, rank if isinstance(rank, int) else -1)
        return variant(composed(held, goals, self._keys, self._types))

    # -- sending ---------------------------------------------------------------------------------

    async def _send(self, values: Sequence[tuple[NodeId, bytes]], paths: Sequence[str]) -> None:
        try:
            reader = await self._client.channel.ask(services.WRITE, services.write(values))
        except Fault as fault:
            raise status.unwritten(fault.status) from None
        codes = answers.written(reader, len(values))
        amiss = [
            f"{path} ({status.why_not_written(code)})"
            for path, code in zip(paths, codes, strict=True)
            if not status.accepted(code)
        ]
        if amiss:
            more = f" and {len(amiss) - 3} more" if len(amiss) > 3 else ""
            raise Refused(f"the server did not take {', '.join(amiss[:3])}{more}")


def _amiss(item: Item) -> GoldcopyError | None:
    """Why an item cannot be written, whatever the server holds."""
    if item.kind == "file":
        return Unsupported(f"{item.path}: files are read, and never written")
    if item.access != "read-write":
        return Refused(
            f"{item.path} is not to be written: when it was read, this user might not write it "
            "(UserAccessLevel); nothing was written"
        )
    values = item.value if isinstance(item.value, tuple) else (item.value,)
    if any(isinstance(one, Blob) for one in values):
        return Wrong(f"{item.path}: its content is not at hand; nothing was written")
    return None


def _check(item: Item, read: list[Result]) -> None:
    value, level, *_ = read
    if status.bad(value.status):
        raise Refused(
            f"{item.path} cannot be read now ({status.reason(value.status)}), so nothing could be "
            "proved; nothing was written"
        )
    may = level.data.value
    if not isinstance(may, int) or not may & _CURRENT_WRITE:
        raise Refused(
            f"{item.path}: the server does not let this user write it (UserAccessLevel without "
            "CurrentWrite); log in as a user who may, nothing was written"
        )


def _unknown(read: Result) -> bool:
    return read.status & 0xFFFF0000 == status.NODE_UNKNOWN


def _splits(address: str) -> Iterator[tuple[str, str]]:
    """An address as node and way into its value, the longest node first."""
    end = len(address)
    while end > 0:
        yield address[:end], address[end:]
        end = address.rfind("#", 0, end)


def _fitting(values: Sequence[tuple[NodeId, bytes]]) -> Iterator[list[tuple[NodeId, bytes]]]:
    """As many as one message carries, at least one."""
    part: list[tuple[NodeId, bytes]] = []
    size = 0
    for node, value in values:
        size += len(value) + _AROUND
        if part and size > MOST_BYTES:
            yield part
            part, size = [], len(value) + _AROUND
        part.append((node, value))
    yield part


def _variable(item: Item) -> str:
    """The variable that an item is, or is a member of; "" if it cannot be written."""
    return "" if _amiss(item) is not None else item.address.partition("#")[0] or item.path


def _bytes(item: Item) -> int:
    """About as many bytes as the value takes."""
    values = item.value if isinstance(item.value, tuple) else (item.value,)
    return sum(len(one) if isinstance(one, str | bytes) else 9 for one in values)
