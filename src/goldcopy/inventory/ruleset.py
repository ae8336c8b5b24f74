"""The key ``rules``: read strictly, a rule at a time."""

from __future__ import annotations

from typing import Final, TypeVar, get_args

from goldcopy.errors import Wrong
from goldcopy.inventory.document import Node
from goldcopy.inventory.fields import Fields, each
from goldcopy.inventory.globs import regex
from goldcopy.inventory.mistakes import Gathered
from goldcopy.inventory.rules import Rule, Severity
from goldcopy.inventory.scalars import text
from goldcopy.inventory.tolerance import Tolerance
from goldcopy.registry import near
from goldcopy.snapshot import Role

_ROLES: Final[tuple[Role, ...]] = get_args(Role)
_SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)
Word = TypeVar("Word", Role, Severity)


def rules(node: Node, mistakes: Gathered) -> tuple[Rule, ...]:
    """The rules in a list; one that is wrong is noted and left out."""
    return tuple(rule for part in each(node) if (rule := _rule(part, mistakes)) is not None)


def _rule(node: Node, mistakes: Gathered) -> Rule | None:
    fields = Fields(node, mistakes, "a rule")
    match = fields.require("match", _pattern, "", 'match: "db/9/**"')
    role = fields.require("role", lambda n: _word(n, "role", _ROLES), None, "role: process")
    tolerance = fields.take("tolerance", _tolerance, "")
    severity = fields.take("severity", lambda n: _word(n, "severity", _SEVERITIES), None)
    fields.close()
    if role is not None and role != "setting":
        for key in ("tolerance", "severity"):
            if fields.has(key):
                fields.wrong(key, f"only a setting is compared; a {role} value needs none")
    return Rule(match, role, tolerance, severity) if match and role else None


def _pattern(node: Node) -> str:
    pattern = text(node)
    regex(pattern)
    return pattern


def _tolerance(node: Node) -> str:
    written = text(node)
    Tolerance.of(written)
    return written


def _word(node: Node, what: str, words: tuple[Word, ...]) -> Word:
    written = text(node)
    for word in words:
        if word == written:
            return word
    right = near(written, words) or "one of " + ", ".join(words)
    raise Wrong(f"{written} is no {what}; {right}")
