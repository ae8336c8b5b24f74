"""Attacks on replicas: what succeeds is said, what is refused is proved, and no pack is touched."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from tests.core.replica_vault import Fake, VaultOfPacks, tree

from goldcopy.errors import Refused, VaultUnavailable
from goldcopy.replica.attest import Row, attest
from goldcopy.replica.contract import Attack, AttackName, Replica
from goldcopy.replica.sync import sync


def outcomes(rows: list[Row]) -> dict[str, str]:
    return {row.attack: row.outcome for row in rows}


async def test_a_plain_folder_is_honest(tmp_path: Path) -> None:
    vault, root = VaultOfPacks(tmp_path / "vault"), tmp_path / "nas"
    replicas = vault.in_folder(root)
    await sync(vault.path, replicas)
    modes = {path: path.stat().st_mode for path in root.rglob("*.pack")}
    rows = await attest(replicas)
    assert outcomes(rows) == {
        "overwrite": "succeeded",
        "truncate": "succeeded",
        "delete": "succeeded",
        "rename": "succeeded",
        "replay an old head": "succeeded",
        "open the newest pack for writing": "succeeded",
        "remove a name beside the packs": "succeeded",
        "shorten retention": "not applicable",
        "suspend versioning": "not applicable",
    }
    assert {row.replica for row in rows} == {"nas"}
    assert all("chattr +a" in row.advice for row in rows if row.outcome == "succeeded")
    assert tree(root / vault.id) == vault.content(), "an attack has left something, or taken it"
    assert {path: path.stat().st_mode for path in root.rglob("*.pack")} == modes


class Answering(Fake):
    """Says one thing to an attack, and does another or not."""

    def __init__(self, *, says_no: bool, does_it: bool) -> None:
        super().__init__()
        self._says_no, self._does_it = says_no, does_it
        self.attacks: Mapping[AttackName, Attack] = {
            "delete": self._delete,
            "shorten retention": self._shorten,
        }

    async def get(self, name: str) -> bytes:
        return self.files.get(name, b"")

    async def _delete(self, name: str, _: str) -> None:
        if self._does_it:
            self.files.pop(name, None)
        if self._says_no:
            raise Refused("the server says no")

    async def _shorten(self, name: str, _: str) -> None:
        if self._says_no:
            raise Refused("the server says no")


@pytest.mark.parametrize("says_no", [True, False])
@pytest.mark.parametrize("does_it", [True, False])
async def test_it_is_the_deed_that_counts(says_no: bool, does_it: bool) -> None:
    fake = Answering(says_no=says_no, does_it=does_it)
    found = outcomes(await attest({"fake": fake.opened}))
    assert found["delete"] == ("succeeded" if does_it else "refused")
    assert found["shorten retention"] == ("refused" if says_no else "succeeded")
    assert found["overwrite"] == "not applicable"
    assert bool(fake.files) is not does_it, "probes stay only where nothing can be removed"


async def test_one_that_cannot_be_reached_is_not_called_safe() -> None:
    @contextlib.asynccontextmanager
    async def down() -> AsyncIterator[Replica]:
        raise VaultUnavailable("replica far: no answer for 30 s")
        yield Fake()

    fake = Answering(says_no=True, does_it=False)
    rows = await attest({"far": down, "fake": fake.opened})
    assert rows[0] == Row("far", "all", "not tried", "replica far: no answer for 30 s")
    assert outcomes(rows[1:])["delete"] == "refused"


async def test_the_newest_pack_is_left_alone_where_there_is_none(tmp_path: Path) -> None:
    vault = VaultOfPacks(tmp_path / "vault", 0)
    rows = await attest(vault.in_folder(tmp_path / "nas"))
    assert outcomes(rows)["open the newest pack for writing"] == "not tried"
