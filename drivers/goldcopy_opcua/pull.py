"""One pull: walk, read, understand, in as few requests as the protocol allows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from goldcopy.driver import Reading
from goldcopy.snapshot import Gap, Item

from . import status
from .builtin import EXTENSION_OBJECT, VARIANT, Body, Data, NodeId, Result
from .client import Client
from .crawl import Crawl, Node
from .files import Files, files_among
from .items import Found, Items
from .keys import Keys
from .options import OpcUaOptions
from .server import Server
from .services import DATA_TYPE, USER_ACCESS_LEVEL, VALUE, VARIABLE
from .structures import STANDARD
from .types import Types

_NAMESPACE_METADATA = NodeId(0, 11616)
_NUMERIC = 0
"""IdType of numeric ids (OPC 10000-3, 8.2.3)."""


async def pull(client: Client, server: Server, options: OpcUaOptions) -> Reading:
    """Everything below the roots, each path once."""
    keys = server.keys
    crawl = Crawl(client, keys, options)
    await crawl.run()
    nodes = crawl.nodes
    variables = [node for node in nodes if node.node_class == VARIABLE and _own(node)]
    values, found = await _read(client, variables)
    keys.static |= _static(nodes, values, keys)
    types = Types(client, keys)
    await types.learn(encodings(values.values()), {one.data_type for one in found if one.data_type})
    items = Items(keys, types, values)
    kept = [item for one in found for item in items.of(one)]
    kept += _own_items(keys, types)
    gaps = _missing(crawl, options.roots) + crawl.gaps + items.gaps
    if options.files:
        files = Files(client, keys, values, options.max_file)
        await files.read(files_among(nodes))
        kept += files.items
        gaps += files.gaps
    if not crawl.gaps:
        kept.append(_structure(nodes))
    return Reading(kept, _once(gaps))


def _missing(crawl: Crawl, roots: Sequence[str]) -> list[Gap]:
    """Gaps for the roots of the inventory that were not found."""
    found = {node.path for node in crawl.nodes}
    reason = "a root of the inventory is not there"
    return [Gap(root, reason) for root in roots if root not in found]


def _own(node: Node) -> bool:
    """Numeric ids of namespace 0 are the standard's nodes, not this controller's."""
    return node.id.ns != 0 or not isinstance(node.id.id, int)


async def _read(client: Client, variables: list[Node]) -> tuple[dict[NodeId, Result], list[Found]]:
    """Value and UserAccessLevel of all; DataType only where the value does not tell it."""
    count = len(variables)
    wanted = [(node.id, VALUE) for node in variables]
    wanted += [(node.id, USER_ACCESS_LEVEL) for node in variables]
    results = await client.read(wanted)
    values, levels = results[:count], results[count:]
    untold = [
        node.id
        for node, value in zip(variables, values, strict=True)
        if not status.bad(value.status) and _untold(value.data)
    ]
    told = await client.read([(one, DATA_TYPE) for one in untold]) if untold else []
    data_types = {
        one: result.data.value
        for one, result in zip(untold, told, strict=True)
        if isinstance(result.data.value, NodeId)
    }
    found = [
        Found(node, value, level, data_types.get(node.id))
        for node, value, level in zip(variables, values, levels, strict=True)
    ]
    return {node.id: value for node, value in zip(variables, values, strict=True)}, found


def _untold(data: Data) -> bool:
    """Whether only the data type tells what this is: a null, or a structure of the server's own."""
    if data.kind == EXTENSION_OBJECT and isinstance(data.value, Body):
        return data.value.type not in STANDARD
    return data.kind in (0, EXTENSION_OBJECT)


def encodings(values: Iterable[Result]) -> set[NodeId]:
    """The types of all structures among the values."""
    found: set[NodeId] = set()
    for result in values:
        if result.data.kind in (EXTENSION_OBJECT, VARIANT):
            _collect(result.data.value, found)
    return found


def _collect(value: object, found: set[NodeId]) -> None:
    if isinstance(value, Body):
        if value.form:
            found.add(value.type)
    elif isinstance(value, Data):
        _collect(value.value, found)
    elif isinstance(value, tuple):
        for one in value:
            _collect(one, found)


def _static(nodes: Iterable[Node], values: dict[NodeId, Result], keys: Keys) -> set[int]:
    """Namespaces that promise to keep their numeric ids (OPC 10000-5, 6.3.13)."""
    static = set()
    for node in nodes:
        if node.type_definition != _NAMESPACE_METADATA:
            continue
        uri, kinds = (_value(node, name, values) for name in ("NamespaceUri", "StaticNodeIdTypes"))
        if uri in keys.index and isinstance(kinds, tuple) and _NUMERIC in kinds:
            static.add(keys.index[str(uri)])
    return static


def _value(node: Node, name: str, values: dict[NodeId, Result]) -> object:
    child = node.child(name)
    result = values.get(child.id) if child is not None else None
    return None if result is None or status.bad(result.status) else result.data.value


def _own_items(keys: Keys, types: Types) -> list[Item]:
    """Namespaces and type definitions: what the other items rest on."""
    uris = tuple(sorted(keys.uris))
    made = [Item("namespaces", "parameter", f"ARRAY[{len(uris)}] OF STRING", uris)]
    for name, text in types.texts.items():
        made.append(Item(f"types/{name}", "parameter", "STRING", text))
    return made


def _structure(nodes: Iterable[Node]) -> Item:
    """A hash over all nodes, objects and methods included: a program's shape, not its code."""
    lines = sorted(f"{node.path}\t{node.node_class}\n" for node in nodes)
    digest = hashlib.sha256("".join(lines).encode()).hexdigest()
    return Item("structure", "parameter", "STRING", digest, role="diagnostic")


def _once(gaps: list[Gap]) -> list[Gap]:
    """One gap for a path, with all its reasons."""
    reasons: dict[str, list[str]] = {}
    for gap in gaps:
        reasons.setdefault(gap.path, []).append(gap.reason)
    return [Gap(path, "; ".join(sorted(set(many)))) for path, many in reasons.items()]
