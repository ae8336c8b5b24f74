"""YAML to a plain tree that knows the line of every part. Nothing is interpreted here.

The tree is built from the parser's events, because PyYAML's composer does three things that an
inventory must not suffer: it takes the last of two equal keys, it resolves ``no`` and ``010``
before anybody can ask what was meant, and its C form crashes the process on deep nesting.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec
import yaml

from goldcopy.inventory.mistakes import Gathered, Place

DEEPEST: Final = 50
"""Levels of nesting; no honest inventory comes near."""
LARGEST: Final = 10_000_000
"""Parts, aliases counted as often as they are used: a few lines of them can stand for billions."""

_PARSER: Final = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # the C parser is 10x faster
_TEXT_TAGS: Final = (None, "!", "tag:yaml.org,2002:str")


class Scalar(msgspec.Struct, frozen=True):
    """A single value, as written."""

    text: str
    quoted: bool
    """In quotes, a text block, or tagged ``!!str``: it is text and nothing else."""
    place: Place
    size: int = 1


class Listing(msgspec.Struct, frozen=True):
    """A YAML sequence."""

    parts: tuple[Node, ...]
    place: Place
    size: int


class Table(msgspec.Struct, frozen=True):
    """A YAML mapping; each key once."""

    parts: dict[str, Node]
    keys: dict[str, Scalar]
    place: Place
    size: int


Node = Scalar | Listing | Table


class _Fatal(Exception):
    """Past this mistake the rest of the file cannot be understood."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.place = place


def parse(data: bytes, mistakes: Gathered) -> Node | None:
    """The document in ``data``; None if it is empty or cannot be understood at all."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        mistakes.add(Place(line, 1), "not UTF-8 text; save the file as UTF-8")
        return None
    try:
        return _Builder(text, mistakes).document()
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        mistakes.add(Place(line, 1), "a control character; remove it")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
        mistakes.add(place, _syntax(error, text, place))
    except _Fatal as fatal:
        mistakes.add(fatal.place, str(fatal))
    return None


class _Builder:
    def __init__(self, text: str, mistakes: Gathered) -> None:
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=_PARSER)
        self._mistakes = mistakes
        self._anchors: dict[str, Node] = {}

    def document(self) -> Node | None:
        next(self._events)  # the start of the stream
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        node = self._node(next(self._events), 0)
        next(self._events)  # the end of the document
        rest = next(self._events)
        if not isinstance(rest, yaml.StreamEndEvent):
            raise _Fatal(
                _place(rest), "a second document begins; an inventory is one: drop the ---"
            )
        return node

    def _node(self, event: yaml.Event, depth: int) -> Node:
        place = _place(event)
        if depth > DEEPEST:
            raise _Fatal(
                place, f"more than {DEEPEST} levels deep; an inventory needs fewer than 10"
            )
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, place)
        node: Node
        if isinstance(event, yaml.ScalarEvent):
            tagged_text = event.tag is not None and event.tag in _TEXT_TAGS
            node = Scalar(event.value, bool(event.style) or tagged_text, place)
            self._refuse_tag(event.tag, place)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._refuse_tag(event.tag, place)
            node = self._listing(place, depth)
        else:
            assert isinstance(event, yaml.MappingStartEvent)
            self._refuse_tag(event.tag, place)
            node = self._table(place, depth)
        if node.size > LARGEST:
            raise _Fatal(place, "the aliases (*name) multiply beyond reason; write them out")
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, event: yaml.AliasEvent, place: Place) -> Node:
        # Names are not echoed: a password that begins with * and lacks its quotes ends up here.
        found = self._anchors.get(event.anchor or "")
        if found is None:
            raise _Fatal(
                place, "an alias (*name) of nothing above it; text that begins with * needs quotes"
            )
        return found

    def _listing(self, place: Place, depth: int) -> Listing:
        parts: list[Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            parts.append(self._node(event, depth + 1))
        return Listing(tuple(parts), place, 1 + sum(part.size for part in parts))

    def _table(self, place: Place, depth: int) -> Table:
        parts: dict[str, Node] = {}
        keys: dict[str, Scalar] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            value = self._node(next(self._events), depth + 1)
            if not isinstance(key, Scalar):
                self._mistakes.add(key.place, "a key must be plain text, not a list or a mapping")
            elif key.text in parts:
                first = keys[key.text].place.line
                self._mistakes.add(
                    key.place, f"{key.text} is here a second time, first in line {first}; keep one"
                )
            else:
                parts[key.text] = value
                keys[key.text] = key
        return Table(parts, keys, place, 1 + sum(part.size for part in parts.values()))

    def _refuse_tag(self, tag: str | None, place: Place) -> None:
        if tag not in _TEXT_TAGS:
            self._mistakes.add(
                place, "a tag (!name) is not used here; text that begins with ! needs quotes"
            )


def _place(event: yaml.Event) -> Place:
    mark = event.start_mark
    return Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)


def _syntax(error: yaml.MarkedYAMLError, text: str, place: Place) -> str:
    """YAML's own complaint in one line, without the words of the file that it may quote."""
    lines = text.splitlines()
    written = lines[place.line - 1] if place.line <= len(lines) else ""
    if "\t" in written[: len(written) - len(written.lstrip())]:
        return "a tab indents this line; YAML wants spaces"
    said = re.sub(r"'([^']*)'", lambda q: q[0] if len(q[1]) < 2 else "…", error.problem or "")
    begun = f" ({error.context})" if error.context else ""
    if error.context_mark and error.context_mark.line + 1 != place.line:
        begun = f" ({error.context}, begun in line {error.context_mark.line + 1})"
    return (
        f"not YAML: {said}{begun}; text with : # * & ! @ % or quotes in it needs quotes around it"
    )
