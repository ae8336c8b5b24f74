"""The table of commands says what the commands say of themselves."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import get_type_hints

import pytest
from typer.models import OptionInfo

from goldcopy.cli.app import load, run
from goldcopy.cli.commands import COMMANDS, GROUPS, Command

ALL: dict[tuple[str, ...], Command] = {
    **{(name,): command for name, command in COMMANDS.items()},
    **{
        (group, name): command
        for group, (_, commands) in GROUPS.items()
        for name, command in commands.items()
    },
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


HEADINGS = [
    line.removeprefix("### ")
    for line in (Path(__file__).parents[2] / "docs/cli.md").read_text().splitlines()
    if line.startswith("### ")
]


def documented() -> dict[tuple[str, ...], set[str]]:
    """Each command that docs/cli.md has a heading for, with its options."""
    found: dict[tuple[str, ...], set[str]] = {}
    for heading in HEADINGS:
        for part in heading.split(", "):
            group, *rest = part.split()
            words = (
                [word for word in rest[: rest.index("--owner-key")] if word != "|"]
                if ("|" in rest and group == "vault" and "--owner-key" in rest)
                else rest[:1]
            )
            names = [(group,)] if group in COMMANDS else [(group, word) for word in words]
            for name in names:
                found[name] = set(re.findall(r"--?[a-z][a-z-]*", part))
    return found


def test_the_document_has_every_command_and_no_other() -> None:
    assert documented().keys() == ALL.keys()


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_the_document_has_every_option_and_no_other(words: tuple[str, ...]) -> None:
    hints = get_type_hints(load(ALL[words]), include_extras=True)
    options = {
        name: spelt(name, info)
        for name, hint in hints.items()
        for info in getattr(hint, "__metadata__", ())
        if isinstance(info, OptionInfo) and name not in ("inventory", "as_json")
    }
    said = documented()[words]
    assert not [names for names in options.values() if not said & names]
    assert said <= set().union(*options.values())


def spelt(name: str, info: OptionInfo) -> set[str]:
    """What an option is called; typer takes the first name for a default."""
    given = [info.default, *(info.param_decls or ())]
    names = {one for one in given if isinstance(one, str) and one.startswith("-")}
    return names or {f"--{name.replace('_', '-')}"}
