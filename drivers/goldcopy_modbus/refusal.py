"""Why a controller refuses a request, and what that means for a pull.

The codes are those of the Modbus Application Protocol Specification V1.1b3, clause 7.
"""

from __future__ import annotations

from typing import NamedTuple

from goldcopy.errors import Unreachable

_WORDS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "server device failure",
    5: "acknowledge: it needs a long time",
    6: "server device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target device failed to respond",
}

_NOT_NOW = {
    5: "pull it again later",
    6: "pull it again later, or with a longer pause between requests",
    10: "check unit_id, and the way from the gateway to the device",
    11: "check unit_id, and that the device behind the gateway is on",
}
"""Codes that say nothing of what was asked for: the whole device cannot be read now."""


class Refusal(NamedTuple):
    """A controller's exception reply."""

    code: int

    def __str__(self) -> str:
        return f"{_WORDS.get(self.code, 'no exception of the standard')} (exception {self.code})"

    @property
    def no_such_function(self) -> bool:
        """The controller does not have the function at all."""
        return self.code == 1

    @property
    def of_a_value(self) -> bool:
        """The function is known, but not with this argument."""
        return self.code == 3

    @property
    def may_be_a_part(self) -> bool:
        """Parts of what was asked for may be had: some addresses are not there, or it was too much.

        A device that takes fewer addresses in a request than the standard answers 2 or 3.
        """
        return self.code in (2, 3)

    def raise_if_not_now(self) -> None:
        """Raise ``Unreachable`` if asking for anything else would be as vain."""
        if self.code in _NOT_NOW:
            raise Unreachable(f"the controller answered: {self}; {_NOT_NOW[self.code]}")
