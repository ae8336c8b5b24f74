"""Gold copies by signature, and drift from them, as people meet them on the command line."""

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

from goldcopy.gold import signing, sshsig


@pytest.fixture
def people(cli: Cli) -> dict[str, Path]:
    """Keys of three people, of whom two may sign."""
    folder = cli.plant.inventory.parent
    lines, keys = [], {}
    for name in ("anna", "ben", "mallory"):
        key = Ed25519PrivateKey.generate()
        keys[name] = folder / f"{name}.key"
        keys[name].write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        )
        keys[name].chmod(0o600)
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        if name != "mallory":
            lines.append(f'{name} namespaces="goldcopy" {public}\n')
    (folder / "allowed_signers").write_text("".join(lines))
    text = cli.plant.inventory.read_text()
    cli.plant.inventory.write_text(text + "gold: {signers: ./allowed_signers, approvers: 1}\n")
    return keys


def propose(cli: Cli, *words: str, device: str = "mixer", but_gaps: bool = False) -> int:
    scope = ["--but-gaps"] if but_gaps else []
    asked = ["--by", "anna", "--reason", "ok", "--until", "90d", *scope, *words]
    return cli("gold", "propose", device, *asked)[0]


def state(cli: Cli) -> str:
    return str(cli.json("drift", "mixer")[1]["devices"][0]["state"])


def test_from_proposal_to_drift_and_back(cli: Cli, people: dict[str, Path]) -> None:
    assert state(cli) == "no-gold"
    assert cli("pull", "mixer")[0] == 0
    assert propose(cli) == 0
    assert state(cli) == "gold-not-approved"
    assert cli("gold", "approve", "mixer", "--by", "ben", "--key", str(people["ben"]))[0] == 0
    assert cli("gold", "verify", "mixer")[0] == 0
    code, answer = cli.json("drift", "mixer")
    assert (code, answer["devices"][0]["state"]) == (0, "green")
    assert cli("show", "mixer@gold")[0] == 0
    cli.plant.change("holding/203", 4711)
    code, answer = cli.json("drift", "mixer", "--pull")
    assert cli("diff", "mixer@gold", "mixer")[0] == 1
    (device,) = answer["devices"]
    assert (code, device["state"]) == (1, "drift")
    assert [found["path"] for found in device["findings"]] == ["holding/203"]
    assert "4711" in cli("drift", "mixer")[1]
    assert "mixer" in cli("gold", "list")[1]
    revoked = cli(
        "gold", "revoke", "mixer", "--by", "anna", "--reason", "wrong", "--key", str(people["anna"])
    )
    assert revoked[0] == 0
    assert state(cli) == "gold-revoked"
    assert cli("show", "mixer@gold")[0] == 2


def test_who_may_not_sign_does_not_count(cli: Cli, people: dict[str, Path]) -> None:
    cli("pull", "mixer")
    propose(cli)
    for by in ("mallory", "ben"):
        words = ("--by", by, "--key", str(people["mallory"]))
        code, _, err = cli("gold", "approve", "mixer", *words)
        assert (code, f"this approval by {by} is kept, and does not count: " in err) == (2, True)
    code, out, _ = cli("gold", "verify", "mixer")
    assert code == 1
    assert out.count("unknown-signer") >= 2
    assert cli.json("drift", "mixer")[1]["devices"][0]["state"] != "green"


def test_what_cannot_be_read_is_signed_for_by_name_or_the_gold_copy_is_incomplete(
    cli: Cli, people: dict[str, Path]
) -> None:
    cli("pull", "oven")
    gaps = {gap["path"] for gap in cli.json("show", "oven")[1]["gaps"]}
    asked = ("gold", "propose", "oven", "--by", "anna", "--reason", "ok", "--until", "90d")
    approve = ("gold", "approve", "oven", "--by", "ben", "--key", str(people["ben"]))
    code, _, err = cli(*asked)
    assert (code, f"{len(gaps)} gaps in its scope" in err) == (0, True)
    assert "next: propose it with --but-gaps" in err
    assert cli(*approve)[0] == 0
    (device,) = cli.json("drift", "oven")[1]["devices"]
    assert (device["state"], "--but-gaps" in device["why"]) == ("gold-incomplete", True)
    assert f"{min(gaps)} and {len(gaps) - 1} more" in device["why"]
    code, _, err = cli(*asked, "--but-gaps")
    assert (code, "gaps" in err, "next: goldcopy gold approve oven" in err) == (0, False, True)
    assert cli(*approve)[0] == 0
    (device,) = cli.json("drift", "oven")[1]["devices"]
    assert device["state"] == "green"
    assert {f"!{path}" for path in gaps} == set(device["approved"]["scope"]) - {"**"}


