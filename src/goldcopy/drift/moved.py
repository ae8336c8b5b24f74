"""What of one item moved: fields, parts of a block, members of a definition, elements, bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import msgspec

from goldcopy.drift.model import Finding
from goldcopy.driver import Section
from goldcopy.snapshot import Blob, Item, Snapshot
from goldcopy.snapshot.parts import Part, bytewise, elements

Sections = Callable[[Item, bytes], Sequence[Section]]
"""The parts of an item's content, as the driver knows them; none if it does not."""

_FIELDS: Final = tuple(
    name for name in Item.__struct_fields__ if name not in ("path", "value", "role", "type", "kind")
)
_STAMPS: Final = frozenset(("DATE_AND_TIME", "DT", "DATE", "LDT", "DTL"))


class Moved(NamedTuple):
    """What moved, in words, and whether it is of no weight by itself."""

    names: tuple[str, ...] = ()
    slight: bool = False
    """Only time stamps, or only the label: what it does is as before."""
    why: str = ""


def moved(gold: Snapshot, now: Snapshot, old: Item, new: Item, sections: Sections | None) -> Moved:
    """What moved from ``old`` to ``new``, two states of one item, apart from its role."""
    fields = tuple(name for name in _FIELDS if getattr(old, name) != getattr(new, name))
    if old.value == new.value and type(old.value) is type(new.value):
        return Moved(fields, slight=fields == ("label",))
    if old.kind == "block" and old.type in _STAMPS and not fields:
        return Moved(("time stamp",), slight=True)
    names, stamps = _content(gold, now, old, new, sections)
    if stamps and not fields:
        return Moved(names, slight=True, why="time stamps only; all else is as it was")
    return Moved((*fields, *names))


def _content(
    gold: Snapshot, now: Snapshot, old: Item, new: Item, sections: Sections | None
) -> tuple[tuple[str, ...], bool]:
    """Names of the parts of the value that moved, and whether all of them are time stamps."""
    if isinstance(old.value, str) and isinstance(new.value, str):
        return _members(old.value, new.value), False
    if sections is None:
        return (), False
    before, after = _bytes(gold, old), _bytes(now, new)
    if before is None or after is None:
        return (), False
    return _sections(_cut(sections(old, before), before), _cut(sections(new, after), after))


def parts(gold: Snapshot, now: Snapshot, finding: Finding) -> list[Part]:
    """The elements or bytes that moved; [] where the value is one thing.

    May fetch big content from the vault; raises as ``Snapshot.content`` does.
    """
    old, new = finding.old, finding.new
    if old is None or new is None:
        return []
    before, after = gold.content(old), now.content(new)
    if before is not None and after is not None:
        return bytewise(before, after)
    return elements(old, new)


def _bytes(snapshot: Snapshot, item: Item) -> bytes | None:
    """The content of an item; None if it has none, or it is not at hand."""
    if isinstance(item.value, Blob):
        return snapshot.blobs.get(item.value.sha256)
    return item.value if isinstance(item.value, bytes) else None


def _cut(sections: Sequence[Section], content: bytes) -> dict[str, tuple[bytes, bool]]:
    """Name -> all bytes of that name, and whether they are a time stamp.

    Nothing, if the parts are not the whole: what none of them speaks of could have moved too.
    """
    if sum(one.end - one.start for one in sections) != len(content):
        return {}
    found: dict[str, tuple[bytes, bool]] = {}
    for one in sections:
        had = found.get(one.name, (b"", one.stamp))[0]
        found[one.name] = (had + content[one.start : one.end], one.stamp)
    return found


def _sections(
    old: dict[str, tuple[bytes, bool]], new: dict[str, tuple[bytes, bool]]
) -> tuple[tuple[str, ...], bool]:
    if old.keys() != new.keys():  # unlike each other, or one of them is no block that is known
        return (), False
    names = tuple(name for name in old if old[name][0] != new[name][0])
    return names, bool(names) and all(old[name][1] for name in names)


def _members(old: str, new: str) -> tuple[str, ...]:
    """Of a text of several lines, such as a structure's definition: the names before the colons."""
    before, after = old.splitlines(), new.splitlines()
    if len(before) < 2 and len(after) < 2:
        return ()
    gone, come = set(before) - set(after), set(after) - set(before)
    names = [_name(line) for line in before if line in gone]
    names += [_name(line) for line in after if line in come]
    return tuple(dict.fromkeys(names)) or ("order",)


def _name(line: str) -> str:
    return line.partition(":")[0].strip() or line


def without_role(item: Item) -> Item:
    """The item with the role that every item has unless something is said."""
    return item if item.role == "setting" else msgspec.structs.replace(item, role="setting")
