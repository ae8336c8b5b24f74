"""Approvals that do not count, put straight into the vault, past every check of a command.

Whoever can write to a vault can put any note into it. ``gold verify`` tells each by its own reason,
and none of them makes anything green.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from tests.cli.conftest import Cli
from tests.cli.test_gold_and_drift import people, propose

from goldcopy.gold import signing, sshsig
from goldcopy.gold.judgement import APPROVAL, PROPOSAL
from goldcopy.gold.statement import Statement, parse
from goldcopy.inventory import Rules
from goldcopy.snapshot import Snapshot
from goldcopy.vault import Reader, Vault

__all__ = ["people"]


class Forger:
    """Somebody with access to the vault and to some keys."""

    def __init__(self, cli: Cli, keys: dict[str, Path]) -> None:
        self.cli = cli
        self.keys = keys
        self.folder = cli.plant.inventory.parent
        with self.opened() as vault:
            self.vault = vault.id

    @contextlib.contextmanager
    def opened(self) -> Iterator[Vault]:
        reader = Reader.load(self.folder / "keys/reader.key")
        vault = Vault.open(self.folder / "vault", reader)
        yield vault
        vault.close()

    def sign(self, made: Statement, who: str) -> str:
        return sshsig.sign(made.line, signing.load_key(self.keys[who]))

    def put(self, made: Statement, signature: str, kind: str = APPROVAL, device: str = "") -> None:
        body = {"statement": made.line.decode(), "signature": signature}

        async def keep(vault: Vault) -> None:
            async with vault.writing() as writer:
                await writer.note(kind, device or made.device, body)

        with self.opened() as vault:
            asyncio.run(keep(vault))

    def proposed(self) -> Statement:
        with self.opened() as vault:
            return parse(str(vault.notes(PROPOSAL, "mixer")[-1].body["statement"]).encode())

    def snapshot(self) -> Snapshot:
        with self.opened() as vault:
            return vault.load(vault.log("mixer")[0])

    def made(self, snapshot: Snapshot, **changed: object) -> Statement:
        now = datetime.now(UTC)
        said = {"vault": self.vault, "by": "anna", "reason": "ok", "time": now}
        said |= {"until": now + timedelta(days=90), **changed}
        return Statement.propose(snapshot, Rules(), **said)  # type: ignore[arg-type]

    def yes(self, made: Statement, by: str = "ben") -> Statement:
        return made.approval(by, min(datetime.now(UTC), made.until))


@pytest.fixture
def forger(cli: Cli, people: dict[str, Path]) -> Forger:
    assert cli("pull", "mixer")[0] == 0
    assert propose(cli) == 0
    return Forger(cli, people)


def forged(f: Forger) -> None:
    made = f.yes(f.proposed())
    later = msgspec.structs.replace(made, time=made.time + timedelta(seconds=1))
    f.put(made, f.sign(later, "ben"))


def unsigned(f: Forger) -> None:
    f.put(f.yes(f.proposed()), "")


def unknown(f: Forger) -> None:
    made = f.yes(f.proposed())
    f.put(made, f.sign(made, "mallory"))


def wrong_person(f: Forger) -> None:
    made = f.yes(f.proposed())
    f.put(made, f.sign(made, "anna"))


def same_person(f: Forger) -> None:
    path = f.cli.plant.inventory
    path.write_text(path.read_text().replace("approvers: 1", "approvers: 2"))
    for seconds in (0, 1):
        made = f.yes(f.proposed())
        made = msgspec.structs.replace(made, time=made.time + timedelta(seconds=seconds))
        f.put(made, f.sign(made, "ben"))


def other_snapshot(f: Forger) -> None:
    f.cli.plant.change("holding/203", 4711)
    f.cli("pull", "mixer")
    made = f.yes(f.made(f.snapshot()))
    made = msgspec.structs.replace(made, proposal=f.proposed().digest)
    f.put(made, f.sign(made, "ben"))


def other_terms(f: Forger) -> None:
    made = f.yes(f.proposed())
    made = msgspec.structs.replace(made, until=made.until + timedelta(days=999))
    f.put(made, f.sign(made, "ben"))


def expired(f: Forger) -> None:
    now = datetime.now(UTC)
    old = f.made(f.snapshot(), time=now - timedelta(days=9), until=now - timedelta(days=1))
    f.put(old, "", PROPOSAL)
    made = f.yes(old)
    f.put(made, f.sign(made, "ben"))


def other_device(f: Forger) -> None:
    snapshot = f.snapshot()
    snapshot = Snapshot(
        "oven", snapshot.driver, snapshot.identity, snapshot.items, snapshot.gaps, snapshot.rules
    )
    made = f.yes(f.made(snapshot))
    f.put(made, f.sign(made, "ben"), device="mixer")


def other_vault(f: Forger) -> None:
    made = f.yes(f.made(f.snapshot(), vault="another"))
    f.put(made, f.sign(made, "ben"))


def no_proposal(f: Forger) -> None:
    made = f.yes(f.made(f.snapshot(), reason="never proposed"))
    f.put(made, f.sign(made, "ben"))


WAYS: dict[Callable[[Forger], None], str] = {
    forged: "forged",
    unsigned: "forged",
    unknown: "unknown-signer",
    wrong_person: "wrong-person",
    same_person: "same-person",
    other_snapshot: "other-snapshot",
    other_terms: "other-terms",
    expired: "expired",
    other_device: "other-device",
    other_vault: "other-vault",
    no_proposal: "no-proposal",
}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_refused_with_a_reason_of_its_own(forger: Forger, way: Callable[[Forger], None]) -> None:
    way(forger)
    cli, reason = forger.cli, WAYS[way]
    code, answer = cli.json("gold", "verify", "mixer")
    assert code == 1
    assert [refusal["reason"] for refusal in answer[0]["refused"]] == [reason]
    assert answer[0]["refused"][0]["why"]
    code, out, _ = cli("gold", "verify", "mixer")
    assert (code, f"refused ({reason})" in out) == (1, True)
    code, drift = cli.json("drift", "mixer")
    assert (code, drift["devices"][0]["state"] == "green") == (1, False)


# Where two approvers are asked for, there is no good one beside it.
@pytest.mark.parametrize(
    "way", [way for way in WAYS if way is not same_person], ids=lambda way: way.__name__
)
def test_a_good_gold_copy_outlives_it(
    forger: Forger, way: Callable[[Forger], None], people: dict[str, Path]
) -> None:
    cli = forger.cli
    assert cli("gold", "approve", "mixer", "--by", "anna", "--key", str(people["anna"]))[0] == 0
    way(forger)
    code, answer = cli.json("gold", "verify", "mixer")
    assert (code, answer[0]["state"]) == (0, "valid")
    assert WAYS[way] in [refusal["reason"] for refusal in answer[0]["refused"]]


def test_a_signature_of_something_else_is_not_even_kept(
    cli: Cli, forger: Forger, people: dict[str, Path]
) -> None:
    made = forger.yes(forger.proposed())
    statement, signature = forger.folder / "s", forger.folder / "s.sig"
    statement.write_bytes(made.line)
    signature.write_text(forger.sign(forger.yes(forger.proposed(), "anna"), "ben"))
    code, _, err = cli("gold", "submit", str(statement), str(signature))
    assert (code, err.count("\n")) == (2, 1)
    statement.write_bytes(made.line.replace(b'"by":"ben"', b'"by":"bob"'))
    signature.write_text(forger.sign(made, "ben"))
    assert cli("gold", "submit", str(statement), str(signature))[0] == 2
    with forger.opened() as vault:
        assert vault.notes(APPROVAL, "mixer") == []
