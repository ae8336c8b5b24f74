"""What a device says when it says no, in words, with the codes kept."""

from __future__ import annotations

from collections.abc import Sequence

from pycomm3.cip.status_info import EXTEND_CODES, SERVICE_STATUS

from goldcopy.errors import Refused, Unreachable

CONNECTION_FAILURE, NO_RESOURCES, PATH_SYNTAX, PATH_UNKNOWN, PARTIAL = 1, 2, 4, 5, 6
NOT_SUPPORTED, DENIED, DEVICE_STATE, EMBEDDED = 0x08, 0x0F, 0x10, 0x1E
TOO_LARGE, NO_ATTRIBUTE, _GENERAL = 0x11, 0x14, 0xFF
"""General status (CIP volume 1, appendix B)."""
NO_MORE_CONNECTIONS, BAD_SIZE = 0x0113, 0x0109

_WORDS = {
    PATH_SYNTAX: "the path is not understood: there is no such name",
    PATH_UNKNOWN: "there is no such object",
    DENIED: "permission denied (External Access, or protection)",
    NO_RESOURCES: "the device has no resources for this now",
    DEVICE_STATE: "the device is in a state that does not allow this (download, or locked)",
}
_CONNECTION = {
    0x0100: "the connection is in use already",
    0x0109: "the size of the connection was not accepted",
    NO_MORE_CONNECTIONS: "no connection is free; close another client",
    0x0204: "nobody answers on this path; check options.path (backplane/<slot>)",
    0x0311: "the device has no such port; check options.path",
    0x0312: "nothing is at this slot or address; check options.path",
    0x0315: "a segment of the path is not understood; check options.path",
}


def words(status: int, extended: Sequence[int] = ()) -> str:
    """``permission denied (0x0f)``; with the extended status where there is one."""
    known = _WORDS.get(status) or str(SERVICE_STATUS.get(status, "refused"))
    text = known.split(" (see ")[0]
    codes = "/".join(f"{code:#04x}" for code in (status, *extended))
    if extended:
        more = _CONNECTION.get(extended[0]) if status == CONNECTION_FAILURE else None
        if status in (CONNECTION_FAILURE, _GENERAL):
            more = more or EXTEND_CODES[status].get(extended[0])
        text = str(more) if more else text
    return f"{text} ({codes})"


class CipRefused(Refused):
    """A service was refused, with its status."""

    def __init__(self, status: int, extended: Sequence[int] = ()) -> None:
        super().__init__(words(status, extended))
        self.status = status
        self.extended = tuple(extended)

    def __reduce__(self) -> tuple[type[CipRefused], tuple[int, tuple[int, ...]]]:
        return type(self), (self.status, self.extended)


def raise_if_not_now(status: int, extended: Sequence[int] = ()) -> None:
    """Stop where the whole device says no: going on would make a gap of everything it has.

    Raises ``Unreachable`` where it may soon say yes, ``Refused`` where a person must see to it.
    """
    if status == NO_RESOURCES:
        raise Unreachable(f"the device is busy: {words(status, extended)}; pull again later")
    if status == DEVICE_STATE:
        raise CipRefused(status, extended)
