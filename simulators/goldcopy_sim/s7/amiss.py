"""A write var job that goes wrong in the CPU: the job as a whole, or one of its items."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from goldcopy_sim.mishap import Mishap, altered

from .frames import packets
from .outbox import Outbox
from .session import Session

_OK: Final = 0xFF
_REFUSED: Final = 0x05
"""What an S7-1200/1500 says of a data block whose access was made optimized meanwhile."""


def carried_out(
    answer: Callable[[], bytes], session: Session, outbox: Outbox, mishap: Mishap
) -> None:
    """Carry out a write var job by asking for its answer, and send that, as the mishap has it."""
    fate = mishap.of_request()

    def act() -> None:
        reply = answer()
        if fate == "cut":
            outbox.flush(hang_up=True)
        elif fate == "lost":
            outbox.waiting -= 1
        else:
            outbox.reply(reply)
            if fate == "twice":
                outbox.raw(packets(reply, outbox.tpdu))

    def act_late() -> None:
        act()
        outbox.flush()

    if fate == "late":
        mishap.later(act_late)
    elif fate == "dropped":
        session.note("write var", "dropped", writes=True)
        outbox.waiting -= 1
    else:
        act()


def taken(mishap: Mishap | None, value: bytes) -> tuple[int, bytes | None]:
    """The return code of an item that is in order, and what is stored of it; None for nothing."""
    match mishap.of_value() if mishap else "":
        case "refused":
            return _REFUSED, None
        case "ignored":
            return _OK, None
        case "clamped":
            return _OK, altered(value)
    return _OK, value
