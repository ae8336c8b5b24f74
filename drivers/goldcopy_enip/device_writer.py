"""Putting parameters and configuration back: many in a packet, acknowledged, never repeated."""

from __future__ import annotations

from collections.abc import Sequence

from goldcopy.errors import GoldcopyError, Refused, Unsupported, Wrong
from goldcopy.snapshot import Item
from goldcopy_enip import dpi, guard, network, parameters, requests
from goldcopy_enip.attributes import Attribute, singles
from goldcopy_enip.device import DeviceSession
from goldcopy_enip.encode import encoded
from goldcopy_enip.epath import logical
from goldcopy_enip.messages import Reply, request
from goldcopy_enip.types import ATOMS
from goldcopy_enip.writer import acknowledged, check

_ATOMS = {atom.name: atom for atom in ATOMS.values()}
_COMMAND = "it is a command: to write it is to do something, not to restore a value"


class DeviceWriter(DeviceSession):
    """A session that may write parameters, and the configuration assemblies that options name.

    DPI parameters are written where they are kept without power, once each: that memory wears out.
    Commands for all of a device (reset, defaults, storing and loading) are never sent.
    """

    def groups(self, items: Sequence[Item]) -> Sequence[Sequence[Item]]:
        """As many items as one packet carries; what cannot be written is a group of its own."""
        link = self._link
        return requests.groups(items, self._cost, link.size, multiple=link.multiple)

    def _cost(self, item: Item) -> int:
        try:
            return requests.OFFSET + len(self._service(item))
        except GoldcopyError:
            return self._link.size

    async def write(self, group: Sequence[Item]) -> None:
        """Write the items of one group, in their order; of several each is taken by itself.

        Raises ``Refused`` for what may not be written, ``Wrong`` for a value that is not of the
        type that the device tells now, ``Unsupported`` for anything else; ``Refused`` too, with
        the names of the items, once the device has refused any of them.
        """
        services = [self._service(item) for item in group]
        about = [_about(item) for item in group]
        told = iter(await singles(self._link, [one for several in about for one in several], 8))
        for item, several in zip(group, about, strict=True):
            _check(item, [next(told) for _ in several])
        together = self._link.multiple  # it is known by now
        at = 0
        for packet in [services] if together else [[one] for one in services]:
            (replies,) = await self._link.ask_packed([packet])
            items = group[at : at + len(packet)]
            acknowledged(list(zip(items, replies, strict=True)))
            at += len(packet)

    def _service(self, item: Item) -> bytes:
        """The service that writes an item, if all is as the item has it."""
        kind, number = _named(item)
        if kind == "assembly":
            return request(guard.SET_SINGLE, *self._assembly(item, number))
        check(item)
        atom = _ATOMS.get(item.type)
        if atom is None:
            raise Wrong(f"{item.path}: no parameter is {item.type}")
        return request(guard.SET_SINGLE, _value_path(kind, number), encoded(atom, item.value))

    def _assembly(self, item: Item, number: int) -> tuple[bytes, bytes]:
        if number not in self._options.configuration:
            raise Refused(
                f"{item.path} is not written: an assembly may hold outputs. If it holds the "
                f"configuration, add {number} to options.configuration"
            )
        if not isinstance(item.value, bytes):
            raise Wrong(f"{item.path} is written as bytes, not as {type(item.value).__name__}")
        return logical(guard.ASSEMBLY, number, network.DATA), item.value


def _named(item: Item) -> tuple[str, int]:
    kind, _, number = item.path.partition("/")
    if not number.isdecimal() or kind not in ("parameter", "dpi", "assembly"):
        raise Unsupported(
            f"{item.path}: of a device, parameters and configuration assemblies are written"
        )
    return kind, int(number)


def _value_path(kind: str, number: int) -> bytes:
    """Where a parameter is written."""
    if kind == "dpi":
        return logical(guard.DPI, number, dpi.STORED)
    return logical(guard.PARAMETER, number, 1)


def _about(item: Item) -> list[Attribute]:
    """What is asked before it is written. A drive describes a Parameter object as a DPI one too."""
    kind, number = _named(item)
    described = Attribute(guard.DPI, number, dpi.DESCRIPTOR)
    if kind == "parameter":
        return [
            Attribute(guard.PARAMETER, number, parameters.TYPE),
            Attribute(guard.PARAMETER, number, parameters.DESCRIPTOR),
            described,
        ]
    return [described] if kind == "dpi" else []


def _check(item: Item, told: Sequence[Reply]) -> None:
    """Whether it may be written, by what the device has told of it now."""
    kind, _ = _named(item)
    if kind == "parameter":
        _check_parameter(item, *told)
    elif kind == "dpi":
        _check_dpi(item, _number(told[0]))


def _check_parameter(item: Item, kind: Reply, flags: Reply, drive: Reply) -> None:
    if _number(flags) & parameters.SHOWN_ONLY:
        raise Refused(f"{item.path} is not written: the device says that it is read-only")
    if not drive.status and dpi.is_command(_number(drive)):
        raise Refused(f"{item.path} is not written: {_COMMAND}")
    atom = ATOMS.get(_number(kind))
    if atom is None or atom.name != item.type:
        raise Wrong(f"{item.path} is {item.type}, and the device's parameter is of another type")


def _check_dpi(item: Item, descriptor: int) -> None:
    if not dpi.is_setting(descriptor):
        why = _COMMAND if dpi.is_command(descriptor) else "the drive says that it is read-only"
        raise Refused(f"{item.path} is not written: {why}")
    if dpi.type_of(descriptor) != item.type:
        raise Wrong(f"{item.path} is {item.type}, and the drive's parameter is of another type")


def _number(reply: Reply) -> int:
    return int.from_bytes(reply.good(), "little")
