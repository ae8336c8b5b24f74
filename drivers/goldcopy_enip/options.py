"""What the inventory may say about an EtherNet/IP device."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from goldcopy.errors import Wrong
from goldcopy_enip.epath import route


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``options`` of a device with ``driver: enip``."""

    profile: Literal["logix", "cip"] = "logix"
    """``logix``: the tags of a controller. ``cip``: the parameters of any other device."""
    path: str | None = None
    """From the address to the device: ``backplane/0``, ``backplane/2/enet/10.0.0.7/backplane/0``.
    Left out, it is ``backplane/0`` for a controller and none for a device."""
    size: Annotated[int, msgspec.Meta(ge=200, le=4002)] = 4000
    """Bytes of a connected message to ask for; 500 where the device knows no larger ones."""
    assemblies: tuple[Annotated[int, msgspec.Meta(ge=1, le=0xFFFF)], ...] = ()
    """Assemblies to read from a device, beside the one that it names as its configuration."""
    eds: bool = True
    """Whether the device's data sheet is uploaded, if it holds one."""
    write_in_run: bool = False
    """Whether a restore may write tags while the controller is not in programming mode."""

    def __post_init__(self) -> None:
        """Refuse a path that leads nowhere; the inventory tells the line."""
        try:
            route(self.path or "")
        except Wrong as error:
            raise ValueError(str(error)) from None

    @property
    def route(self) -> bytes:
        """The path as port segments."""
        if self.path is None:
            return route("backplane/0" if self.profile == "logix" else "")
        return route(self.path)
