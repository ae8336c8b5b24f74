"""Names that outlive a restart: by namespace URI, never by index.

A namespace index is good for one session, and many servers number their nodes anew at every boot.
So an item's path is made of browse names, and its address is left empty where the id may change.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from .builtin import Name, NodeId

UA = "http://opcfoundation.org/UA/"
UNKNOWN = "unknown namespace "
"""What stands for the URI of an index that the server has not told, with the index behind it."""
RESERVED = frozenset({"namespaces", "structure", "types", "Types"})
"""First segments that this driver gives itself (see docs of ``items``)."""


class Keys:
    """The namespaces of one session. ``application`` is the server's own URI, if known."""

    def __init__(self, uris: Sequence[str], application: str = "") -> None:
        self.uris = tuple(uris) or (UA,)
        self.index = {uri: n for n, uri in reversed(list(enumerate(self.uris)))}
        self.static: set[int] = set()
        """Indexes of the namespaces whose numeric ids are promised to stay."""
        self.aliases = _aliases(self.uris, application)
        self._segments: dict[Name, str] = {}
        self._prefixes: dict[int, str] = {0: ""}

    def segment(self, name: Name) -> str:
        """One segment of a path: ``DI:DeviceSet``; without alias in namespace 0."""
        found = self._segments.get(name)
        if found is None:
            found = escape(name.name)
            if name.ns:
                found = f"{self.alias(name.ns)}:{found}"
            elif ":" in found or name.name in RESERVED:
                found = ":" + found
            self._segments[name] = found
        return found

    def alias(self, space: int) -> str:
        """The short name of a namespace; its index says nothing beyond this session."""
        return self.aliases[space] if space < len(self.aliases) else "unknown"

    def address(self, node: NodeId) -> str:
        """``nsu=http://example.com/oven;s=Speed``; "" for a numeric id that may be given anew."""
        if type(node.id) is int and node.ns and node.ns not in self.static:
            return ""
        return self.text(node)

    def text(self, node: NodeId) -> str:
        """A NodeId by its URI (OPC 10000-6, 5.1.12), volatile or not."""
        space, identifier = node
        if isinstance(identifier, str):
            tail = "s=" + identifier
        elif isinstance(identifier, int):
            tail = f"i={identifier}"
        elif isinstance(identifier, UUID):
            tail = f"g={identifier}"
        else:
            tail = f"b={b64encode(identifier).decode()}"
        prefix = self._prefixes.get(space)
        if prefix is None:
            prefix = self._prefixes[space] = f"nsu={quoted(self.uri(space))};"
        return prefix + tail

    def twin(self, path: str, node: NodeId) -> str:
        """A path told apart from that of another node with the same browse names."""
        return f"{path}{{{self.text(node).replace('/', '~1')}}}"

    def uri(self, space: int) -> str:
        """The URI of a namespace; a made-up one where the server has told none."""
        return self.uris[space] if space < len(self.uris) else f"{UNKNOWN}{space}"


def escape(name: str) -> str:
    """A browse name as one segment: ``~`` for itself, ``/`` and ``{`` (JSON Pointer's way)."""
    if not name:
        return "~2"
    if "~" in name or "/" in name or "{" in name:
        return name.replace("~", "~0").replace("/", "~1").replace("{", "~3")
    return name


def quoted(uri: str) -> str:
    """A URI as it stands in ``nsu=…;``: its reserved characters escaped (OPC 10000-6, 5.3.1.11)."""
    return uri.replace("%", "%25").replace(";", "%3B")


def unquoted(text: str) -> str:
    """The URI that ``quoted`` wrote."""
    return text.replace("%3B", ";").replace("%25", "%")


def _aliases(uris: Sequence[str], application: str) -> tuple[str, ...]:
    """The last part of each URI; where two are alike, each with a piece of its URI's hash.

    The application's own namespace gives way to one that is like it: it seldom has nodes.
    """
    names = [_last_part(uri) for uri in uris]
    often = Counter(name for name, uri in zip(names, uris, strict=True) if uri != application)
    return tuple(
        f"{name}-{hashlib.sha256(uri.encode()).hexdigest()[:6]}"
        if often[name] > (uri != application)
        else name
        for name, uri in zip(names, uris, strict=True)
    )


def _last_part(uri: str) -> str:
    parts = [part for part in re.split(r"[/:#?]", uri) if part]
    return re.sub(r"[^\w.-]", "-", parts[-1]) if parts else "nameless"
