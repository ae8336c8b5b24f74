"""What there is to say of a kit that was made."""

from __future__ import annotations

import msgspec


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A kit that was made."""

    folder: str
    name: str
    """Also of the folder on the laptop in which is kept what is done with it."""
    vault: str
    packs: int
    bytes: int
    """Of all files."""
    wheels: tuple[str, ...]
    fingerprint: str
    """Of the key that signed it; "" if nobody did."""
    devices: tuple[str, ...]
    no_gold: dict[str, str]
    """The devices without a valid gold copy, and why."""
    carried: tuple[str, ...]
    """Files that the inventory names and that are in the kit: the driver says they are public."""
    bring: tuple[str, ...]
    """Files that the inventory names and that are not in the kit."""
