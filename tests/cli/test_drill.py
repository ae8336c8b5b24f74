"""Drills as people meet them: gold copies out of a replica, twins harmed and restored, a table."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from tests.cli.conftest import Cli

ALL = {"wiped", "setpoints", "half-restored", "firmware", "credential", "tampered-gold"}


@pytest.fixture
def ready(cli: Cli) -> Cli:
    """A plant whose two devices have a gold copy, in the vault and in a replica."""
    folder = cli.plant.inventory.parent
    key = Ed25519PrivateKey.generate()
    file = folder / "ben.key"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    file.chmod(0o600)
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    (folder / "allowed_signers").write_text(f'ben namespaces="goldcopy" {public}\n')
    (folder / "nas").mkdir()
    with cli.plant.inventory.open("a") as inventory:
        inventory.write("gold: {signers: ./allowed_signers, approvers: 1}\n")
        inventory.write("replicas: [{name: nas, folder: ./nas}]\n")
        inventory.write("identity: ./keys/reader.key\n")
    cli("pull")
    for name in ("mixer", "oven"):
        words = ("--by", "ann", "--reason", "ok", "--until", "90d")
        assert cli("gold", "propose", name, *words)[0] == 0
        assert cli("gold", "approve", name, "--by", "ben", "--key", str(file))[0] == 0
    assert cli("vault", "sync")[0] == 0
    return cli


def outcomes(
    answer: dict[str, list[dict[str, object]]],
) -> dict[tuple[str, str], dict[str, object]]:
    return {(str(one["device"]), str(one["scenario"])): one for one in answer["drills"]}


def test_every_fault_is_found_in_a_drill_of_the_plant(ready: Cli) -> None:
    before = ready.json("log", "mixer")[1]
    code, answer = ready.json("drill", "run")
    found = outcomes(answer)
    assert code == 0, answer
    assert {scenario for device, scenario in found if device == "mixer"} == ALL
    for name in ("mixer", "oven"):
        for scenario in ("wiped", "setpoints", "half-restored"):
            one = found[name, scenario]
            assert one["state"] == "passed", one
            assert one["proved"], one
            assert one["source"] == "nas"
            assert one["leaves"]["harmed"] > 0  # type: ignore[index]
            assert one["seconds"] > 0  # type: ignore[operator]
            assert one["estimate_seconds"] is not None
        assert found[name, "firmware"]["state"] == "passed"
        assert not found[name, "firmware"]["proved"]
        assert found[name, "tampered-gold"]["state"] == "passed", found[name, "tampered-gold"]
    assert found["mixer", "credential"]["state"] == "not drilled"  # Modbus has none
    assert "needs a person" in str(found["oven", "credential"]["why"])
    assert found["", "missing-key"]["state"] == "passed"
    assert found["", "dead-replica"]["state"] == "passed"
    assert ready.json("log", "mixer")[1] == before, "a twin's snapshots are no history"
    assert not [one for one in ready.plant.mixer.log if one.writes]


def test_the_table_has_times_and_the_list_says_what_is_due(ready: Cli) -> None:
    code, answer = ready.json("drill", "list")
    assert code == 1
    assert all(term["due"] for one in answer["devices"] for term in one["terms"])
    code, out, _ = ready("drill", "run", "mixer", "--scenario", "wiped", "--scenario", "firmware")
    assert code == 0
    (wiped,) = [line for line in out.splitlines() if " wiped " in line]
    assert wiped.count(" s ") == 2, "measured here, and estimated on the device"
    code, answer = ready.json("drill", "list", "mixer")
    (mixer,) = answer["devices"]
    due = {term["standard"]: term["due"] for term in mixer["terms"]}
    # What is done on a twin is no operational exercise.
    assert [standard for standard, over in due.items() if over] == ["NERC CIP-009-6 R2.3"]
    assert (code, len(mixer["seconds"])) == (1, 1)
    assert "CIP-009" in ready("drill", "list")[1]


def test_a_proved_drill_is_evidence(ready: Cli) -> None:
    ready("drill", "run", "mixer", "--scenario", "setpoints")
    out = ready("report", "attack", "--json")[1]
    assert "1 of 2 devices: passed drill" in out


def test_without_a_gold_copy_a_device_is_not_drilled(ready: Cli) -> None:
    folder = ready.plant.inventory.parent
    words = ("--by", "ben", "--reason", "wrong", "--key", str(folder / "ben.key"))
    assert ready("gold", "revoke", "mixer", *words)[0] == 0
    ready("vault", "sync")
    code, answer = ready.json("drill", "run", "mixer", "oven", "--scenario", "wiped")
    states = {device: one["state"] for (device, _), one in outcomes(answer).items()}
    assert (code, states) == (1, {"mixer": "not drilled", "oven": "passed"})


def test_the_gold_copy_is_the_replicas_and_not_the_vaults(ready: Cli) -> None:
    """Whoever has only a copy that is dead, or is another one, must hear of it in a drill."""
    nas = ready.plant.inventory.parent / "nas"
    (vault,) = nas.iterdir()
    for pack in (vault / "packs").iterdir():
        data = bytearray(pack.read_bytes())
        data[-1] ^= 1
        pack.chmod(0o600)
        pack.write_bytes(data)
    code, answer = ready.json("drill", "run", "mixer", "--scenario", "wiped")
    assert code == 1
    assert outcomes(answer)["mixer", "wiped"]["state"] == "not drilled"
    vault.rename(nas / "away")
    code, _, err = ready("drill", "run", "mixer", "--scenario", "wiped")
    assert (code, "nas" in err) == (1, True)


def test_no_replica_is_said(ready: Cli) -> None:
    text = ready.plant.inventory.read_text()
    ready.plant.inventory.write_text(text.replace("replicas: [{name: nas, folder: ./nas}]\n", ""))
    _, answer = ready.json(
        "drill", "run", "mixer", "--scenario", "wiped", "--scenario", "dead-replica"
    )
    found = outcomes(answer)
    assert found["mixer", "wiped"]["source"] == "local vault"
    assert found["", "dead-replica"]["state"] == "not drilled"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--scenario", "wipde"), "did you mean wiped?"),
        (("--target", "127.0.0.1"), "HOST:PORT"),
        (("--target", "127.0.0.1:{mixer}"), "mixer itself"),
        (("--target", "localhost:{oven}"), "oven itself"),
        (("--target", "127.0.0.1:9", "--scenario", "wiped"), "on purpose"),
    ],
)
def test_what_is_asked_wrongly_is_refused(ready: Cli, words: tuple[str, ...], says: str) -> None:
    ports = {"mixer": ready.plant.mixer.port, "oven": ready.plant.oven.port}
    given = [word.format(**ports) for word in words]
    code, _, err = ready("drill", "run", "mixer", *given)
    assert (code, says in err) == (2, True), err
    assert not [one for one in ready.plant.mixer.log if one.writes]


def test_a_spare_that_does_not_answer_is_not_drilled(ready: Cli) -> None:
    code, answer = ready.json("drill", "run", "mixer", "--target", "127.0.0.1:9")
    assert (code, answer["drills"][0]["state"]) == (1, "not drilled")


def test_the_folder_of_a_drill_is_gone_afterwards(
    ready: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    assert ready("drill", "run", "oven")[0] == 0
    assert not list(place.iterdir())
