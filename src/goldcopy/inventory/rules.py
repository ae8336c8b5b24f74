"""Rules: what an item is for and how it is compared. The last rule that matches its path wins."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import cached_property
from typing import Literal

import msgspec

from goldcopy.errors import Wrong
from goldcopy.inventory.globs import literal, regex
from goldcopy.inventory.tolerance import Tolerance
from goldcopy.snapshot import Item, Role

Severity = Literal["low", "medium", "high"]
"""How much a person should mind that a setting has moved."""


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All items whose path matches have this role."""

    match: str
    role: Role
    tolerance: str = ""
    """How far a setting may be from its gold copy: ``0.5`` of its unit, or ``2%`` of the gold
    copy's value; "" for not at all."""
    severity: Severity | None = None
    """None: nothing is said, which is ``medium``."""

    @property
    def line(self) -> bytes:
        """Its canonical bytes: ``["match","role"]``, and an object if it says more than that."""
        more = {
            key: said
            for key, said in (("tolerance", self.tolerance), ("severity", self.severity))
            if said
        }
        return msgspec.json.encode(
            [self.match, self.role, more] if more else [self.match, self.role]
        )


class Rules:
    """The rules of one device, compiled once."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        """Raises ``Wrong`` for a pattern or a tolerance that is none."""
        self.rules = tuple(rules)
        self._tolerances = {
            r.tolerance: Tolerance.of(r.tolerance) for r in self.rules if r.tolerance
        }
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

    def rule(self, path: str) -> Rule | None:
        """The rule that holds for a path; None if none of them matches."""
        place = self._exact.get(path, -1)
        if self._globs and (found := self._match(path)) is not None:
            place = max(place, self._globs[(found.lastindex or 1) - 1])
        return self.rules[place] if place >= 0 else None

    def role(self, path: str) -> Role | None:
        """The role that the rules give to a path; None if none of them matches."""
        rule = self.rule(path)
        return rule.role if rule else None

    def tolerance(self, path: str) -> Tolerance | None:
        """How far the item at a path may be from its gold copy; None for not at all."""
        rule = self.rule(path)
        return self._tolerances.get(rule.tolerance) if rule else None

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
        """SHA-256 over the lines of the rules in order, each with a line feed; "" for none."""
        if not self.rules:
            return ""
        return hashlib.sha256(b"".join(rule.line + b"\n" for rule in self.rules)).hexdigest()


def parse_rules(lines: Iterable[msgspec.Raw | bytes]) -> Rules:
    """Rules from their lines. Raises ``Wrong`` for what is none."""
    found = []
    for line in lines:
        try:
            match, role, *more = msgspec.json.decode(line, type=list[str | dict[str, str]])
            (said,) = more or [{}]
            rule = msgspec.convert(dict(said, match=match, role=role), Rule)  # type: ignore[arg-type]
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError, TypeError) as error:
            raise Wrong(f"not a rule: {error}") from None
        if rule.line != bytes(line):
            raise Wrong("a rule that is not in its canonical form")
        found.append(rule)
    return Rules(found)
