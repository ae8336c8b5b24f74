"""Layouts of data blocks, by number and by name, out of any number of files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from goldcopy.errors import Wrong
from goldcopy.snapshot import Item, Value
from goldcopy_s7.layout import source, table, text
from goldcopy_s7.layout.declared import Array, Block, Elementary, key_of
from goldcopy_s7.layout.leaf import Leaf
from goldcopy_s7.layout.shape import Grid, Shaper, Spot
from goldcopy_s7.layout.told import compare

_PARSERS: Mapping[str, Callable[[str, str], list[Block]]] = {
    **dict.fromkeys((".awl", ".stl", ".scl", ".db", ".udt"), source.parse),
    **dict.fromkeys((".csv", ".tsv", ".txt"), table.parse),
}


class Layout:
    """The leaves of one DB."""

    def __init__(self, block: Block, number: int, size: int, leaves: Iterable[Leaf]) -> None:
        self.number = number
        """Of the DB."""
        self.title = block.title
        self.size = size
        """In bytes; always even."""
        self.by_name: Mapping[str, Leaf] = {leaf.name: leaf for leaf in leaves}
        """The leaves by their path in the DB, in the DB's order."""
        self._at = block.at

    def leaves(self, prefix: str, body: bytes | bytearray) -> list[Item]:
        """The DB's bytes as items, ``{prefix}/{leaf}`` each.

        Padding between the leaves is no item: the CPU gives it no meaning. Raises ``Wrong`` if the
        layout is not as long as the DB.
        """
        self.fit(len(body))
        return [leaf.item(prefix, self.number, body) for leaf in self.by_name.values()]

    def encode(self, name: str, value: Value, body: bytearray) -> Leaf:
        """Put the value of one leaf into the DB's bytes, and tell where that was."""
        self.fit(len(body))
        leaf = self.by_name.get(name)
        if leaf is None:
            raise Wrong(f"DB{self.number} has no {name}; its layout is {self._at.file}")
        leaf.encode(value, body)
        return leaf

    def fit(self, size: int) -> None:
        """Raise ``Wrong`` unless the DB has as many bytes as the layout."""
        if size != self.size:
            raise self._at.wrong(
                f"layout {self.title} says {self.size} bytes, DB{self.number} has {size}",
                "export it from the project that is loaded in the CPU",
            )


class Layouts:
    """What some files declare."""

    def __init__(self, blocks: Iterable[Block]) -> None:
        self._blocks: dict[str, Block] = {}
        self._types: dict[str, Block] = {}
        for block in blocks:
            kept = self._blocks if block.kind == "DATA_BLOCK" else self._types
            twin = kept.setdefault(block.key, block)
            if twin != block:  # a source exported with its types repeats them
                raise block.at.wrong(
                    f"{block.kind} {block.title} is declared otherwise in {twin.at.file}:"
                    f"{twin.at.line}",
                    "keep the one that is loaded in the CPU",
                )

    def __or__(self, other: Layouts) -> Layouts:
        """Both together. Raises ``Wrong`` if they contradict one another."""
        mine = (*self._types.values(), *self._blocks.values())
        return Layouts((*mine, *other._types.values(), *other._blocks.values()))

    @property
    def titles(self) -> list[str]:
        """The names of the data blocks, as written."""
        return [block.title for block in self._blocks.values()]

    def layout(self, number: int, name: str = "") -> Layout:
        """The layout of DB ``number``.

        By ``name`` if one is given (that of a DATA_BLOCK or of a TYPE); else by the number in the
        files; else the only data block that there is, if it has a name and no number. Raises
        ``Wrong`` if there is none, and for a declaration that cannot be.
        """
        block = self._found(number, name)
        shaper = Shaper(self._types)
        struct = shaper.struct_of(block.body)
        spots = {"": Spot("", 0, block.body, "")}
        for spot in shaper.spots(struct):
            if spots.setdefault(spot.name, spot) is not spot:
                raise block.at.wrong(
                    f"{block.title} has two members at {spot.name}", "rename one of them"
                )
        compare(block.told, spots, shaper)
        leaves = (leaf for spot in spots.values() if (leaf := _leaf(spot, shaper)))
        return Layout(block, number, shaper.size(block.body).bits // 8, leaves)

    def _found(self, number: int, name: str) -> Block:
        if name:
            block = self._blocks.get(key_of(name)) or self._types.get(key_of(name))
        else:
            block = self._blocks.get(key_of(f"DB {number}"))
            if block is None and len(self._blocks) == 1:
                (only,) = self._blocks.values()
                block = None if only.key.startswith("db ") else only
        if block is None:
            known = ", ".join(self.titles) or "no DATA_BLOCK"
            raise Wrong(f"no layout for DB{number} {name!r}; the files given declare {known}")
        return block


def load(*paths: str | Path) -> Layouts:
    """The layouts in some files: AWL and SCL sources, and tables as CSV.

    Raises ``Wrong`` with file and line for whatever cannot be read.
    """
    blocks: list[Block] = []
    for path in map(Path, paths):
        parser = _PARSERS.get(path.suffix.lower())
        if parser is None:
            raise Wrong(f"{path}: no layout ends in {path.suffix!r}; use {', '.join(_PARSERS)}")
        found = parser(text.read(path), str(path))
        if not found:
            raise Wrong(f"{path}: declares no DATA_BLOCK and no TYPE; export the source of a DB")
        blocks += found
    return Layouts(blocks)


def _leaf(spot: Spot, shaper: Shaper) -> Leaf | None:
    """The leaf at a spot; None for a structure, and for an array of them."""
    type_ = spot.type
    if isinstance(type_, Elementary):
        bits = type_.codec.bits
        return Leaf(spot.name, type_.codec, spot.start, (), Grid(1, 1, bits, bits), spot.label)
    if isinstance(type_, Array) and isinstance(type_.element, Elementary):
        codec, grid = type_.element.codec, shaper.grid(type_)
        return Leaf(spot.name, codec, spot.start, type_.shape, grid, spot.label)
    return None
