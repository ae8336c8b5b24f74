"""The fewest readable patterns that match some paths, and none of some others.

A pattern is a path itself, a folder of which all moves (``db/9/**``), or a path with one segment
left open (``motor/*/speed``). They are chosen greedily: the one that takes most, again and again.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Set

from goldcopy.gold.scope import Scope

FEWEST = {"folder": 2, "open": 3}
"""Paths that a pattern must take, else they are named one by one: a pattern also matches what comes
later, and that nobody has seen move."""


def cover(wanted: Set[str], unwanted: Set[str], gaps: Iterable[str]) -> tuple[list[str], list[str]]:
    """Patterns for all of ``wanted`` that match none of ``unwanted``, and the paths left over.

    Args:
        wanted: paths to match.
        unwanted: paths that must not be matched.
        gaps: what a pattern for more than one path may not touch: nobody knows what is there.

    A path is left over where no pattern can name it (one that begins with ``/``).
    """
    takes = _candidates(wanted, unwanted)
    gaps = list(gaps)
    heap = [(-len(paths), _rank(glob), glob) for glob, paths in takes.items()]
    heapq.heapify(heap)
    rest = set(wanted)
    chosen: list[str] = []
    while heap and rest:
        size, rank, glob = heapq.heappop(heap)
        # Not takes[glob] & rest: that walks the whole table of a set that has become nearly empty.
        fresh = sum(path in rest for path in takes[glob])
        if fresh < FEWEST["folder" if glob.endswith("/**") else "open"]:
            continue
        if fresh < -size:
            heapq.heappush(heap, (-fresh, rank, glob))
        elif not _touches(glob, gaps):
            chosen.append(glob)
            rest -= takes[glob]
    left = [path for path in rest if not _nameable(path)]
    chosen += [escaped(path) for path in rest if _nameable(path)]
    return sorted(chosen), sorted(left)


def escaped(text: str) -> str:
    """A pattern for this text alone."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in text)


def _candidates(wanted: Set[str], unwanted: Set[str]) -> dict[str, set[str]]:
    """Pattern -> which of ``wanted`` it takes, for patterns that take none of ``unwanted``."""
    takes: dict[str, set[str]] = {}
    for path in wanted:
        if _nameable(path):
            for glob in _generalised(path):
                takes.setdefault(glob, set()).add(path)
    for path in unwanted:
        for glob in _generalised(path):
            takes.pop(glob, None)
    return takes


def _generalised(path: str) -> Iterator[str]:
    """The patterns for more than a path: its folders, and itself with one segment open."""
    segments = [escaped(segment) for segment in path.split("/")]
    for depth in range(1, len(segments)):
        yield "/".join(segments[:depth]) + "/**"
    if len(segments) > 1:
        for at in range(len(segments)):
            yield "/".join([*segments[:at], "*", *segments[at + 1 :]])


def _rank(glob: str) -> tuple[bool, int, str]:
    """Of two that take as many: a folder first, then the shorter one."""
    return not glob.endswith("/**"), len(glob), glob


def _touches(glob: str, gaps: list[str]) -> bool:
    scope = Scope([glob])
    return any(scope.touched_by(gap) for gap in gaps)


def _nameable(path: str) -> bool:
    """Whether the inventory can hold a pattern for this path."""
    return bool(path.strip()) and not path.startswith("/") and not path.endswith("/")
