"""What the inventory may say about an EtherNet/IP device."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from goldcopy.errors import Wrong
from goldcopy_enip.epath import route
from goldcopy_enip.named import parsed
from goldcopy_enip.pccc_files import listed


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``options`` of a device with ``driver: enip``."""

    profile: Literal["logix", "cip", "pccc"] = "logix"
    """``logix``: the tags of a controller. ``pccc``: the data files of an SLC, MicroLogix or PLC-5.
    ``cip``: the parameters of any other device."""
    path: str | None = None
    """From the address to the device: ``backplane/0``, ``backplane/2/enet/10.0.0.7/backplane/0``.
    Left out, it is ``backplane/0`` for a controller and none for a device."""
    size: Annotated[int, msgspec.Meta(ge=200, le=4002)] = 4000
    """Bytes of a connected message to ask for; 500 where the device knows no larger ones."""
    tags: tuple[str, ...] = ()
    """Tags to read by name from a target that lists none: ``Speed``, ``Zones[16]`` with all its
    sizes, ``Program:Main.Count``. Sizes count what the target counts: an array of BOOL in a Logix
    controller has 32 to the element."""
    assemblies: tuple[Annotated[int, msgspec.Meta(ge=1, le=0xFFFF)], ...] = ()
    """Assemblies to read from a device, beside the one that it names as its configuration."""
    configuration: tuple[Annotated[int, msgspec.Meta(ge=1, le=0xFFFF)], ...] = ()
    """Assemblies that hold the configuration of a device, to be read and to be restored. Never name
    one of inputs or outputs: to write that is to move the machine."""
    eds: bool = True
    """Whether the device's data sheet is uploaded, if it holds one."""
    files: tuple[str, ...] = ()
    """Data files of a ``pccc`` processor and how many elements each has: ``N7:256``. They are read
    instead of what its directory lists; a PLC-5 and some MicroLogix have no directory to read."""
    write_in_run: bool = False
    """Whether a restore may write while the controller is not in programming mode."""

    def __post_init__(self) -> None:
        """Refuse a path that leads nowhere and names of nothing; the inventory tells the line."""
        try:
            route(self.path or "")
            listed(self.files)
            parsed(self.tags)
        except Wrong as error:
            raise ValueError(str(error)) from None

    @property
    def route(self) -> bytes:
        """The path as port segments."""
        if self.path is None:
            return route("backplane/0" if self.profile == "logix" else "")
        return route(self.path)
