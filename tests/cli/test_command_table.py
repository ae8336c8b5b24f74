"""The table of commands says what the commands say of themselves."""

from __future__ import annotations

import inspect

import pytest

from goldcopy.cli.app import load, run
from goldcopy.cli.commands import COMMANDS, GROUPS, Command

ALL = {(name,): command for name, command in COMMANDS.items()} | {
    (group, name): command
    for group, (_, commands) in GROUPS.items()
    for name, command in commands.items()
}


@pytest.mark.parametrize(
    ("words", "command"),
    ALL.items(),
    ids=lambda part: (
        " ".join(part) if isinstance(part, tuple) and not isinstance(part, Command) else ""
    ),
)
def test_each_command_is_where_the_table_says(
    words: tuple[str, ...], command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    text = inspect.getdoc(load(command))
    assert text is not None
    assert command.help == text.split("\n\n")[0].replace("\n", " ")
    assert run([*words, "--help"]) == 0
    assert " ".join(words) in capsys.readouterr().out


def test_help_lists_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in (*COMMANDS, *GROUPS))
