"""Putting a parameter back: one item, acknowledged, never repeated."""

from __future__ import annotations

from collections.abc import Sequence

from goldcopy.errors import Unsupported, Wrong
from goldcopy.snapshot import Item
from goldcopy_enip import guard
from goldcopy_enip.device import DeviceSession
from goldcopy_enip.encode import encoded
from goldcopy_enip.epath import logical
from goldcopy_enip.types import ATOMS
from goldcopy_enip.writer import check

_SET_SINGLE = 0x10


class DeviceWriter(DeviceSession):
    """A session that may write parameters."""

    def groups(self, items: Sequence[Item]) -> Sequence[Sequence[Item]]:
        """Each item by itself."""
        return [[item] for item in items]

    async def write(self, group: Sequence[Item]) -> None:
        """Write the items of one group, each acknowledged before the next is sent."""
        for item in group:
            await self._write(item)

    async def _write(self, item: Item) -> None:
        """Write the value of one parameter object.

        Raises ``Refused`` for what may not be written, ``Unsupported`` for anything else.
        """
        check(item)
        number = item.path.removeprefix("parameter/")
        if not number.isdecimal():
            raise Unsupported(f"{item.path}: of a device, only parameter objects are written")
        kind = (
            await self._link.ask(guard.GET_SINGLE, logical(guard.PARAMETER, int(number), 5))
        ).good()
        atom = ATOMS.get(kind[0]) if len(kind) == 1 else None
        if atom is None or atom.name != item.type:
            raise Wrong(
                f"{item.path} is {item.type}, and the device's parameter is of another type"
            )
        path = logical(guard.PARAMETER, int(number), 1)
        (await self._link.ask(_SET_SINGLE, path, encoded(atom, item.value))).good()
