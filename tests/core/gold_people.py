"""People with keys, and the notes they leave: for the tests of gold copies and drift."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ed25519

from goldcopy.gold import sshsig
from goldcopy.gold.judgement import APPROVAL, PROPOSAL, REVOCATION, GoldNote
from goldcopy.gold.signers import Signers, parse
from goldcopy.gold.statement import Statement
from goldcopy.inventory import Rule, Rules
from goldcopy.snapshot import Identity, Item, Snapshot

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ALICE, BOB, CAROL, EVE = "alice@plant", "bob@plant", "carol@plant", "eve@elsewhere"
KEYS = {who: ed25519.Ed25519PrivateKey.generate() for who in (ALICE, BOB, CAROL, EVE)}
RULES = Rules([Rule("live/**", "process")])


def key_words(who: str) -> str:
    key = sshsig.public_key(KEYS[who])
    return f"{key.kind} {base64.b64encode(key.blob).decode()}"


def signers(*more: str) -> Signers:
    lines = [f"{who} {key_words(who)}" for who in (ALICE, BOB, CAROL)]
    return parse("\n".join([*lines, *more]))


def snapshot(speed: int = 7, device: str = "mixer") -> Snapshot:
    return Snapshot.of(device, "s7", Identity(), [Item("db/5/speed", "tag", "INT", speed)])


def proposal(of: Snapshot | None = None, **changed: Any) -> Statement:  # noqa: ANN401
    said: dict[str, Any] = {
        "vault": "v1",
        "by": ALICE,
        "reason": "after the overhaul",
        "until": NOON + 365 * DAY,
        "time": NOON,
    }
    return Statement.propose(of or snapshot(), RULES, **(said | changed))


def note(
    statement: Statement, signer: str = "", kind: str = "", time: datetime | None = None
) -> GoldNote:
    """The note with a statement, signed with the key of ``signer``: by default, of who says it."""
    kinds = {"approve": APPROVAL, "revoke": REVOCATION}
    key = KEYS[signer or statement.by]
    signature = sshsig.sign(statement.line, key)
    return GoldNote(
        kind or kinds.get(statement.action, PROPOSAL),
        time or statement.time,
        statement.line.decode(),
        signature,
    )


def approved(statement: Statement, *people: str) -> list[GoldNote]:
    """A proposal, and its approvals an hour later."""
    answers = [statement.approval(who, statement.time + HOUR) for who in people]
    return [note(statement), *map(note, answers)]
