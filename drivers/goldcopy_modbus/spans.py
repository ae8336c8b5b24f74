"""Runs of addresses, and how they become the fewest requests."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence, Set
from itertools import pairwise
from typing import NamedTuple

_BEYOND = 1 << 17


class Span(NamedTuple):
    """The addresses from ``start`` up to, not including, ``stop``."""

    start: int
    stop: int

    @property
    def size(self) -> int:
        """How many addresses."""
        return self.stop - self.start

    def __str__(self) -> str:
        return str(self.start) if self.size == 1 else f"{self.start}..{self.stop - 1}"


def _stop(span: Span) -> int:
    return span.stop


def union(spans: Iterable[Span]) -> list[Span]:
    """The same addresses in ascending runs that do not touch."""
    runs: list[Span] = []
    for span in sorted(spans):
        if runs and span.start <= runs[-1].stop:
            runs[-1] = Span(runs[-1].start, max(runs[-1].stop, span.stop))
        else:
            runs.append(span)
    return runs


def common(runs: Sequence[Span], span: Span) -> list[Span]:
    """The parts of ``runs`` (a union) that lie in ``span``."""
    at = max(0, bisect_right(runs, (span.start, _BEYOND)) - 1)
    if at < len(runs) and runs[at].start <= span.start and span.stop <= runs[at].stop:
        return [span]
    found = []
    while at < len(runs) and runs[at].start < span.stop:
        part = Span(max(runs[at].start, span.start), min(runs[at].stop, span.stop))
        if part.size > 0:
            found.append(part)
        at += 1
    return found


def without(runs: Iterable[Span], taken: Sequence[Span]) -> list[Span]:
    """The parts of ``runs`` that no run of ``taken`` (a union) has."""
    left = []
    for run in runs:
        at = run.start
        for part in common(taken, run):
            if at < part.start:
                left.append(Span(at, part.start))
            at = part.stop
        if at < run.stop:
            left.append(Span(at, run.stop))
    return left


class Layout:
    """What is wanted of one area, and where a request must not end.

    Args:
        wanted: the addresses to read.
        values: runs that hold one value each; parts of a value that come in two replies may be of
            two moments.
        gap: unwanted addresses that may be read along where that joins two runs.
    """

    def __init__(self, wanted: Iterable[Span], values: Iterable[Span] = (), gap: int = 0) -> None:
        self.wanted = union(wanted)
        self._gap = gap
        self._inside: Set[int] = {n for value in values for n in range(value.start + 1, value.stop)}

    def requests(self, most: int, start: int = 0) -> list[Span]:
        """The fewest requests of at most ``most`` addresses for all from ``start`` on.

        Each goes as far as it can: for intervals nothing needs fewer. A value is cut only where
        it, or a chain of values that overlap, has more than ``most`` addresses.
        """
        found = []
        for run in self._joined(start):
            at = run.start
            while at < run.stop:
                stop = min(at + most, run.stop)
                if stop in self._inside:
                    stop = self._before(stop, at)
                wanted = common(self.wanted, Span(at, stop)) if self._gap else []
                found.append(Span(at, wanted[-1].stop if wanted else stop))
                at = self._next_wanted(stop) if self._gap else stop
        return found

    def halves(self, span: Span) -> list[Span]:
        """A refused span in smaller ones; [] if there are none that keep a value whole."""
        runs = common(self.wanted, span)
        if len(runs) > 1:
            return runs  # addresses that nobody wants may be all that is wrong
        middle = span.start + span.size // 2
        cut = min(self._cuts(span), key=lambda cut: (abs(cut - middle), cut), default=None)
        return [] if cut is None else [Span(span.start, cut), Span(cut, span.stop)]

    def singles(self, span: Span) -> list[Span]:
        """A refused span in its values; [] if it is one."""
        runs = common(self.wanted, span)
        cuts = [cut for run in runs for cut in (run.start, *self._cuts(run), run.stop)]
        parts = [Span(*pair) for pair in pairwise(cuts) if common(runs, Span(*pair))]
        return [] if parts == [span] else parts

    def _cuts(self, span: Span) -> Iterator[int]:
        return (n for n in range(span.start + 1, span.stop) if n not in self._inside)

    def _before(self, stop: int, start: int) -> int:
        """The last place for a cut up to ``stop``; ``stop`` itself if there is none."""
        return next((n for n in range(stop, start, -1) if n not in self._inside), stop)

    def _joined(self, start: int) -> Iterator[Span]:
        runs = common(self.wanted, Span(start, self.wanted[-1].stop)) if self.wanted else []
        return iter(union(Span(run.start, run.stop + self._gap) for run in runs))

    def _next_wanted(self, address: int) -> int:
        """The first wanted address from ``address`` on; beyond all runs if there is none."""
        at = bisect_right(self.wanted, address, key=_stop)
        if at == len(self.wanted):
            return self.wanted[-1].stop + self._gap
        return max(address, self.wanted[at].start)
