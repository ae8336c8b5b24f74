"""A snapshot as its lines: how one is told as changes to another, and rebuilt from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
from msgspec import UNSET, Raw, UnsetType

from goldcopy.errors import Wrong
from goldcopy.snapshot import Snapshot, parse_gap, parse_item
from goldcopy.snapshot.canonical import parse_head, with_value
from goldcopy.snapshot.whole import Form
from goldcopy.vault.records import SnapshotRecord


class _Path(msgspec.Struct, frozen=True, gc=False):
    path: str


_decode_path = msgspec.json.Decoder(_Path).decode


def path_of(line: Raw) -> str:
    """The path of an item line. Raises ``Wrong`` if it is none."""
    try:
        return _decode_path(line).path
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Wrong(f"not an item line: {error}") from None


class Changes(NamedTuple):
    """The fields of a snapshot record that tell its state."""

    head: Raw | UnsetType
    gaps: list[Raw] | UnsetType
    drop: list[str]
    set: list[Raw]
    values: list[tuple[str, Raw]]


@dataclass
class State:
    """The lines of a snapshot, those of the items by path."""

    head: bytes
    items: dict[str, bytes]
    gaps: list[bytes]

    @classmethod
    def of(cls, snapshot: Snapshot) -> State:
        """The state that a snapshot has."""
        form = snapshot.form
        paths = (item.path for item in snapshot.items)
        return cls(form.head, dict(zip(paths, form.items, strict=True)), list(form.gaps))

    @classmethod
    def rebuilt(cls, records: Iterable[SnapshotRecord]) -> State:
        """A keyframe with the changesets behind it applied, in order. Raises ``Wrong``."""
        state = cls(b"", {}, [])
        for record in records:
            state.apply(record)
        return state

    def apply(self, record: SnapshotRecord) -> None:
        """Become the state of the next record: of a keyframe, or a changeset. Raises ``Wrong``."""
        if not record.base:
            self.head, self.items, self.gaps = b"", {}, []
        if record.head is not UNSET:
            self.head = bytes(record.head)
        if record.gaps is not UNSET:
            self.gaps = [bytes(line) for line in record.gaps]
        for path in record.drop:
            self.items.pop(path, None)
        known = len(self.items)
        for line in record.set:
            self.items[path_of(line)] = bytes(line)
        for path, value in record.values:
            if path not in self.items:
                raise Wrong(f"a value for {path}, which is not there")
            self.items[path] = with_value(self.items[path], value)
        if len(self.items) != known:
            self.items = dict(sorted(self.items.items()))

    def changes(self, new: State) -> Changes:
        """What turns this state into ``new``."""
        old = self.items
        return Changes(
            UNSET if new.head == self.head else Raw(new.head),
            UNSET if new.gaps == self.gaps else [Raw(line) for line in new.gaps],
            [path for path in old if path not in new.items],
            [Raw(line) for path, line in new.items.items() if old.get(path) != line],
            [],
        )

    def digest(self) -> str:
        """The id of the snapshot."""
        return Form(self.head, list(self.items.values()), self.gaps).digest()

    def snapshot(self, content: Callable[[str], bytes]) -> Snapshot:
        """The snapshot itself; ``content`` fetches a blob. Raises ``Wrong``."""
        head = parse_head(self.head)
        items = tuple(map(parse_item, self.items.values()))
        gaps = tuple(map(parse_gap, self.gaps))
        found = Snapshot(head.device, head.driver, head.identity, items, gaps, head.rules)
        hashes = (blob.sha256 for blobs in found.bulk.values() for blob in blobs)
        found.blobs = Contents(hashes, content)
        return found


NOTHING = State(b"", {}, [])
"""What a keyframe is told against."""


class Contents(Mapping[str, bytes]):
    """The big content of a snapshot by hash, fetched from the vault when it is asked for."""

    def __init__(self, hashes: Iterable[str], content: Callable[[str], bytes]) -> None:
        self._hashes = dict.fromkeys(hashes)
        self._content = content

    def __getitem__(self, sha256: str) -> bytes:
        if sha256 not in self._hashes:
            raise KeyError(sha256)
        return self._content(sha256)

    def __contains__(self, sha256: object) -> bool:
        return sha256 in self._hashes

    def __iter__(self) -> Iterator[str]:
        return iter(self._hashes)

    def __len__(self) -> int:
        return len(self._hashes)
