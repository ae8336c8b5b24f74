"""``goldcopy init``: an empty vault, and an inventory to fill in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from goldcopy.cli.options import DEFAULT_INVENTORY, InventoryFile, Json

STARTER = """\
# The plant, as goldcopy sees it. `goldcopy check` reports every mistake at once.
vault: ./vault
# gold: {signers: ./allowed_signers}   # who may approve gold copies and restores

zones:
  line1: {max_devices: 4}          # pulled at the same time

devices:
  - name: line1-mixer              # stable: history is kept under this name
    driver: modbus                 # `goldcopy drivers` lists them
    host: 192.0.2.10               # an address for documentation: put your controller's here
    zone: line1
    timeout: 5s                    # one exchange
    deadline: 10m                  # the whole pull
    courtesy: {connections: 1, window: 1, pause: 20ms}
    options:
      unit_id: 1
      ranges:
        - {table: holding, start: 0, count: 100}
"""


def init(
    folder: Annotated[Path, typer.Argument(help="Where to begin.")] = Path(),
    keys: Annotated[
        Path | None,
        typer.Option("--keys", help="Where the recovery keys go: best a removable medium."),
    ] = None,
    recipient: Annotated[
        list[str] | None,
        typer.Option("--recipient", help="Seal to this age key (age1…) instead; may be repeated."),
    ] = None,
    passphrase: Annotated[
        bool, typer.Option("--passphrase", help="Lock the recovery keys with a passphrase.")
    ] = False,
    unsealed: Annotated[
        bool, typer.Option("--unsealed", help="Do not encrypt what the vault holds.")
    ] = False,
    inventory: InventoryFile = DEFAULT_INVENTORY,
    as_json: Json = False,
) -> None:
    """Make an empty vault, its recovery keys and a starter inventory."""
    from goldcopy.cli.options import read_inventory
    from goldcopy.cli.output import emit
    from goldcopy.cli.passphrase import chosen
    from goldcopy.errors import Wrong

    if unsealed and recipient:
        raise Wrong("--unsealed and --recipient contradict each other")
    file = folder / inventory
    written = _starter(folder, file)
    plant = read_inventory(file)
    keys = keys or folder / "keys"
    lock = chosen("the recovery keys") if passphrase else ""
    made, sealed_to = make_vault(plant.vault, keys, lock, recipient or (), unsealed)
    answer = {
        "vault": str(plant.vault),
        "id": made,
        "inventory": str(file),
        "inventory_written": written,
        "keys": str(keys),
        "recipients": sealed_to,
    }
    if as_json:
        emit(answer)
        return
    print(f"vault      {plant.vault}")
    print(f"id         {made}   (print it: with it alone all packs can be judged)")
    print(f"inventory  {file}{'' if written else ' (was there, left as it is)'}")
    print(
        f"keys       {keys}   (owner.key signs who may write{_reader_words(sealed_to, recipient)})"
    )
    print("           move this folder to two offline media; what stays here can only write")
    first = "put your controllers into the inventory, then: " if written else ""
    print(f"next       {first}goldcopy check")


def make_vault(
    path: Path, keys: Path, passphrase: str, recipients: Sequence[str], unsealed: bool
) -> tuple[str, list[str]]:
    """Make a vault and its recovery keys; its id, and to whom it is sealed.

    The keys come first: a vault whose keys could not be saved must not be.
    """
    from goldcopy.errors import VaultUnavailable
    from goldcopy.vault import Reader, SigningKey, Vault

    try:
        keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise VaultUnavailable(f"cannot write {keys}: {error.strerror}") from None
    owner = SigningKey()
    sealed_to = list(recipients)
    owner.save(keys / "owner.key", passphrase)
    if not unsealed and not sealed_to:
        reader = Reader()
        reader.save(keys / "reader.key", passphrase)
        sealed_to = reader.recipients
    vault = Vault.create(path, owner, sealed_to)
    made = vault.id
    vault.close()
    return made, sealed_to


def _reader_words(sealed_to: Sequence[str], given: Sequence[str] | None) -> str:
    if not sealed_to:
        return "; the vault is NOT sealed"
    return "" if given else "; reader.key opens what is stored"


def _starter(folder: Path, file: Path) -> bool:
    """Write a starter inventory unless there is one."""
    from goldcopy.errors import VaultUnavailable

    try:
        folder.mkdir(parents=True, exist_ok=True)
        if file.exists():
            return False
        file.write_text(STARTER)
    except OSError as error:
        raise VaultUnavailable(
            f"cannot write {file}: {error.strerror}; choose a folder that you may write to"
        ) from None
    return True
