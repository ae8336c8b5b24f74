"""One pull of a device that is no controller: parameters, assemblies, network, data sheet."""

from __future__ import annotations

import msgspec

from goldcopy.driver import Reading
from goldcopy.snapshot import Gap, Identity, Item, Snapshot
from goldcopy_enip import dpi, eds, identity, network, parameters, spared
from goldcopy_enip.link import Link
from goldcopy_enip.options import Options


class DeviceSession:
    """An open link to one device, for reading only."""

    def __init__(self, link: Link, options: Options) -> None:
        self._link = link
        self._options = options
        self._who: identity.Found | None = None

    async def identify(self) -> Identity:
        """What the device says of itself."""
        return (await self._known()).identity

    async def read(self) -> Reading:
        """All that is found of the objects that this driver knows."""
        return await self._pull(None)

    async def read_since(self, previous: Snapshot) -> Reading:
        """As ``read``; descriptions of parameters and the data sheet are taken over.

        Values are always read: the checksum of a drive covers those that it has stored.
        """
        same = spared.same_device(await self.identify(), previous.identity)
        return await self._pull(previous if same else None)

    async def _pull(self, previous: Snapshot | None) -> Reading:
        who = await self._known()
        self._link.meter.total += 4
        known = spared.Described(previous) if previous else None
        values = await known.values(self._link) if known else None
        if known is None or values is None:
            drive, told = await self._described()
        else:
            carried = [item.path for item in known.beside]
            drive, told = Reading([*values[0], *known.beside], carried=carried), values[1]
        self._step()
        parts = [Reading(who.items), drive, await self._rest(told), await self._sheet(previous)]
        self._step()
        return Reading(
            [item for part in parts for item in part.items],
            [gap for part in parts for gap in part.gaps],
            [path for part in parts for path in part.carried],
            parts[-1].blobs,
        )

    async def _described(self) -> tuple[Reading, int]:
        """All parameters, and the assembly that the device names as its configuration."""
        items, gaps, told = await parameters.read(self._link)
        drive = await dpi.read(self._link, twins=bool(items))
        items = [_live(item, drive.commands) for item in items]
        return Reading([*items, *drive.items], [*gaps, *drive.gaps]), told

    async def _sheet(self, previous: Snapshot | None) -> Reading:
        if not self._options.eds:
            return Reading([])
        kept = await spared.sheet(self._link, previous) if previous else None
        if kept is not None:
            return Reading([kept[0]], carried=[kept[0].path], blobs=kept[1])
        found = await eds.read(self._link)
        if isinstance(found, Gap):
            return Reading([], [found])
        return Reading([found] if found else [])

    async def _rest(self, told: int) -> Reading:
        """Network and assemblies, of which nothing says beforehand whether they have changed."""
        items, gaps = await network.read(self._link)
        self._step()
        options = self._options
        found = await network.assemblies(
            self._link, told, options.assemblies, options.configuration
        )
        self._step()
        return Reading([*items, *found[0]], [*gaps, *found[1]])

    def _step(self) -> None:
        self._link.meter.done += 1

    async def _known(self) -> identity.Found:
        if self._who is None:
            self._who = await identity.read(self._link, logix=False)
        return self._who


def _live(item: Item, commands: frozenset[int]) -> Item:
    """A parameter that is a command by its other description is no setting."""
    number = item.path.removeprefix("parameter/")
    if not number.isdecimal() or int(number) not in commands:
        return item
    return msgspec.structs.replace(item, role="process", access="read")
