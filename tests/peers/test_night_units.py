"""The units of the night run, judged by systemd itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from goldcopy.night.install import NAME, Site, service, timer

DEPLOY = Path(__file__).parents[2] / "deploy"
EXPOSURE = 20
"""Tenths, of 100: what is left open is the network, and reading the system's own files."""


def analyze(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *words], capture_output=True, text=True, timeout=30, check=False
    )


@pytest.fixture
def units(tmp_path: Path) -> tuple[Path, Path]:
    """Those of a site whose command is on this computer."""
    site = Site(command=Path(sys.executable), credentials=("NEWS",), begins=("01:00", "22:30"))
    made = tmp_path / f"{NAME}.service", tmp_path / f"{NAME}.timer"
    made[0].write_text(service(site))
    made[1].write_text(timer(site))
    return made


def test_systemd_understands_every_line(units: tuple[Path, Path]) -> None:
    done = analyze("verify", *units)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(("old", "new"), [("ProtectSystem=strict", "ProtectSystem=yess"),
                                          ("Type=oneshot", "Typo=oneshot")])  # fmt: skip
def test_it_would_not_understand_another(units: tuple[Path, Path], old: str, new: str) -> None:
    units[0].write_text(units[0].read_text().replace(old, new))
    assert analyze("verify", *units).stderr != ""


def test_the_service_is_hardly_exposed() -> None:
    path = DEPLOY / f"{NAME}.service"
    done = analyze("security", "--offline=yes", f"--threshold={EXPOSURE}", path)
    assert done.returncode == 0, done.stdout
