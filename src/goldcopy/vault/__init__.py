"""The vault: snapshots of controllers and what people say of them, kept in write-once packs.

``records`` says what is kept, ``draft`` and ``memory`` what of it is new, ``pack`` how it lies in a
file, sealed and signed with ``keys`` that the ``keyring`` names, ``folder`` how a file gets on the
disk, ``index`` and ``catalog`` where everything is, ``histories`` reads, ``writer`` writes,
``store`` does both, ``verify`` proves. docs/format.md is the specification.
"""

from goldcopy.vault.keys import Reader, SigningKey
from goldcopy.vault.records import Entry, Facts, Kept, Note
from goldcopy.vault.store import Vault
from goldcopy.vault.writer import Writer

__all__ = ["Entry", "Facts", "Kept", "Note", "Reader", "SigningKey", "Vault", "Writer"]
