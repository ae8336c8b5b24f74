"""Putting parameters and configuration back: one at a time, acknowledged, never repeated."""

from __future__ import annotations

from collections.abc import Sequence

from goldcopy.errors import Refused, Unsupported, Wrong
from goldcopy.snapshot import Item
from goldcopy_enip import dpi, guard, network, parameters
from goldcopy_enip.attributes import Attribute, singles
from goldcopy_enip.device import DeviceSession
from goldcopy_enip.encode import encoded
from goldcopy_enip.epath import logical
from goldcopy_enip.messages import Reply
from goldcopy_enip.types import ATOMS
from goldcopy_enip.writer import check

_ATOMS = {atom.name: atom for atom in ATOMS.values()}
_COMMAND = "it is a command: to write it is to do something, not to restore a value"


class DeviceWriter(DeviceSession):
    """A session that may write parameters, and the configuration assemblies that options name.

    DPI parameters are written where they are kept without power, once each: that memory wears out.
    Commands for all of a device (reset, defaults, storing and loading) are never sent.
    """

    def groups(self, items: Sequence[Item]) -> Sequence[Sequence[Item]]:
        """Each item by itself: a drive checks one parameter against the others."""
        return [[item] for item in items]

    async def write(self, group: Sequence[Item]) -> None:
        """Write the items of one group, each acknowledged before the next is sent."""
        for item in group:
            await self._write(item)

    async def _write(self, item: Item) -> None:
        """Write one value.

        Raises ``Refused`` for what may not be written, ``Wrong`` for a value that is not of the
        type that the device tells now, ``Unsupported`` for anything else.
        """
        kind, _, number = item.path.partition("/")
        if not number.isdecimal() or kind not in ("parameter", "dpi", "assembly"):
            raise Unsupported(
                f"{item.path}: of a device, parameters and configuration assemblies are written"
            )
        if kind == "assembly":
            path, octets = self._assembly(item, int(number))
        else:
            check(item)
            one = self._parameter if kind == "parameter" else self._dpi
            path, octets = await one(item, int(number))
        (await self._link.ask(guard.SET_SINGLE, path, octets)).good()

    async def _parameter(self, item: Item, number: int) -> tuple[bytes, bytes]:
        """A Parameter object. A drive describes it as a DPI parameter too, and says more there."""
        kind, flags, drive = await singles(self._link, [
            Attribute(guard.PARAMETER, number, parameters.TYPE),
            Attribute(guard.PARAMETER, number, parameters.DESCRIPTOR),
            Attribute(guard.DPI, number, dpi.DESCRIPTOR),
        ], 8)  # fmt: skip
        if _number(flags) & parameters.SHOWN_ONLY:
            raise Refused(f"{item.path} is not written: the device says that it is read-only")
        if not drive.status and dpi.is_command(_number(drive)):
            raise Refused(f"{item.path} is not written: {_COMMAND}")
        atom = ATOMS.get(_number(kind))
        if atom is None or atom.name != item.type:
            raise Wrong(
                f"{item.path} is {item.type}, and the device's parameter is of another type"
            )
        return logical(guard.PARAMETER, number, 1), encoded(atom, item.value)

    async def _dpi(self, item: Item, number: int) -> tuple[bytes, bytes]:
        (flags,) = await singles(self._link, [Attribute(guard.DPI, number, dpi.DESCRIPTOR)], 8)
        descriptor = _number(flags)
        if not dpi.is_setting(descriptor):
            why = _COMMAND if dpi.is_command(descriptor) else "the drive says that it is read-only"
            raise Refused(f"{item.path} is not written: {why}")
        if dpi.type_of(descriptor) != item.type:
            raise Wrong(f"{item.path} is {item.type}, and the drive's parameter is of another type")
        return logical(guard.DPI, number, dpi.STORED), encoded(_ATOMS[item.type], item.value)

    def _assembly(self, item: Item, number: int) -> tuple[bytes, bytes]:
        if number not in self._options.configuration:
            raise Refused(
                f"{item.path} is not written: an assembly may hold outputs. If it holds the "
                f"configuration, add {number} to options.configuration"
            )
        if not isinstance(item.value, bytes):
            raise Wrong(f"{item.path} is written as bytes, not as {type(item.value).__name__}")
        return logical(guard.ASSEMBLY, number, network.DATA), item.value


def _number(reply: Reply) -> int:
    return int.from_bytes(reply.good(), "little")
