"""The vault: snapshots of controllers, kept in write-once packs.

``records`` says what is kept, ``pack`` how it lies in a file, ``folder`` how a file gets on the
disk, ``index`` and ``catalog`` where everything is, ``store`` reads, ``writer`` writes. Sealing,
signing and replicas will go between ``pack`` and ``folder``: a pack is sealed when it is built, and
opened when a frame of it is read. docs/format.md is the specification.
"""

from goldcopy.vault.records import Entry, Facts, Kept
from goldcopy.vault.store import Vault
from goldcopy.vault.writer import Writer

__all__ = ["Entry", "Facts", "Kept", "Vault", "Writer"]
