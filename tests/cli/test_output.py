"""What a controller says reaches the screen as text: never as markup, never as a command to it."""

from __future__ import annotations

import io
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldcopy.cli import output

HOSTILE = "[bold]x[/bold] [/nothing] \x1b]0;title\x07\x1b[2J\u202eabc\r"
SAFE = r"[bold]x[/bold] [/nothing] \u001b]0;title\u0007\u001b[2J\u202eabc\u000d"


def test_markup_and_escapes_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    output.table([HOSTILE], [[HOSTILE], [output.styled(HOSTILE, "bold red")]])
    output.console().print(output.styled(HOSTILE, ""))
    assert [line.strip() for line in capsys.readouterr().out.splitlines()] == [SAFE] * 4


@given(st.text())
def test_whatever_is_told_is_printable(text: str) -> None:
    assert output.styled(text, "bold").plain.isprintable()


WORDS = "no connection to 127.0.0.1:15021; is it switched on?"
ROWS = [
    ["line1-palletizer", "14b6420f089a", "valid", "3", ""],
    ["oven", "", "no gold", "12", WORDS],
]


def drawn(width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    output.table(["device", "snapshot", "gold", "writes", ""], ROWS, right="writes")
    return re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_table_breaks_no_name_and_no_word(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = drawn(width, monkeypatch, capsys).splitlines()
    assert all(len(line) <= width for line in lines)
    assert any("line1-palletizer  14b6420f089a" in line for line in lines), lines
    said = " ".join(" ".join(lines).split())
    assert all(word in said.split() for word in WORDS.split())
    below = [line for line in lines if line.startswith("oven: ")]
    assert bool(below) == (width == 60), "words go below a table that leaves them no room"


@pytest.mark.parametrize("words", ["DeviceSet/oven/ParameterSet/Acknowledge", "so it is " * 20])
def test_words_that_need_more_room_go_below(
    words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    output.table(["device", "state", ""], [["line1-palletizer", "no gold", words.strip()]])
    lines = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert lines[2].startswith("line1-palletizer:")
    assert " ".join(" ".join(lines[2:]).split()) == f"line1-palletizer: {words.strip()}"


def test_where_no_table_has_room_each_row_is_its_name_and_what_is_told_of_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    name, place = "Controller/Resources/Main/Programs/Mode", "s=Controller.Resources.Main.Mode"
    output.table(["path", "value", "unit", "address"], [[name, "2", "", place], ["b", "3", "", ""]])
    shown = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    lines = [line.rstrip() for line in shown.splitlines()]
    assert lines == [name, f"    value: 2  address: {place}", "b", "    value: 3"]


@given(
    st.lists(st.lists(st.text("ab -", max_size=30), min_size=4, max_size=4), min_size=1, max_size=5)
)
def test_a_table_loses_no_word(rows: list[list[str]]) -> None:
    with pytest.MonkeyPatch.context() as patch, io.StringIO() as terminal:
        patch.setattr(terminal, "isatty", lambda: True)
        patch.setattr("sys.stdout", terminal)
        patch.setenv("COLUMNS", "80")
        patch.setenv("TERM", "xterm")
        output.table(["a name", "when", "how many there are", ""], rows, right="how-many-there-are")
        shown = terminal.getvalue()
    letters = Counter(shown)
    wanted = Counter("".join("".join(row) for row in rows))
    assert all(letters[one] >= wanted[one] for one in "ab-")
