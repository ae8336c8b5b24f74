"""The address space of a controller out of a backup of it.

A backup's paths are the browse names from Objects on, each with the last part of its namespace's
URI before a colon; its addresses are the node ids. Out of both the tree is built again.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

from asyncua import ua
from asyncua.ua.uaprotocol_hand import DataTypeAttributes

from ..service import Recorded
from .codec import Body, Data, Kind
from .ids import UA, ObjectIds, standard
from .model import Build, Model
from .recorded import (
    STANDARD,
    Definitions,
    Remarks,
    Step,
    elements,
    members,
    plain,
    steps,
)
from .structures import Structure
from .text import node as parsed
from .variable import READ, WRITE

DI = "http://opcfoundation.org/UA/DI/"
_DEVICE_SET = 5001
_OF_A_FILE = frozenset({"Size", "Writable", "UserWritable", "OpenCount"})
_PLATE = {
    "Manufacturer": "vendor", "Model": "product", "ProductCode": "order_code",
    "SerialNumber": "serial", "SoftwareRevision": "firmware",
}  # fmt: skip
Leaves = list[tuple[tuple[Step, ...], Recorded]]


class Loaded:
    """A model under construction."""

    def __init__(self, items: Iterable[Recorded], identity: Mapping[str, str]) -> None:
        self._items = {item.path: item for item in items}
        self._who = identity
        self.lacks: dict[str, str] = {}
        uris = self._uris()
        self._aliases = {alias: uri for uri, alias in zip(uris, _aliases(uris), strict=True)}
        self.places: dict[str, ua.NodeId] = {}
        """Variables whose number is no address, by their path."""
        self._nodes: dict[str, ua.NodeId] = {"": standard(ObjectIds.ObjectsFolder)}
        self._numbers = 0
        built = datetime(1970, 1, 1, tzinfo=UTC)
        build = Build("", identity["vendor"], identity["product"], identity["firmware"], "", built)
        self.model = Model(uris, build)
        self._opaque: dict[str, Structure] = {}
        self._types = self._described()
        self._build()

    def _uris(self) -> list[str]:
        listed = self._items.get("namespaces")
        uris = [str(uri) for uri in cast("tuple[str, ...]", listed.value)] if listed else []
        for item in self._items.values():
            found = re.match(r"nsu=([^;]+);", item.address)
            if found and (uri := _unquoted(found[1])) not in uris:
                uris.append(uri)
        own = next((uri for uri in uris if uri.startswith("urn:")), "urn:twin")
        return [UA, own, *sorted({*uris} - {UA, own})]

    # -- types -------------------------------------------------------------------------------------

    def _described(self) -> Definitions:
        texts = {
            path.removeprefix("types/"): str(item.value)
            for path, item in self._items.items()
            if path.startswith("types/")
        }
        made = Definitions(texts, lambda segment, what: self._type_node(segment, what))
        self.lacks |= made.lacks
        for segment, lines in made.enumerations.items():
            self._enumeration(segment, lines)
        for segment, structure in made.structures.items():
            name = self._name(segment)
            self.model.structure(standard(ObjectIds.Structure), name, structure)
        return made

    def _type_node(self, segment: str, what: str) -> ua.NodeId:
        return ua.NodeId(ua.String(f"{what} {segment}"), self._name(segment).NamespaceIndex)

    def _enumeration(self, segment: str, lines: Sequence[str]) -> None:
        fields = [
            ua.EnumField(
                Value=ua.Int64(int(value)), Name=ua.String(name), DisplayName=ua.LocalizedText(name)
            )
            for value, _, name in (line.partition(" ") for line in lines)
        ]
        attributes = DataTypeAttributes(IsAbstract=False)
        attributes.DataTypeDefinition = ua.EnumDefinition(Fields=fields)  # type: ignore[assignment]
        self.model.node(
            standard(ObjectIds.Enumeration),
            self._type_node(segment, "type"),
            self._name(segment),
            attributes,
            reference=ObjectIds.HasSubtype,
        )

    # -- the tree ----------------------------------------------------------------------------------

    def _build(self) -> None:
        """Variables and files, those higher in the tree first."""
        found: defaultdict[str, Leaves] = defaultdict(list)
        for item in self._items.values():
            if item.path.startswith(("types/", "Server/", "Types/")):
                if not item.path.startswith("types/"):
                    self.lacks[item.path] = "it belongs to the server itself"
            elif item.path not in ("namespaces", "structure"):
                way = steps(item.address)
                path = item.path
                for _ in way:
                    path = path.rpartition("/")[0]
                found[path].append((way, item))
        parents = {path.rpartition("/")[0] for path in found}
        for path in sorted(found, key=lambda one: (one.count("/"), one)):
            try:
                self._put(path, found[path], path in parents)
            except (ValueError, KeyError, TypeError) as error:
                for _, item in found[path]:
                    self.lacks[item.path] = f"it is not made anew: {error}"

    def _put(self, path: str, own: Leaves, parent: bool) -> None:
        way, item = own[0]
        above, _, segment = path.rpartition("/")
        in_file = above in self._nodes and self._nodes[above] in self.model.files
        if in_file and _bare(segment) in _OF_A_FILE:
            return  # the file brings them
        node = self._id(path, item.address)
        place = self._place(above)
        if item.kind == "file":
            self._nodes[path] = node
            self.model.file(place, node, self._name(segment), cast(bytes, item.value))
            return
        structure = data_type = None
        remarks = Remarks.of(item.label)
        if way:
            structure, data = self._apart(_bare(segment), own)
        else:
            data = self._whole(path, item)
            data_type = self._opaque[remarks.type].data_type if remarks.type else None
        is_property = not parent and self._is_property(path, item)
        made = self.model.variable(
            place,
            node,
            self._name(segment),
            data,
            structure=structure,
            data_type=data_type,
            access=READ | WRITE * (item.access == "read-write"),
            status=remarks.status if not way else 0,
            display=remarks.display if not way else "",
            type_definition=ObjectIds.PropertyType
            if is_property
            else ObjectIds.BaseDataVariableType,
        )
        self._nodes[path] = made.node
        if not item.address:
            self.places[path] = made.node

    def _whole(self, path: str, item: Recorded) -> Data:
        data = plain(item, self.model.uris)
        if kind := Remarks.of(item.label).type:
            return self._unexplained(kind, data)
        segments = path.split("/")
        told = self._who.get(_PLATE.get(_bare(segments[-1]), ""), "")
        on_plate = len(segments) == 3 and _bare(segments[0]) == "DeviceSet"
        if on_plate and told and str(item.value).strip() != told:
            return plain(item, self.model.uris, told)
        return data

    def _unexplained(self, kind: str, data: Data) -> Data:
        """A structure whose definition the controller keeps to itself: its bytes, and its name."""
        if kind not in self._opaque:
            if not re.fullmatch(r"[\w.-]+:\w+", kind):
                raise ValueError(f"it is of the type {kind}")
            nodes = self._type_node(kind, "type"), self._type_node(kind, "encoding")
            made = Structure(self._name(kind).Name or "", *nodes, (), published=False)
            self.model.structure(standard(ObjectIds.Structure), self._name(kind), made)
            self._opaque[kind] = made
        bodies = tuple(Body(self._opaque[kind].encoding, cast(bytes, b)) for b in data.scalars)
        value = bodies[0] if data.shape is None else bodies
        return Data(Kind.ExtensionObject, value, data.shape)

    def _apart(self, name: str, own: Leaves) -> tuple[Structure, Data]:
        """A structure, or an array of them, of the leaves that a backup has."""
        candidates = [STANDARD[name]] if name in STANDARD else self._types.fitting(own)
        fits: list[tuple[Structure, Data]] = []
        why = "no structure that is described has these members"
        many = isinstance(own[0][0][0], int)
        for one in candidates:
            try:
                bodies = tuple(
                    one.value(members(one, part, self.model.uris))
                    for part in (elements(own) if many else [own])
                )
            except (ValueError, TypeError) as error:
                why = str(error)
                continue
            data = Data(Kind.ExtensionObject, bodies, (len(bodies),)) if many else None
            fits.append((one, data or Data(Kind.ExtensionObject, bodies[0])))
        if len(fits) != 1:
            raise ValueError("several structures have these members" if fits else why)
        return fits[0]

    def _is_property(self, path: str, item: Recorded) -> bool:
        """Below a ParameterSet all are parameters; what is a setting and fixed is a property."""
        if item.kind != "parameter":
            return False
        below = any(_bare(one) == "ParameterSet" for one in path.split("/")[:-1])
        return not below or (item.access == "read" and item.role != "process")

    def _place(self, path: str) -> ua.NodeId:
        """The node at a path; folders on the way are made."""
        if path not in self._nodes:
            above, _, segment = path.rpartition("/")
            place, name = self._place(above), self._name(segment)
            node = self.model.id(self.model.uris[name.NamespaceIndex or 1], f"folder {path}")
            if (self.model.uris[name.NamespaceIndex], name.Name) == (DI, "DeviceSet"):
                node = self.model.id(DI, _DEVICE_SET)
            elif found := re.search(r"\{(.*)\}$", segment):
                node = self._parsed(found[1].replace("~1", "/"))
            self._nodes[path] = self.model.object(place, node, name)
        return self._nodes[path]

    def _id(self, path: str, address: str) -> ua.NodeId:
        base = address.partition("#")[0]
        if base:
            node = self._parsed(base)
            if node.NamespaceIndex and isinstance(node.Identifier, int):
                self.lacks[path] = "its number is promised to stay, and is not here"
            return node
        spaces = [self._name(segment).NamespaceIndex for segment in path.split("/")]
        space = next((space for space in reversed(spaces) if space), 1)
        self._numbers += 1
        return self.model.id(self.model.uris[space], 1_000_000 + self._numbers)

    def _parsed(self, address: str) -> ua.NodeId:
        found = re.match(r"nsu=([^;]+);", address)
        if found is None:
            return parsed(address, self.model.uris)
        node = parsed(address[found.end() :], self.model.uris)
        return ua.NodeId(node.Identifier, self.model.uris.index(_unquoted(found[1])))  # type: ignore[arg-type]

    def _name(self, segment: str) -> ua.QualifiedName:
        """``DI:DeviceSet``: an alias, a browse name."""
        text = re.sub(r"\{.*\}$", "", segment)
        alias, colon, name = text.partition(":")
        if not colon:
            alias, name = "", text
        uri = self._aliases.get(alias, UA) if alias else UA
        return self.model.name(uri, _unescaped(name))


def _aliases(uris: Sequence[str]) -> list[str]:
    """How a backup calls these namespaces; the second one is the server's own."""
    lasts = []
    for uri in uris:
        parts = [part for part in re.split(r"[/:#?]", uri) if part]
        lasts.append(re.sub(r"[^\w.-]", "-", parts[-1]) if parts else "nameless")
    often = Counter(last for n, last in enumerate(lasts) if n != 1)
    return [
        f"{last}-{hashlib.sha256(uri.encode()).hexdigest()[:6]}" if often[last] > (n != 1) else last
        for n, (last, uri) in enumerate(zip(lasts, uris, strict=True))
    ]


def _bare(segment: str) -> str:
    return segment.partition("{")[0].rpartition(":")[2]


def _unescaped(name: str) -> str:
    if name == "~2":
        return ""
    return name.replace("~3", "{").replace("~1", "/").replace("~0", "~")


def _unquoted(uri: str) -> str:
    return uri.replace("%3B", ";").replace("%25", "%")
