"""What to do next, when a restore was refused or did not come to its end: said, not looked up."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from goldcopy.cli.output import called

if TYPE_CHECKING:
    from goldcopy.restore.gates import Gate, Refusal
    from goldcopy.restore.receipt import Receipt

GLASS: Final = "apply with --break-glass REASON, if it cannot wait"
STEPS: Final[Mapping[Gate, tuple[str, ...]]] = {
    "plan": ("make a new plan: goldcopy restore plan {device}",),
    "age": ("make a new plan: goldcopy restore plan {device}",),
    "moved": ("make a new plan: goldcopy restore plan {device}",),
    "safety": ("restore it with its own engineering tool",),
    "writable": ("if goldcopy may write to it, let the inventory say so: writable: true",),
    "gold": ("goldcopy gold verify {device}", GLASS),
    "approvals": ("goldcopy restore approve {plan} --by NAME --key SSH_KEY", GLASS),
    "identity": ("look whether it is the right controller", "apply with --spare, if it is new"),
    "mode": ("stop the controller", "apply with --in-run, if the process allows it"),
    "limits": ("leave it out with --only, or name a gold copy within its limits",),
}
"""By what was refused: what to do, or else to do; ``device`` and ``plan`` are filled in."""


def steps(refusals: Iterable[Refusal], device: str, plan: str) -> list[str]:
    """Lines on what to do about refusals, each thing once."""
    found = dict.fromkeys(STEPS[one.gate] for one in refusals)
    lines = [line for one in found for line in either(*one)]
    return [line.format(device=device, plan=plan[:12]) for line in dict.fromkeys(lines)]


def either(*ways: str) -> list[str]:
    """Lines on what to do next, where one of these is enough."""
    return [f"{'  or' if number else 'next'}: {called(way)}" for number, way in enumerate(ways)]


def unended(device: str) -> list[str]:
    """Lines on what to do about a restore that was interrupted."""
    return either(
        f"goldcopy restore resume {device}     goes on with it",
        f"goldcopy restore rollback {device}   puts back what it has written",
        f"goldcopy restore abandon {device} --by NAME --reason WHY   gives it up",
    )


def after(receipt: Receipt) -> list[str]:
    """Lines on what to do about a restore that did not prove itself."""
    if not receipt.finished:
        return unended(receipt.device)
    return either(f"goldcopy restore plan {receipt.device}   shows how it differs now")


@contextmanager
def advised(vault: Path, device: str, plan: str = "") -> Iterator[None]:
    """Whatever ends what is done in the context says what to do next.

    Raises ``Unproved`` in place of an error that leaves a restore unfinished, unless it is refused.

    Args:
        vault: where the journals are.
        device: which is being restored.
        plan: digest.
    """
    from goldcopy.errors import GoldcopyError, Unproved, Unreachable, Wrong
    from goldcopy.restore.gates import NotAllowed
    from goldcopy.restore.journal import unfinished

    try:
        yield
    except KeyboardInterrupt:
        if unfinished(vault, device):
            print(
                f"{device}: the restore is not finished",
                *unended(device),
                sep="\n",
                file=sys.stderr,
            )
        raise
    except GoldcopyError as error:
        found: list[str] = []
        if unfinished(vault, device):
            found = unended(device)
        elif isinstance(error, NotAllowed):
            found = steps(error.refusals, device, plan)
        elif isinstance(error, Unreachable):
            found = either("see that it is switched on and connected, then do the same again")
        said = "\n".join([str(error), *found])
        if unfinished(vault, device) and not isinstance(error, Wrong):
            raise Unproved(said) from error
        error.args = (said,)
        raise
