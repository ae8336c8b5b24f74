"""All commands in one application, and the exit code of each way to end."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, ParamSpec

import typer

from goldcopy.cli import change as change_
from goldcopy.cli import check, demo, devices, diff, history, init, pull, show, simulate
from goldcopy.cli import drift as drift_
from goldcopy.cli import gold as gold_
from goldcopy.cli import moving as moving_
from goldcopy.cli import night as night_
from goldcopy.cli import replicas as replicas_
from goldcopy.cli import report as report_
from goldcopy.cli import restore as restore_
from goldcopy.cli import rules as rules_
from goldcopy.cli import vault as vault_
from goldcopy.errors import GoldcopyError, VaultDamaged, Wrong

NEEDS_A_PERSON = 1
WRONG_USAGE = 2
INTEGRITY_IN_DOUBT = 3
STOPPED = 130

P = ParamSpec("P")

app = typer.Typer(
    name="goldcopy",
    help="Pull, keep and compare the configuration of industrial controllers.",
    no_args_is_help=True,
    add_completion=False,
    # Rich help would triple the time that --help takes.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
COMMANDS = (
    init.init,
    check.check,
    pull.pull,
    devices.devices,
    history.log,
    show.show,
    diff.diff,
    drift_.drift,
    night_.night,
    history.blame,
    devices.drivers,
    simulate.simulate,
    demo.demo,
)


def main() -> None:
    """Run goldcopy and leave the process with the right exit code."""
    sys.exit(run())


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    try:
        app(arguments)
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
    print(f"goldcopy: {message}", file=sys.stderr)
    return typer.Exit(code)


def _code(error: GoldcopyError) -> int:
    if isinstance(error, VaultDamaged):
        return INTEGRITY_IN_DOUBT
    return WRONG_USAGE if isinstance(error, Wrong) else NEEDS_A_PERSON


def _group(name: str, text: str, commands: Mapping[str, Any]) -> None:
    group = typer.Typer(
        help=text, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False
    )
    for word, command in commands.items():
        group.command(word)(_guarded(command))
    app.add_typer(group, name=name)


for each in COMMANDS:
    app.command()(_guarded(each))
_group("report", "Evidence for auditors.", report_.COMMANDS)
_group("restore", "Known-good parameters back, with proof.", restore_.COMMANDS)
_group("change", "Changes that are expected, with their tickets.", change_.COMMANDS)
_group("rules", "What is a setting, and what moves by itself.", rules_.COMMANDS)
_group("gold", "Name known-good snapshots, by signature.", gold_.COMMANDS)
_group(
    "vault",
    "Prove the vault, its keys and its replicas.",
    vault_.COMMANDS | replicas_.COMMANDS | moving_.COMMANDS,
)
