"""Vaults that are made once, and looked at by several files of tests."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.core.bundled_site import Site


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    made = Site(tmp_path_factory.mktemp("site"))
    asyncio.run(made.live())
    return made


@pytest.fixture
def there(tmp_path: Path) -> Path:
    return tmp_path / "there"
