"""Tags as items: read whole, taken apart into leaves; by members where the whole is denied."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from goldcopy.errors import Refused
from goldcopy.snapshot import Gap, Item
from goldcopy_enip import reading
from goldcopy_enip.database import NONE, Database, Symbol
from goldcopy_enip.epath import elements, symbol
from goldcopy_enip.leaves import Layouts, Leaf
from goldcopy_enip.link import Link
from goldcopy_enip.reading import Want
from goldcopy_enip.status import DENIED
from goldcopy_enip.types import ATOMS, Atom, decode, type_name


class Node(NamedTuple):
    """A tag, or a part of one that is read by itself."""

    tag: Symbol
    path: str
    address: str
    epath: bytes
    dims: tuple[int, ...]
    template: int
    """0 for an elementary type."""
    atom: Atom | None

    @property
    def amount(self) -> int:
        """Elements."""
        return math.prod(self.dims)


class Found(NamedTuple):
    """What became of a node."""

    items: list[Item]
    gaps: list[Gap]


class Values:
    """Reads the values of a tag database."""

    def __init__(self, link: Link, database: Database) -> None:
        self._link = link
        self._database = database
        self._layouts = Layouts(database.templates)
        self.unread: dict[int, str] = {}
        """Templates whose structures stay whole, and why."""

    async def read(self) -> Found:
        """Every tag."""
        by_instance = bool(self._database.version)
        nodes: list[Node] = []
        gaps: list[Gap] = []
        for tag in self._database.symbols:
            atom = None if tag.template else ATOMS.get(tag.word & 0xFF)
            if tag.access == NONE:
                gaps.append(Gap(tag.path, "its External Access is None"))
            elif not tag.template and atom is None:
                code = tag.word & 0xFF
                gaps.append(Gap(tag.path, f"its type {code:#04x} is none that this driver knows"))
            else:
                path = tag.epath(by_instance)
                nodes.append(Node(tag, tag.path, tag.address, path, tag.dims, tag.template, atom))
        items: list[Item] = []
        for found in await self._nodes(nodes):
            items += found.items
            gaps += found.gaps
        return Found(items, gaps)

    async def _nodes(self, nodes: Sequence[Node]) -> list[Found]:
        wants = [self._want(node) for node in nodes]
        await reading.read(self._link, wants)
        found = [self._found(node, want) for node, want in zip(nodes, wants, strict=True)]
        parts = {
            at: list(self._parts(nodes[at]))
            for at, want in enumerate(wants)
            if want.status == DENIED
        }
        flat = [one for many in parts.values() for one in many]
        if not flat:
            return found
        inner = iter(await self._nodes(flat))
        for at, many in parts.items():
            several = [next(inner) for _ in many]
            items = [item for one in several for item in one.items]
            if items:  # else all of it is denied, and one gap says so
                found[at] = Found(items, [gap for one in several for gap in one.gaps])
        return found

    def _want(self, node: Node) -> Want:
        if node.atom is not None:
            kind = bytes((node.atom.code, 0))
            return Want(node.epath, kind, node.atom.size, node.dims, node.amount)
        template = self._database.templates.get(node.template)
        if template is None or self._leaves(node.template) is None or not template.size:
            return Want(node.epath, b"", 0, node.dims, node.amount)
        kind = b"\xa0\x02" + template.handle.to_bytes(2, "little")
        return Want(node.epath, kind, template.size, node.dims, node.amount)

    def _leaves(self, number: int) -> tuple[Leaf, ...] | None:
        """None for a template that makes no sense: its structures stay whole."""
        if number in self.unread:
            return None
        try:
            return self._layouts.of(number)
        except Refused as refusal:
            self.unread[number] = str(refusal)
            return None

    def _found(self, node: Node, want: Want) -> Found:
        if want.why:
            return Found([], [Gap(node.path, want.why)])
        tag, data = node.tag, want.data
        label = "alias" if tag.alias else ""
        if node.atom is not None:
            kind, value = type_name(node.atom, node.dims), decode(node.atom, node.dims, data)
            return Found([_item(node, node.path, node.address, kind, value, label)], [])
        leaves = self._leaves(node.template)
        if leaves is None:
            return Found([_item(node, node.path, node.address, "BYTES", data, label)], [])
        items: list[Item] = []
        gaps: list[Gap] = []
        size = len(data) // node.amount
        for at in range(node.amount):
            path, address = node.path, node.address
            if node.dims:
                path, address = f"{path}/{at}", f"{address}[{_indices(at, node.dims)}]"
            for leaf in leaves:
                try:
                    value = leaf.value(data, at * size)
                except Refused as refusal:
                    gaps.append(Gap(path + leaf.path, str(refusal)))
                    continue
                where = path + leaf.path, address + leaf.address
                items.append(_item(node, *where, leaf.type, value, label))
        return Found(items, gaps)

    def _parts(self, node: Node) -> Iterator[Node]:
        """The elements of a denied array of structures, the members of a denied structure."""
        template = self._database.templates.get(node.template)
        if template is None or template.capacity or self._leaves(node.template) is None:
            return
        if node.dims:
            for at in range(node.amount):
                yield node._replace(
                    path=f"{node.path}/{at}",
                    address=f"{node.address}[{_indices(at, node.dims)}]",
                    epath=node.epath + elements(at, node.dims),
                    dims=(),
                )
            return
        for member in template.shown():
            yield node._replace(
                path=f"{node.path}/{member.name}",
                address=f"{node.address}.{member.name}",
                epath=node.epath + symbol(member.name),
                dims=member.dims,
                template=member.number if member.is_structure else 0,
                atom=member.atom,
            )


def _item(node: Node, path: str, address: str, kind: str, value: object, label: str) -> Item:
    tag = node.tag
    return Item(path, "tag", kind, value, tag.role, tag.writable, "", label, None, None, address)  # type: ignore[arg-type]


def _indices(at: int, dims: Sequence[int]) -> str:
    found: list[str] = []
    for size in reversed(dims):
        at, index = divmod(at, size)
        found.append(str(index))
    return ",".join(reversed(found))
