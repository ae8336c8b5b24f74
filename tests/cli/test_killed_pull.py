"""``kill -9`` at any moment of ``goldcopy pull``: what it reported is kept, nothing is half there.

How often: ``--kills`` (``make soak N=…``), as for the vault's own test in tests/core/test_kill.py.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time

import pytest
from tests.cli.conftest import Plant

from goldcopy.vault import Reader, Vault


@pytest.mark.timeout(0)  # as long as --kills asks for; each step has a limit of its own
def test_what_a_killed_pull_reported_is_there(plant: Plant, request: pytest.FixtureRequest) -> None:
    words = [sys.executable, "-m", "goldcopy", "pull", "mixer", "--json"]
    words += ["-i", str(plant.inventory)]
    chance = random.Random(2)
    path = plant.inventory.parent / "vault"
    reader = Reader.load(plant.inventory.parent / "keys/reader.key")
    begin = time.monotonic()
    reported = [pulled(words)]
    whole = time.monotonic() - begin
    kills = max(1, request.config.getoption("--kills") // 3)
    killed = 0
    for round_ in range(kills):
        plant.change("holding/200", round_ % 2**16)
        running = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        # Most of a run is Python starting; what matters comes after it.
        time.sleep(whole * chance.uniform(0.5, 1.1))
        killed += running.poll() is None
        running.kill()
        out, _ = running.communicate(timeout=30)
        if running.returncode == 0:
            reported.append(json.loads(out)["devices"][0]["id"])
        vault = Vault.open(path, reader)
        assert vault.doubts == []
        ids = [entry.id for entry in vault.log("mixer")]
        assert set(reported) <= set(ids)
        for entry in vault.log("mixer")[:2]:
            assert vault.load(entry).id == entry.id
        vault.close()
    assert killed, "every run was over before it was killed"
    reported.append(pulled(words))
    vault = Vault.open(path, reader)
    assert vault.resolve("mixer").id == reported[-1]
    vault.close()


def pulled(words: list[str]) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
    device = json.loads(done.stdout)["devices"][0]
    assert device["state"] == "kept"
    return str(device["id"])
