"""What moves by itself, found in several pulls, and the rules that would say so.

Rules are proposed, never applied: a mask hides whatever it matches, so a person decides. None of
them matches a setting that did not move.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from goldcopy.drift.globs import cover
from goldcopy.drift.moved import without_role
from goldcopy.errors import Wrong
from goldcopy.inventory import Rule, Rules, path_matcher
from goldcopy.snapshot import Item, Snapshot
from goldcopy.snapshot.diff import Change, diff, identity_changes
from goldcopy.snapshot.parts import elements
from goldcopy.snapshot.values import array_of


class Learnt(NamedTuple):
    """What several pulls of one device have shown."""

    pulls: int
    moved: Mapping[str, int]
    """Path of a setting that moves by itself -> in how many steps from pull to pull it did."""
    rules: tuple[Rule, ...]
    """To stand behind the device's own rules."""
    doubtful: Mapping[str, str]
    """What moved and is no live value: path, or name of an identity field -> why not."""
    partly: Mapping[str, tuple[int, int]]
    """Path of an array of which not all elements moved -> how many did, of how many. A rule is for
    the whole array, so it hides those too that did not."""

    def yaml(self) -> str:
        """The rules as lines of the inventory, under the device's ``rules:``."""
        space = " " * 4
        lines = [f"{space}# learnt from {self.pulls} pulls: {len(self.moved)} values moved"]
        for rule in self.rules:
            fits = path_matcher(rule.match)
            count = sum(map(fits, self.moved))
            said = f"  # {count} values" if count > 1 else ""
            lines.append(f"{space}- {{match: {quoted(rule.match)}, role: {rule.role}}}{said}")
            lines += [
                f"{space}  # {quoted(path)}: {some} of {size} elements moved; "
                f"this hides the other {size - some} too"
                for path, (some, size) in self.partly.items()
                if fits(path)
            ]
        return "\n".join(lines) + "\n"


def learn(snapshots: Sequence[Snapshot], rules: Rules) -> Learnt:
    """Find what moves by itself.

    Args:
        snapshots: of one device, taken one after the other while nobody changed anything.
        rules: the device's rules, with which they were pulled.

    Raises ``Wrong`` for fewer than two snapshots, or of several devices.
    """
    if len(snapshots) < 2:
        raise Wrong("at least two pulls are needed to see what moves")
    if len({(one.device, one.driver) for one in snapshots}) > 1:
        raise Wrong("to learn from, all snapshots must be of one device")
    moved: Counter[str] = Counter()
    places: dict[str, set[str]] = {}
    doubtful: dict[str, str] = {}
    for before, after in pairwise(snapshots):
        for field, old, new in identity_changes(before.identity, after.identity):
            doubtful[field] = f"the controller said {old!r}, then {new!r}"
        for change in diff(before, after):
            if _is_setting(change) and not _is_tolerated(change, rules):
                why = _doubt(change, rules)
                if why:
                    doubtful[change.path] = why
                else:
                    moved[change.path] += 1
                    places.setdefault(change.path, set()).update(_elements(change))
    for path in doubtful:
        moved.pop(path, None)
    gaps = {gap.path for snapshot in snapshots for gap in snapshot.gaps}
    globs, left = cover(set(moved), _still(snapshots, moved), gaps)
    for path in left:
        doubtful[path] = "no pattern can name it"
        moved.pop(path)
    found = tuple(Rule(glob, "process") for glob in globs)
    sizes = {path: _size(snapshots[0], path) for path in moved}
    partly = {
        path: (len(places[path]), size)
        for path, size in sorted(sizes.items())
        if len(places[path]) < size
    }
    return Learnt(len(snapshots), dict(moved), found, doubtful, partly)


def _elements(change: Change) -> Iterable[str]:
    """Which elements of an array moved."""
    if change.old is None or change.new is None:
        return ()
    return (part.where for part in elements(change.old, change.new))


def _size(snapshot: Snapshot, path: str) -> int:
    """Elements of an array; 0 for anything else."""
    array = array_of(snapshot.by_path[path].type)
    return array[0] if array else 0


def _is_setting(change: Change) -> bool:
    return any(item is not None and item.role == "setting" for item in (change.old, change.new))


def _is_tolerated(change: Change, rules: Rules) -> bool:
    old, new, tolerance = change.old, change.new, rules.tolerance(change.path)
    if old is None or new is None or tolerance is None or old.type != new.type:
        return False
    return tolerance.covers(old.type, old.value, new.value)


def _doubt(change: Change, rules: Rules) -> str:
    """Why a change is not that of a live value; "" if it is."""
    old, new = change.old, change.new
    if old is None or new is None:
        return "it was not there in every pull" if not change.why else f"a gap: {change.why}"
    if old.kind == "block":
        return "a program does not move by itself; find out who changed it"
    if without_role(old).value == without_role(new).value and old.type == new.type:
        return "not its value moved, but what is said about it"
    if old.type != new.type or not _only_value(old, new):
        return "more than its value moved"
    if rules.role(change.path) == "setting":
        return "a rule of the inventory says that it is a setting; change that first"
    return ""


def _only_value(old: Item, new: Item) -> bool:
    fields = (name for name in Item.__struct_fields__ if name != "value")
    return all(getattr(old, name) == getattr(new, name) for name in fields)


def _still(snapshots: Iterable[Snapshot], moved: Mapping[str, int]) -> set[str]:
    """All paths that no rule may touch: what is no live value already, and did not move."""
    return {
        item.path
        for snapshot in snapshots
        for item in snapshot.items
        if item.role != "process" and item.path not in moved
    }


_NOT_IN_YAML: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def quoted(text: str) -> str:
    """A text in double quotes, as every YAML reader takes it (YAML 1.1, 5.1 and 5.7)."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + _NOT_IN_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", plain) + '"'
