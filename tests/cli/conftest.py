"""A small plant of simulated controllers in a thread of its own, and an inventory for it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from goldcopy.cli.app import run
from goldcopy.cli.init import make_vault
from goldcopy_sim.modbus import ModbusSimulator
from goldcopy_sim.opcua import OpcUaSimulator

INVENTORY = """\
vault: ./vault
zones: {{hall: {{max_devices: 4}}}}
devices:
  - name: mixer
    driver: modbus
    host: 127.0.0.1
    port: {modbus}
    zone: hall
    timeout: 5s
    options:
      registers:
        - {{name: speed, ref: 40011, type: float32, unit: rpm, min: 40, max: 180}}
      ranges:
        - {{table: holding, start: 200, count: 24}}
  - name: oven
    driver: opcua
    host: 127.0.0.1
    port: {opcua}
    zone: hall
    timeout: 20s
    options: {{security: None}}
"""


@dataclass
class Plant:
    """A running plant."""

    inventory: Path
    mixer: ModbusSimulator
    oven: OpcUaSimulator
    in_loop: Callable[[Callable[[], None]], None]
    """Run something in the simulators' own thread."""

    def change(self, address: str, value: int) -> None:
        """Change a register of the mixer, past goldcopy."""
        self.in_loop(lambda: self.mixer.change(address, value))


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    """A mixer and an oven; the inventory's folder is the test's own."""
    ready: Future[tuple[ModbusSimulator, OpcUaSimulator]] = Future()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        mixer, oven = ModbusSimulator.demo("mixer"), OpcUaSimulator.demo("oven")
        async with mixer, oven:
            ready.set_result((mixer, oven))
            await stop.wait()

    def run() -> None:
        try:
            loop.run_until_complete(serve())
        except BaseException as error:
            if not ready.done():
                ready.set_exception(error)
            raise
        finally:
            loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        mixer, oven = ready.result(30)

        def in_loop(what: Callable[[], None]) -> None:
            async def call() -> None:
                what()

            asyncio.run_coroutine_threadsafe(call(), loop).result(10)

        inventory = tmp_path / "inventory.yaml"
        inventory.write_text(INVENTORY.format(modbus=mixer.port, opcua=oven.port))
        make_vault(tmp_path / "vault", tmp_path / "keys", "", (), unsealed=False)
        yield Plant(inventory, mixer, oven, in_loop)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)


class Cli:
    """Runs commands on a plant's inventory."""

    def __init__(self, plant: Plant, capsys: pytest.CaptureFixture[str]) -> None:
        self.plant = plant
        self.capsys = capsys

    def __call__(self, *words: str) -> tuple[int, str, str]:
        code = run([*words, "-i", str(self.plant.inventory)])
        said = self.capsys.readouterr()
        return code, said.out, said.err

    def json(self, *words: str) -> tuple[int, Any]:
        code, out, _ = self(*words, "--json")
        return code, json.loads(out)


@pytest.fixture
def cli(plant: Plant, capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(plant, capsys)
