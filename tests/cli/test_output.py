"""What a controller says reaches the screen as text: never as markup, never as a command to it."""

from __future__ import annotations

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
