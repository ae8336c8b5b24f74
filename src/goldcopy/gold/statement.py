"""What people sign: one line of canonical JSON that says everything, so that it can be read alone.

The bytes that were signed are kept and verified as they are; nothing is ever put together anew to
be verified. A line has one form only, so it has one reading only.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from functools import cached_property
from typing import Final, Literal, Self

import msgspec

from goldcopy.errors import Wrong
from goldcopy.gold.scope import Scope
from goldcopy.inventory import Rules, parse_rules
from goldcopy.snapshot import Snapshot

FORMAT: Final = "goldcopy-gold/1"
EVERYTHING: Final = ("**",)
LONGEST: Final = 4_000_000
"""Bytes of a line; one with 10,000 learned rules has some 600,000."""

Action = Literal["propose", "approve", "revoke", "reattest"]

_HASH: Final = re.compile(r"[0-9a-f]{64}")


class Statement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """A statement on a gold copy. ``until`` and ``time`` are UTC, to the second."""

    format: str = FORMAT
    action: Action
    vault: str
    """Id of the vault, so that it counts in no other one."""
    device: str
    snapshot: str
    """Id of the snapshot that is, or is to be, the gold copy."""
    settings: str
    """Its settings digest."""
    rules: str
    """Digest of the rules in ``masks``."""
    masks: tuple[msgspec.Raw, ...]
    """All rules in force, in order, each as its canonical line: what they hide is signed too."""
    scope: tuple[str, ...]
    """Which paths are compared; see ``scope.Scope``."""
    reason: str
    """Of a revocation: why it is revoked."""
    ticket: str
    until: datetime
    """The last moment at which it is good."""
    proposed_by: str
    proposal: str
    """Digest of the statement that is approved, revoked or renewed; "" for a proposal."""
    by: str
    """Who says so: a principal of the ``allowed_signers`` file."""
    time: datetime

    @classmethod
    def propose(
        cls,
        snapshot: Snapshot,
        rules: Rules,
        *,
        vault: str,
        by: str,
        reason: str,
        until: datetime,
        time: datetime,
        ticket: str = "",
        scope: tuple[str, ...] = EVERYTHING,
        renews: str = "",
    ) -> Self:
        """Propose a snapshot; ``renews`` is the digest of the statement that it attests again.

        Raises ``Wrong`` for what nobody should sign.
        """
        made = cls(
            action="reattest" if renews else "propose",
            vault=vault,
            device=snapshot.device,
            snapshot=snapshot.id,
            settings=snapshot.settings,
            rules=rules.digest,
            masks=tuple(msgspec.Raw(rule.line) for rule in rules.rules),
            scope=scope,
            reason=reason,
            ticket=ticket,
            until=_second(until),
            proposed_by=by,
            proposal=renews,
            by=by,
            time=_second(time),
        )
        made.check()
        return made

    def approval(self, by: str, time: datetime) -> Statement:
        """What ``by`` signs to approve this proposal. Raises ``Wrong`` after its end."""
        if time > self.until:
            raise Wrong(f"it ended at {self.until:%Y-%m-%d %H:%M} UTC; propose it again")
        return self._answer("approve", by, time, self.reason)

    def revocation(self, by: str, time: datetime, reason: str) -> Statement:
        """What ``by`` signs to revoke this proposal, approved or not."""
        return self._answer("revoke", by, time, reason)

    def _answer(self, action: Action, by: str, time: datetime, reason: str) -> Statement:
        if self.action not in ("propose", "reattest"):
            raise Wrong(f"only a proposal can be approved or revoked, not one to {self.action}")
        made = msgspec.structs.replace(
            self, action=action, proposal=self.digest, by=by, time=_second(time), reason=reason
        )
        made.check()
        return made

    @cached_property
    def line(self) -> bytes:
        """The bytes to sign, line feed included."""
        # As jq prints it: docs/format.md, section 1.
        return msgspec.json.encode(self).replace(b"\x7f", b"\\u007f") + b"\n"

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the line: by this, answers refer to a proposal."""
        return hashlib.sha256(self.line).hexdigest()

    @cached_property
    def ruleset(self) -> Rules:
        """The rules that were signed."""
        return parse_rules(self.masks)

    def terms(self) -> dict[str, object]:
        """All that an approval must have in common with what it approves, by field."""
        told = msgspec.structs.asdict(self)
        for field in ("action", "proposal", "by", "time"):
            del told[field]
        return told

    def check(self) -> None:
        """Raise ``Wrong`` for what nobody should sign."""
        if self.format != FORMAT:
            raise Wrong(f"its format is {self.format!r}; this version knows {FORMAT!r}")
        for field in ("snapshot", "settings"):
            if not _HASH.fullmatch(getattr(self, field)):
                raise Wrong(f"{field} is no SHA-256")
        if self.action == "propose" and self.proposal:
            raise Wrong("a proposal answers no other statement")
        if self.action != "propose" and not _HASH.fullmatch(self.proposal):
            raise Wrong(f"a statement to {self.action} must name a proposal by its SHA-256")
        for field in ("vault", "device", "reason", "proposed_by", "by"):
            if not getattr(self, field).strip():
                raise Wrong(f"{field.replace('_', ' ')} is empty; say it")
        for moment in (self.until, self.time):
            if moment.tzinfo is None or moment.utcoffset() or moment.microsecond:
                raise Wrong("its times must be UTC, in whole seconds")
        if self.action in ("propose", "reattest") and self.until <= self.time:
            raise Wrong(f"it would end at {self.until:%Y-%m-%d %H:%M} UTC, before it begins")
        Scope(self.scope)
        if self.ruleset.digest != self.rules:
            raise Wrong("its rules are not those whose digest it names")


def parse(line: bytes) -> Statement:
    """Read a statement as it was signed. Raises ``Wrong`` unless it is one in its only form."""
    try:
        if len(line) > LONGEST:
            raise Wrong(f"more than {LONGEST} bytes")
        statement = msgspec.json.decode(line, type=Statement)
        statement.check()
    except (msgspec.DecodeError, UnicodeDecodeError, Wrong) as error:
        raise Wrong(f"no statement on a gold copy: {error}") from None
    if statement.line != line:
        raise Wrong("no statement on a gold copy: not in its canonical form")
    return statement


def _second(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
