"""How values, tables and JSON are printed. Standard output has nothing but the answer."""

from __future__ import annotations

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


def table(titles: Sequence[str], rows: Sequence[Row], right: str = "") -> None:
    """Print a table; the titles named in ``right`` (space-separated) have figures."""
    from rich.table import Table

    grid = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    numbers = right.split()
    for title in titles:
        grid.add_column(
            plain(title), justify="right" if title in numbers else "left", overflow="fold"
        )
    for row in rows:
        grid.add_row(*(plain(cell) if isinstance(cell, str) else cell for cell in row))
    console().print(grid)


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
