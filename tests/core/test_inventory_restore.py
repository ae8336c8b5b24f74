"""The keys for restores."""

from __future__ import annotations

from pathlib import Path

from tests.core.test_inventory import REGISTRY, mistakes, written

from goldcopy.inventory import load

TWO = """\
vault: v
defaults: {driver: plc}
devices:
  - {name: a, host: 10.0.0.1, safety: true}
  - {name: b, host: 10.0.0.2, writable: true%s}
"""


def test_a_safety_controller(tmp_path: Path) -> None:
    devices = load(written(tmp_path, TWO % ""), REGISTRY).devices
    assert [device.safety for device in devices] == [True, False]


def test_a_safety_controller_is_never_writable(tmp_path: Path) -> None:
    assert mistakes(tmp_path, TWO % ", safety: true") == [
        "5: safety: a safety controller is never written; leave writable out"
    ]
    assert mistakes(tmp_path, TWO % ", safety: maybe") == [
        "5: safety: maybe is neither true nor false; write one of these, without quotes"
    ]