def test_a_device_that_did_not_answer_is_not_green(cli: Cli, people: dict[str, Path]) -> None:
    cli("pull", "mixer")
    propose(cli)
    cli("gold", "approve", "mixer", "--by", "ben", "--key", str(people["ben"]))
    assert cli("drift", "mixer")[0] == 0
    text = cli.plant.inventory.read_text()
    cli.plant.inventory.write_text(text.replace(str(cli.plant.mixer.port), "1"))
    code, answer = cli.json("drift", "mixer", "--pull")
    assert (code, answer["devices"][0]["state"]) == (1, "not-read")
    assert cli.json("drift", "mixer")[1]["devices"][0]["state"] == "not-read"
    assert cli.json("drift", "mixer", "--max-age", "0ms")[1]["devices"][0]["state"] != "green"


def test_signed_elsewhere(cli: Cli, people: dict[str, Path]) -> None:
    cli("pull", "mixer")
    propose(cli)
    statement = cli.plant.inventory.parent / "statement"
    assert cli("gold", "approve", "mixer", "--by", "ben", "--out", str(statement))[0] == 0
    signature = statement.with_suffix(".sig")
    signature.write_text(sshsig.sign(statement.read_bytes(), signing.load_key(people["anna"])))
    assert cli("gold", "submit", str(statement), str(signature))[0] == 0
    assert state(cli) == "gold-refused"
    signature.write_text(sshsig.sign(statement.read_bytes(), signing.load_key(people["ben"])))
    assert cli("gold", "submit", str(statement), str(signature))[0] == 0
    assert cli("drift", "mixer")[0] == 0


def test_without_signers_there_is_no_gold(cli: Cli) -> None:
    cli("pull", "mixer")
    code, _, err = cli("drift", "mixer")
    assert (code, "gold:" in err) == (2, True)


def test_a_change_with_a_ticket_and_one_outside_of_it(cli: Cli, people: dict[str, Path]) -> None:
    cli("pull", "mixer")
    propose(cli)
    cli("gold", "approve", "mixer", "--by", "ben", "--key", str(people["ben"]))
    assert cli("change", "open", "CHG-1", "mixer", "--reason", "new recipe")[0] == 0
    cli.plant.change("holding/203", 4711)
    code, out, _ = cli("change", "close", "CHG-1")
    assert (code, "4711" in out) == (0, True)
    cli.plant.change("holding/204", 815)
    _, answer = cli.json("drift", "mixer", "--pull")
    tickets = {f["path"]: f["origin"]["ticket"] for f in answer["devices"][0]["findings"]}
    assert tickets == {"holding/203": "CHG-1", "holding/204": ""}
    assert "outside of any change" in cli("drift", "mixer")[1]
    _, changes = cli.json("change", "list")
    assert [(one["ticket"], one["device"]) for one in changes] == [("CHG-1", "mixer")]
    code, _, err = cli("change", "close", "CHG-1")
    assert (code, "no change CHG-1 is open" in err) == (2, True)


def test_a_terminal_shows_how_learning_goes_on_and_no_other_picture_in_it(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    code, _, err = cli("rules", "learn", "mixer", "--pulls", "2", "--pause", "0.3")
    assert (code, "pulls" in err, "mixer" in err) == (0, True, False)


def test_rules_are_learnt_and_only_proposed(cli: Cli) -> None:
    before = cli.plant.inventory.read_text()
    code, answer = cli.json("rules", "learn", "mixer", "--pulls", "3", "--pause", "0")
    assert (code, answer["pulls"]) == (0, 3)
    assert cli.plant.inventory.read_text() == before


def test_since_when_the_controller_says_something_else_of_itself(
    cli: Cli, people: dict[str, Path]
) -> None:
    cli("pull", "mixer")
    propose(cli)
    cli("gold", "approve", "mixer", "--by", "ben", "--key", str(people["ben"]))
    cli("pull", "mixer")
    controller = cli.plant.mixer
    objects = dict(controller.identity or {})

    def says(text: bytes) -> int:
        cli.plant.in_loop(lambda: setattr(controller, "identity", {**objects, 2: text}))
        return cli("pull", "mixer")[0]

    assert says(b"V9.9") == 0
    assert cli.json("log", "mixer")[1]["snapshots"][0]["unchanged"] is False
    since = cli.json("log", "mixer")[1]["snapshots"][0]["id"]
    cli.plant.change("holding/203", 4711)
    cli("pull", "mixer")
    (device,) = cli.json("drift", "mixer")[1]["devices"]
    (told,) = device["identity"]
    assert (told["field"], told["new"]) == ("firmware", "V9.9")
    assert (told["origin"]["snapshot"], told["origin"]["ticket"]) == (since, "")
    assert "firmware" in cli("drift", "mixer")[1]
    assert cli("change", "open", "CHG-7", "mixer")[0] == 0
    assert says(b"V9.10") == 0
    assert cli("change", "close", "CHG-7")[0] == 0
    (told,) = cli.json("drift", "mixer")[1]["devices"][0]["identity"]
    assert told["origin"]["ticket"] == "CHG-7"
    assert says(objects[2]) == 0
    assert cli.json("drift", "mixer")[1]["devices"][0]["identity"] == []
