"""What became of one device, and the one line that says why when it failed."""

from __future__ import annotations

from pathlib import PurePath
from types import TracebackType
from typing import Final, Literal

import msgspec

from goldcopy.driver import Secret
from goldcopy.errors import GoldcopyError
from goldcopy.snapshot import Gap

LONGEST: Final = 500
"""Characters of an error; a library may put a whole reply into its message."""


class Outcome(msgspec.Struct, frozen=True):
    """The result of one device in a run."""

    device: str
    state: Literal["kept", "failed"]
    id: str = ""
    """Of the snapshot; "" if there is none."""
    items: int = 0
    gaps: int = 0
    unchanged: bool = False
    """Whether the settings are those of the device's last snapshot."""
    requests: int = 0
    bytes: int = 0
    """Both directions, all attempts."""
    seconds: float = 0.0
    """From its first attempt to the end of its last; waiting for its turn is not counted."""
    attempts: int = 0
    error: str = ""
    """Why it failed, one line that begins with the device's name."""
    gap_list: tuple[Gap, ...] = ()
    late: bool = False
    """Whether it failed for the run's own reason: its time in the run was over."""


def words(device: str, error: BaseException, secret: Secret | None) -> str:
    """One line for a person about a device's error, without its password."""
    if isinstance(error, GoldcopyError):
        said = str(error)
    else:
        place = _place(error.__traceback__)
        said = f"unexpected {type(error).__name__} {place}: {error}; this is a mistake: report it"
    return f"{device}: {' '.join(_without(said, secret).split())[:LONGEST]}"


def only(error: BaseException) -> BaseException:
    """The error within groups of one, as a ``TaskGroup`` wraps what fails inside it."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _without(text: str, secret: Secret | None) -> str:
    if secret is None:
        return text
    plain = secret.reveal()
    for form in (plain, repr(plain)[1:-1], repr(plain.encode())[2:-1]):
        text = text.replace(form, "…")
    return text


def _place(traceback: TracebackType | None) -> str:
    """Where it was raised: ``in goldcopy_modbus/read.py:88``."""
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return "outside of any code"
    path = PurePath(traceback.tb_frame.f_code.co_filename)
    return f"in {'/'.join(path.parts[-2:])}:{traceback.tb_lineno}"
