"""All commands in one application, and the exit code of each way to end."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import typer

from goldcopy.cli import check, demo, devices, diff, history, init, pull, show, simulate
from goldcopy.errors import GoldcopyError, VaultDamaged, Wrong

NEEDS_A_PERSON = 1
WRONG_USAGE = 2
INTEGRITY_IN_DOUBT = 3

app = typer.Typer(
    name="goldcopy",
    help="Pull, keep and compare the configuration of industrial controllers.",
    no_args_is_help=True,
    add_completion=False,
    # Rich help would triple the time that --help takes.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for command in (
    init.init,
    check.check,
    pull.pull,
    devices.devices,
    history.log,
    show.show,
    diff.diff,
    history.blame,
    devices.drivers,
    simulate.simulate,
    demo.demo,
):
    app.command()(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run goldcopy and leave the process with the right exit code."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; a known error is one line on standard error."""
    try:
        app(arguments)
    except SystemExit as end:
        return _flushed(end.code if isinstance(end.code, int) else 0)
    except BrokenPipeError:
        return _flushed(NEEDS_A_PERSON)
    except KeyboardInterrupt:
        return _say("stopped; what was kept stays kept", 130)
    except GoldcopyError as error:
        return _say(str(error), _code(error))
    return 0


def _code(error: GoldcopyError) -> int:
    if isinstance(error, VaultDamaged):
        return INTEGRITY_IN_DOUBT
    return WRONG_USAGE if isinstance(error, Wrong) else NEEDS_A_PERSON


def _say(message: str, code: int) -> int:
    print(f"goldcopy: {message}", file=sys.stderr)
    return _flushed(code)


def _flushed(code: int) -> int:
    """Flush here, where a reader that has gone can still be told of in one line."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # Python would try again at exit and print a traceback of its own.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print("goldcopy: the reader of the output went away before its end", file=sys.stderr)
        return max(code, NEEDS_A_PERSON)
    return code
