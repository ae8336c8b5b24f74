"""Which paths a gold copy speaks of: patterns that let in, and ones with ``!`` that keep out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from goldcopy.errors import Wrong
from goldcopy.inventory import path_matcher

_RUN: Final = re.compile(r"(.*?)(\d{1,9})\.\.(\d{1,9})", re.DOTALL)
LONGEST_RUN: Final = 65_536
"""Numbers of a run that are looked at one by one; of a longer one, the folder is."""

_matcher = lru_cache(path_matcher)


class Scope:
    """``db/**`` lets in what matches; ``!block/FB7`` keeps out what matches, and all below it."""

    def __init__(self, patterns: Iterable[str]) -> None:
        """Raises ``Wrong`` for what is no scope."""
        self.patterns = tuple(patterns)
        self._inside = [pattern for pattern in self.patterns if not pattern.startswith("!")]
        kept_out = [pattern[1:] for pattern in self.patterns if pattern.startswith("!")]
        if not self._inside:
            raise Wrong("a scope without a pattern that lets anything in; write ** for everything")
        self.everything = "**" in self._inside and not kept_out
        self._lets_in = [path_matcher(pattern) for pattern in self._inside]
        below = [pattern + "/**" for pattern in kept_out if not pattern.endswith("**")]
        self._keeps_out = [path_matcher(pattern) for pattern in kept_out + below]

    def __contains__(self, path: object) -> bool:
        """Whether this path is compared."""
        if not isinstance(path, str):
            return False
        if self.everything:
            return True
        return any(fits(path) for fits in self._lets_in) and not self._excludes(path)

    def touched_by(self, gap: str) -> bool:
        """Whether anything that a gap of this path may hide could be in scope: yes, if in doubt.

        A gap hides an item, all below a folder, or a run of numbers (``holding/50..59``).
        """
        return self.everything or any(self._overlaps(path) for path in gap_paths(gap))

    def _excludes(self, path: str) -> bool:
        return any(fits(path) for fits in self._keeps_out)

    def _overlaps(self, path: str) -> bool:
        if path and self._excludes(path):
            return False
        return any(touches(pattern, path) for pattern in self._inside)


def gap_paths(gap: str) -> Iterable[str]:
    """What a gap of this path speaks of: itself, and each number of a run."""
    run = _RUN.fullmatch(gap)
    if run is None:
        return (gap,)
    first, last = int(run[2]), int(run[3])
    if last - first >= LONGEST_RUN:
        return (gap, run[1].rpartition("/")[0])
    return (gap, *(f"{run[1]}{number}" for number in range(first, last + 1)))


def touches(pattern: str, path: str) -> bool:
    """Whether a pattern can match ``path``, or anything below it; "" is above everything."""
    if not path:
        return True
    wants, segments = pattern.split("/"), path.split("/")
    for wanted, segment in zip(wants, segments, strict=False):
        if wanted == "**":
            return True
        if not _matcher(wanted)(segment):
            return False
    return len(wants) >= len(segments)
