"""``goldcopy init``: an empty vault, and an inventory to fill in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from goldcopy.cli.options import Json

STARTER = """\
# The plant, as goldcopy sees it. `goldcopy check` reports every mistake at once.
vault: ./vault

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
    as_json: Json = False,
) -> None:
    """Make an empty vault and a starter inventory."""
    from goldcopy.cli.options import read_inventory
    from goldcopy.cli.output import emit
    from goldcopy.errors import VaultUnavailable
    from goldcopy.vault import Vault

    inventory = folder / "inventory.yaml"
    written = not inventory.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if written:
            inventory.write_text(STARTER)
    except OSError as error:
        raise VaultUnavailable(
            f"cannot write {inventory}: {error.strerror}; choose a folder that you may write to"
        ) from None
    vault = read_inventory(inventory).vault
    Vault.create(vault).close()
    if as_json:
        emit({"vault": str(vault), "inventory": str(inventory), "inventory_written": written})
        return
    print(f"vault      {vault}")
    print(f"inventory  {inventory}{'' if written else ' (was there, left as it is)'}")
    print("next       put your controllers into the inventory, then: goldcopy check")
