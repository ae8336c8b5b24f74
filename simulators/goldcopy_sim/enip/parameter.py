"""A parameter of a drive, and the parameter object (CIP 1, 5A-14) that shows it."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from goldcopy_sim.service import Value

from . import cip
from .amiss import Keep, another, as_written
from .cip import Attributes, Refusal, Reply, Request, short_string
from .types import ATOMS, Atomic

_ENUM_STRING: Final = 0x4B
_INVALID: Final = 0x20
_STUB: Final = range(1, 7)
_ENUMERATED, _SCALED, _READ_ONLY = 0x02, 0x04, 0x10
"""Bits of the descriptor."""


@dataclass
class Parameter:
    """One parameter, in device units; shown as (value + offset) * mult * base / div."""

    number: int
    name: str
    type: str
    value: int | float
    low: int | float | None
    high: int | float | None
    """None: it takes every value of its type."""
    default: int | float
    units: str = ""
    help: str = ""
    scale: tuple[int, int, int, int] = (1, 1, 1, 0)
    """Multiplier, divisor, base, offset."""
    decimals: int = 0
    choices: tuple[str, ...] = ()
    read_only: bool = False
    stopped_only: bool = False
    """Refused while the drive runs."""
    recallable: bool = True
    """Whether it is kept in non-volatile memory; a command is not."""
    plain: bool = True
    """Whether there is a parameter object of it."""
    dpi: bool = True
    """Whether there is a DPI parameter object of it, where the drive has such at all."""

    @property
    def atomic(self) -> Atomic:
        """Its type on the wire."""
        return ATOMS[self.type]

    def packed(self, value: float | None = None) -> bytes:
        """A value of this parameter; its own if none is given."""
        return self.atomic.pack(self.value if value is None else value)

    def write(self, octets: bytes, *, running: bool, keep: Keep = as_written) -> None:
        """Take a value from the wire.

        Raises:
            Refusal: It is not to be written, now or ever, or is out of range.
        """
        if self.read_only:
            raise Refusal(cip.NOT_SETTABLE)
        if self.stopped_only and running:
            raise Refusal(cip.STATE_CONFLICT)
        if len(octets) != self.atomic.size:
            short = len(octets) < self.atomic.size
            raise Refusal(cip.NOT_ENOUGH_DATA if short else cip.TOO_MUCH_DATA)
        value = self.atomic.unpack(octets)
        if self.low is not None and self.high is not None and not self.low <= value <= self.high:
            raise Refusal(cip.BAD_ATTRIBUTE_VALUE)
        octets = keep(octets, self.packed(), another(octets))
        self.value = self.atomic.unpack(octets)

    def change(self, value: Value) -> None:
        """Set it at the panel.

        Raises:
            ValueError: It does not fit.
        """
        is_bool = isinstance(value, bool)
        if is_bool is not (self.type == "BOOL") or not isinstance(value, int | float):
            raise ValueError(f"{self.name} takes a number, not {value!r}")
        try:
            self.packed(value)
        except struct.error as error:
            raise ValueError(f"{self.name} takes no {value!r}: {error}") from None
        self.value = value


class Parameters:
    """The parameter object."""

    def __init__(
        self, held: Mapping[int, Parameter], running: bool, *, full: bool, configuration: int = 0
    ) -> None:
        self._held, self.running, self._full = held, running, full
        self._configuration = configuration
        """The assembly that is said to hold the configuration."""

    def serve(self, request: Request) -> Reply:
        """Class attributes at instance 0, one parameter at each other."""
        _, number, attribute = request.target
        if number == 0:
            return self._class().serve(request)
        parameter = self._held.get(number)
        if parameter is None:
            raise Refusal(cip.PATH_UNKNOWN, 0)
        if request.service == _ENUM_STRING:
            return _choice(parameter, request.data)
        if request.service == cip.SET_SINGLE:
            if attribute != 1:
                raise Refusal(cip.NOT_SETTABLE)
            parameter.write(request.data, running=self.running, keep=request.keep)
            return Reply()
        return self._instance(parameter).serve(request)

    def _class(self) -> Attributes:
        described = 0x0001 | self._full << 1 | 0x0008
        values = {
            1: struct.pack("<H", 1),
            2: struct.pack("<H", max(self._held, default=0)),
            8: struct.pack("<H", described),
            9: struct.pack("<H", self._configuration),
            10: b"\x01",
        }
        return Attributes(values)

    def _instance(self, parameter: Parameter) -> Attributes:
        path = b"\x20\x0f\x25\x00" + struct.pack("<H", parameter.number) + b"\x30\x01"
        descriptor = _READ_ONLY if parameter.read_only else 0
        descriptor |= _ENUMERATED if parameter.choices else 0
        descriptor |= _SCALED if parameter.scale != (1, 1, 1, 0) else 0
        values = {
            1: parameter.packed(),
            2: bytes((len(path),)),
            3: path,
            4: struct.pack("<H", descriptor),
            5: bytes((parameter.atomic.code,)),
            6: bytes((parameter.atomic.size,)),
            7: short_string(parameter.name),
            8: short_string(parameter.units),
            9: short_string(parameter.help[:64]),
            10: parameter.packed(parameter.low),
            11: parameter.packed(parameter.high),
            12: parameter.packed(parameter.default),
            **{13 + at: struct.pack("<H", part) for at, part in enumerate(parameter.scale[:3])},
            16: struct.pack("<h", parameter.scale[3]),
            **{17 + at: bytes(2) for at in range(4)},
            21: bytes((parameter.decimals,)),
        }
        if not self._full:
            values = {number: values[number] for number in _STUB}
        return Attributes(values, get_all=tuple(values))


def _choice(parameter: Parameter, data: bytes) -> Reply:
    if not parameter.choices:
        raise Refusal(cip.NOT_SUPPORTED)
    if not data:
        raise Refusal(cip.NOT_ENOUGH_DATA)
    if data[0] >= len(parameter.choices):
        raise Refusal(_INVALID)
    return Reply(short_string(parameter.choices[data[0]]))
