"""What ``options`` of the inventory may hold for a Modbus device.

Every mistake names the key and says what would be right: msgspec adds the path to what is raised
here as ``ValueError``.
"""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from goldcopy_modbus.area import TableName
from goldcopy_modbus.codec import Order
from goldcopy_modbus.place import ADDRESSES, Place, located
from goldcopy_modbus.register import Register

Probe = Literal["fc43", "fc17"]
WriteFunction = Literal[5, 6, 15, 16, 21, 22]

_Address = Annotated[int, Meta(ge=0, lt=ADDRESSES)]
_RECORDS = 10_000  # in a file: 0..9999 (6.14)


class Range(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Addresses of one table, each kept as it is: a WORD or a BOOL."""

    count: Annotated[int, Meta(ge=1, le=ADDRESSES)]
    """How many registers, coils or inputs."""
    table: TableName | None = None
    """``holding``, ``input``, ``coil`` or ``discrete``; goes with ``start``."""
    start: _Address | None = None
    """0-based."""
    ref: int | str | None = None
    """Instead of both: 40001 or 400001 is holding register 0."""

    def __post_init__(self) -> None:
        place = self.place
        if place.address + self.count > ADDRESSES:
            raise ValueError(
                f"count: {self.count} from {place.address} on goes past the last address, "
                f"{ADDRESSES - 1}; at most {ADDRESSES - place.address}"
            )

    @property
    def place(self) -> Place:
        """The first address."""
        return located(self.table, self.start, self.ref, "start")


class FileRange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Records of one file (function 20); each is a WORD."""

    file: Annotated[int, Meta(ge=1, le=0xFFFF)]
    """File number."""
    count: Annotated[int, Meta(ge=1, le=_RECORDS)]
    """How many records."""
    record: Annotated[int, Meta(ge=0, lt=_RECORDS)] = 0
    """The first one."""

    def __post_init__(self) -> None:
        if self.record + self.count > _RECORDS:
            raise ValueError(
                f"count: {self.count} from {self.record} on goes past the last record, "
                f"{_RECORDS - 1}; at most {_RECORDS - self.record}"
            )


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A device's own options.

    A register that ``registers`` names as a whole is not kept a second time by a range around it;
    one of which only a part is named (a bit, a mask, half a register) is.
    """

    unit_id: Annotated[int, Meta(ge=0, le=255)] = 1
    """Unit identifier; a gateway sends to the device with this number."""
    max_registers: Annotated[int, Meta(ge=1, le=125)] = 125
    """Registers in one request; some devices take fewer than the standard's 125 (123 to write)."""
    max_bits: Annotated[int, Meta(ge=1, le=2000)] = 2000
    """Coils or discrete inputs in one request; to write, never more than 1968."""
    gap: Annotated[int, Meta(ge=0, le=124)] = 0
    """Addresses nobody asked for that may be read along where that saves a request. 0 reads none:
    in some devices reading an address has an effect."""
    order: Order = "ABCD"
    """Byte order of named registers that tell none: ABCD, DCBA, BADC or CDAB."""
    ranges: tuple[Range, ...] = ()
    registers: tuple[Register, ...] = ()
    files: tuple[FileRange, ...] = ()
    fifo: tuple[_Address, ...] = ()
    """Pointer addresses of FIFO queues (function 24)."""
    identify: bool | tuple[Probe, ...] = True
    """Which identification to ask for, ``[fc43, fc17]``; true is both. A function that the device
    says it does not have is a gap only if it is listed; one met with silence always is."""
    write_functions: tuple[WriteFunction, ...] = (5, 6, 15, 16, 21)
    """Functions that a restore may use, of those that the device has: 5 and 6 write one coil or
    register, 15 and 16 many, 21 file records. 22 writes some bits of a register and leaves the
    others alone: list it if the device has it, else no part of a register is ever written."""

    def __post_init__(self) -> None:
        if not (self.ranges or self.registers or self.files or self.fifo or self.identify):
            raise ValueError("nothing to read; add ranges, registers, files, fifo or identify")
        names = Counter(register.name for register in self.registers)
        for name, times in names.items():
            if times > 1:
                raise ValueError(f"registers: {times} are named {name}; a name is unique")
        if len(set(self.write_functions)) < len(self.write_functions):
            raise ValueError("write_functions: one is there twice; drop one")
        if len(set(self.fifo)) < len(self.fifo):
            raise ValueError("fifo: an address is there twice; drop one")

    @property
    def probes(self) -> tuple[Probe, ...]:
        """The identification functions to ask for."""
        if isinstance(self.identify, bool):
            return ("fc43", "fc17") if self.identify else ()
        return self.identify
