"""The ``options`` of a device, judged by the driver's own struct, every mistake with its line.

msgspec stops at the first mistake and tells its path (``$.ranges[0].count``). So the part at that
path is noted and taken out, and the rest is judged again, until nothing is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import msgspec.inspect

from goldcopy.errors import Wrong
from goldcopy.inventory.document import Listing, Node, Scalar, Table
from goldcopy.inventory.mistakes import Gathered, Place
from goldcopy.inventory.scalars import doubt, plain
from goldcopy.registry import near

Step = str | int
"""A key of a mapping, or an index of a list."""

_SAID: Final = re.compile(r"(.*?)(?: - at (?:`key` in )?`(\$[^`]*)`)?", re.DOTALL)
_STEP: Final = re.compile(r"\.([^.\[]+)|\[(\d+)\]|\[\.\.\.\]")
_FIELD: Final = re.compile(r"Object (contains unknown|missing required) field `(.*)`", re.DOTALL)
_WORDS: Final = {
    "`int`": "a whole number",
    "`float`": "a number",
    "`str`": "text",
    "`bool`": "true or false",
    "`array`": "a list",
    "`object`": "a mapping",
    "`null`": "nothing",
}


class Options:
    """Reads the options of one device into its driver's struct."""

    def __init__(self, kind: type[msgspec.Struct], folder: Path, mistakes: Gathered) -> None:
        """Where the struct asks for a ``Path`` of any kind, it is relative to ``folder``."""
        self._kind = kind
        self._folder = folder
        self._mistakes = mistakes
        # Taking a part out can cause complaints that are not the person's: these are not repeated.
        self._taken: set[tuple[Place, str]] = set()
        self._touched: set[Place] = set()

    def read(self, node: Table) -> msgspec.Struct | None:
        """The driver's struct; None if there were mistakes, which are noted."""
        rest: Node | None = node
        while rest is not None:
            try:
                options = self._convert(rest)
            except msgspec.ValidationError as error:
                rest = self._note(rest, str(error))
            except Wrong as error:
                self._mistakes.add(node.place, f"options: {error}")
                return None
            else:
                return options if rest is node else None
        return None

    def _convert(self, node: Node) -> msgspec.Struct:
        return msgspec.convert(plain(node), self._kind, dec_hook=self._foreign)

    def _foreign(self, kind: type, value: object) -> object:
        path = issubclass(kind, Path)
        if path and isinstance(value, str):
            return kind(self._folder / Path(value).expanduser())
        raise ValueError(f"Expected {'a path' if path else kind.__name__}")

    def _note(self, root: Node, error: str) -> Node | None:
        """Note one mistake; what is left of the tree to judge without it."""
        said = _SAID.fullmatch(error)
        assert said is not None, error
        steps, node = self._find(root, error, said[2] or "$")
        # Without the indices: the line tells better, and they shift as parts are taken out.
        where = ".".join(["options", *(step for step in steps if isinstance(step, str))])
        kinds = list(_kinds(msgspec.inspect.type_info(self._kind), steps))
        field = _FIELD.fullmatch(said[1])
        if field is None:
            if node.place not in self._touched:
                self._mistakes.add(node.place, f"{where}: {_worded(said[1], node, kinds)}")
        elif field[1] == "contains unknown" and isinstance(node, Table):
            place = node.keys[field[2]].place
            right = _instead(field[2], _keys(kinds))
            self._mistakes.add(place, f"{where} has no key {field[2]}; {right}")
            steps = [*steps, field[2]]
        elif (node.place, field[2]) not in self._taken:
            self._mistakes.add(node.place, f"{where} lacks the key {field[2]}; add it")
        return self._without(root, steps)

    def _find(self, root: Node, error: str, path: str) -> tuple[list[Step], Node]:
        """The part at msgspec's path, and the steps to it."""
        steps: list[Step] = []
        node = root
        for found in _STEP.finditer(path):
            step: Step | None = int(found[2]) if found[2] else found[1]
            if step is None and isinstance(node, Table):
                step = self._culprit(root, steps, node, error)
            try:
                part = node.parts[step]  # type: ignore[union-attr, index]
            except (AttributeError, LookupError, TypeError):
                break  # not to be told any closer
            assert step is not None
            steps.append(step)
            node = part
        return steps, node

    def _culprit(self, root: Node, steps: list[Step], table: Table, error: str) -> str | None:
        """Which value of a mapping msgspec means by ``[...]``: the one that alone is as wrong."""
        for key, part in table.parts.items():
            alone = Table({key: part}, {key: table.keys[key]}, table.place, part.size + 1)
            try:
                self._convert(_replaced(root, steps, alone) or alone)
            except (msgspec.ValidationError, Wrong) as other:
                if str(other) == error:
                    return key
        return None

    def _without(self, root: Node, steps: list[Step]) -> Node | None:
        node = root
        for step in steps:
            self._touched.add(node.place)
            if isinstance(node, Table) and isinstance(step, str):
                self._taken.add((node.place, step))
            node = node.parts[step]  # type: ignore[union-attr, index]
        return _replaced(root, steps, None)


