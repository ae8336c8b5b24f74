"""A drill over the whole demo plant while it is off: every fault is found, with times."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from goldcopy.cli.demo_restore import Approvers
from goldcopy.cli.drill import _show
from goldcopy.cli.init import make_vault
from goldcopy.cli.pull import pull_into
from goldcopy.cli.simulate import plant
from goldcopy.drill import faults
from goldcopy.drill.model import KIND, ON_VAULT, Drilled, Scenario
from goldcopy.drill.rounds import Round, run
from goldcopy.drill.source import Source, taken
from goldcopy.errors import VaultDamaged, VaultUnavailable
from goldcopy.inventory import Device, InFolder, load
from goldcopy.registry import Registry
from goldcopy.replica.contract import Opening
from goldcopy.replica.opening import openings
from goldcopy.replica.sync import sync
from goldcopy.vault import Reader, Vault

REGISTRY = Registry.installed()
DEVICES = load(Path("inventory.yaml"), REGISTRY).devices


class Scene:
    """A vault with gold copies of all devices, and its replicas."""

    def __init__(self, folder: Path, vault: Vault, reader: Reader, signers: Approvers) -> None:
        self.folder, self.vault, self.reader, self.signers = folder, vault, reader, signers
        self.devices: list[Device] = []

    def replicas(self, *names: str) -> dict[str, Opening]:
        places = [InFolder(name, self.folder / name, 30.0) for name in names]
        for place in places:
            place.folder.mkdir(exist_ok=True)
        return dict(openings(places, self.vault.id))

    def round(self, replicas: dict[str, Opening], reader: Reader | None = None) -> Round:
        return Round(
            self.vault,
            reader or self.reader,
            replicas,
            self.signers.signers,
            REGISTRY,
            "me@here",
        )

    def packs(self, replica: str) -> list[Path]:
        return sorted((self.folder / replica / self.vault.id / "packs").iterdir())


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    make_vault(tmp_path / "vault", tmp_path / "keys", "", (), unsealed=False)
    reader = Reader.load(tmp_path / "keys/reader.key")
    vault = Vault.open(tmp_path / "vault", reader)
    made = Scene(tmp_path, vault, reader, Approvers(vault))
    async with plant(DEVICES, own_ports=True) as running:
        made.devices = [
            msgspec.structs.replace(device, port=running[device.name].port) for device in DEVICES
        ]
        outcomes = await pull_into(vault, made.devices, {})
        assert all(one.state == "kept" for one in outcomes)
    await made.signers.name_gold(made.devices)
    yield made
    vault.close()


@pytest.mark.timeout(180)
async def test_every_fault_is_found_on_every_device(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    replicas = scene.replicas("nas", "stick")
    await sync(scene.vault.path, replicas)
    done = await run(scene.round(replicas), scene.devices)
    bad = [one for one in done if one.state == "failed"]
    assert not bad, bad
    by = Counter((one.scenario, one.state) for one in done)
    for scenario in ("wiped", "setpoints", "half-restored", "firmware", "tampered-gold"):
        assert by[scenario, "passed"] == len(DEVICES), scenario
    # Modbus and classic CIP have no credentials; two OPC UA servers and the S7 have.
    assert (by["credential", "passed"], by["credential", "not drilled"]) == (3, 3)
    assert (by["missing-key", "passed"], by["dead-replica", "passed"]) == (1, 1)
    (dead,) = [one for one in done if one.scenario == "dead-replica"]
    assert dead.source == "stick"
    for one in done:
        if one.scenario in ("wiped", "setpoints", "half-restored"):
            assert one.proved, one
            assert one.source == "nas"
            assert one.seconds is not None
            assert one.requests is not None
            assert one.requests > 5
            assert one.estimate_seconds is not None
            assert one.leaves["proved"] >= one.leaves["harmed"] > 10
        else:
            assert not one.proved
    assert [Drilled.of(note) for note in scene.vault.notes(KIND)] == done
    _show(done)
    table = capsys.readouterr().out.splitlines()
    assert len([line for line in table if line.count(" s ") >= 2]) == 3 * len(DEVICES)
    assert set(scene.vault.devices()) == {device.name for device in DEVICES}
    assert all(len(scene.vault.log(device.name)) == 1 for device in DEVICES)


async def test_the_first_replica_that_can_serve_does(scene: Scene) -> None:
    replicas = scene.replicas("nas", "stick")
    await sync(scene.vault.path, replicas)
    shutil.rmtree(scene.folder / "nas")
    (done,) = await run(scene.round(replicas), scene.devices[:1], ["setpoints"])
    assert (done.state, done.source) == ("passed", "stick")
    assert any("nas" in text for text in done.told), "a dead replica is told"
    shutil.rmtree(scene.folder / "stick")
    with pytest.raises(VaultUnavailable, match=r"nas.*stick"):
        await run(scene.round(replicas), scene.devices[:1], ["setpoints"])


async def test_a_replica_that_lacks_the_gold_copy_drills_nothing(scene: Scene) -> None:
    replicas = scene.replicas("nas")
    await sync(scene.vault.path, replicas)
    for pack in scene.packs("nas")[1:]:
        pack.unlink()
    done = await run(scene.round(replicas), scene.devices[:1], ["setpoints", "tampered-gold"])
    assert {one.state for one in done} == {"not drilled"}
    assert all("nas" in one.why for one in done)


async def test_another_vault_in_its_place_is_refused(scene: Scene, tmp_path: Path) -> None:
    replicas = scene.replicas("nas")
    await sync(scene.vault.path, replicas)
    place = scene.folder / "nas" / scene.vault.id
    shutil.rmtree(place)
    Vault.create(tmp_path / "other").close()
    shutil.copytree(tmp_path / "other", place)
    with pytest.raises(VaultDamaged, match="holds the vault"):
        await run(scene.round(replicas), scene.devices[:1], ["setpoints"])


async def test_whoever_cannot_open_the_gold_copy_drills_nothing(scene: Scene) -> None:
    replicas = scene.replicas("nas")
    await sync(scene.vault.path, replicas)
    done = await run(scene.round(replicas, Reader()), scene.devices[:2], ["wiped"])
    assert {one.state for one in done} == {"not drilled"}


# -- drills of the vault can fail ------------------------------------------------------------------


async def test_tampering_that_strikes_something_else_is_no_proof(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if a vault gave out a gold copy that was changed."""
    replicas = scene.replicas("nas")
    await sync(scene.vault.path, replicas)
    other = scene.vault.resolve(scene.devices[1].name)
    aim = faults._keyframe  # noqa: SLF001
    monkeypatch.setattr(faults, "_keyframe", lambda vault, entry: aim(vault, other))
    (done,) = await run(scene.round(replicas), scene.devices[:1], ["tampered-gold"])
    assert (done.state, "taken for good" in done.why) == ("failed", True)
    assert all(not one.doubts for one in [scene.vault]), "the vault itself is as it was"


