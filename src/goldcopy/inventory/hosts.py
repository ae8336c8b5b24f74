"""Names and hosts, as an inventory may spell them."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from goldcopy.errors import Wrong
from goldcopy.inventory.document import Node
from goldcopy.inventory.scalars import text

# A name becomes part of a snapshot's name (mixer@gold, mixer~1) and of file names.
NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
NAME_RIGHT: Final = (
    "is no name; letters, digits, and . _ - between them, 64 at most, all without accents"
)
_HOST: Final = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
_DOTTED: Final = re.compile(r"[0-9.]+")


def host(node: Node) -> str:
    """A host name or an IP address."""
    return checked_host(text(node))


def checked_host(written: str) -> str:
    """As ``host``; raises ``Wrong`` if it is none."""
    if _DOTTED.fullmatch(written) or (":" in written and "/" not in written):
        try:
            return str(ipaddress.ip_address(written))
        except ValueError:
            raise Wrong(
                f"{written} is no IP address; write one like 192.0.2.10 or fd00::10, "
                "without zeros in front, and the port under `port`"
            ) from None
    if not _HOST.fullmatch(written):
        raise Wrong(f"{written!r} is no host name; write only that, or an IP address")
    return written
