"""A whole snapshot: its items and gaps in order, its form, its two digests."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import msgspec

from goldcopy.errors import Wrong
from goldcopy.snapshot.canonical import FORMAT, Head, digest, gap_line, head_line, item_line
from goldcopy.snapshot.model import Gap, Identity, Item, check_item, check_texts
from goldcopy.snapshot.values import INLINE_BYTES, Blob, Value


class Snapshot:
    """The immutable result of a pull: complete, or with its gaps listed.

    ``items`` and ``gaps`` are sorted by path. ``blobs`` has the content of the items whose value
    is a ``Blob``, as far as it is at hand.
    """

    def __init__(
        self,
        device: str,
        driver: str,
        identity: Identity,
        items: tuple[Item, ...],
        gaps: tuple[Gap, ...],
        rules: str = "",
        blobs: Mapping[str, bytes] | None = None,
    ) -> None:
        self.device = device
        self.driver = driver
        self.identity = identity
        self.items = items
        self.gaps = gaps
        self.rules = rules
        """Digest of the rules that gave the roles; "" for none."""
        self.blobs: Mapping[str, bytes] = blobs or {}

    @classmethod
    def of(
        cls,
        device: str,
        driver: str,
        identity: Identity,
        items: Iterable[Item],
        gaps: Iterable[Gap] = (),
        rules: str = "",
        blobs: Mapping[str, bytes] | None = None,
    ) -> Snapshot:
        """Make a snapshot of what was read: big bytes become blobs, everything is checked.

        Raises ``Wrong`` for a path read twice and for a value that its type cannot hold.
        """
        content: dict[str, bytes] = {}
        kept: list[Item] = []
        for item in items:
            if item.type.endswith("BYTES"):
                item = msgspec.structs.replace(item, value=_by_hash(item.value, content))
            try:
                check_item(item)
            except Wrong as error:
                raise Wrong(f"{device}: {item.path!a}: {error}") from None
            kept.append(item)
        kept.sort(key=_path)
        holes = sorted(gaps, key=_path)
        try:
            check_texts(device, driver, rules, *msgspec.structs.astuple(identity))
            check_texts(*(text for gap in holes for text in (gap.path, gap.reason)))
        except Wrong as error:
            raise Wrong(f"{device!a}: {error}") from None
        _refuse_twins(device, kept)
        _refuse_twins(device, holes)
        # What is given may be fetched from a vault only when it is asked for.
        given = ChainMap(content, blobs) if blobs else content  # type: ignore[arg-type]
        return cls(device, driver, identity, tuple(kept), tuple(holes), rules, given)

    @cached_property
    def form(self) -> Form:
        """All its lines. Made once: id, settings and the vault are all made of them."""
        return Form(
            head_line(_head(self, self.rules)),
            list(map(item_line, self.items)),
            list(map(gap_line, self.gaps)),
        )

    @cached_property
    def id(self) -> str:
        """SHA-256 of all that the snapshot holds."""
        return self.form.digest()

    @cached_property
    def settings(self) -> str:
        """SHA-256 of the identity and of the items whose role is ``setting``.

        The rules are left out: a new rule changes no controller.
        """
        pairs = zip(self.items, self.form.items, strict=True)
        of_settings = [line for item, line in pairs if item.role == "setting"]
        return digest([head_line(_head(self, "")), *of_settings])

    @cached_property
    def by_path(self) -> Mapping[str, Item]:
        """The items by their path."""
        return {item.path: item for item in self.items}

    @cached_property
    def bulk(self) -> Mapping[int, Sequence[Blob]]:
        """The big content that items refer to, by their position in ``items``."""
        found = (
            (n, _blobs_of(i.value)) for n, i in enumerate(self.items) if i.type[-5:] == "BYTES"
        )
        return {position: blobs for position, blobs in found if blobs}

    def content(self, item: Item) -> bytes | None:
        """The bytes of an item of this snapshot, wherever they are held; None if it has none."""
        if isinstance(item.value, Blob):
            return self.blobs[item.value.sha256]
        return item.value if isinstance(item.value, bytes) else None


class Form(NamedTuple):
    """A snapshot as bytes: its lines, without line ends."""

    head: bytes
    items: Sequence[bytes]
    """By path, as the items of the snapshot are."""
    gaps: Sequence[bytes]

    def digest(self) -> str:
        """SHA-256 over all lines, each with a line feed behind it: the snapshot's id."""
        return digest([self.head, *self.items, *self.gaps])


def _head(snapshot: Snapshot, rules: str) -> Head:
    return Head(
        format=FORMAT,
        device=snapshot.device,
        driver=snapshot.driver,
        identity=snapshot.identity,
        rules=rules or "",
    )


def _by_hash(value: Value, content: dict[str, bytes]) -> Value:
    """The value with big bytes held by hash, and their bytes in ``content``."""
    if type(value) is tuple:
        return tuple([_by_hash(one, content) for one in value])
    if type(value) is not bytes or len(value) <= INLINE_BYTES:
        return value
    blob = Blob.of(value)
    content[blob.sha256] = value
    return blob


def _blobs_of(value: Value) -> list[Blob]:
    return [one for one in (value if type(value) is tuple else (value,)) if isinstance(one, Blob)]


def _path(thing: Item | Gap) -> str:
    return thing.path


def _refuse_twins(device: str, things: Sequence[Item | Gap]) -> None:
    for one, other in pairwise(things):
        if one.path == other.path:
            raise Wrong(f"{device}: {one.path} was read twice; a path is unique in its snapshot")
