"""inventory.yaml: strict, every mistake at once with its line, never a secret in it.

``document`` turns YAML into a tree with lines, ``scalars`` and ``fields`` read values out of it,
``load`` has the keys, ``options`` hands the driver's own keys to its struct, ``rules`` and
``globs`` give items their roles, ``replicas`` are the other places of the vault, ``model`` is the
result.
"""

from goldcopy.inventory.globs import path_matcher
from goldcopy.inventory.load import load
from goldcopy.inventory.mistakes import InventoryMistakes, Mistake
from goldcopy.inventory.model import Device, Inventory, Zone
from goldcopy.inventory.replicas import InFolder, InS3, InSftp, Lock, ReplicaPlace
from goldcopy.inventory.rules import Rule, Rules
from goldcopy.inventory.scalars import seconds_of
from goldcopy.inventory.secrets import SecretSource

__all__ = [
    "Device",
    "InFolder",
    "InS3",
    "InSftp",
    "Inventory",
    "InventoryMistakes",
    "Lock",
    "Mistake",
    "ReplicaPlace",
    "Rule",
    "Rules",
    "SecretSource",
    "Zone",
    "load",
    "path_matcher",
    "seconds_of",
]
