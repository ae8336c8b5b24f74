"""A write that goes wrong in the CPU: a job as a whole, one of its items, one step of a download.

The steps are: the request, the client's answer with each part, its answer to the end, the linking.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from goldcopy_sim.mishap import Mishap, altered

from .block import HEADER
from .cpu import BROKEN_BLOCK, Refusal
from .frames import packets
from .outbox import Outbox
from .session import Session

_OK: Final = 0xFF
_REFUSED: Final = 0x05
"""What an S7-1200/1500 says of a data block whose access was made optimized meanwhile."""


def carried_out(
    name: str, answer: Callable[[], bytes], session: Session, outbox: Outbox, mishap: Mishap
) -> None:
    """Carry out a job that writes by asking for its answer, and send that, as the mishap has it.

    What the CPU asks for after a request to download, it asks for without an answer too.
    """
    fate = mishap.of_request()

    def act() -> None:
        reply = answer()
        if fate == "cut":
            outbox.forget_jobs()
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
        session.note(name, "dropped", writes=True)
        outbox.waiting -= 1
    else:
        act()


def gone_on(take: Callable[[], None], outbox: Outbox, mishap: Mishap) -> None:
    """Take the client's answer to a job of the CPU; its next job is what answers to that.

    At the end of a download it has none: nothing can be lost then, nor come twice.
    """
    fate = mishap.of_request()

    def act() -> None:
        take()
        if fate in ("cut", "lost"):
            outbox.forget_jobs()
        if fate == "twice":
            outbox.repeat_jobs()
        outbox.flush(hang_up=fate == "cut")

    if fate == "late":
        mishap.later(act)
    elif fate != "dropped":
        act()


def linked(mishap: Mishap | None, image: bytes) -> bytes | None:
    """What is linked in of a block that is in order; None for nothing: the old one stays.

    Raises:
        Refusal: The CPU does not link it in, and says so.
    """
    match mishap.of_value() if mishap else "":
        case "refused":
            raise Refusal(BROKEN_BLOCK)
        case "ignored":
            return None
        case "clamped":
            first = HEADER + 1
            return altered(image[:first]) + image[first:]
    return image


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
