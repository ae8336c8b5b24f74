"""Who a backup says that a device is: its identity object, made anew."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pycomm3.cip import VENDORS

from goldcopy_sim.service import Recorded

from .identity import Identity, Keyswitch


def number(items: Mapping[str, Recorded], path: str, default: int) -> int:
    """An integer of the backup; ``default`` where it has none."""
    item = items.get(path)
    return item.value if item and isinstance(item.value, int) else default


def identity(items: Mapping[str, Recorded], who: Mapping[str, str]) -> Identity:
    """What the device says of itself.

    Raises:
        ValueError: It was no CIP device.
    """
    numbers = {str(name): number for number, name in VENDORS.items() if type(number) is int}
    told = who["vendor"].removeprefix("vendor ")
    vendor = numbers.get(who["vendor"], int(told) if told.isdecimal() else None)
    if vendor is None or not re.fullmatch(r"\d+\.\d+", who["firmware"]):
        raise ValueError(f"{who['vendor']!r} or {who['firmware']!r} is no CIP identity")
    major, minor = map(int, who["firmware"].split("."))
    mode = who["mode"]
    key = Keyswitch.REMOTE if mode.startswith("REMOTE") else Keyswitch.NONE
    key = {"RUN": Keyswitch.RUN, "PROG": Keyswitch.PROG}.get(mode[:4].strip(", "), key)
    default = Identity()
    status = items.get("identity/status")
    return Identity(
        vendor=vendor,
        type=number(items, "identity/device-type", default.type),
        product=number(items, "identity/product-code", default.product),
        revision=(major, minor),
        serial=int(who["serial"] or "0", 16),
        name=who["product"],
        keyswitch=key,
        running="RUN" in mode,
        fault=4 if mode.endswith("FAULTED") else 0,
        mode_bits=bool(mode),
        word=number(items, status.path, 0) if status else None,
    )
