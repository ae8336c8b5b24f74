"""One kit, and behind it a zone with a controller of each protocol; no network but loopback."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from asyncua.crypto.cert_gen import dump_private_key_as_pem
from cryptography.hazmat.primitives.serialization import Encoding
from tests.cli.conftest import Cli, Plant, cli
from tests.cli.test_gold_and_drift import people, propose
from tests.drivers.test_opcua_conformance import papers as issued
from tests.peers.conftest import ROOT
from tests.peers.kit_laptop import Laptop
from tests.peers.kit_site import PASSWORD, USER, Controller, serving

from goldcopy.cli.init import make_vault
from goldcopy.vault import Reader, Vault
from goldcopy_sim.modbus import ModbusSimulator
from goldcopy_sim.opcua import OpcUaSimulator
from goldcopy_sim.service import Simulator

__all__ = ["cli", "people"]
pytestmark = pytest.mark.timeout(400)  # wheels may have to be fetched, and are installed

INVENTORY = """\
vault: ./vault
zones: {{packaging: {{max_devices: 4}}, office: {{}}}}
restore: {{waves: [[mixer], [oven, press, palletizer]]}}
defaults: {{timeout: 20s, zone: packaging}}
devices:
  - name: mixer
    host: 127.0.0.1
    writable: true
    driver: modbus
    port: {mixer}
    options: {{ranges: [{{table: holding, start: 200, count: 24}}]}}
  - name: oven
    host: 127.0.0.1
    writable: true
    driver: opcua
    port: {oven}
    username: {user}
    password: {{env: OVEN_PASSWORD}}
    options:
      server_certificate: papers/server.der
      certificate: papers/own.der
      key: papers/own.pem
      exclude: ["**/OpenCount"]
  - name: press
    host: 127.0.0.1
    writable: true
    driver: s7
    port: {press}
    options: {{layouts: [{{number: 2, files: [papers/limits.awl]}}]}}
  - name: palletizer
    host: 127.0.0.1
    writable: true
    driver: enip
    port: {palletizer}
    options: {{write_in_run: true}}
  - {{name: printer, host: 192.0.2.9, zone: office, driver: modbus}}
"""
LIMITS = """\
DATA_BLOCK DB 2
STRUCT
  force_high : REAL ;
  oil_high : REAL ;
  oil_low : REAL ;
  pressure_high : REAL ;
  guard_timeout : TIME ;
  alarm_mask : WORD ;
