"""The address space below some roots, level by level: as few requests as the protocol allows.

The graph has loops and shortcuts. A node is browsed once; its path is the shortest that leads to
it, of those one that makes it a part rather than only listing it (Organizes), of those the
smallest: so the order of a server's answers does not matter.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from goldcopy.errors import Refused
from goldcopy.snapshot import Gap

from . import status
from .answers import Reference
from .builtin import Name, NodeId
from .client import Client
from .keys import Keys
from .options import OpcUaOptions
from .services import HAS_PROPERTY, METHOD, OBJECT, VARIABLE

SERVER, OBJECTS, TYPES, NAMESPACES = (NodeId(0, n) for n in (2253, 85, 86, 11715))
PROPERTY_TYPE = NodeId(0, 68)
_HAS_PROPERTY, _ORGANIZES = NodeId(0, HAS_PROPERTY), NodeId(0, 35)
_NAMELESS, _NULL = Name(0, ""), NodeId(0, 0)
_INSTANCES = OBJECT | VARIABLE | METHOD
_ALWAYS = ("Server/Namespaces", "Types")
DI = "http://opcfoundation.org/UA/DI/"


class Node:
    """One node, as far as its references told."""

    __slots__ = (
        "children", "depth", "display", "id", "listed", "name", "node_class", "parameter", "path",
        "property", "type_definition",
    )  # fmt: skip

    def __init__(
        self,
        node: NodeId,
        path: str,
        depth: int,
        name: Name = _NAMELESS,
        node_class: int = OBJECT,
        display: str = "",
        type_definition: NodeId = _NULL,
    ) -> None:
        self.id = node
        self.path = path
        """Final once its level has been browsed."""
        self.depth = depth
        self.listed = False
        """Whether the path ends with a folder that lists it, and no owner is as near."""
        self.name = name
        self.node_class = node_class
        self.display = display
        self.type_definition = type_definition
        self.property = type_definition == PROPERTY_TYPE
        self.parameter = False
        """Whether it belongs to a ParameterSet (OPC 10000-100, 4.5.2)."""
        self.children: list[Node] = []

    def child(self, name: str) -> Node | None:
        """The child with this browse name in namespace 0."""
        wanted = Name(0, name)
        return next((child for child in self.children if child.name == wanted), None)


class Crawl:
    """One walk. ``nodes`` and ``gaps`` are what it found."""

    def __init__(self, client: Client, keys: Keys, options: OpcUaOptions) -> None:
        self.gaps: list[Gap] = []
        self.nodes: list[Node] = []
        self._client = client
        self._keys = keys
        self._options = options
        self._known: dict[NodeId, Node] = {}
        self._levels: defaultdict[int, list[Node]] = defaultdict(list)
        self._leads = _Roots(options.roots).leads
        self._excluded = _excluder(options.exclude)
        self._hidden = {SERVER}
        self._classes = 0 if options.include_types else _INSTANCES
        self._parameter_set = Name(keys.index.get(DI, -1), "ParameterSet")

    async def run(self) -> None:
        """Walk until nothing new is found."""
        self._start(OBJECTS, "")
        self._start(NAMESPACES, "Server/Namespaces")
        if self._options.include_types:
            self._start(TYPES, "Types")
        while self._levels:
            depth = min(self._levels)
            level = [node for node in self._levels.pop(depth) if node.depth == depth]
            self._settle(level)
            await self._browse([node for node in level if self._worth(node)])
        for node in list(self._known.values()):
            if node.name == self._parameter_set:
                _mark(node.children)
        within = _Roots(self._options.roots).within
        self.nodes = [node for node in self._known.values() if within(node.path)]

    def _start(self, node: NodeId, path: str) -> None:
        """Begin here too, in the first request; the path is what leads to it from Objects."""
        self._known[node] = Node(node, path, 0)
        self._levels[0].append(self._known[node])

    def _worth(self, node: Node) -> bool:
        """Whether it may have children: properties have none (OPC 10000-3, 5.6.2)."""
        if node.property or node.node_class == METHOD:
            return False
        return node.node_class != VARIABLE or self._options.browse_variables

    def _settle(self, level: Sequence[Node]) -> None:
        """Make the paths of a level final, each its node's alone."""
        by_path: defaultdict[str, list[Node]] = defaultdict(list)
        for node in level:
            if node.node_class != METHOD:
                by_path[node.path].append(node)
        for twins in by_path.values():
            if len(twins) > 1:
                for node in twins:
                    node.path = self._keys.twin(node.path, node.id)

    async def _browse(self, nodes: Sequence[Node]) -> None:
        found = await self._client.browse([node.id for node in nodes], classes=self._classes)
        for node, (code, references) in zip(nodes, found, strict=True):
            for reference in references:
                self._follow(node, reference)
            if status.bad(code) and not (code == status.NODE_UNKNOWN and node.id == NAMESPACES):
                what = "what is below it is not complete"
                self.gaps.append(Gap(node.path or "Objects", f"{what}: {status.reason(code)}"))
        if len(self._known) > self._options.max_nodes:
            raise Refused(
                f"more than {self._options.max_nodes} nodes: read less (options.roots, "
                "options.exclude), or allow more (options.max_nodes)"
            )

    def _follow(self, parent: Node, reference: Reference) -> None:
        if reference.server:
            return  # it is on another server, and so another device's
        target = reference.target
        if reference.uri:
            if reference.uri not in self._keys.index:
                return
            target = NodeId(self._keys.index[reference.uri], target.id)
        if target in self._hidden:
            return
        segment = self._keys.segment(reference.name)
        path = f"{parent.path}/{segment}" if parent.path else segment
        if self._excluded(path) or not self._leads(path):
            return  # it may still be found on another path
        depth, listed = parent.depth + 1, reference.type == _ORGANIZES
        node = self._known.get(target)
        if node is None:
            node = Node(
                target,
                path,
                depth,
                reference.name,
                reference.node_class,
                reference.display,
                reference.type_definition,
            )
            node.listed = listed
            self._known[target] = node
            self._levels[depth].append(node)
        elif (depth, listed, path) < (node.depth, node.listed, node.path):
            if depth < node.depth:
                self._levels[depth].append(node)
            node.depth, node.listed, node.path = depth, listed, path
        if reference.type == _HAS_PROPERTY:
            node.property = True
        parent.children.append(node)


