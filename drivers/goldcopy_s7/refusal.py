"""Why a CPU refuses: header and parameter errors in one word, item codes in one byte, in words."""

from __future__ import annotations

from goldcopy.errors import Refused, Unreachable

NOT_IMPLEMENTED = 0x8104
FIRST_UPLOAD = 0x8702
NOT_FOUND, NONE_AVAILABLE, PROTECTED = 0xD209, 0xD20E, 0xD241

_WORDS = {
    0x8001: "the service is not possible in the present operating mode",
    0x8003: "no such service for this type",
    0x8101: "the service is not possible in this state",
    0x8103: "no such service for this type",
    NOT_IMPLEMENTED: "the CPU does not have, or does not permit, this function",
    0x8301: "out of memory",
    0x8302: "no resources free",
    0x8304: "too many uploads at once",
    0x8401: "not possible in this sequence",
    0x8404: "not possible in this state",
    0x8500: "wrong size of the PDU",
    FIRST_UPLOAD: "service refused for now",
    0xD201: "syntax error in the name of the block",
    0xD203: "no such block type",
    0xD206: "no such block number",
    NOT_FOUND: "there is no such block",
    NONE_AVAILABLE: "no further block",
    0xD210: "there is no such block",
    0xD219: "wrong lengths in the block",
    0xD230: "the block is damaged",
    0xD240: "another transfer, or one whose connection has ended, is not over yet",
    PROTECTED: "the protection level forbids it without the password",
    0xD401: "the CPU does not have this status list",
    0xD402: "the CPU does not have this status list, or not this part of it",
    0xD403: "the CPU does not have this part of the status list",
    0xD404: "the CPU cannot give this status list now",
    0xD601: "syntax error",
    0xD602: "wrong password",
    0xD604: "the connection was open already",
    0xD605: "no password is set in the CPU",
}
_NOT_NOW = frozenset((0x8301, 0x8302))

_ITEMS = {
    0x01: "hardware fault",
    0x03: "access is not permitted",
    0x05: "the address is out of range",
    0x06: "the data type is not supported",
    0x07: "the data type does not fit",
    0x0A: "there is no such object",
}


class CpuRefused(Refused):
    """The CPU's answer was an error code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"{_WORDS.get(code, 'refused')} ({code:#06x})")
        self.code = code

    def raise_if_not_now(self) -> None:
        """Raise ``Unreachable`` if asking for anything else would be as vain."""
        if self.code in _NOT_NOW:
            raise Unreachable(
                f"the CPU answered: {self}; pull it again later, or with a smaller window"
            )


def item_words(code: int) -> str:
    """The return code of one variable, for a person."""
    return f"{_ITEMS.get(code, 'refused')} (item code {code:#04x})"
