"""The recovery kit, used as on site: a clean environment, and no network but loopback."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Cli, cli, plant
from tests.cli.test_gold_and_drift import people, propose

__all__ = ["cli", "people", "plant"]
pytestmark = pytest.mark.timeout(400)  # wheels may have to be fetched, and are installed again

ROOT = Path(__file__).parents[2]
SITE = Path(__file__).with_name("kit_site.py")
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


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheelhouse: goldcopy's own wheel, and the locked versions of what it depends on."""
    folder = tmp_path_factory.mktemp("wheels")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    lock = (ROOT / "requirements.lock").read_text()
    pinned = re.findall(r"^([A-Za-z0-9_.-]+)(?:\[[^]]*\])?(==[^\s;\\]+)", lock, re.M)
    limits = folder.with_name("limits.txt")
    limits.write_text("".join(f"{name}{version}\n" for name, version in pinned))
    own = ("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT))
    subprocess.run([*pip, *own], check=True, timeout=120)
    (built,) = folder.glob("goldcopy-*.whl")
    words = ("download", "--only-binary", ":all:", "--dest", str(folder), "-c", str(limits))
    subprocess.run([*pip, *words, str(built)], check=True, timeout=200)
    return folder


@pytest.fixture
def approved(cli: Cli, people: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """A mixer with a gold copy that may be restored."""
    monkeypatch.setenv("MIXER_PASSWORD", "not-for-any-kit")
    text = cli.plant.inventory.read_text()
    cli.plant.inventory.write_text(
        text.replace("  - name: mixer\n", f"  - name: mixer\n{RECOVERY}")
    )
    assert cli("pull", "mixer")[0] == 0, cli("pull", "mixer")
    assert propose(cli) == 0
    assert cli("gold", "approve", "mixer", "--by", "ben", "--key", str(people["ben"]))[0] == 0
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
def site(tmp_path: Path) -> Iterator[Callable[..., dict[str, Any]]]:
    """Runs a command on site; all that it has of this place is the reader's key and a home."""
    home = tmp_path / "laptop"
    home.mkdir()
    python = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(home),
        "GOLDCOPY_PYTHON": str(python),
        "GOLDCOPY_IDENTITY": str(tmp_path / "keys/reader.key"),
        "MIXER_PASSWORD": "not-for-any-kit",
    }
    apart = ["unshare", "--net"] if os.getuid() == 0 else ["unshare", "--map-root-user", "--net"]

    def run(port: int, changes: dict[str, int], *command: str) -> dict[str, Any]:
        words = [str(port), *(f"{a}={v}" for a, v in changes.items()), "--"]
        words += ["env", "-i", *(f"{k}={v}" for k, v in environment.items()), *command]
        done = subprocess.run(
            [*apart, sys.executable, str(SITE), *words], capture_output=True, timeout=300
        )
        assert done.returncode == 0, done.stderr.decode()
        answer: dict[str, Any] = json.loads(done.stdout)
        assert answer["interfaces"] == ["lo"]
        return answer

    yield run
    shutil.rmtree(home)


CHANGES = {"holding/203": 4711, "holding/205": 815, "holding/11": 1}
"""Two registers of a range, and half of the speed, which is a REAL."""


def test_one_command_puts_a_device_back_without_a_network(
    kit: Path, approved: Cli, people: dict[str, Path], site: Callable[..., dict[str, Any]]
) -> None:
    before = {path: path.read_bytes() for path in kit.rglob("*") if path.is_file()}
    port = approved.plant.mixer.port
    log = len(approved.plant.mixer.log)
    restore = ("sh", str(kit / "restore"), "mixer", "--by", "ben", "--yes")

    refused = site(port, CHANGES, *restore)
    assert (refused["code"], refused["writes"]) == (2, 0), refused["err"]
    assert "0 of 1 approvals" in refused["err"]
    assert refused["other"].keys() >= {"holding/203", "holding/205"}

    done = site(port, CHANGES, *restore, "--key", str(people["ben"]))
    assert done["code"] == 0, done["err"]
    assert "Good" in done["err"]
    assert "3 proved" in done["out"]
    assert done["writes"] > 0
    assert done["other"] == {}

    assert {path: path.read_bytes() for path in before} == before
    assert len(approved.plant.mixer.log) == log
    listed = site(port, {}, "sh", str(kit / "goldcopy"), "restore", "list", "--json")
    answer = json.loads(listed["out"])
    assert [note["body"]["proved"] for note in answer["receipts"]] == [True]
    assert answer["unfinished"] == []


def test_what_was_changed_on_the_stick_is_not_used(
    kit: Path, approved: Cli, site: Callable[..., dict[str, Any]]
) -> None:
    port = approved.plant.mixer.port
    check = ("sh", str(kit / "check"))
    assert site(port, {}, *check)["code"] == 0
    restore = ("sh", str(kit / "restore"), "mixer", "--by", "ben", "--break-glass", "x", "--yes")

    def refused(why: str) -> None:
        for command in (check, restore, ("sh", str(kit / "goldcopy"), "devices")):
            answer = site(port, CHANGES, *command)
            assert (answer["code"], answer["writes"]) == (3, 0)
            assert why in answer["err"]

    pack = kit / "vault/packs/00000001.pack"
    whole = pack.read_bytes()
    pack.chmod(0o644)
    pack.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    refused("damaged")
    pack.write_bytes(whole)
    assert site(port, {}, *check)["code"] == 0

    planted = kit / "wheels/msgspec-99-py3-none-any.whl"
    planted.write_bytes(b"")
    refused("not of the kit")
    planted.unlink()

    runbook = kit / "runbooks/mixer.html"
    page = runbook.read_bytes()
    runbook.unlink()
    refused("damaged")
    runbook.write_bytes(page)

    sums = kit / "SHA256SUMS"  # whoever changes a file can change its sum, and not the signature
    line = sums.read_text()
    pack.write_bytes(whole + b"\n")
    done = subprocess.run(["sha256sum", "vault/packs/00000001.pack"], cwd=kit, capture_output=True)
    sums.chmod(0o644)
    sums.write_text(re.sub(r"(?m)^.*00000001\.pack$", done.stdout.decode().strip(), line))
    refused("signature")


def test_no_secret_is_in_a_kit(kit: Path, approved: Cli) -> None:
    keys = approved.plant.inventory.parent
    secrets = [b"not-for-any-kit", b"AGE-SECRET-KEY", b"PRIVATE KEY-----"]
    secrets += [(keys / "vault/collector/digests.key").read_bytes()]
    for path in kit.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert not any(secret in data for secret in secrets), path
    assert not (kit / "vault/collector").exists()
