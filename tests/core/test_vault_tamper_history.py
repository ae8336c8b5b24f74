"""Packs missing, moved, put back, or another vault's: found, given a head that was noted."""

from __future__ import annotations

import shutil
from itertools import permutations
from pathlib import Path

import pytest
from tests.core.sealed_vault import SealedVault
from tests.core.tampered_vault import PACKS, findings, proved, put


@pytest.mark.parametrize("three", [(1, 2, 3), (3, 4, 5), (5, 6, 7), (1, 4, 7)])
async def test_every_reordering_of_three_packs(
    sealed: SealedVault, three: tuple[int, int, int]
) -> None:
    files = [sealed.packs()[seq - 1] for seq in three]
    content = [file.read_bytes() for file in files]
    orders = list(permutations(range(3)))
    assert len(orders) == 6
    for order in orders:
        for file, source in zip(files, order, strict=True):
            put(file, content[source])
        found = findings(sealed.path)
        if order == (0, 1, 2):
            assert found == []
        else:
            moved = {files[at].name for at, source in enumerate(order) if at != source}
            assert all(any(name in finding for finding in found) for name in moved)


async def test_every_missing_pack(sealed: SealedVault) -> None:
    heads = {PACKS: proved(sealed.path).hash}
    for seq in range(1, PACKS + 1):
        file = sealed.packs()[seq - 1]
        data = file.read_bytes()
        file.unlink()
        # Of the last one no file tells, so it takes a head that was noted elsewhere.
        assert bool(findings(sealed.path)) is (seq < PACKS)
        assert findings(sealed.path, heads)
        put(file, data)
    assert findings(sealed.path, heads) == []


async def test_a_vault_that_was_put_back_to_an_earlier_state(sealed: SealedVault) -> None:
    """Every whole beginning of a vault is a vault: only who knows a later head can tell."""
    head = proved(sealed.path).hash
    for seq in range(PACKS, 4, -1):
        sealed.packs()[-1].unlink()
        assert findings(sealed.path) == []
        (said,) = findings(sealed.path, {PACKS: head})
        assert said == (
            f"the vault ends with pack {seq - 1}, and had {PACKS}: it was put back to an "
            "earlier state"
        )


async def test_the_collectors_own_index_remembers_the_head(sealed: SealedVault) -> None:
    assert findings(sealed.path) == []  # makes the index
    for file in sealed.packs()[-2:]:
        file.unlink()
    assert any("earlier state" in finding for finding in proved(sealed.path).findings)


async def test_a_history_that_was_written_anew_with_the_stolen_writers_key(
    sealed: SealedVault,
) -> None:
    """A thief of the key can write another end, and no head that was noted before allows it."""
    head = {PACKS: proved(sealed.path).hash}
    sealed.packs()[-1].unlink()
    (sealed.path / "index.sqlite").unlink()
    await sealed.night(5)
    assert len(sealed.packs()) == PACKS
    assert findings(sealed.path) == []
    (said,) = findings(sealed.path, head)
    assert said == f"pack {PACKS} is not the one that was noted as head: the history is another one"


@pytest.mark.parametrize("seq", range(1, PACKS + 1))
async def test_an_old_pack_under_the_next_number(sealed: SealedVault, seq: int) -> None:
    extra = sealed.path / f"packs/{PACKS + 1:08d}.pack"
    shutil.copy(sealed.packs()[seq - 1], extra)
    assert any(extra.name in finding for finding in findings(sealed.path))


async def test_packs_of_another_vault(sealed: SealedVault, tmp_path: Path) -> None:
    other = SealedVault(tmp_path / "other")
    for number in range(PACKS + 1):
        await other.night(number)
    for seq in (1, 3, PACKS, PACKS + 1):
        mine = sealed.path / f"packs/{seq:08d}.pack"
        before = mine.read_bytes() if seq <= PACKS else None
        put(mine, other.packs()[seq - 1].read_bytes())
        assert any(mine.name in finding for finding in findings(sealed.path))
        mine.unlink()
        if before is not None:
            put(mine, before)
    assert findings(sealed.path) == []