async def test_a_vault_that_opens_without_a_key_is_seen(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    replicas = scene.replicas("nas")
    await sync(scene.vault.path, replicas)
    real = Vault.open
    monkeypatch.setattr(Vault, "open", lambda path, reader=None: real(path, reader or scene.reader))
    (done,) = await run(scene.round(replicas), scene.devices[:1], ["missing-key"])
    assert done.state == "failed"


async def test_a_vault_that_is_not_sealed_is_told(tmp_path: Path) -> None:
    Vault.create(tmp_path / "vault").close()
    vault = Vault.open(tmp_path / "vault")
    found = faults.without_key(Source(vault, "nas"), tmp_path / "copy")
    vault.close()
    assert (found.state, "not sealed" in found.why) == ("not drilled", True)


async def test_a_dead_replica_that_nobody_names_is_seen(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    replicas = scene.replicas("nas", "stick")
    await sync(scene.vault.path, replicas)

    @asynccontextmanager
    async def silent(*args: Any) -> AsyncIterator[Source]:  # noqa: ANN401
        async with taken(*args) as source:
            yield source._replace(told=())

    monkeypatch.setattr(faults, "taken", silent)
    (done,) = await run(scene.round(replicas), scene.devices[:1], ["dead-replica"])
    assert done.state == "failed"


async def test_no_record_names_a_folder_that_is_gone(scene: Scene) -> None:
    replicas = scene.replicas("nas")
    await sync(scene.vault.path, replicas)
    scene.packs("nas")[-1].write_bytes(b"no pack")
    wanted: list[Scenario] = ["setpoints", *ON_VAULT]
    done = await run(scene.round(replicas), scene.devices[:1], wanted)
    assert len(done) == 4
    assert "goldcopy-drill-" not in repr(done)
