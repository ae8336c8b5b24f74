"""A Modbus controller does one write wrong, whichever it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.drivers.mishaps import KINDS, whichever_write
from tests.drivers.test_restore_modbus import APART, controller

from goldcopy_sim.mishap import VALUES


@pytest.mark.parametrize("kind", KINDS)
async def test_whichever_write_goes_wrong(tmp_path: Path, kind: str) -> None:
    receipts = await whichever_write(tmp_path, controller, kind)
    assert len(receipts) > len(APART)


@pytest.mark.parametrize("kind", VALUES)
async def test_all_go_wrong_from_one_on(tmp_path: Path, kind: str) -> None:
    receipts = await whichever_write(tmp_path, controller, kind, lasting=True)
    assert len(receipts) > len(APART)
