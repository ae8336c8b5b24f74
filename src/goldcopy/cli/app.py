"""All commands in one application, and the exit code of each way to end."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import wraps
from importlib import import_module
from typing import ParamSpec

import typer

from goldcopy.cli.commands import COMMANDS, GROUPS, Command
from goldcopy.cli.options import UNPROVED
from goldcopy.errors import GoldcopyError, Unproved, VaultDamaged, Wrong

NEEDS_A_PERSON = 1
WRONG_USAGE = 2
INTEGRITY_IN_DOUBT = 3
STOPPED = 130

P = ParamSpec("P")


def main() -> None:
    """Run goldcopy and leave the process with the right exit code."""
    sys.exit(run())


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    try:
        application(sys.argv[1:] if arguments is None else arguments)(arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else NEEDS_A_PERSON
    return 0


def _guarded(command: Callable[P, None]) -> Callable[P, None]:
    """Whatever ends a command is one line on standard error, and its exit code.

    Here and not around the application, which would swallow Ctrl-C and a broken pipe in silence.
    """

    @wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            try:
                command(*args, **kwargs)
            finally:
                sys.stdout.flush()
        except KeyboardInterrupt:
            raise _end("stopped; what was kept stays kept", STOPPED) from None
        except GoldcopyError as error:
            raise _end(str(error), _code(error)) from None
        except BrokenPipeError:
            # Python would try to write the rest at exit, and print a traceback of its own.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            gone = "the reader of the output went away before its end"
            raise _end(gone, NEEDS_A_PERSON) from None

    return guarded


def _end(message: str, code: int) -> typer.Exit:
    from goldcopy.cli.output import called
    from goldcopy.snapshot.values import plain

    lines = map(plain, called(message).split("\n"))  # a controller may have had its say in it
    print("goldcopy: " + "\n".join(lines), file=sys.stderr)
    return typer.Exit(code)


def _code(error: GoldcopyError) -> int:
    if isinstance(error, Unproved):
        return UNPROVED
    if isinstance(error, VaultDamaged):
        return INTEGRITY_IN_DOUBT
    return WRONG_USAGE if isinstance(error, Wrong) else NEEDS_A_PERSON


# -- the application -------------------------------------------------------------------------------


def application(arguments: Sequence[str]) -> typer.Typer:
    """All commands, of which only the one that is asked for is loaded: that takes half the time."""
    words = [word for word in arguments if not word.startswith("-")]
    app = _typer("Pull, keep, compare and restore the configuration of industrial controllers.")
    _fill(app, COMMANDS, words[:1])
    for name, (text, commands) in GROUPS.items():
        group = _typer(text)
        _fill(group, commands, words[1:2] if words[:1] == [name] else ())
        app.add_typer(group, name=name)
    return app


def _typer(text: str) -> typer.Typer:
    return typer.Typer(
        help=text,
        no_args_is_help=True,
        add_completion=False,
        # Rich help would triple the time that --help takes.
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )


def _fill(app: typer.Typer, commands: Mapping[str, Command], wanted: Collection[str]) -> None:
    for name, command in commands.items():
        if name in wanted:
            app.command(name)(_guarded(load(command)))
        else:
            app.command(name, help=command.help)(_listed)


def _listed() -> None:
    """Only its name and its line are needed."""


def load(command: Command) -> Callable[..., None]:
    """The function of a command."""
    module, _, function = command.where.partition(":")
    found: Callable[..., None] = getattr(import_module(f"goldcopy.cli.{module}"), function)
    return found
