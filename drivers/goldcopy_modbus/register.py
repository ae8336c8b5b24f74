"""A named register: where it is, how it is read, what it is for."""

from __future__ import annotations

import math
from typing import Annotated

import msgspec
from msgspec import Meta

from goldcopy.snapshot import Role
from goldcopy_modbus.area import TableName
from goldcopy_modbus.codec import NAMES, SORTS, Order, Sort, sort_of
from goldcopy_modbus.place import ADDRESSES, Place, located
from goldcopy_modbus.spans import Span

_TAKEN = ("holding", "input", "coil", "discrete", "file", "fifo", "device")
"""First parts of paths that the driver gives."""

_BIT_TABLES = ("coil", "discrete")


class Register(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One value of the device's register map."""

    name: str
    """Its path in the snapshot; ``/`` makes levels: ``mixer/speed``."""
    table: TableName | None = None
    """``holding``, ``input``, ``coil`` or ``discrete``; goes with ``address``."""
    address: Annotated[int, Meta(ge=0, lt=ADDRESSES)] | None = None
    """0-based; of its first register."""
    ref: int | str | None = None
    """Instead of both: 40011 or 400011 is holding register 10."""
    type: str = ""
    """IEC (``UDINT``), by width (``uint32``, ``float32``), ``string``, ``bytes`` or ``bits``, in
    any case. Coils, discrete inputs, a ``bit`` and a ``mask`` need none."""
    length: Annotated[int, Meta(ge=1, le=2000)] | None = None
    """How many characters of a string, bytes (two to a register), bits (sixteen to a register)."""
    bit: Annotated[int, Meta(ge=0, le=63)] | None = None
    """One bit of an unsigned number, 0 the lowest; then the value is a BOOL."""
    mask: Annotated[int, Meta(ge=1, le=(1 << 63) - 1)] | None = None
    """Some bits of an unsigned number, moved down so that the lowest of them is bit 0."""
    order: Order | None = None
    """Byte order; the device's default if left out."""
    scale: float = 1.0
    """The value is raw * scale + offset, as an LREAL, in ``unit``. 1 and 0 leave it as it is."""
    offset: float = 0.0
    """In ``unit``."""
    unit: str = ""
    """Of the scaled value: ``degC``, ``bar``."""
    label: str = ""
    """For people."""
    role: Role | None = None
    """``setting``, ``process`` or ``diagnostic``. Left out: setting in holding registers and coils,
    else process."""
    writable: bool | None = None
    """Whether a restore may write it; left out: yes for holding registers and coils."""
    min: int | float | None = None
    """Lowest allowed value, in ``unit``."""
    max: int | float | None = None
    """Highest allowed value, in ``unit``."""

    def __post_init__(self) -> None:
        self._check_name()
        table = self.place.table
        if table in _BIT_TABLES:
            self._check_one_bit()
        else:
            self._check_type()
        if self.span.stop > ADDRESSES:
            raise ValueError(f"address: {self.span} goes past the last address, {ADDRESSES - 1}")
        if self.writable and not self.writes:
            raise ValueError(f"writable: nothing in table {table} can be written; drop it")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min: {self.min} is above max, {self.max}")

    # -- what it is ----------------------------------------------------------------------------

    @property
    def place(self) -> Place:
        """Its first address."""
        return located(self.table, self.address, self.ref, "address")

    @property
    def sort(self) -> Sort | None:
        """How its registers are read; None for a coil or a discrete input."""
        if self.place.table in _BIT_TABLES:
            return None
        return sort_of(self.type) if self.type else SORTS["WORD"]

    @property
    def bits(self) -> int:
        """How many bits its type takes."""
        sort = self.sort
        if sort is None:
            return 1
        if sort.size:
            return 8 * sort.size
        return (self.length or 0) * (1 if sort.type == "BITS" else 8)

    @property
    def span(self) -> Span:
        """Its addresses."""
        start = self.place.address
        return Span(start, start + (1 if self.sort is None else (self.bits + 15) // 16))

    @property
    def complete(self) -> bool:
        """Whether the value tells all that its registers hold: no need to keep them raw."""
        sort = self.sort
        if sort is None:
            return True
        part = self.bit is not None or self.mask is not None or sort.type in ("SINT", "USINT")
        return not part and self.bits % 16 == 0

    @property
    def writes(self) -> bool:
        """Whether a restore may write it."""
        return self.place.table in ("holding", "coil") and self.writable is not False

    # -- what is wrong with it -----------------------------------------------------------------

    def _check_name(self) -> None:
        parts = self.name.split("/")
        if not all(part.strip() == part != "" and part.isprintable() for part in parts):
            raise ValueError(
                f"name: {self.name!r} needs text on both sides of each /, and no spaces"
            )
        if parts[0] in _TAKEN:
            raise ValueError(f"name: {parts[0]}/ is for what has no name; begin with another word")

    def _check_one_bit(self) -> None:
        if self.type.upper() not in ("", "BOOL"):
            raise ValueError(f"type: a {self.place.table} is always BOOL; drop type")
        for key in ("length", "bit", "mask", "order", "min", "max"):
            if getattr(self, key) is not None:
                raise ValueError(f"{key}: a {self.place.table} is one bit; drop {key}")
        if self._scaled:
            raise ValueError("scale: one bit has no scale; drop scale and offset")

    def _check_type(self) -> None:
        sort = self.sort
        if not self.type and self.bit is None and self.mask is None:
            raise ValueError(f"type: say how to read it; one of {', '.join(NAMES)}")
        if sort is None:
            hint = "for one bit give bit, and drop type; " if self.type.upper() == "BOOL" else ""
            raise ValueError(f"type: {self.type} is none; {hint}one of {', '.join(NAMES)}")
        if (self.length is None) is not bool(sort.size):
            right = "drop it" if sort.size else "say how many characters, bytes or bits"
            raise ValueError(f"length: {right}, for type {self.type or sort.type}")
        self._check_part(sort)
        if self._scaled and (not sort.size or self.bit is not None):
            raise ValueError("scale: only a number has a scale; drop scale and offset")
        if not (math.isfinite(self.scale) and math.isfinite(self.offset)) or self.scale == 0:
            raise ValueError("scale: needs a number that is not 0, and offset a finite one")

    def _check_part(self, sort: Sort) -> None:
        if self.bit is None and self.mask is None:
            return
        if self.bit is not None and self.mask is not None:
            raise ValueError("bit and mask exclude each other; keep one of them")
        if not sort.unsigned:
            raise ValueError(
                "bit: only an unsigned type has bits and a mask: UINT16, UINT32, UINT64"
            )
        highest = 8 * sort.size - 1
        if (self.bit or 0) > highest or (self.mask or 0) >> highest > 1:
            raise ValueError(f"bit: {self.type or sort.type} has bits 0 to {highest}")

    @property
    def _scaled(self) -> bool:
        return self.scale != 1 or self.offset != 0
