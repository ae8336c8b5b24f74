"""inventory.yaml: strict, every mistake at once with its line, never a secret in it.

``document`` turns YAML into a tree with lines, ``scalars`` and ``fields`` read values out of it,
``load`` has the keys, ``options`` hands the driver's own keys to its struct, ``rules``,
``globs`` and ``tolerance`` say what an item is for and how it is compared, ``gold`` who approves,
``pairs`` which devices belong together, ``recovery`` what a runbook tells, ``replicas`` where else
the vault is, ``restore`` in which order devices are put back, ``night`` when the night run asks
them, ``model`` is the result.
"""

from goldcopy.inventory.globs import path_matcher
from goldcopy.inventory.gold import GoldPolicy
from goldcopy.inventory.load import load
from goldcopy.inventory.mistakes import InventoryMistakes, Mistake
from goldcopy.inventory.model import Device, Inventory, Zone
from goldcopy.inventory.night import NightPolicy, Window
from goldcopy.inventory.pairs import SameAs
from goldcopy.inventory.recovery import Recovery
from goldcopy.inventory.replicas import InFolder, InS3, InSftp, Lock, ReplicaPlace
from goldcopy.inventory.restore import RestorePolicy
from goldcopy.inventory.rules import Rule, Rules, Severity, parse_rules
from goldcopy.inventory.scalars import seconds_of
from goldcopy.inventory.secrets import SecretSource
from goldcopy.inventory.tolerance import Tolerance

__all__ = [
    "Device",
    "GoldPolicy",
    "InFolder",
    "InS3",
    "InSftp",
    "Inventory",
    "InventoryMistakes",
    "Lock",
    "Mistake",
    "NightPolicy",
    "Recovery",
    "ReplicaPlace",
    "RestorePolicy",
    "Rule",
    "Rules",
    "SameAs",
    "SecretSource",
    "Severity",
    "Tolerance",
    "Window",
    "Zone",
    "load",
    "parse_rules",
    "path_matcher",
    "seconds_of",
]