def _mark(nodes: Iterable[Node]) -> None:
    """They are parameters, and so is all below them."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if not node.parameter:
            node.parameter = True
            waiting += node.children


class _Roots:
    """The paths that the inventory wants, none for all of them. What is ours is always wanted."""

    def __init__(self, roots: Sequence[str]) -> None:
        self._all = not roots
        self._roots = tuple(_bare(root) for root in (*roots, *_ALWAYS))

    def within(self, path: str) -> bool:
        """Whether a node belongs to a root."""
        return self._all or _bare(path + "/").startswith(tuple(root + "/" for root in self._roots))

    def leads(self, path: str) -> bool:
        """Whether a node belongs to a root, or lies on the way to one."""
        if self._all or self.within(path):
            return True
        return any(root.startswith(_bare(path + "/")) for root in self._roots)


def _bare(path: str) -> str:
    """Without what tells twins apart: that is known only when all of them are found."""
    return re.sub(r"\{[^}/]*\}(?=/|$)", "", path)


def _excluder(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Whether a path is to be left out; patterns as in the rules of the inventory."""
    if not patterns:
        return lambda path: False
    match = re.compile("|".join(map(_regex, patterns))).fullmatch
    return lambda path: match(path) is not None


def _regex(pattern: str) -> str:
    """``**`` is any number of segments, at the end one at least; ``*``, ``?``, ``[ab]`` within."""
    *front, last = pattern.split("/")
    text = "".join("(?:[^/]*/)*" if part == "**" else _segment(part) + "/" for part in front)
    return f"(?:{text}{'.*' if last == '**' else _segment(last)})"


def _segment(pattern: str) -> str:
    wild = {"*": "[^/]*", "?": "[^/]"}
    parts = re.split(r"(\*|\?|\[!?\]?[^\]]*\])", pattern)
    return "".join(
        wild.get(part)
        or ("[^" + part[2:] if part[:2] == "[!" else part if part[:1] == "[" else re.escape(part))
        for part in parts
    )
