"""A night that was interrupted goes on; one that is over does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from goldcopy.errors import VaultUnavailable
from goldcopy.night.begun import NAME, begin, end

NOW = datetime(2026, 11, 24, 1, tzinfo=UTC)
FOUR = timedelta(hours=4)
HOUR = timedelta(hours=1)


def test_a_restart_goes_on_with_the_same_night(tmp_path: Path) -> None:
    assert begin(tmp_path, NOW, FOUR) == NOW
    assert begin(tmp_path, NOW + HOUR, FOUR) == NOW
    assert begin(tmp_path, NOW + 3 * HOUR, FOUR) == NOW


def test_after_its_deadline_it_is_another_night(tmp_path: Path) -> None:
    begin(tmp_path, NOW, FOUR)
    assert begin(tmp_path, NOW + FOUR, FOUR) == NOW + FOUR


def test_after_its_end_it_is_another_night(tmp_path: Path) -> None:
    begin(tmp_path, NOW, FOUR)
    end(tmp_path)
    assert list(tmp_path.iterdir()) == []
    end(tmp_path)
    assert begin(tmp_path, NOW + HOUR, FOUR) == NOW + HOUR


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"\xff", b"[]", b'{"began": "yesterday"}', b'{"began": "2026-11-24T00:30:00"}',
     b'{"began": "2027-01-01T00:00:00Z"}'],
)  # fmt: skip
def test_what_cannot_be_read_or_cannot_be_is_no_night(tmp_path: Path, data: bytes) -> None:
    (tmp_path / NAME).write_bytes(data)
    assert begin(tmp_path, NOW, FOUR) == NOW
    assert begin(tmp_path, NOW + HOUR, FOUR) == NOW


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(VaultUnavailable):
        begin(tmp_path / "gone", NOW, FOUR)
