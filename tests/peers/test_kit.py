"""The recovery kit, used as on site: a clean environment, and no network but loopback."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.cli.conftest import Cli, cli, plant
from tests.cli.test_gold_and_drift import people, propose
from tests.peers.conftest import ROOT
from tests.peers.kit_laptop import Laptop
from tests.peers.kit_site import Controller

from goldcopy.cli.init import make_vault
from goldcopy.vault import Reader, Vault

__all__ = ["cli", "people", "plant"]
pytestmark = pytest.mark.timeout(400)  # wheels may have to be fetched, and are installed again

SECRET = "not-for-any-kit"
OPEN = "not sealed, two approvers"
RECOVERY = """\
    writable: true
    description: Mixer of line 1
    password: {env: MIXER_PASSWORD}
    recovery:
      project: mixer.ap17 in the engineering tool
      reset: [Turn the key to STOP]
      contacts: ["Control room <100>"]
      spares: [Shelf 3]
"""


@pytest.fixture
def approved(
    cli: Cli,
    people: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Cli:
    """A mixer with a gold copy that may be restored; ``OPEN``: in a vault that is not sealed."""
    monkeypatch.setenv("MIXER_PASSWORD", SECRET)
    file = cli.plant.inventory
    said = f"  - name: mixer\n{RECOVERY}"
    text = file.read_text()
    if getattr(request, "param", "") == OPEN:
        make_vault(file.parent / "open", file.parent / "owner", "", (), unsealed=True)
        text = text.replace("vault: ./vault", "vault: ./open")
        said += "    approvers: 2\n"
    file.write_text(text.replace("  - name: mixer\n", said))
    assert cli("pull", "mixer")[0] == 0, cli("pull", "mixer")
    assert propose(cli) == 0
    for who in ("anna", "ben"):
        cli("gold", "approve", "mixer", "--by", who, "--key", str(people[who]))
    assert cli("gold", "verify", "mixer")[0] == 0
    return cli


@pytest.fixture
def kit(approved: Cli, wheels: Path, tmp_path: Path) -> Path:
    """A kit for the mixer, on a "stick" that nobody can write to."""
    folder = tmp_path / "stick/kit"
    lock = ("--lock", str(ROOT / "requirements.lock"))
    code, made = approved.json("kit", "mixer", "--to", str(folder), "--wheels", str(wheels), *lock)
    assert (code, made["devices"], made["no_gold"]) == (0, ["mixer"], {})
    return folder


@pytest.fixture
def laptop(tmp_path: Path, kit: Path, approved: Cli) -> Iterator[Laptop]:
    mixer: Controller = {
        "kind": "modbus",
        "name": "mixer",
        "port": approved.plant.mixer.port,
        "papers": "",
    }
    made = Laptop(tmp_path, kit, [mixer], {"MIXER_PASSWORD": SECRET})
    yield made
    shutil.rmtree(made.home)


CHANGES = {"mixer": {"holding/203": 4711, "holding/205": 815, "holding/11": 1}}
"""Two registers of a range, and half of the speed, which is a REAL."""
RESTORE = ("restore", "mixer", "--by", "ben", "--yes")


def test_one_command_puts_a_device_back_without_a_network(
    approved: Cli, people: dict[str, Path], laptop: Laptop
) -> None:
    log = len(approved.plant.mixer.log)

    answer = laptop(CHANGES, RESTORE)
    assert (answer["ran"][0]["code"], answer["writes"]) == (2, 0), answer
    assert "0 of 1 approvals" in answer["ran"][0]["err"]
    assert set(answer["other"]["mixer"]) == CHANGES["mixer"].keys()

    answer = laptop(CHANGES, (*RESTORE, "--key", str(people["ben"])))
    (done,) = answer["ran"]
    assert done["code"] == 0, done["err"]
    assert "Good" in done["err"]
    assert "3 proved" in done["out"]
    assert answer["writes"] > 0
    assert answer["other"] == {}
    assert len(approved.plant.mixer.log) == log  # nothing but the controller on site was spoken to

    bundle = laptop.home / "home.bundle"
    answer = laptop({}, ("goldcopy", "vault", "export", str(bundle)))
    assert answer["ran"][0]["code"] == 0, answer
    brought = laptop.home / "brought"
    assert approved("vault", "import", str(bundle), "--into", str(brought))[0] == 0
    reader = Reader.load(approved.plant.inventory.parent / "keys/reader.key")
    with closing(Vault.open(brought, reader)) as vault:
        receipts = vault.notes("receipt")
    assert [(one.device, one.body["proved"]) for one in receipts] == [("mixer", True)]


def test_who_is_interrupted_goes_on_with_the_kit(people: dict[str, Path], laptop: Laptop) -> None:
    begin = (*RESTORE, "--key", str(people["ben"]))
    resume = ("goldcopy", "restore", "resume", "mixer", "--json")
    answer = laptop(CHANGES, begin, begin, resume, kill_after=1)
    killed, again, resumed = answer["ran"]
    assert killed["code"] == -9
    assert (again["code"], "was interrupted" in again["err"]) == (2, True)
    assert resumed["code"] == 0, resumed["err"]
    assert json.loads(resumed["out"])["proved"]
    assert answer["other"] == {}


@pytest.mark.parametrize("approved", [OPEN], indirect=True)
def test_two_people_approve_on_one_laptop(people: dict[str, Path], laptop: Laptop) -> None:
    answer = laptop(CHANGES, (*RESTORE, "--key", str(people["ben"])))
    (refused,) = answer["ran"]
    assert (refused["code"], answer["writes"]) == (2, 0), refused
    assert "1 of 2 approvals" in refused["err"]
    (plan,) = re.findall(r"sh goldcopy restore approve ([0-9a-f]+) ", refused["err"])
    approve = ("goldcopy", "restore", "approve", plan, "--by", "anna", "--key", str(people["anna"]))
    answer = laptop(CHANGES, approve, (*RESTORE, "--plan", plan))
    assert [ran["code"] for ran in answer["ran"]] == [0, 0], answer
    assert answer["other"] == {}


def test_nothing_is_written_before_somebody_says_so(
    people: dict[str, Path], laptop: Laptop
) -> None:
    answer = laptop(CHANGES, (*RESTORE[:-1], "--key", str(people["ben"])))
    assert (answer["ran"][0]["code"], answer["writes"]) == (1, 0)
    assert "4711" in answer["ran"][0]["out"]
    assert "stopped" in answer["ran"][0]["err"]


def test_what_was_changed_on_the_stick_is_not_used(kit: Path, laptop: Laptop) -> None:
    assert laptop({}, ("check",))["ran"][0]["code"] == 0
    glass = (*RESTORE, "--break-glass", "nobody there")

    def refused(why: str) -> None:
        answer = laptop(CHANGES, ("check",), glass, ("goldcopy", "devices"))
        assert answer["writes"] == 0
        for ran in answer["ran"]:
            assert ran["code"] == 3
            assert why in ran["err"]

    pack = kit / "vault/packs/00000001.pack"
    whole = pack.read_bytes()
    pack.chmod(0o644)
    pack.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    refused("damaged")
    pack.write_bytes(whole)

    planted = kit / "wheels/msgspec-99-py3-none-any.whl"
    planted.write_bytes(b"")
    refused("not of the kit")
    planted.unlink()

    runbook = kit / "runbooks/mixer.html"
    page = runbook.read_bytes()
    runbook.unlink()
    refused("damaged")
    runbook.write_bytes(page)
    assert laptop({}, ("check",))["ran"][0]["code"] == 0

    sums = kit / "SHA256SUMS"  # whoever changes a file can change its sum, and not the signature
    pack.write_bytes(whole + b"\n")
    done = subprocess.run(["sha256sum", "vault/packs/00000001.pack"], cwd=kit, capture_output=True)
    sums.chmod(0o644)
    listed = re.sub(r"(?m)^.*00000001\.pack$", done.stdout.decode().strip(), sums.read_text())
    sums.write_text(listed)
    refused("signature")


def test_a_wheel_that_is_not_what_the_lock_says_is_refused(
    approved: Cli, wheels: Path, tmp_path: Path
) -> None:
    lock = tmp_path / "other.lock"
    text = (ROOT / "requirements.lock").read_text()
    entry = re.search(r"^pyrage==.*?(?=^[a-z])", text, re.M | re.S)
    assert entry
    lock.write_text(text.replace(entry[0], entry[0].replace("sha256:", "sha256:0")))
    words = ("--to", str(tmp_path / "kit"), "--wheels", str(wheels), "--lock", str(lock))
    code, _, err = approved("kit", "mixer", *words)
    assert (code, "by its hash: pyrage-" in err) == (2, True)
    assert not (tmp_path / "kit").exists()


def test_no_secret_is_in_a_kit(kit: Path, approved: Cli) -> None:
    folder = approved.plant.inventory.parent
    secrets = [SECRET.encode(), b"AGE-SECRET-KEY-", b"PRIVATE KEY-----"]
    secrets += [(folder / "vault/collector/digests.key").read_bytes()]
    for path in kit.rglob("*"):
        if path.is_file() and path.suffix != ".whl":
            data = path.read_bytes()
            assert not any(secret in data for secret in secrets), path
    assert not (kit / "vault/collector").exists()
