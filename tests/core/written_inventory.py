"""An inventory.yaml that is written, its mistakes, and the one driver that it may name."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import msgspec
import pytest

from goldcopy.inventory import InventoryMistakes, Mistake, load
from goldcopy.registry import DRIVERS, Registry


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rack: int = 0
    slot: int = 2


class PlcDriver:
    name = "plc"
    title = "PLC"
    port = 102
    Options = Options
    capabilities = ()

    def open(self, target: object, meter: object) -> None: ...


REGISTRY = Registry([EntryPoint("plc", f"{__name__}:PlcDriver", DRIVERS)])


FULL = """\
vault: ./vault
zones:
  packaging: {max_devices: 3}
  no: {}
defaults:
  driver: plc
  timeout: 2s
  courtesy: {window: 4, pause: 10ms}
  rules:
    - {match: "**/live", role: process}
devices:
  - name: line1-mixer
    host: 127.0.0.1
    port: 10102
    zone: packaging
    timeout: 500ms
    deadline: 1.5m
    courtesy: {connections: 2, rate: 12.5}
    username: maintenance
    password: {env: MIXER_PASSWORD}
    writable: true
    keep_process: true
    description: the one beside the door
    options: {rack: 1, slot: 0x10}
    rules:
      - match: db/5/live
        role: setting
  - name: no
    driver: plc
    host: mixer.plant.example
    zone: no
"""


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "inventory.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def mistakes(folder: Path, text: str | bytes) -> list[str]:
    """Each as ``line: message``."""
    path = written(folder, text)
    with pytest.raises(InventoryMistakes) as caught:
        load(path, REGISTRY)
    for mistake, line in zip(caught.value.mistakes, str(caught.value).split("\n"), strict=True):
        assert line == f"{path}:{mistake.line}: {mistake.message}"
    return [f"{one.line}: {one.message}" for one in caught.value.mistakes]


def found_by(check: Callable[[], object]) -> tuple[Mistake, ...]:
    try:
        check()
    except InventoryMistakes as error:
        return error.mistakes
    return ()


def with_device(lines: str = "", top: str = "") -> str:
    """A good inventory with these lines (from line 5 on) in its device."""
    return f"{top}vault: v\ndevices:\n  - name: m\n    {{driver}}host: 10.0.0.1\n{lines}".replace(
        "{driver}", "driver: plc\n    "
    )
