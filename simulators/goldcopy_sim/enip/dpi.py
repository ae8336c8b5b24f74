"""The DPI parameter object 0x93 of drives (750COM-UM001, appendix on EtherNet/IP objects)."""

from __future__ import annotations

import binascii
import struct
from collections.abc import Mapping
from typing import Final

from . import cip
from .cip import Attributes, Refusal, Reply, Request
from .parameter import Parameter

GET_SCATTERED: Final = 0x4D
_STORE: Final = 1
CODES: Final = {"BYTE": 0, "WORD": 1, "SINT": 2, "USINT": 2, "INT": 3, "UINT": 3, "DINT": 4,
                "UDINT": 4, "REAL": 6, "DWORD": 7 | 1 << 16}  # fmt: skip
"""Data types in the descriptor; the last one is extended: an array of 32 BOOL."""
_SIGNED, _NOT_RECALLABLE, _ENUM, _WRITABLE, _STOPPED = 1 << 3, 1 << 6, 1 << 7, 1 << 8, 1 << 9
_FAILED: Final = 1 << 15
"""Set in the parameter number of a scattered reply whose value is an error code."""
_PORT_SIZE: Final = 0x4000
"""Instances from here on belong to the adapter."""


class DpiParameters:
    """The drive's parameters, as its own tools see them; values in NVS are a second copy."""

    def __init__(self, held: Mapping[int, Parameter], running: bool) -> None:
        self._held, self.running = held, running
        self.stored = {number: parameter.value for number, parameter in held.items()}
        """What is in non-volatile memory."""
        self.commands: list[int] = []
        """NVS commands that were given."""
        self.formula = 0
        """What makes the checksum another than by the formula that is used here."""

    def checksum(self) -> int:
        """Attribute 3: it moves when a stored value does."""
        octets = b"".join(
            self._held[number].packed(value) for number, value in sorted(self.stored.items())
        )
        return binascii.crc_hqx(octets, 0) ^ self.formula

    def serve(self, request: Request) -> Reply:
        """Instance 0 is the drive itself; the adapter has no parameters here."""
        _, number, attribute = request.target
        if number == 0:
            return self._whole(request, attribute)
        parameter = self._held.get(number)
        if parameter is None or number >= _PORT_SIZE:
            raise Refusal(cip.PATH_UNKNOWN, 0)
        if request.service == cip.SET_SINGLE:
            if attribute not in (9, 10):
                raise Refusal(cip.NOT_SETTABLE)
            parameter.write(request.data, running=self.running, keep=request.keep)
            if attribute == 9 and parameter.recallable:
                self.stored[number] = parameter.value
            return Reply()
        return self._one(parameter).serve(request)

    def _whole(self, request: Request, attribute: int | None) -> Reply:
        if request.service == GET_SCATTERED:
            return self._scattered(request)
        if request.service == cip.SET_SINGLE:
            if attribute != 2 or len(request.data) != 1:
                raise Refusal(cip.NOT_SETTABLE)
            self._command(request.data[0])
            return Reply()
        values = {
            0: struct.pack("<H", len(self._held)),
            3: struct.pack("<H", self.checksum()),
            5: struct.pack("<H", min(self._held, default=0)),
            7: struct.pack("<H", 2),
        }
        return Attributes(values).serve(request)

    def _command(self, command: int) -> None:
        self.commands.append(command)
        for number, parameter in self._held.items():
            if command == _STORE:
                self.stored[number] = parameter.value
            elif command == 2:
                parameter.value = self.stored[number]
            elif command == 3:
                parameter.value = parameter.default
            else:
                raise Refusal(cip.BAD_ATTRIBUTE_VALUE)

    def _scattered(self, request: Request) -> Reply:
        """Pairs of a number and a pad in; pairs of a number and a value out."""
        data = request.data
        if not data or len(data) % 8:
            raise Refusal(cip.NOT_ENOUGH_DATA)
        if len(data) > request.room:
            raise Refusal(cip.REPLY_TOO_LARGE)
        body = b""
        for at in range(0, len(data), 8):
            (number,) = struct.unpack_from("<I", data, at)
            parameter = self._held.get(number)
            if parameter is None:
                body += struct.pack("<II", number | _FAILED, cip.PATH_UNKNOWN)
            else:
                body += struct.pack("<I", number) + container(parameter, parameter.value)
        return Reply(body)

    def _one(self, parameter: Parameter) -> Attributes:
        numbers = sorted(self._held)
        at = numbers.index(parameter.number)
        after = numbers[at + 1] if at + 1 < len(numbers) else 0
        before = numbers[at - 1] if at else 0
        limits = parameter.value, parameter.low, parameter.high, parameter.default
        containers = b"".join(container(parameter, value) for value in limits)
        flags = struct.pack("<I", descriptor(parameter))
        units, name = text(parameter.units, 4), text(parameter.name, 16)
        scale = struct.pack("<HHHh", *parameter.scale)
        chain = struct.pack("<HH", after, before)
        stored = self.stored[parameter.number]
        values = {
            7: flags + containers + chain + units + scale + bytes(4) + name,
            8: flags,
            9: parameter.packed(stored),
            10: parameter.packed(),
            11: bytes(3),
            13: flags + containers + name + units,
            14: name,
            16: b"\0",
        }
        return Attributes(values)


def descriptor(parameter: Parameter) -> int:
    """The 32 bits that say what kind of parameter it is."""
    flags = CODES[parameter.type] | parameter.decimals << 12
    flags |= _SIGNED if parameter.type in ("SINT", "INT", "DINT", "REAL") else 0
    flags |= 0 if parameter.recallable else _NOT_RECALLABLE
    flags |= _ENUM if parameter.choices else 0
    flags |= 0 if parameter.read_only else _WRITABLE
    flags |= _STOPPED if parameter.stopped_only else 0
    return flags


def container(parameter: Parameter, value: float | None) -> bytes:
    """A value in 32 bits, its sign extended; 0 for a limit that there is not."""
    value = 0 if value is None else value
    if parameter.type == "REAL":
        return parameter.packed(value)
    return (int(value) & 0xFFFFFFFF).to_bytes(4, "little")


def text(chars: str, size: int) -> bytes:
    """STRING[n] of DPI: so many characters, padded with blanks."""
    return chars[:size].ljust(size).encode("latin-1")
