"""The model: what a pull found, as immutable data with one canonical form.

``model`` has the words (Item, Gap, Identity, Snapshot), ``canonical`` their one byte form and the
two digests, ``values`` the closed universe of values. docs/format.md specifies the bytes.
"""

from goldcopy.snapshot.canonical import parse_gap, parse_item
from goldcopy.snapshot.model import Access, Gap, Identity, Item, Kind, Role, Snapshot
from goldcopy.snapshot.values import Blob, Value, real_bits, real_from_bits

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
