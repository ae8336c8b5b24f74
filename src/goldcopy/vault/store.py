"""One vault, by its folder: made, opened, read by the names that people give, and written."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Self

from goldcopy.snapshot import Snapshot
from goldcopy.vault import keyring, marker, names
from goldcopy.vault.catalog import Catalog
from goldcopy.vault.histories import Histories
from goldcopy.vault.keys import WRITER, Reader, SigningKey, digest_secret
from goldcopy.vault.me import me
from goldcopy.vault.pack import Trust
from goldcopy.vault.records import Entry
from goldcopy.vault.writer import Writer, writing


class Vault(Histories):
    """A vault. Use ``open`` or ``create``."""

    @classmethod
    def create(
        cls,
        path: Path | str,
        owner: SigningKey | None = None,
        recipients: Sequence[str] = (),
        reader: Reader | None = None,
    ) -> Self:
        """Make an empty vault in a new or empty folder, and open it. Raises ``Wrong``.

        Args:
            path: the folder.
            owner: signs the keyring; whoever gives none can never change it.
            recipients: public keys of age to whom packs are sealed; none: they are not sealed.
            reader: opens what is sealed.
        """
        path, owner = Path(path), owner or SigningKey()
        marker.prepare(path)
        key = SigningKey()
        key.save(path / marker.COLLECTOR / WRITER)
        digest_secret(path / marker.COLLECTOR)
        ring = keyring.write(path, owner, recipients, [keyring.Writer(me(), key.public)])
        marker.make(path, ring)
        return cls.open(path, reader)

    @classmethod
    def open(
        cls, path: Path | str, reader: Reader | None = None, index: Path | None = None
    ) -> Self:
        """Open a vault; its index is brought up to date, or made anew, where it must be.

        Without the ``reader`` of a sealed vault it still lists what this collector has stored.
        With a file for the ``index`` elsewhere nothing is left in the vault's own folder.
        Raises ``VaultUnavailable``, ``VaultDamaged`` or ``Wrong``.
        """
        path = Path(path)
        found = marker.read(path)
        ring, _ = keyring.read(path, found.owner)
        return cls(path, Catalog(path, Trust(found.vault, ring, reader), index))

    def close(self) -> None:
        """Let go of the index."""
        self.catalog.close()

    def reindex(self) -> None:
        """Make the index anew from the packs, as far as they can be opened here."""
        self.catalog.renew()

    def resolve(self, name: str) -> Entry:
        """The entry that ``DEVICE``, ``DEVICE@DAY``, ``DEVICE~N`` or the start of an id means.

        Raises ``Wrong``, saying what there is instead.
        """
        return names.resolve(self, name)

    def load(self, entry: Entry | str) -> Snapshot:
        """As ``Histories.load``; a name is resolved."""
        return super().load(self.resolve(entry) if isinstance(entry, str) else entry)

    def writing(self, by: str = "", linger: float = 1.0) -> AbstractAsyncContextManager[Writer]:
        """Take the writer's lock and give a ``Writer``.

        Args:
            by: ``user@host``; this user and host if "".
            linger: seconds that a snapshot waits for others to share its pack, while any are on
                their way (``Writer.pulling``).

        Raises ``VaultUnavailable`` at once if another process has the lock.
        """
        return writing(self, by, linger)
