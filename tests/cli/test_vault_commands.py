"""``goldcopy vault …`` and the collector that can only write."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.cli.conftest import Cli

from goldcopy.cli.app import run
from goldcopy.vault import Reader


def test_a_collector_without_identity_pulls_lists_and_says_what_it_cannot(cli: Cli) -> None:
    (cli.plant.inventory.parent / "keys").rename(cli.plant.inventory.parent / "offline")
    assert cli("pull", "mixer")[0] == 0
    cli.plant.change("holding/203", 4711)
    code, out, _ = cli("pull", "mixer", "--json")
    assert code == 0
    assert json.loads(out)["devices"][0]["unchanged"] is False
    code, out, _ = cli("log", "mixer", "--json")
    assert (code, len(json.loads(out)["snapshots"])) == (0, 2)
    for words in (("show", "mixer"), ("diff", "mixer~1", "mixer"), ("vault", "verify")):
        code, out, err = cli(*words)
        assert code == 1, words
        assert "reader's identity" in err, words
    assert cli("vault", "verify", "--quick")[0] == 0


def test_what_it_stored_is_opened_with_the_identity(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cli.plant.inventory.parent / "keys").rename(cli.plant.inventory.parent / "offline")
    cli("pull", "mixer")
    cli.plant.change("holding/203", 4711)
    cli("pull", "mixer")
    monkeypatch.setenv("GOLDCOPY_IDENTITY", str(cli.plant.inventory.parent / "offline/reader.key"))
    code, out, _ = cli("diff", "mixer~1", "mixer")
    assert (code, "4711" in out) == (1, True)
    assert cli("vault", "verify")[0] == 0
    assert cli("vault", "verify", "--sample")[0] == 0


def test_a_flipped_bit_is_exit_code_3(cli: Cli) -> None:
    cli("pull", "mixer")
    pack = cli.plant.inventory.parent / "vault/packs/00000001.pack"
    data = bytearray(pack.read_bytes())
    data[-5] ^= 1
    pack.chmod(0o600)
    pack.write_bytes(data)
    code, out, err = cli("vault", "verify", "--quick")
    assert code == 3
    assert "00000001.pack" in out
    assert err.count("\n") == 1


def test_a_vault_that_was_put_back_is_found_by_its_head(cli: Cli) -> None:
    cli("pull", "mixer")
    shutil.copytree(cli.plant.inventory.parent / "vault", cli.plant.inventory.parent / "earlier")
    cli("pull", "mixer")
    head = json.loads(cli("vault", "head", "--json")[1])
    noted = f"{head['pack']}:{head['hash']}"
    assert cli("vault", "verify", "--head", noted)[0] == 0
    shutil.rmtree(cli.plant.inventory.parent / "vault")
    shutil.copytree(cli.plant.inventory.parent / "earlier", cli.plant.inventory.parent / "vault")
    code, out, _ = cli("vault", "verify", "--head", noted)
    assert (code, "put back" in out) == (3, True)
    assert cli("vault", "verify", "--head", "1:abc")[0] == 2


def test_a_replica_in_a_folder_comes_up_to_date_and_repairs(cli: Cli) -> None:
    (cli.plant.inventory.parent / "nas").mkdir()
    text = cli.plant.inventory.read_text()
    cli.plant.inventory.write_text(text + "replicas: [{name: nas, folder: ./nas}]\n")
    cli("pull", "mixer")
    assert "never" in cli("vault", "replicas")[1]
    assert cli("vault", "sync")[0] == 0
    assert cli("vault", "compare")[0] == 0
    pack = cli.plant.inventory.parent / "vault/packs/00000001.pack"
    good = pack.read_bytes()
    pack.unlink()
    assert cli("vault", "compare")[0] == 3
    assert cli("vault", "repair")[0] == 0
    assert pack.read_bytes() == good
    code, out, _ = cli("vault", "attest")
    assert (code, "SUCCEEDED" in out) == (3, True)  # a plain folder of one's own is no protection
    assert out.count("chattr +a") == 1, "what to do is said once, not for each attack"
    assert {row["outcome"] for row in cli.json("vault", "attest")[1]} >= {"succeeded"}


def test_keys_locked_with_a_passphrase(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GOLDCOPY_PASSPHRASE", "correct horse")
    assert run(["init", str(tmp_path / "plant"), "--passphrase"]) == 0
    said = capsys.readouterr().out
    assert "correct horse" not in said
    inventory = str(tmp_path / "plant/inventory.yaml")
    assert run(["vault", "verify", "-i", inventory]) == 0
    monkeypatch.setenv("GOLDCOPY_PASSPHRASE", "wrong")
    assert run(["vault", "verify", "-i", inventory]) == 2
    monkeypatch.delenv("GOLDCOPY_PASSPHRASE")
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)
    assert run(["vault", "verify", "-i", inventory]) == 2
    assert "GOLDCOPY_PASSPHRASE" in capsys.readouterr().err


def test_init_seals_to_keys_that_are_given(tmp_path: Path) -> None:
    recipient = "age1mvl86rnf87ca9e4vfvzd5dp9cghymrqx9qwy6uyre72auqwc7dxqmxp8ta"
    assert run(["init", str(tmp_path / "a"), "--recipient", recipient]) == 0
    assert [path.name for path in (tmp_path / "a/keys").iterdir()] == ["owner.key"]
    assert recipient in (tmp_path / "a/vault/keyring/0001.json").read_text()
    assert run(["init", str(tmp_path / "b"), "--recipient", "age1nonsense"]) == 2
    assert run(["init", str(tmp_path / "c"), "--recipient", recipient, "--unsealed"]) == 2
    assert run(["init", str(tmp_path / "a")]) == 2


def test_a_bundle_on_a_stick_makes_a_vault_elsewhere(cli: Cli) -> None:
    folder = cli.plant.inventory.parent
    cli("pull", "mixer")
    (folder / "stick").mkdir()
    code, answer = cli.json("vault", "export", str(folder / "stick"))
    assert code == 0
    cli("pull", "mixer")
    later = str(folder / "later.bundle")
    assert cli("vault", "export", later, "--since", str(answer["manifest"]["to"]))[0] == 0
    away = str(folder / "away")
    code, out, _ = cli("vault", "import", later, "--into", away)
    assert (code, "it waits" in out) == (0, True)
    assert cli("vault", "import", answer["path"], "--into", away)[0] == 0
    text = cli.plant.inventory.read_text()
    cli.plant.inventory.write_text(text.replace("vault: ./vault", "vault: ./away"))
    assert len(cli.json("log", "mixer")[1]["snapshots"]) == 2
    assert cli("vault", "verify")[0] == 0
    assert cli("pull", "mixer")[0] == 2  # nobody has admitted this machine
    owner = str(folder / "keys/owner.key")
    assert cli("vault", "admit", "--owner-key", owner, "--name", "away")[0] == 0
    assert cli("pull", "mixer")[0] == 0
    assert cli("vault", "verify")[0] == 0


def test_who_is_added_reads_from_then_on(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = cli.plant.inventory.parent
    cli("pull", "mixer")
    second = Reader()
    second.save(folder / "second.key")
    owner = str(folder / "keys/owner.key")
    (added,) = second.recipients
    assert cli("vault", "recipients", "--owner-key", owner, "--add", added)[0] == 0
    assert cli("vault", "recipients", "--owner-key", owner, "--add", added)[0] == 2
    cli("pull", "mixer")
    monkeypatch.setenv("GOLDCOPY_IDENTITY", str(folder / "second.key"))
    assert cli("show", "mixer")[0] == 0
    assert cli("vault", "keys")[1].count("sealed to") == 2
