"""One pull of a device that is no controller: parameters, assemblies, network, data sheet."""

from __future__ import annotations

from goldcopy.driver import Reading
from goldcopy.snapshot import Gap, Identity
from goldcopy_enip import dpi, eds, identity, network, parameters
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
        items = list((await self._known()).items)
        self._link.meter.total += 5
        several, gaps, configuration = await parameters.read(self._link)
        items += several
        self._step()
        for found in (
            await dpi.read(self._link, twins=bool(several)),
            await network.read(self._link),
            await network.assemblies(self._link, self._options.assemblies, configuration),
        ):
            items += found[0]
            gaps += found[1]
            self._step()
        sheet = await eds.read(self._link) if self._options.eds else None
        if isinstance(sheet, Gap):
            gaps.append(sheet)
        elif sheet is not None:
            items.append(sheet)
        self._step()
        return Reading(items, gaps)

    def _step(self) -> None:
        self._link.meter.done += 1

    async def _known(self) -> identity.Found:
        if self._who is None:
            self._who = await identity.read(self._link, logix=False)
        return self._who