END_STRUCT ;
BEGIN
END_DATA_BLOCK
"""
NAMES = ("mixer", "oven", "press", "palletizer")
CHANGES: dict[str, dict[str, Any]] = {
    "mixer": {"holding/203": 4711, "holding/205": 815},
    "oven": {
        "nsu=http://example.com/oven;s=Devices.oven.ParameterSet.Gain": 9.75,
        "nsu=http://example.com/oven;s=Devices.oven.ParameterSet.OperatorNote": "all good",
    },
    "press": {"db/1/0": [0x44, 0x7A, 0, 0], "db/2/3": [0xFF]},
    "palletizer": {"Speed": 99.5, "Recipe[1].Steps[2].Time": 4711, "Operator": "nobody"},
}
"""Behind the back of everybody; a list is bytes."""


@pytest.fixture
def controllers(tmp_path: Path) -> Iterator[dict[str, Simulator]]:
    """All of them, in a thread of their own. The oven lets nobody in without papers."""
    papers = tmp_path / "papers"
    papers.mkdir()
    (papers / "limits.awl").write_text(LIMITS)
    for name, uri in (("server", "urn:example:controls:oven"), ("own", "urn:collector")):
        made = issued(uri)
        (papers / f"{name}.der").write_bytes(made.certificate.public_bytes(Encoding.DER))
        (papers / f"{name}.pem").write_bytes(dump_private_key_as_pem(made.key))
    ready: Future[tuple[dict[str, Simulator], Callable[[], object]]] = Future()

    async def serve() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        async with serving(served(papers)) as found:
            ready.set_result((found, lambda: loop.call_soon_threadsafe(stop.set)))
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    found, stop = ready.result(30)
    yield found
    stop()
    thread.join(30)


def served(papers: Path, ports: dict[str, int] | None = None) -> list[Controller]:
    """What is on site: at first on free ports, then on those that the inventory has."""
    kinds = zip(NAMES, ("modbus", "opcua", "s7", "enip"), strict=True)
    return [
        {
            "kind": kind,
            "name": name,
            "port": ports[name] if ports else 0,
            "papers": str(papers) if name == "oven" else "",
        }
        for name, kind in kinds
    ]


@pytest.fixture
def plant(tmp_path: Path, controllers: dict[str, Simulator]) -> Plant:
    mixer, oven = controllers["mixer"], controllers["oven"]
    assert isinstance(mixer, ModbusSimulator)
    assert isinstance(oven, OpcUaSimulator)
    inventory = tmp_path / "inventory.yaml"
    ports = {name: one.port for name, one in controllers.items()}
    inventory.write_text(INVENTORY.format(**ports, user=USER))
    make_vault(tmp_path / "vault", tmp_path / "keys", "", (), unsealed=False)
    return Plant(inventory, mixer, oven, lambda do: do())


@pytest.fixture
def laptop(
    cli: Cli,
    people: dict[str, Path],
    controllers: dict[str, Simulator],
    wheels: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Laptop]:
    """With a kit for the zone, and nothing else."""
    monkeypatch.setenv("OVEN_PASSWORD", PASSWORD)
    code, _, err = cli("pull", *NAMES)
    assert code in (0, 1), err  # there may be gaps
    for name in NAMES:
        assert propose(cli, device=name, but_gaps=True) == 0
        assert cli("gold", "approve", name, "--by", "ben", "--key", str(people["ben"]))[0] == 0
    folder = tmp_path / "stick/kit"
    words = ("--zone", "packaging", "--to", str(folder), "--wheels", str(wheels))
    code, made = cli.json("kit", *words, "--lock", str(ROOT / "requirements.lock"))
    assert (code, made["devices"], made["no_gold"]) == (0, list(NAMES), {})
    assert made["carried"] == ["papers/server.der", "papers/own.der", "papers/limits.awl"]
    assert made["bring"] == ["papers/own.pem"]
    ports = {name: one.port for name, one in controllers.items()}
    there = served(tmp_path / "papers", ports)
    yield Laptop(tmp_path, folder, there, {"OVEN_PASSWORD": PASSWORD})
    shutil.rmtree(tmp_path / "laptop")


def test_one_kit_restores_all_four_protocols(
    cli: Cli, people: dict[str, Path], controllers: dict[str, Simulator], laptop: Laptop
) -> None:
    logs = {name: len(one.log) for name, one in controllers.items()}
    ben = ("--by", "ben", "--key", str(people["ben"]))

    answer = laptop(CHANGES, ("restore", "oven", *ben, "--yes"))
    assert answer["ran"][0]["code"] == 1
    assert "own.pem" in answer["ran"][0]["err"], "what has to be brought is asked for by its name"
    assert answer["writes"] == 0
    (laptop.kit / "papers").mkdir()
    shutil.copy(cli.plant.inventory.parent / "papers/own.pem", laptop.kit / "papers")

    answer = laptop(CHANGES, *(("restore", name, *ben, "--yes", "--in-run") for name in NAMES))
    for name, done in zip(NAMES, answer["ran"], strict=True):
        assert done["code"] == 0, f"{name}: {done['err']}"
        assert f"{len(CHANGES[name])} proved" in done["out"], name
    assert answer["other"] == {}

    answer = laptop(CHANGES, ("goldcopy", "campaign", "plan", "--zone", "packaging", "--json"))
    assert (answer["ran"][0]["code"], answer["writes"]) == (0, 0), answer
    digest = json.loads(answer["ran"][0]["out"])["digest"]
    answer = laptop(
        CHANGES,
        ("goldcopy", "campaign", "approve", digest, *ben),
        ("goldcopy", "campaign", "apply", digest, "--by", "ben", "--in-run"),
    )
    assert [done["code"] for done in answer["ran"]] == [0, 0], answer
    assert "4 of 4 devices proved" in answer["ran"][1]["out"]
    assert answer["other"] == {}
    assert {name: len(one.log) for name, one in controllers.items()} == logs, "those at home"

    bundle, brought = laptop.home / "home.bundle", laptop.home / "brought"
    assert laptop({}, ("goldcopy", "vault", "export", str(bundle)))["ran"][0]["code"] == 0
    assert cli("vault", "import", str(bundle), "--into", str(brought))[0] == 0
    reader = Reader.load(cli.plant.inventory.parent / "keys/reader.key")
    with closing(Vault.open(brought, reader)) as vault:
        receipts = vault.notes("receipt")
    assert all(one.body["proved"] for one in receipts)
    assert Counter(one.device for one in receipts) == dict.fromkeys(NAMES, 2)
