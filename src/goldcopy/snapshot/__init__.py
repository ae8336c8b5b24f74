"""The model: what a pull found, as immutable data with one canonical form.

``values`` is the closed universe of values, ``model`` has the words (Item, Gap, Identity),
``canonical`` their one byte form, ``whole`` the Snapshot and its two digests; ``diff`` and
``parts`` compare. docs/format.md specifies the bytes.
"""

from goldcopy.snapshot.canonical import parse_gap, parse_item
from goldcopy.snapshot.model import Access, Gap, Identity, Item, Kind, Role
from goldcopy.snapshot.values import Blob, Value, real_bits, real_from_bits
from goldcopy.snapshot.whole import Snapshot

__all__ = [
    "Access",
    "Blob",
    "Gap",
    "Identity",
    "Item",
    "Kind",
    "Role",
    "Snapshot",
    "Value",
    "parse_gap",
    "parse_item",
    "real_bits",
    "real_from_bits",
]
