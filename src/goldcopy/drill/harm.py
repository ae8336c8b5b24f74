"""What an attacker does to a twin: settings changed all over it, past every restore."""

from __future__ import annotations

import contextlib
import re
from typing import Final

import msgspec

from goldcopy.registry import SimulatedValue, Twin
from goldcopy.snapshot import Blob, Identity, Snapshot

MOST: Final = 500
"""Settings that are manipulated at most, spread over the controller."""
_LAST_NUMBER: Final = re.compile(r"(\d+)(\D*)$")


def manipulate(twin: Twin, gold: Snapshot) -> int:
    """Change settings that can be written, spread over all of them; how many were changed."""
    held = dict(twin.values())
    fit = {
        item.address or item.path: held[item.address][1] if item.address in held else item.value
        for item in gold.items
        if item.role == "setting" and item.access == "read-write"
    }
    done = 0
    for address in list(fit)[:: max(1, -(-len(fit) // MOST))]:
        now = fit[address]
        value = None if isinstance(now, Blob) else nudged(now)  # type: ignore[arg-type]
        if value is None:
            continue
        # A date among texts, say, is no text like any other: the controller takes it or not.
        with contextlib.suppress(ValueError, LookupError, TypeError):
            twin.change(address, value)
            done += 1
    return done


def nudged(value: SimulatedValue) -> SimulatedValue | None:
    """Another value of the same kind and size, near enough to look like somebody's doing."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value - 1 if value > 0 else value + 1
    if isinstance(value, float):
        return value + 1.0 if abs(value) < 1e6 else 0.0
    if not value:
        return None
    if isinstance(value, bytes):
        return value[:-1] + bytes([value[-1] ^ 1])
    if isinstance(value, str):
        return value[:-1] + ("x" if value[-1] != "x" else "y")
    first = nudged(value[0])
    return None if first is None else (first, *value[1:])


def other_firmware(identity: Identity) -> Identity | None:
    """The same controller with another firmware; None where it tells none, or no number."""
    found = _LAST_NUMBER.search(identity.firmware)
    if found is None:
        return None
    number = int(found[1])
    text = str(number - 1 if number else 1) + found[2]
    firmware = identity.firmware[: found.start()] + text
    return msgspec.structs.replace(identity, firmware=firmware)
