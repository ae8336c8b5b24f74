"""Rules: which role an item has, by its path. The last rule that matches wins."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import cached_property

import msgspec

from goldcopy.inventory.globs import literal, regex
from goldcopy.snapshot import Item, Role


class Rule(msgspec.Struct, frozen=True):
    """All items whose path matches have this role."""

    match: str
    role: Role


class Rules:
    """The rules of one device, compiled once."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        """Raises ``Wrong`` for a pattern that is none."""
        self.rules = tuple(rules)
        # Learned rules name single paths, and there can be thousands of them: those are looked up.
        self._exact = {r.match: place for place, r in enumerate(self.rules) if literal(r.match)}
        self._globs = [place for place, r in enumerate(self.rules) if not literal(r.match)][::-1]
        # One expression for all patterns, the last rule first; the group that matched names it.
        self._match = re.compile(
            "|".join(f"({regex(self.rules[place].match)})" for place in self._globs)
        ).match

    def __repr__(self) -> str:
        return f"Rules({list(self.rules)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rules) and self.rules == other.rules

    def __hash__(self) -> int:
        return hash(self.rules)

    def role(self, path: str) -> Role | None:
        """The role that the rules give to a path; None if none of them matches."""
        place = self._exact.get(path, -1)
        if self._globs and (found := self._match(path)) is not None:
            place = max(place, self._globs[(found.lastindex or 1) - 1])
        return self.rules[place].role if place >= 0 else None

    def apply(self, items: Iterable[Item]) -> list[Item]:
        """The items with the roles that the rules give them; where none matches, as they were."""
        if not self.rules:
            return list(items)
        applied = []
        for item in items:
            role = self.role(item.path)
            if role is not None and role != item.role:
                item = msgspec.structs.replace(item, role=role)
            applied.append(item)
        return applied

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the rules in order, each ``["match","role"]`` + line feed; "" for none."""
        if not self.rules:
            return ""
        lines = (msgspec.json.encode([rule.match, rule.role]) + b"\n" for rule in self.rules)
        return hashlib.sha256(b"".join(lines)).hexdigest()
