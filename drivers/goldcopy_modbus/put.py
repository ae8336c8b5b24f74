"""Where a value goes: a run of addresses of one area, and what they must hold."""

from __future__ import annotations

import re
from typing import NamedTuple

from goldcopy.errors import Refused, Unsupported, Wrong
from goldcopy.snapshot import Item, Value
from goldcopy_modbus.encode import encoded
from goldcopy_modbus.options import Options
from goldcopy_modbus.plan import tasks
from goldcopy_modbus.register import Register
from goldcopy_modbus.spans import Span, common

_RAW = re.compile(r"(holding|coil|input|discrete|file/\d+)/(\d+)", re.ASCII)
WHOLE = 0xFFFF
_NOT_WRITABLE = "not to be written: the inventory says writable: false; nothing was written"


class Put(NamedTuple):
    """Values for the addresses from ``start`` on."""

    area: str
    """``holding``, ``coil``, ``file/4``."""
    start: int
    values: tuple[int, ...]
    own: int = WHOLE
    """The bits to write, if it is a part of one register."""
    number: bool = False
    """Whether a part of it alone would be another number."""

    @property
    def span(self) -> Span:
        """Its addresses."""
        return Span(self.start, self.start + len(self.values))

    def joined(self, other: Put, most: int) -> Put | None:
        """Both in one request, which carries ``most`` values at most; None if it cannot be."""
        if self.area != other.area:
            return None
        if self.own != WHOLE or other.own != WHOLE:
            return self._with_bits_of(other)
        if len(self.values) + len(other.values) > most:
            return None
        for first, second in ((self, other), (other, self)):
            if first.span.stop == second.start:
                return Put(first.area, first.start, first.values + second.values)
        return None

    def _with_bits_of(self, other: Put) -> Put | None:
        if self.start != other.start or self.own & other.own:
            return None
        value = self.values[0] | other.values[0]
        return self._replace(values=(value,), own=self.own | other.own)


class Places:
    """Knows of each item that the options ask for where it goes."""

    def __init__(self, options: Options) -> None:
        self._order = options.order
        self._named = {register.name: register for register in options.registers}
        self._raw = {task.area.name: task.raw for task in tasks(options)}
        self._fixed = [
            (one.place.table, one.span, one.name) for one in options.registers if not one.writes
        ]

    def put(self, item: Item) -> Put:
        """Where an item's value goes.

        Raises ``Unsupported`` for what nobody can write, ``Refused`` for what the inventory does
        not let be written, ``Wrong`` for a value that would not read back to the bit.
        """
        if item.path in self._named:
            return self._of_register(self._named[item.path], item)
        found = _RAW.fullmatch(item.path)
        if found is None:
            raise Unsupported(f"{item.path}: only coils, holding registers and files are written")
        return self._of_address(found[1], int(found[2]), item)

    def _of_address(self, area: str, address: int, item: Item) -> Put:
        _check_area(item.path, area)
        span = Span(address, address + 1)
        if common(self._raw.get(area, []), span) != [span]:
            raise Wrong(
                f"{item.path}: the inventory does not ask for it, so nothing would prove it"
            )
        for table, fixed, name in self._fixed:
            if table == area and common([fixed], span):
                raise Refused(f"{item.path}: a part of it is {name}, {_NOT_WRITABLE}")
        return Put(area, address, (_word(item.value, item, bit=area == "coil"),))

    def _of_register(self, register: Register, item: Item) -> Put:
        table, address = register.place
        _check_area(item.path, table)
        if not register.writes:
            raise Refused(f"{item.path} is {_NOT_WRITABLE}")
        if item.address != f"{table}/{address}":
            raise Wrong(
                f"{item.path} was read at {item.address or 'an unknown address'}, and is at "
                f"{table}/{address} by the inventory now; nothing was written"
            )
        words = encoded(register, self._order, item.type, item.value)
        sort = register.sort
        if sort is None or set(words.own) == {WHOLE}:
            number = sort is not None and sort.number is not None
            return Put(table, address, tuple(words.values), number=number)
        parts = [at for at, own in enumerate(words.own) if own]
        if len(parts) > 1:
            raise Unsupported(
                f"{item.path}: a part of {len(words.own)} registers, and a part can only be "
                "written of one; nothing was written"
            )
        (at,) = parts
        return Put(table, address + at, (words.values[at],), words.own[at])


def _check_area(path: str, area: str) -> None:
    if area in ("input", "discrete"):
        name = "input registers" if area == "input" else "discrete inputs"
        raise Unsupported(f"{path}: the standard has no function that writes {name}")


def _word(value: Value, item: Item, *, bit: bool) -> int:
    fits = isinstance(value, bool) if bit else type(value) is int and 0 <= value <= 0xFFFF
    if not fits or item.type != ("BOOL" if bit else "WORD"):
        raise Wrong(
            f"{item.path}: {value!r} is no {'BOOL' if bit else 'WORD'}; nothing was written"
        )
    return int(value)  # type: ignore[arg-type]
