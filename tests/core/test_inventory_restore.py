"""The keys for restores."""

from __future__ import annotations

from pathlib import Path

from tests.core.written_inventory import REGISTRY, mistakes, written

from goldcopy.inventory import RestorePolicy, load

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


WAVES = """\
vault: v
zones: {power: {}, line: {}}
restore: {waves: %s%s}
defaults: {driver: plc}
devices:
  - {name: a-1, host: 10.0.0.1, zone: power}
  - {name: b-1, host: 10.0.0.2, zone: line}
"""


def test_waves(tmp_path: Path) -> None:
    text = WAVES % ('[["zone:power", b-1], ["a-*"]]', ", stop_after: 3")
    policy = load(written(tmp_path, text), REGISTRY).restore
    assert policy == RestorePolicy((("zone:power", "b-1"), ("a-*",)), 3)
    assert load(written(tmp_path, TWO % ""), REGISTRY).restore == RestorePolicy()


def test_every_mistake_in_waves(tmp_path: Path) -> None:
    assert mistakes(tmp_path, WAVES % ('[["zone:powr", c-1], a-1]', ", stop: 1")) == [
        "3: waves: there is no zone powr; did you mean power?",
        "3: waves: no device is called c-1; did you mean b-1?",
        "3: waves: a wave needs a list, each entry begun with `- `",
        "3: restore has no key stop; possible: waves, stop_after",
    ]
