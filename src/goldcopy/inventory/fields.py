"""Reading a mapping key by key, so that one wrong value does not hide the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from goldcopy.errors import Wrong
from goldcopy.inventory.document import Listing, Node, Table
from goldcopy.inventory.mistakes import Gathered, Place
from goldcopy.registry import near

T = TypeVar("T")


class Fields:
    """One mapping of the inventory. Take every key that may be there, then ``close``."""

    def __init__(self, node: Node | None, mistakes: Gathered, what: str) -> None:
        """``what`` is for messages: ``a device``."""
        self.mistakes = mistakes
        self.place = node.place if node else Place(1, 1)
        self._what = what
        self._known: list[str] = []
        self._readable = isinstance(node, Table)
        self._table = node if isinstance(node, Table) else Table({}, {}, self.place, 1)
        if not self._readable:
            mistakes.add(self.place, f"{what} needs keys with values, like `name: value`")

    def take(self, key: str, read: Callable[[Node], T], default: T) -> T:
        """The value of a key; the default if it is not there, or wrong (which is noted)."""
        self._known.append(key)
        node = self._table.parts.get(key)
        if node is None:
            return default
        try:
            return read(node)
        except Wrong as error:
            self.mistakes.add(node.place, f"{key}: {error}")
            return default

    def require(self, key: str, read: Callable[[Node], T], default: T, example: str) -> T:
        """As ``take``, but its absence is a mistake."""
        self.miss(key, example)
        return self.take(key, read, default)

    def miss(self, key: str, example: str) -> None:
        """Note it if the key is not written here."""
        if self._readable and not self.has(key):
            self.mistakes.add(self.place, f"{self._what} has no {key}; add for example `{example}`")

    def has(self, key: str) -> bool:
        """Whether the key is written here."""
        return key in self._table.parts

    def at(self, key: str) -> Place:
        """Where the value of a key stands; the mapping's own place if it is not there."""
        node = self._table.parts.get(key)
        return node.place if node else self.place

    def wrong(self, key: str, message: str) -> None:
        """Note a mistake at the value of a key."""
        self.mistakes.add(self.at(key), f"{key}: {message}")

    def close(self) -> None:
        """Note every key that nobody took."""
        for key, written in self._table.keys.items():
            if key not in self._known:
                right = near(key, self._known) or f"possible: {', '.join(self._known)}"
                self.mistakes.add(written.place, f"{self._what} has no key {key}; {right}")


def each(node: Node) -> tuple[Node, ...]:
    """The parts of a list."""
    if not isinstance(node, Listing):
        raise Wrong("needs a list, each entry begun with `- `")
    return node.parts
