"""PCCC commands (1770-6.5.16) inside CIP: framed, matched by transaction, refusals in words."""

from __future__ import annotations

import secrets
import struct
from collections.abc import Sequence
from typing import NamedTuple

from goldcopy.errors import Malformed, Refused, Unreachable
from goldcopy_enip import guard
from goldcopy_enip.epath import logical
from goldcopy_enip.link import Link
from goldcopy_enip.messages import request
from goldcopy_enip.status import NOT_SUPPORTED, PATH_UNKNOWN, CipRefused

_OBJECT = logical(guard.PCCC, 1)
_REQUESTOR = struct.Struct("<BHI")  # its own length, vendor, serial number
_VENDOR = 0x4743
_PACKET = struct.Struct("<BBHB")  # command, status, transaction, function
_REPLY = struct.Struct("<BBH")
_EXTENDED, _DOWNLOAD = 0xF0, 0xB0
_HEADS = len(request(guard.EXECUTE, _OBJECT)) + _REQUESTOR.size + _PACKET.size
_WORDS = {
    0x10: "the command, its format or its address is not accepted",
    0x20: "the processor has a problem and does not communicate",
    0x30: "the processor behind this node is missing or shut down",
    0x40: "a hardware fault kept the processor from doing it",
    0x50: "the address is wrong, or the memory is protected",
    0x60: "the protection of the node does not allow this command",
    0x70: "the processor is in program mode",
    0x80: "the compatibility file is missing, or its communication zone is faulty",
    0x90: "the node has no buffer for the command",
    0xA0: "the node waits for an acknowledgement",
    _DOWNLOAD: "a program is being downloaded",
    0xC0: "the buffer of the node is full",
}
"""STS, the high half: what the processor says (8-3)."""
_EXTENDED_WORDS = {
    0x01: "a field has a value that is not allowed",
    0x02: "the address has too few levels",
    0x03: "the address has too many levels",
    0x04: "there is no such symbol",
    0x05: "the symbol is not well formed",
    0x06: "there is nothing at this address",
    0x07: "the file has another size",
    0x08: "the situation has changed since the command began",
    0x09: "the data or the file is too large",
    0x0A: "size and address together are too large",
    0x0B: "access is denied: privilege",
    0x0C: "a resource is not available now",
    0x0D: "it is so already",
    0x0E: "the command cannot be executed",
    0x0F: "the histogram is full",
    0x10: "there is no access",
    0x11: "the file is of another type",
    0x12: "a parameter or a value is not valid",
    0x13: "the address refers to a deleted area",
    0x14: "the command failed, for a reason that is not told",
    0x15: "the data could not be converted",
    0x17: "the types do not match",
    0x19: "a label is there twice",
    0x1A: "another node has the file open",
    0x1B: "another node owns the program",
    0x1E: "the data table element is protected",
    0x1F: "a temporary internal problem",
    0x23: "the time for it ran out",
}
"""EXT STS (8-4)."""
_LATER = frozenset((0x30, 0x90, 0xA0, 0xC0, _DOWNLOAD))


class Command(NamedTuple):
    """One command to a processor."""

    command: int
    function: int
    data: bytes = b""


class Answer(NamedTuple):
    """What a command came to."""

    status: int
    extended: int
    data: bytes

    def good(self) -> bytes:
        """The data. Raises ``Refused`` with the reason that the processor gave."""
        if self.status:
            raise Refused(self.words)
        return self.data

    @property
    def words(self) -> str:
        """``there is nothing at this address (STS 0xf0, EXT STS 0x06)``."""
        if self.status == _EXTENDED:
            known = _EXTENDED_WORDS.get(self.extended, "it is refused")
            return f"{known} (STS 0xf0, EXT STS {self.extended:#04x})"
        known = _WORDS.get(self.status & 0xF0, "the link of the node refuses it")
        return f"{known} (STS {self.status:#04x})"


class Pccc:
    """Sends commands; each answer is to the command with its transaction number."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._requestor = _REQUESTOR.pack(_REQUESTOR.size, _VENDOR, 1 + secrets.randbelow(1 << 31))
        self._transaction = secrets.randbelow(1 << 16)
        self.room = link.size - _HEADS
        """Bytes that a command and an answer have at most behind their heads."""

    async def ask(self, command: Command) -> Answer:
        """The answer to one command. Raises as ``ask_all``."""
        (answer,) = await self.ask_all([command])
        return answer

    async def ask_all(self, commands: Sequence[Command]) -> list[Answer]:
        """The answers in their order; refusals are among them.

        Raises ``Malformed`` for an answer to another command, ``Unreachable`` where the processor
        as a whole may answer later, ``Refused`` where the device knows no PCCC.
        """
        sent: list[tuple[Command, int]] = []
        for command in commands:
            self._transaction = (self._transaction + 1) & 0xFFFF
            sent.append((command, self._transaction))
        replies = await self._link.ask_all([self._message(*one) for one in sent])
        answers: list[Answer] = []
        with self._link.trusted():
            for reply, (command, transaction) in zip(replies, sent, strict=True):
                if reply.status in (PATH_UNKNOWN, NOT_SUPPORTED):
                    why = CipRefused(reply.status, reply.extended)
                    raise Refused(f"the device takes no PCCC: {why}; check options.profile")
                answers.append(self._answer(reply.good(), command, transaction))
        return answers

    def _message(self, command: Command, transaction: int) -> bytes:
        packet = _PACKET.pack(command.command, 0, transaction, command.function)
        return request(guard.EXECUTE, _OBJECT, self._requestor + packet + command.data)

    def _answer(self, data: bytes, asked: Command, transaction: int) -> Answer:
        start = _REQUESTOR.size + _REPLY.size
        if len(data) < start or data[: _REQUESTOR.size] != self._requestor:
            raise Malformed(f"a PCCC reply that is not to this session ({data[:16].hex(' ')}…)")
        code, status, back = _REPLY.unpack_from(data, _REQUESTOR.size)
        if (code, back) != (asked.command | 0x40, transaction):
            raise Malformed(
                f"PCCC command {asked.command:#04x}, transaction {transaction:#06x} was sent, and "
                f"{code:#04x}, {back:#06x} answers"
            )
        if status == _EXTENDED and len(data) == start:
            raise Malformed("a PCCC reply announces an extended status and has none")
        answer = Answer(status, data[start] if status == _EXTENDED else 0, data[start:])
        if status & 0xF0 in _LATER:
            raise Unreachable(f"the processor is busy: {answer.words}; pull again later")
        return answer
