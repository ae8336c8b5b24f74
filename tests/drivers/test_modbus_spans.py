"""Addresses to requests: each wanted address once, none too many, as few requests as can be."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldcopy_modbus.spans import Layout, Span, common, union, without

END = 70

spans = st.builds(
    lambda start, size: Span(start, start + size), st.integers(0, END - 20), st.integers(1, 20)
)


def addresses(runs: Collection[Span]) -> set[int]:
    return {address for run in runs for address in range(*run)}


@given(st.lists(spans), st.lists(spans))
def test_runs_are_sets_of_addresses(some: list[Span], others: list[Span]) -> None:
    runs, taken = union(some), union(others)
    assert addresses(runs) == addresses(some)
    assert all(one.stop < other.start for one, other in pairwise(runs))
    assert addresses(without(runs, taken)) == addresses(some) - addresses(others)
    for span in others:
        assert addresses(common(runs, span)) == addresses(some) & addresses([span])


@st.composite
def layouts(draw: st.DrawFn) -> tuple[list[Span], list[Span], int, int]:
    """Wanted runs, values that do not overlap, addresses in a request, gap."""
    most = draw(st.integers(1, 12))
    values, at = [], draw(st.integers(0, 8))
    for size, space in draw(
        st.lists(st.tuples(st.integers(1, min(4, most)), st.integers(0, 6)), max_size=12)
    ):
        values.append(Span(at, at + size))
        at += size + space
    ranges = draw(st.lists(spans, max_size=4))
    return [*ranges, *values], values, most, draw(st.integers(0, 5))


def fewest(wanted: set[int], values: list[Span], most: int, gap: int) -> int:
    """By trying every way to cut."""
    inside = {address for value in values for address in range(value.start + 1, value.stop)}
    ordered = sorted(wanted)

    @cache
    def needed(index: int) -> int:
        if index == len(ordered):
            return 0
        start, best = ordered[index], len(ordered)
        for end in range(index, len(ordered)):
            if ordered[end] - start >= most:
                break
            if end > index and ordered[end] - ordered[end - 1] > gap + 1:
                break
            if ordered[end] + 1 not in inside:
                best = min(best, 1 + needed(end + 1))
        return best

    return needed(0)


@given(layouts())
def test_the_fewest_requests_read_each_address_once(
    case: tuple[list[Span], list[Span], int, int],
) -> None:
    wanted_spans, values, most, gap = case
    wanted = addresses(wanted_spans)
    requests = Layout(wanted_spans, values, gap).requests(most)
    read = [address for request in requests for address in range(*request)]
    assert len(read) == len(set(read))
    assert wanted <= set(read)
    assert all(0 < request.size <= most for request in requests)
    for value in values:
        assert any(r.start <= value.start and value.stop <= r.stop for r in requests)
    assert len(requests) == fewest(wanted, values, most, gap)
    if gap == 0:
        assert set(read) == wanted
    for request in requests:
        assert {request.start, request.stop - 1} <= wanted


@given(layouts(), st.data())
def test_a_refused_span_falls_into_smaller_ones_that_miss_nothing(
    case: tuple[list[Span], list[Span], int, int], data: st.DataObject
) -> None:
    wanted_spans, values, most, gap = case
    layout = Layout(wanted_spans, values, gap)
    for request in layout.requests(most):
        for parts in (layout.halves(request), layout.singles(request)):
            if not parts:
                assert request in values or request.size == 1
                continue
            assert all(part.size < request.size for part in parts)
            assert addresses(parts) == addresses(wanted_spans) & addresses([request])
            assert sum(part.size for part in parts) == len(addresses(parts))
            for value in values:
                if request.start <= value.start and value.stop <= request.stop:
                    assert any(p.start <= value.start and value.stop <= p.stop for p in parts)


@pytest.mark.parametrize(("count", "most", "requests"), [(65_536, 125, 525), (65_536, 2000, 33)])
def test_a_whole_table_takes_what_the_standard_allows(count: int, most: int, requests: int) -> None:
    assert len(Layout([Span(0, count)]).requests(most)) == requests


def test_a_value_longer_than_a_request_is_cut_and_nothing_else() -> None:
    text = Span(10, 140)
    requests = Layout([Span(0, 150), text], [text]).requests(125)
    assert requests == [Span(0, 10), Span(10, 135), Span(135, 150)]


def test_many_single_registers_are_planned_in_no_time() -> None:
    """A plan that looks at every run for every run would take minutes."""
    wanted = [Span(n, n + 1) for n in range(0, 65_536, 2)]
    assert Layout(wanted).requests(125) == wanted
    assert len(Layout(wanted, gap=1).requests(125)) == 65_536 // 126 + 1