def _replaced(root: Node, steps: list[Step], part: Node | None) -> Node | None:
    """The tree with another part at the end of these steps; None takes it out."""
    if not steps:
        return part
    step, *rest = steps
    if isinstance(root, Table):
        parts = {}
        for key, old in root.parts.items():  # in the same order: msgspec tells the first mistake
            new = _replaced(old, rest, part) if key == step else old
            if new is not None:
                parts[key] = new
        return Table(parts, root.keys, root.place, root.size)
    assert isinstance(root, Listing)
    assert isinstance(step, int)
    inner = _replaced(root.parts[step], rest, part)
    between = (inner,) if inner is not None else ()
    return Listing(root.parts[:step] + between + root.parts[step + 1 :], root.place, root.size)


def _worded(said: str, node: Node, kinds: list[msgspec.inspect.Type]) -> str:
    """What msgspec said, in the words of a plant, with what would be right."""
    for theirs, ours in _WORDS.items():
        said = said.replace(theirs, ours)
    said = said[:1].lower() + said[1:]
    if not isinstance(node, Scalar):
        return said
    if said.startswith("invalid enum value"):
        return f"{node.text} is not possible; {_instead(node.text, _choices(kinds))}"
    if said.startswith("expected text, got"):
        return f"{said}; put it in quotes"
    if said.endswith("got text"):
        hint = "remove the quotes, if it is one" if node.quoted else doubt(node)
        return f"{said}; {hint}" if hint else said
    return said


def _instead(word: str, known: list[str]) -> str:
    return near(word, known) or f"possible: {', '.join(known)}"


def _kinds(kind: msgspec.inspect.Type, steps: list[Step]) -> Iterator[msgspec.inspect.Type]:
    """The types that the driver's struct allows at the end of these steps."""
    if isinstance(kind, msgspec.inspect.Metadata):
        yield from _kinds(kind.type, steps)
    elif isinstance(kind, msgspec.inspect.UnionType):
        for one in kind.types:
            yield from _kinds(one, steps)
    elif not steps:
        yield kind
    elif isinstance(kind, msgspec.inspect.StructType):
        for field in kind.fields:
            if field.encode_name == steps[0]:
                yield from _kinds(field.type, steps[1:])
    elif isinstance(kind, msgspec.inspect.DictType):
        yield from _kinds(kind.value_type, steps[1:])
    elif hasattr(kind, "item_type"):  # every kind of list and set
        yield from _kinds(kind.item_type, steps[1:])


def _keys(kinds: list[msgspec.inspect.Type]) -> list[str]:
    structs = [kind for kind in kinds if isinstance(kind, msgspec.inspect.StructType)]
    return [field.encode_name for struct in structs for field in struct.fields]


def _choices(kinds: list[msgspec.inspect.Type]) -> list[str]:
    choices: list[object] = []
    for kind in kinds:
        if isinstance(kind, msgspec.inspect.LiteralType):
            choices += kind.values
        elif isinstance(kind, msgspec.inspect.EnumType):
            choices += [member.value for member in kind.cls]
    return [str(choice) for choice in choices]
