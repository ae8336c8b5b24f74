"""The rows of a table of members: separators, headings in English and German, offsets."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import NamedTuple

from goldcopy_s7.layout.declared import Place

HEADINGS = {
    "name": ("name", "symbol", "tag name", "variable", "bezeichnung", "variablenname"),
    "type": ("data type", "datatype", "type", "datentyp", "typ"),
    "offset": (
        "offset",
        "byte offset",
        "address",
        "adresse",
        "logical address",
        "logische adresse",
    ),
    "comment": ("comment", "kommentar", "description", "beschreibung"),
}
_SEPARATORS = (";", "\t", ",")
_HEAD_ROWS = 20
"""Above the headings there may be a title or two."""

_OFFSET = re.compile(r"([+*=]?)\s*(\d{1,6})(?:[.,]([0-7]))?", re.ASCII)
_ADDRESS = re.compile(
    r"%?(?:DB(\d{1,5})[.,]\s*)?(?:DB)?[XBWD]\s*(\d{1,6})(?:\.([0-7]))?", re.ASCII | re.IGNORECASE
)
_NONE = re.compile(r"[.\-\u2013\u2014\u2026]*")


class Offset(NamedTuple):
    """What an offset cell says."""

    sign: str
    """"" from the start of the DB, ``+`` of the structure; ``*`` a stride; ``=`` a size."""
    bits: int
    db: int | None
    """The DB's number, where the cell has the whole address."""


class Row(NamedTuple):
    """One row, its cells without blanks around them."""

    at: Place
    name: str
    type: str
    offset: Offset | None
    comment: str


def rows(text: str, file: str) -> list[Row]:
    """The rows below the headings. Raises ``Wrong`` if there are no headings, or for a bad cell."""
    for separator in _SEPARATORS:
        lines = _lines(text, file, separator)
        for _, (_, cells) in zip(range(_HEAD_ROWS), lines, strict=False):
            columns = _columns(cells)
            if "name" in columns and "type" in columns:
                return [row for at, cells in lines if (row := _row(at, cells, columns))]
    raise Place(file, 1).wrong(
        "no headings of a table of members found",
        "the first row has Name and Data type (or Datentyp), and Offset (or Address, Adresse)",
    )


def _lines(text: str, file: str, separator: str) -> Iterator[tuple[Place, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    line = 1
    try:
        for cells in reader:
            yield Place(file, line), [cell.strip() for cell in cells]
            line = reader.line_num + 1
    except csv.Error as error:
        raise Place(file, line).wrong(
            f"the row cannot be read: {error}", "export it again"
        ) from None


def _columns(cells: list[str]) -> dict[str, int]:
    """Which column has what; where two would do, the first."""
    found: dict[str, int] = {}
    for column, words in HEADINGS.items():
        for word in words:
            for n, cell in enumerate(cells):
                if " ".join(cell.casefold().split()) == word:
                    found.setdefault(column, n)
    return found


def _row(at: Place, cells: list[str], columns: dict[str, int]) -> Row | None:
    """None for an empty row."""

    def cell(column: str) -> str:
        n = columns.get(column, len(cells))
        return cells[n] if n < len(cells) else ""

    name, type_ = cell("name"), cell("type")
    if not name and not type_:
        return None
    return Row(at, name, type_, _offset(at, cell("offset")), " ".join(cell("comment").split()))


def _offset(at: Place, cell: str) -> Offset | None:
    if _NONE.fullmatch(cell):
        return None
    if match := _OFFSET.fullmatch(cell):
        return Offset(match[1], 8 * int(match[2]) + int(match[3] or 0), None)
    if match := _ADDRESS.fullmatch(cell):
        db = None if match[1] is None else int(match[1])
        return Offset("", 8 * int(match[2]) + int(match[3] or 0), db)
    raise at.wrong(f"the offset {cell!a} cannot be read", "write it as 12.3 or as DB5.DBX12.3")
