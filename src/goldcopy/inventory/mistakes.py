"""The mistakes of an inventory: gathered, then shown all at once."""

from __future__ import annotations

from typing import NamedTuple

from goldcopy.errors import Wrong


class Place(NamedTuple):
    """Where something stands in the file; both count from 1."""

    line: int
    column: int


class Mistake(NamedTuple):
    """One thing that is wrong, with what would be right. Holds no secret."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


class InventoryMistakes(Wrong):
    """The inventory cannot be used. Its text has one line for each mistake."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = mistakes


class Gathered:
    """The mistakes found so far in one file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: set[Mistake] = set()

    def add(self, at: Place, message: str) -> None:
        """Note a mistake; the same one twice counts once."""
        self._found.add(Mistake(self.file, at.line, at.column, " ".join(message.split())))

    def refuse_any(self) -> None:
        """Raise ``InventoryMistakes``, in the order of the file, if there are any."""
        if self._found:
            raise InventoryMistakes(tuple(sorted(self._found)))
