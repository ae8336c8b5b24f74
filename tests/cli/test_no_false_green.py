"""Whatever ends a pull before it is whole, ``drift`` never says that all is as approved."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.conftest import Cli
from tests.cli.test_gold_and_drift import people, propose, state

from goldcopy.collect.begun import NAME
from goldcopy.snapshot import Identity, Snapshot
from goldcopy.vault import Reader, Vault
from goldcopy.vault.records import Facts
from goldcopy_sim.modbus.tables import Registers

__all__ = ["people"]


@pytest.fixture
def green(cli: Cli, people: dict[str, Path]) -> Cli:
    """A mixer with a gold copy, and just now as approved."""
    assert cli("pull", "mixer")[0] == 0
    assert propose(cli) == 0
    assert cli("gold", "approve", "mixer", "--by", "ben", "--key", str(people["ben"]))[0] == 0
    assert cli("drift", "mixer")[0] == 0
    return cli


def not_green(cli: Cli, word: str) -> None:
    """In every way of asking, this is said and not that all is well."""
    code, answer = cli.json("drift", "mixer")
    assert (code, answer["devices"][0]["state"]) == (1, word)
    assert answer["devices"][0]["why"]
    report = cli.plant.inventory.parent / "report"
    code, out, _ = cli("drift", "mixer", "--report", str(report))
    assert (code, word in out, "green" in out) == (1, True, False)
    page = (report / "drift.html").read_text()
    assert "1 of 1 devices need a person" in page
    assert "as approved" not in page.lower()
    assert f'state="{word}"}} 0' in (report / "goldcopy.prom").read_text()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("words", [["pull"], ["drift", "--pull"]], ids=" ".join)
def test_a_pull_that_was_interrupted(green: Cli, words: list[str], how: signal.Signals) -> None:
    """The last snapshot is young and as approved, but nobody knows what is there now."""
    plant = green.plant
    plant.in_loop(lambda: setattr(plant.mixer, "fault", "silent"))
    program = [sys.executable, "-m", "goldcopy", *words, "mixer", "-i", str(plant.inventory)]
    running = subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    marker = plant.inventory.parent / "vault" / NAME
    end = time.monotonic() + 30
    while not marker.exists():
        assert running.poll() is None, "it was over before it was interrupted"
        assert time.monotonic() < end
        time.sleep(0.02)
    assert state(green) == "not-read"  # while it is under way
    running.send_signal(how)
    assert running.wait(30) != 0
    not_green(green, "not-read")
    assert "interrupted" in green("drift", "mixer")[1]
    # Other devices are not meant, and a pull that ends sets it right.
    plant.in_loop(lambda: setattr(plant.mixer, "fault", None))
    green("pull", "oven")
    assert state(green) == "not-read"
    assert green("drift", "mixer", "--pull")[0] == 0
    assert not marker.exists()


@pytest.mark.parametrize("fault", ["silent", "cut", "late", "short-count"])
def test_a_controller_that_answers_nonsense(green: Cli, fault: str) -> None:
    """It gives the snapshot that it should give, or none; here it never gives one in part."""
    plant = green.plant
    plant.inventory.write_text(plant.inventory.read_text().replace("timeout: 5s", "timeout: 200ms"))
    plant.in_loop(lambda: setattr(plant.mixer, "fault", fault))
    plant.change("holding/203", 4711)
    code, answer = green.json("drift", "mixer", "--pull")
    assert (code, answer["devices"][0]["state"]) in {(1, "not-read"), (1, "drift"), (1, "gaps")}
    assert state(green) != "green"
    plant.in_loop(lambda: setattr(plant.mixer, "fault", None))
    code, answer = green.json("drift", "mixer", "--pull")
    assert [found["path"] for found in answer["devices"][0]["findings"]] == ["holding/203"]


def hole(cli: Cli) -> Callable[[], None]:
    """Take a register from the mixer; what gives it back."""
    unit = cli.plant.mixer.units[1]
    whole = unit.holding
    less = Registers({address: whole[address] for address in whole if address != 205})
    cli.plant.in_loop(lambda: setattr(unit, "holding", less))
    return lambda: cli.plant.in_loop(lambda: setattr(unit, "holding", whole))


def test_a_pull_in_part(green: Cli) -> None:
    mend = hole(green)
    assert green("pull", "mixer")[0] == 1
    not_green(green, "gaps")
    mend()
    assert green("drift", "mixer", "--pull")[0] == 0


def test_a_gold_copy_in_part(cli: Cli, people: dict[str, Path]) -> None:
    """What was a gap when it was approved was never approved."""
    mend = hole(cli)
    cli("pull", "mixer")
    propose(cli)
    cli("gold", "approve", "mixer", "--by", "ben", "--key", str(people["ben"]))
    not_green(cli, "gold-incomplete")
    mend()
    assert cli("drift", "mixer", "--pull")[0] == 1
    assert state(cli) == "drift"


def keep(cli: Cli, change: Callable[[Snapshot], Snapshot]) -> None:
    """Put a snapshot into the vault as a pull that ended before it was whole might have."""
    folder = cli.plant.inventory.parent
    vault = Vault.open(folder / "vault", Reader.load(folder / "keys/reader.key"))
    entry = vault.log("mixer")[0]
    facts = Facts(taken=entry.facts.taken.now(entry.facts.taken.tzinfo), seconds=1, requests=1,
                  bytes=1)  # fmt: skip

    async def put() -> None:
        async with vault.writing() as writer:
            await writer.keep(change(vault.load(entry)), facts)

    asyncio.run(put())
    vault.close()


def test_a_pull_that_found_nothing(green: Cli) -> None:
    keep(green, lambda s: Snapshot.of(s.device, s.driver, s.identity, [], rules=s.rules))
    not_green(green, "empty")


def test_a_pull_that_found_less(green: Cli) -> None:
    def shorter(s: Snapshot) -> Snapshot:
        return Snapshot.of(s.device, s.driver, s.identity, s.items[:-1], rules=s.rules)

    keep(green, shorter)
    not_green(green, "drift")


def test_a_pull_that_lost_the_identity(green: Cli) -> None:
    keep(green, lambda s: Snapshot.of(s.device, s.driver, Identity(), s.items, rules=s.rules))
    not_green(green, "drift")


def test_a_snapshot_that_is_damaged(green: Cli) -> None:
    pack = sorted((green.plant.inventory.parent / "vault/packs").iterdir())[0]
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 1
    pack.chmod(0o600)
    pack.write_bytes(data)
    os.utime(pack)
    code, out, _ = green("drift", "mixer")
    assert (code, "green" in out) in {(1, False), (3, False)}
