"""How values, tables and JSON are printed. Standard output has nothing but the answer."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from goldcopy.snapshot import Blob, Value
from goldcopy.snapshot.values import array_of, float_text, plain

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

Row = Sequence["str | Text"]

SHORT = 12
"""How many hex digits of an id are shown."""
ELEMENTS = 8
"""How many elements of an array are shown."""
ROOM = 24
"""Letters that words need beside a table, or they come below it."""
LINES = 3
"""Lines that words may take beside a table, or they come below it."""


def console(error: bool = False) -> Console:
    """A terminal gets colour, a pipe gets plain lines of any width.

    Text is never markup, nor what a terminal would obey: a device chooses names and values.
    """
    from rich.console import Console

    class Terminal(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # and not the silent end that rich would make of it

    stream = sys.stderr if error else sys.stdout
    width = None if stream.isatty() else 400
    return Terminal(
        stderr=error, markup=False, highlight=False, soft_wrap=not stream.isatty(), width=width
    )


def emit(answer: object) -> None:
    """Print one JSON document."""
    import msgspec

    sys.stdout.write(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode() + "\n")


def table(titles: Sequence[str], rows: Sequence[Row], right: str = "", names: int = 1) -> None:
    """Print a table; the titles named in ``right`` have figures (``left-out ids``).

    Names, ids and words are not broken, if there is room, so that they can be read and copied.
    Where a narrow terminal leaves none for the last column, and it has no title, its words come
    below, each after the first cells of its row, which name it. Where it leaves none for the others
    either, there is no table: each row is its name, and below it the other cells with their titles.
    """
    from rich.table import Table

    out = console()
    columns = [[str(cell) for cell in column] for column in zip(titles, *rows, strict=True)]
    widths = [max(map(_width, column)) for column in columns]
    below = not titles[-1] and _crowded(columns[-1], out.width - sum(widths[:-1]) - 2 * len(widths))
    columns = columns[: len(titles) - below]
    least = [max(_width(word) for word in " ".join(column).split() or [""]) for column in columns]
    if sum(least) + 2 * len(least) > out.width:
        _listed(out, titles, rows)
        return
    grid = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column, width in zip(columns, least, strict=True):
        title = column[0]
        grid.add_column(
            plain(title),
            justify="right" if title.replace(" ", "-") in right.split() else "left",
            overflow="fold",
            no_wrap=not any(" " in cell for cell in column),
            min_width=width,
        )
    for row in rows:
        grid.add_row(*map(_cell, row[: len(columns)]))
    out.print(grid)
    for row in rows if below else ():
        name = ": ".join(map(str, row[:names]))
        if said := str(row[-1]).removeprefix(f"{row[0]}: "):
            out.print(f"{plain(name)}:", _cell(said if isinstance(row[-1], str) else row[-1]))


def _listed(out: Console, titles: Sequence[str], rows: Sequence[Row]) -> None:
    from rich.padding import Padding
    from rich.text import Text

    for row in rows:
        out.print(styled(str(row[0]), "bold"))
        told = [
            Text.assemble((f"{plain(title)}: " if title else "", "dim"), _cell(cell))
            for title, cell in zip(titles[1:], row[1:], strict=True)
            if str(cell)
        ]
        out.print(Padding(Text("  ").join(told), (0, 0, 0, 4)))


def _crowded(column: Sequence[str], room: int) -> bool:
    """Whether these words have too little room: one is broken, or they make a tower of lines."""
    longest = max((_width(word) for cell in column for word in cell.split()), default=0)
    return room < max(ROOM, longest) or max(map(_width, column)) > LINES * room


def _cell(cell: str | Text) -> str | Text:
    return plain(cell) if isinstance(cell, str) else cell


def _width(cell: str | Text) -> int:
    from rich.cells import cell_len

    return cell_len(str(cell))


def called(text: str) -> str:
    """Commands in a text as they are called here: a kit has a script of its own for them."""
    from goldcopy.cli.commands import COMMANDS, GROUPS

    by = os.environ.get("GOLDCOPY_CALLED", "goldcopy")
    before = re.escape(by.removesuffix("goldcopy"))
    commands = "|".join([*COMMANDS, *GROUPS])
    done = f"(?<!{before})" if before else ""  # what was said by us may be told again in an error
    return re.sub(rf"\b{done}goldcopy(?= ({commands})\b)", lambda _: by, text)


def styled(text: str, style: str) -> Text:
    """Text in a style."""
    from rich.text import Text

    return Text(plain(text), style=style)


def local(moment: datetime) -> str:
    """A time as people on site read it."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def value_text(type_name: str, value: Value | None, unit: str = "") -> str:
    """A value in one line."""
    if value is None:
        return "—"
    text = _text(type_name, value)
    return f"{text} {unit}" if unit else text


def _text(type_name: str, value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return float_text(value, type_name == "REAL")
    if isinstance(value, tuple):
        array = array_of(type_name)
        element = array[1] if array else ""
        shown = ", ".join(_text(element, one) for one in value[:ELEMENTS])
        more = f", … {len(value)} in all" if len(value) > ELEMENTS else ""
        return f"[{shown}{more}]"
    if isinstance(value, Blob):
        return f"{value.size} bytes, sha256 {value.sha256[:SHORT]}…"
    if isinstance(value, bytes):
        return value.hex(" ") if len(value) <= 16 else f"{value[:16].hex(' ')}… {len(value)} bytes"
    return repr(value)[1:-1] if isinstance(value, str) else str(value)
