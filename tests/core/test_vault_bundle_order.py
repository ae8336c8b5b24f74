"""Bundles in any order: what waits, what is missing, and the same vault in the end."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.core.bundled_site import Site, wanted

from goldcopy.vault import Vault
from goldcopy.vault.merge import import_


def model(spans: list[tuple[int, int]]) -> tuple[int, set[tuple[int, int]]]:
    """The last pack that is there when these bundles have come in this order; those that wait."""
    end, waiting = 0, set()
    for first, last in spans:
        waiting.add((first, last))
        while due := {span for span in waiting if span[0] <= end + 1}:
            end = max(end, *(last for _, last in due))
            waiting -= due
    return end, waiting


SPANS = [(first, last) for last in range(1, 8) for first in range(1, last + 1)]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(SPANS), min_size=1, max_size=8))
def test_in_any_order(
    site: Site, tmp_path_factory: pytest.TempPathFactory, spans: list[tuple[int, int]]
) -> None:
    there = tmp_path_factory.mktemp("any") / "there"
    source = wanted(site.path)
    for count, span in enumerate(spans, 1):
        before = wanted(there)
        receipt = import_(site.bundles[span], there)
        end, waiting = model(spans[:count])
        assert (receipt.after[0], set(receipt.waiting)) == (end, waiting)
        assert len(receipt.waiting) == len(waiting)
        if waiting:
            assert receipt.missing == (end + 1, min(waiting)[0] - 1)
        else:
            assert receipt.missing is None
        now = wanted(there)
        assert now.items() <= source.items()
        assert set(now) - set(before) == set(receipt.new)
        assert before.items() <= now.items()
        assert {name for name in now if name.startswith("packs/")} == {
            f"packs/{seq:08d}.pack" for seq in range(1, end + 1)
        }
        again = import_(site.bundles[span], there)  # idempotent
        assert (again.new, again.after, set(again.waiting)) == ((), receipt.after, waiting)
        assert wanted(there) == now
        vault = Vault.open(there)
        assert (vault.doubts, vault.head()) == ([], receipt.after)
        vault.close()
    import_(site.bundles[1, 7], there)
    assert wanted(there) == source
    assert list((there / "waiting").iterdir() if (there / "waiting").exists() else ()) == []
