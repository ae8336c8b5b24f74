"""Vaults that are made once, and looked at by several files of tests."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest
from tests.core.bundled_site import Site
from tests.core.sealed_vault import CACHES, SealedVault
from tests.core.tampered_vault import PACKS


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    made = Site(tmp_path_factory.mktemp("site"))
    asyncio.run(made.live())
    return made


@pytest.fixture
def there(tmp_path: Path) -> Path:
    return tmp_path / "there"


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> SealedVault:
    made = SealedVault(tmp_path_factory.mktemp("whole") / "vault")
    asyncio.run(made.fill())
    assert len(made.packs()) == PACKS
    return made


@pytest.fixture
def sealed(whole: SealedVault, tmp_path: Path) -> SealedVault:
    """A copy as a replica is one: without the index, so nothing but its files can tell."""
    copied = object.__new__(SealedVault)
    copied.__dict__.update(whole.__dict__)
    copied.path = tmp_path / "copy"
    shutil.copytree(whole.path, copied.path, ignore=shutil.ignore_patterns(*CACHES))
    return copied
