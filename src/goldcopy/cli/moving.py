"""``goldcopy vault …`` on removable media, one-way links, and who may write and read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from goldcopy.cli.options import DEFAULT_INVENTORY, InventoryFile, Json

if TYPE_CHECKING:
    from goldcopy.vault import SigningKey
    from goldcopy.vault.merge import Receipt
    from goldcopy.vault.rotation import Changed

OwnerKey = Annotated[
    Path, typer.Option("--owner-key", help="owner.key, from where the recovery keys are kept.")
]


def export(
    target: Annotated[Path, typer.Argument(help="A new file, or a folder such as a stick's.")],
    since: Annotated[
        int, typer.Option("--since", help="The last pack that the other side has; 0 for none.")
    ] = 0,
    inventory: InventoryFile = DEFAULT_INVENTORY,
    as_json: Json = False,
) -> None:
    """Write what the vault has got since into one signed file, for a stick or a one-way link."""
    from goldcopy.cli import output
    from goldcopy.cli.options import opened, read_inventory
    from goldcopy.vault.bundle import export as write

    with opened(read_inventory(inventory)) as vault:
        done = write(vault, target, since)
    manifest = done.manifest
    if as_json:
        output.emit({"path": str(done.path), "manifest": manifest})
    else:
        print(f"{done.path}: packs {manifest.first} to {manifest.last} of vault {manifest.vault}")
        print(f"head  pack {manifest.last}  {manifest.head}")


def import_(
    bundle: Annotated[Path, typer.Argument(help="As goldcopy vault export wrote it.")],
    into: Annotated[
        Path | None, typer.Option("--into", help="A vault, or a new folder; the inventory's vault.")
    ] = None,
    inventory: InventoryFile = DEFAULT_INVENTORY,
    as_json: Json = False,
) -> None:
    """Prove a bundle and merge it. In any order, as often as you like; nothing goes back."""
    from goldcopy.cli import output
    from goldcopy.cli.options import read_inventory
    from goldcopy.vault.merge import import_ as merge

    receipt = merge(bundle, into or read_inventory(inventory).vault)
    if as_json:
        output.emit(receipt)
        _unless_trouble(receipt)
        return
    print(f"vault  {receipt.vault}   (compare it with the one on paper)")
    print(f"packs  {receipt.first} to {receipt.last}: {len(receipt.new)} files are new here")
    print(f"head   pack {receipt.after[0]}  {receipt.after[1]}   (was pack {receipt.before[0]})")
    if receipt.missing:
        first, last = receipt.missing
        print(f"it waits: bring packs {first} to {last}, then it is merged too")
    for text in receipt.trouble:
        output.console().print(output.styled(text, "bold red"))
    _unless_trouble(receipt)


def _unless_trouble(receipt: Receipt) -> None:
    from goldcopy.errors import VaultDamaged

    if receipt.trouble:
        raise VaultDamaged("a bundle that had waited was refused; see above")


def admit(
    owner_key: OwnerKey,
    name: Annotated[str, typer.Option("--name", help="Of the writer, for people.")] = "",
    inventory: InventoryFile = DEFAULT_INVENTORY,
    as_json: Json = False,
) -> None:
    """Let this machine write: a new machine, or one whose key is lost. Who wrote before ends."""
    from goldcopy.cli.options import read_inventory
    from goldcopy.vault.rotation import admit as give

    _told(give(read_inventory(inventory).vault, _owner(owner_key), name), as_json)


def rotate(
    owner_key: OwnerKey, inventory: InventoryFile = DEFAULT_INVENTORY, as_json: Json = False
) -> None:
    """Give the machine that writes now a new key for its old one."""
    from goldcopy.cli.options import read_inventory
    from goldcopy.vault.rotation import rotate as renew

    _told(renew(read_inventory(inventory).vault, _owner(owner_key)), as_json)


def retire(
    owner_key: OwnerKey, inventory: InventoryFile = DEFAULT_INVENTORY, as_json: Json = False
) -> None:
    """End whoever writes now: no pack counts until a machine is admitted."""
    from goldcopy.cli.options import read_inventory
    from goldcopy.vault.rotation import retire as end

    _told(end(read_inventory(inventory).vault, _owner(owner_key)), as_json)


def recipients(
    owner_key: OwnerKey,
    add: Annotated[
        list[str] | None, typer.Option("--add", help="An age public key that may read from now on.")
    ] = None,
    remove: Annotated[
        list[str] | None, typer.Option("--remove", help="One that may not, from now on.")
    ] = None,
    inventory: InventoryFile = DEFAULT_INVENTORY,
    as_json: Json = False,
) -> None:
    """Change to whom packs are sealed from now on. What was sealed before stays as it is."""
    from goldcopy.cli.options import read_inventory
    from goldcopy.vault.rotation import recipients as change

    vault = read_inventory(inventory).vault
    _told(change(vault, _owner(owner_key), add or (), remove or ()), as_json)


def _owner(path: Path) -> SigningKey:
    from goldcopy.cli.passphrase import unlocked
    from goldcopy.vault import SigningKey

    return unlocked(path, SigningKey.load)


def _told(changed: Changed, as_json: bool) -> None:
    from goldcopy.cli import output

    seq, digest = changed.head
    if as_json:
        output.emit({"keyring": changed.ring, "head": {"pack": seq, "hash": digest}})
        return
    print(f"keyring {changed.ring.number} holds from now on")
    print(f"head  pack {seq}  {digest}   (note it elsewhere)")
    if not changed.noted:
        print("the head does not cover this keyring yet: note its number too")
