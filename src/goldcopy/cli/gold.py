"""``goldcopy gold …``: name known-good snapshots, by the signatures of named people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from goldcopy.cli.gold_list import judged_gold
from goldcopy.cli.options import DEFAULT_INVENTORY, InventoryFile, Json

if TYPE_CHECKING:
    from goldcopy.gold.judgement import Judgement
    from goldcopy.gold.statement import Statement
    from goldcopy.inventory import Device, Inventory
    from goldcopy.snapshot import Snapshot
    from goldcopy.vault import Vault

By = Annotated[str, typer.Option("--by", help="Who you are: a principal of the allowed signers.")]
Key = Annotated[
    Path | None,
    typer.Option(
        "--key", help="Your SSH key: a private key, or the public half of one in an agent."
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", help="Write the statement, to be signed elsewhere with ssh-keygen -Y."),
]


def propose(
    snapshot: Annotated[str, typer.Argument(help="DEVICE, DEVICE~1, DEVICE@DAY, or an id.")],
    by: By,
    reason: Annotated[str, typer.Option("--reason", help="Why it is good.")],
    until: Annotated[str, typer.Option("--until", help="2027-11-24, or so many days: 365d.")],
    ticket: Annotated[str, typer.Option("--ticket")] = "",
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", help="Globs of paths it speaks of; !GLOB keeps out. All, if none."),
    ] = None,
    but_gaps: Annotated[
        bool, typer.Option("--but-gaps", help="Keep what could not be read out of the scope.")
    ] = False,
    renew: Annotated[
        bool, typer.Option("--renew", help="Attest the present gold copy again.")
    ] = False,
    key: Key = None,
    inventory: InventoryFile = DEFAULT_INVENTORY,
    as_json: Json = False,
) -> None:
    """Propose a snapshot as gold copy. Nothing counts until enough people have approved it."""
    from goldcopy.cli.options import opened, read_inventory
    from goldcopy.cli.signing import signature_of
    from goldcopy.errors import Wrong
    from goldcopy.gold.judgement import PROPOSAL
    from goldcopy.gold.statement import EVERYTHING, Statement

    plant = read_inventory(inventory)
    with opened(plant) as vault:
        entry = vault.resolve(snapshot)
        device = _device(plant, entry.device)
        found = vault.load(entry)
        if found.rules != device.rules.digest:
            raise Wrong(
                f"{entry.device} was pulled with other rules than the inventory has now: "
                "pull it again, then propose that"
            )
        renews = ""
        if renew:
            gold = judged_gold(plant, vault, device).gold
            if gold is None or gold.statement.snapshot != found.id:
                raise Wrong(f"{found.id[:12]} is not the gold copy of {entry.device}")
            renews = gold.statement.digest
        now = datetime.now(UTC)
        made = Statement.propose(
            found,
            device.rules,
            vault=vault.id,
            by=by,
            reason=reason,
            until=_until(until, now),
            time=now,
            ticket=ticket,
            scope=(*(scope or EVERYTHING), *(_but(found) if but_gaps else ())),
            renews=renews,
        )
        _keep(vault, PROPOSAL, made, signature_of(made.line, key) if key else "", as_json)
        _what_next(made, found)


def approve(
    device: Annotated[str, typer.Argument()],
    by: By,
    key: Key = None,
    out: Out = None,
    inventory: InventoryFile = DEFAULT_INVENTORY,
    as_json: Json = False,
) -> None:
    """Approve what is proposed for a device, with your own key."""
    from goldcopy.cli.options import opened, read_inventory
    from goldcopy.gold.judgement import APPROVAL

    plant = read_inventory(inventory)
    with opened(plant) as vault:
        proposed = _pending(plant, vault, device)
        made = proposed.approval(by, datetime.now(UTC))
        _sign_or_write(vault, APPROVAL, made, key, out, as_json)
        if key is not None:
            _must_count(judged_gold(plant, vault, _device(plant, device)), proposed, by)


def revoke(
    device: Annotated[str, typer.Argument()],
    by: By,
    reason: Annotated[str, typer.Option("--reason", help="Why it is good no more.")],
    key: Key = None,
    out: Out = None,
    inventory: InventoryFile = DEFAULT_INVENTORY,
    as_json: Json = False,
) -> None:
    """Revoke the gold copy of a device, or what is proposed for it. One person is enough."""
    from goldcopy.cli.options import opened, read_inventory
    from goldcopy.errors import Wrong
    from goldcopy.gold.judgement import REVOCATION

    plant = read_inventory(inventory)
    with opened(plant) as vault:
        judgement = judged_gold(plant, vault, _device(plant, device))
        gold = judgement.gold or (judgement.pending[-1] if judgement.pending else None)
        if gold is None:
            raise Wrong(f"{device} has no gold copy, and none is proposed")
        made = gold.statement.revocation(by, datetime.now(UTC), reason)
        _sign_or_write(vault, REVOCATION, made, key, out, as_json)


def submit(
    statement: Annotated[Path, typer.Argument(help="As written by --out.")],
    signature: Annotated[Path, typer.Argument(help="As ssh-keygen -Y sign -n goldcopy made it.")],
    inventory: InventoryFile = DEFAULT_INVENTORY,
    as_json: Json = False,
) -> None:
    """Keep a statement that was signed elsewhere."""
    from goldcopy.cli.options import opened, read_inventory
    from goldcopy.errors import Wrong
    from goldcopy.gold import judgement, sshsig
    from goldcopy.gold.statement import parse

    try:
        line, armored = statement.read_bytes(), signature.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Wrong(f"{statement} or {signature} cannot be read: {error}") from None
    made = parse(line)
    sshsig.parse(armored).verify(line)
    kinds = {"approve": judgement.APPROVAL, "revoke": judgement.REVOCATION}
    with opened(read_inventory(inventory)) as vault:
        _keep(vault, kinds.get(made.action, judgement.PROPOSAL), made, armored, as_json)


# -- the parts -------------------------------------------------------------------------------------


def _but(found: Snapshot) -> list[str]:
    """Patterns that keep out what could not be read, each gap by its name: it is signed for."""
    from goldcopy.gold.scope import gap_paths

    return [f"!{path}" for gap in found.gaps for path in gap_paths(gap.path)]


def _what_next(made: Statement, found: Snapshot) -> None:
    """Say what a proposal is to become, and that gaps in its scope keep it from being whole."""
    import sys

    from goldcopy.cli.advice import either
    from goldcopy.cli.pull import named
    from goldcopy.gold.scope import Scope

    ways = [f"goldcopy gold approve {made.device} --by NAME --key SSH_KEY"]
    scope = Scope(made.scope)
    if holes := [gap.path for gap in found.gaps if scope.touched_by(gap.path)]:
        text = f"{len(holes)} gaps in its scope would make it gold-incomplete: {named(holes)}"
        print(text, file=sys.stderr)
        ways.insert(0, "propose it with --but-gaps, if nobody needs what could not be read")
    print(*either(*ways), sep="\n", file=sys.stderr)


def _must_count(judgement: Judgement, proposed: Statement, by: str) -> None:
    """Raise ``Wrong`` unless the approval by this person, which is kept, counts."""
    from goldcopy.errors import Wrong

    candidates = [*judgement.pending, *([judgement.gold] if judgement.gold else [])]
    heard = [one for one in candidates if one.statement.digest == proposed.digest]
    if not any(approval.by == by for one in heard for approval in one.approvals):
        whys = [one.why for one in judgement.refused if one.by == by]
        said = f": {whys[-1]}" if whys else ""
        raise Wrong(f"{proposed.device}: this approval by {by} is kept, and does not count{said}")


def _pending(plant: Inventory, vault: Vault, name: str) -> Statement:
    from goldcopy.errors import Wrong

    pending = judged_gold(plant, vault, _device(plant, name)).pending
    if not pending:
        raise Wrong(f"nothing is proposed for {name}: goldcopy gold propose {name} …")
    return pending[-1].statement


def _device(plant: Inventory, name: str) -> Device:
    return plant.select(name)[0]


def _until(text: str, now: datetime) -> datetime:
    from goldcopy.errors import Wrong

    if text.endswith("d") and text[:-1].isdecimal():
        return now + timedelta(days=int(text[:-1]))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Wrong(f"--until {text}: write a day as 2027-11-24, or days as 365d") from None
    return moment.astimezone(UTC)


def _sign_or_write(
    vault: Vault, kind: str, made: Statement, key: Path | None, out: Path | None, as_json: bool
) -> None:
    from goldcopy.cli.signing import signature_of
    from goldcopy.errors import Wrong

    if (key is None) == (out is None):
        raise Wrong("give --key to sign now, or --out to sign elsewhere")
    if key is not None:
        _keep(vault, kind, made, signature_of(made.line, key), as_json)
        return
    assert out is not None
    try:
        out.write_bytes(made.line)
    except OSError as error:
        raise Wrong(f"{out} cannot be written: {error.strerror}") from None
    print(f"sign it:  ssh-keygen -Y sign -n goldcopy -f YOUR_KEY {out}")
    print(f"then:     goldcopy gold submit {out} {out}.sig")


def _keep(vault: Vault, kind: str, made: Statement, signature: str, as_json: bool) -> None:
    import asyncio

    from goldcopy.cli import output

    body: Mapping[str, object] = {"statement": made.line.decode(), "signature": signature}

    async def keep() -> str:
        async with vault.writing() as writer:
            return (await writer.note(kind, made.device, body)).id

    note = asyncio.run(keep())
    if as_json:
        output.emit({"kind": kind, "device": made.device, "statement": made, "note": note})
    else:
        print(f"{kind}  {made.device}  {made.snapshot[:12]}  by {made.by}, kept as {note[:12]}")
