"""What to do next, when a restore was refused or did not come to its end: said, not looked up."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from goldcopy.restore.gates import Gate, Refusal
    from goldcopy.restore.receipt import Receipt

GLASS: Final = "--break-glass REASON, if it cannot wait"
STEPS: Final[Mapping[Gate, str]] = {
    "plan": "make a new plan: goldcopy restore plan {device}",
    "age": "make a new plan: goldcopy restore plan {device}",
    "moved": "make a new plan: goldcopy restore plan {device}",
    "safety": "restore it with its own engineering tool",
    "writable": "if goldcopy may write to it, the inventory has to say so: writable: true",
    "gold": f"goldcopy gold verify {{device}} says more; {GLASS}",
    "approvals": f"goldcopy restore approve {{plan}} --by NAME --key SSH_KEY; {GLASS}",
    "identity": "look whether it is the right controller; --spare, if it was replaced by another",
    "mode": "stop it, or apply with --in-run, if the process allows it",
    "limits": "leave it out with --only, or name a gold copy within its limits",
}
"""By what was refused; ``device`` and ``plan`` are filled in."""


def steps(refusals: Iterable[Refusal], device: str, plan: str) -> list[str]:
    """What to do about refusals, each thing once."""
    found = [STEPS[one.gate].format(device=device, plan=plan[:12]) for one in refusals]
    return list(dict.fromkeys(found))


def unended(device: str) -> list[str]:
    """What to do about a restore that was interrupted."""
    return [
        f"goldcopy restore resume {device}, which goes on with it",
        f"goldcopy restore rollback {device}, which puts back what it has written",
        f"goldcopy restore abandon {device} --by NAME --reason REASON, if the controller is gone",
    ]


def after(receipt: Receipt) -> list[str]:
    """What to do about a restore that did not prove itself."""
    if not receipt.finished:
        return unended(receipt.device)
    return [f"goldcopy restore plan {receipt.device}, which shows how it differs now"]


@contextmanager
def advised(vault: Path, device: str, plan: str = "") -> Iterator[None]:
    """Whatever ends what is done in the context says what to do next.

    Args:
        vault: where the journals are.
        device: which is being restored.
        plan: digest.
    """
    from goldcopy.errors import GoldcopyError, Unreachable
    from goldcopy.restore.gates import NotAllowed
    from goldcopy.restore.journal import unfinished

    try:
        yield
    except KeyboardInterrupt:
        if unfinished(vault, device):
            print(told(unended(device), f"{device}: the restore is not finished"), file=sys.stderr)
        raise
    except GoldcopyError as error:
        found: list[str] = []
        if unfinished(vault, device):
            found = unended(device)
        elif isinstance(error, NotAllowed):
            found = steps(error.refusals, device, plan)
        elif isinstance(error, Unreachable):
            found = ["see that it is switched on and connected; then do the same again"]
        error.args = (told(found, str(error)),)
        raise


def told(steps: Iterable[str], what: str = "") -> str:
    """Some lines: what happened, if it is not told already, and one of these things to do."""
    words = [f"{'  or' if number else 'next'}: {step}" for number, step in enumerate(steps)]
    return "\n".join([what, *words] if what else words)
