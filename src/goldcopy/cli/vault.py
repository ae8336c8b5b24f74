"""``goldcopy vault …``: proving the vault, its index, its keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from goldcopy.cli.options import DEFAULT_INVENTORY, InventoryFile, Json

if TYPE_CHECKING:
    from goldcopy.vault.verify import Level


def head(inventory: InventoryFile = DEFAULT_INVENTORY, as_json: Json = False) -> None:
    """Print the vault's head, to be kept elsewhere: it shows a vault that was put back."""
    from goldcopy.cli import output
    from goldcopy.cli.options import opened, read_inventory

    with opened(read_inventory(inventory)) as vault:
        seq, digest = vault.head()
        if as_json:
            output.emit({"vault": vault.id, "pack": seq, "hash": digest})
        else:
            print(f"vault {vault.id}  pack {seq}  {digest}")


def verify(
    quick: Annotated[
        bool, typer.Option("--quick", help="Files, chain and signatures; needs no identity.")
    ] = False,
    sample: Annotated[
        bool, typer.Option("--sample", help="That, and some snapshots, other ones each time.")
    ] = False,
    heads: Annotated[
        list[str] | None,
        typer.Option("--head", help="PACK:HASH as noted elsewhere; may be repeated."),
    ] = None,
    inventory: InventoryFile = DEFAULT_INVENTORY,
    as_json: Json = False,
) -> None:
    """Prove the vault: nothing changed, lost, put in or put back. All of it, if not told less."""
    from goldcopy.cli import output
    from goldcopy.cli.options import read_inventory, reader_of
    from goldcopy.cli.steps import steps
    from goldcopy.errors import VaultDamaged
    from goldcopy.vault import Vault
    from goldcopy.vault.verify import verify as prove

    plant = read_inventory(inventory)
    level: Level = "quick" if quick else "sample" if sample else "full"
    vault = Vault.open(plant.vault, None if quick else reader_of(plant))
    try:
        with steps("packs proved") as progress:
            proof = prove(vault, level, _heads(heads or ()), progress)
    finally:
        vault.close()
    if as_json:
        output.emit(proof)
    else:
        out = output.console()
        for finding in proof.findings:
            out.print(output.styled(finding, "bold red"))
        what = f"{proof.packs} packs" + (
            ""
            if quick
            else f", {proof.snapshots} snapshots, {proof.blobs} contents, {proof.notes} notes"
        )
        said = "are NOT as they were written" if proof.findings else "are as they were written"
        out.print(output.styled(f"{what} {said} ({level})", "red" if proof.findings else "green"))
        print(f"head  pack {proof.head}  {proof.hash}")
    if proof.findings:
        raise VaultDamaged(
            f"{plant.vault}: {len(proof.findings)} findings; see goldcopy vault repair"
        )


def _heads(texts: Sequence[str]) -> dict[int, str]:
    from goldcopy.errors import Wrong

    found: dict[int, str] = {}
    for text in texts:
        seq, _, digest = text.partition(":")
        if not seq.isdecimal() or len(digest) != 64:
            raise Wrong(f"{text!r} is no head: write PACK:HASH, as goldcopy vault head prints them")
        found[int(seq)] = digest.lower()
    return found


def reindex(inventory: InventoryFile = DEFAULT_INVENTORY, as_json: Json = False) -> None:
    """Make the index anew from the packs."""
    from goldcopy.cli import output
    from goldcopy.cli.options import opened, read_inventory

    with opened(read_inventory(inventory)) as vault:
        vault.reindex()
        devices = vault.devices()
        snapshots = sum(len(vault.log(device)) for device in devices)
        if as_json:
            output.emit({"devices": len(devices), "snapshots": snapshots})
        else:
            print(f"{snapshots} snapshots of {len(devices)} devices")


def keys(inventory: InventoryFile = DEFAULT_INVENTORY, as_json: Json = False) -> None:
    """Show whose packs count, and to whom they are sealed."""
    from goldcopy.cli import output
    from goldcopy.cli.options import opened, read_inventory

    with opened(read_inventory(inventory)) as vault:
        ring = vault.ring
        if as_json:
            output.emit(ring)
            return
        print(f"vault {vault.id}, keyring {ring.number} of {output.local(ring.time)}")
        output.table(
            ["writer", "from pack", "to pack", "key"],
            [
                [one.name, str(one.since), str(one.until or "in use"), one.key]
                for one in ring.writers
            ],
        )
        for recipient in ring.recipients:
            print(f"sealed to {recipient}")
        if not ring.recipients:
            print("NOT sealed: whoever reaches the packs can read them")
