"""Taking a bundle into a vault, or into an empty folder, which becomes a copy for reading.

Nothing is overwritten, and nothing is done before all of a bundle is proved. Files are put in
their places in the order in which they make a vault: keyrings, the marker, pack after pack. So
whoever is stopped has a vault with fewer packs, and goes on by doing the same again.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

import msgspec

from goldcopy.errors import GoldcopyError, VaultDamaged, Wrong
from goldcopy.vault import keyring, marker
from goldcopy.vault.bundle import Bundle, contents, prove
from goldcopy.vault.folder import disk, list_packs, pack_path, publish, sweep, sync_folder
from goldcopy.vault.keyring import Keyring
from goldcopy.vault.lock import Lock
from goldcopy.vault.me import me
from goldcopy.vault.pack import Header, Trust, parse, read_pack
from goldcopy.vault.waiting import Waiting

Head = tuple[int, str]
"""Number and hash of a pack; (0, "") for none."""


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a bundle."""

    vault: str
    """Id of the vault, to be compared with the one on paper when the folder was empty."""
    bundle: str
    """Its file."""
    first: int
    """Number of its first pack."""
    last: int
    before: Head
    """The last pack before; up to it none is missing."""
    after: Head
    new: tuple[str, ...]
    """Files that were put in their place, those of bundles that had waited too."""
    there: int
    """Files of the bundle that were there already."""
    waiting: tuple[tuple[int, int], ...]
    """First and last pack of each bundle that still waits."""
    missing: tuple[int, int] | None
    """First and last pack of what must be brought before these."""
    trouble: tuple[str, ...]
    """Why a bundle that has waited is refused, a line each."""


def import_(path: Path, folder: Path) -> Receipt:
    """Prove a bundle and merge it; if packs before it are not there yet, it waits in the vault.

    Args:
        path: the bundle.
        folder: of the vault, or a new or empty one.

    Raises ``VaultDamaged`` for a bundle that is not as it was made, or has another history than
    the vault; ``Wrong`` for another vault's, or another folder; nothing has changed then. Raises
    ``VaultUnavailable`` if the disk or another writer stops it; it may be done again.
    """
    bundle = prove(path)
    _refuse_foreign(folder)
    with disk(folder):
        if not folder.exists():
            folder.mkdir(mode=0o700, parents=True)
            sync_folder(folder.parent)
    lock = Lock(folder)
    lock.take(me())
    try:
        return _merge(bundle, folder)
    finally:
        lock.release()


def _refuse_foreign(folder: Path) -> None:
    """Raise ``Wrong`` for a folder that is no vault, and not what was left of an import."""
    with disk(folder):
        if folder.exists() and not folder.is_dir():
            raise Wrong(f"{folder} is a file: a vault is a folder")
        if not folder.is_dir() or (folder / marker.NAME).exists():
            return
        ours = {keyring.FOLDER, "packs", "writer.lock", f".{marker.NAME}.tmp"}
        foreign = {entry.name for entry in folder.iterdir()} - ours
        if foreign or ((folder / "packs").is_dir() and any(list_packs(folder))):
            raise Wrong(f"{folder} holds other files: choose the vault's, or a new or empty folder")


def _merge(bundle: Bundle, folder: Path) -> Receipt:
    place = _Place(folder)
    before = place.end()
    wanted = place.lacking(bundle)
    place.take_frame(bundle)
    waiting = Waiting(folder)
    if bundle.manifest.first > before[0] + 1:
        waiting.add(bundle)
    else:
        place.take_packs(bundle)
    trouble = []
    while late := waiting.due(place.end()[0]):
        try:
            held = prove(late)
            place.lacking(held)
            place.take_frame(held)
            place.take_packs(held)
            waiting.done(late)
        except GoldcopyError as error:
            waiting.skip(late)
            trouble.append(f"{error}; it is left there")
    after, spans = place.end(), waiting.spans()
    return Receipt(
        vault=bundle.marker.vault,
        bundle=str(bundle.path),
        first=bundle.manifest.first,
        last=bundle.manifest.last,
        before=before,
        after=after,
        new=tuple(place.new),
        there=len(bundle.manifest.files) - wanted,
        waiting=tuple(spans),
        missing=(after[0] + 1, spans[0][0] - 1) if spans and spans[0][0] > after[0] + 1 else None,
        trouble=tuple(trouble),
    )


class _Place:
    """The folder into which bundles are merged. Only under the writer's lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.new: list[str] = []
        """Files that were put in their place."""
        self._hashes: dict[int, str] = {}
        for folder in (keyring.FOLDER, "packs"):
            if (path / folder).is_dir():
                sweep(path / folder)
        with disk(path):
            (path / f".{marker.NAME}.tmp").unlink(missing_ok=True)

    def end(self) -> Head:
        """The last pack up to which none is missing."""
        seq = 0
        while self._has(seq + 1):
            seq += 1
        return seq, self._hash(seq) if seq else ""

    def lacking(self, bundle: Bundle) -> int:
        """How many files of a bundle are not here. Raises unless it fits what is."""
        self._same_vault(bundle)
        self._same_rings(bundle)
        ring = self._newest(bundle)
        for seq, pack in bundle.packs.items():
            if not _counts(ring, pack.key, seq):
                raise _refused(bundle, f"by keyring {ring.number} its pack {seq} does not count")
        self._same_packs(bundle, ring)
        frame = [name for name in bundle.frame if (self.path / name).exists()]
        there = len(frame) + sum(map(self._has, bundle.packs))
        return len(bundle.manifest.files) - there

    def take_frame(self, bundle: Bundle) -> None:
        """Put its keyrings and its marker in place, as far as they are not here."""
        with disk(self.path):
            for folder in (keyring.FOLDER, "packs"):
                (self.path / folder).mkdir(mode=0o700, exist_ok=True)
        for name, data in bundle.frame.items():
            self._put(name, data)

    def take_packs(self, bundle: Bundle) -> None:
        """Put its packs in place, as far as they are not here, in their order."""
        for name, data in contents(bundle.path, bundle.manifest):
            if name not in bundle.frame:
                self._put(name, data)

    def _put(self, name: str, data: bytes) -> None:
        if not (self.path / name).exists():
            publish(self.path / name, [data])
            self.new.append(name)

    def _same_vault(self, bundle: Bundle) -> None:
        if not (self.path / marker.NAME).exists():
            return
        found = marker.read(self.path).vault
        if found != bundle.marker.vault:
            raise Wrong(
                f"{bundle.path} is of the vault {bundle.marker.vault}, and {self.path} is "
                f"{found}: nothing was taken from it"
            )

    def _same_rings(self, bundle: Bundle) -> None:
        for name, data in bundle.frame.items():
            path = self.path / name
            if name == marker.NAME or not path.exists():
                continue
            with disk(path):
                same = path.read_bytes() == data
            if not same:
                raise _refused(bundle, f"its {name} is another one than {path}: one of the two is "
                               "damaged, or the owner has signed both")  # fmt: skip

    def _newest(self, bundle: Bundle) -> Keyring:
        """The newer keyring, the vault's or the bundle's. Raises if a pack here did not count."""
        if keyring.path_of(self.path, bundle.ring.number + 1).exists():
            return keyring.read(self.path, bundle.marker.owner)[0]
        last, _ = self.end()
        header = self._header(last) if last else None
        if header and not _counts(bundle.ring, header.key, last):
            raise _refused(
                bundle,
                f"by its keyring {bundle.ring.number} pack {last} of {self.path} does not count: "
                "its writer was ended before",
            )
        return bundle.ring

    def _same_packs(self, bundle: Bundle, ring: Keyring) -> None:
        """Raise unless its packs are those here, and are chained to their neighbours here."""
        first, last = bundle.manifest.first, bundle.manifest.last
        same = {seq: pack.hash for seq, pack in bundle.packs.items()}
        for seq, digest in {first - 1: bundle.manifest.previous, **same}.items():
            if self._has(seq) and self._hash(seq) != digest:
                raise self._another(bundle, seq, ring)
        if self._has(last + 1):
            header = self._header(last + 1)
            if header and header.previous != bundle.manifest.head:
                raise self._another(bundle, last + 1, ring)

    def _another(self, bundle: Bundle, seq: int, ring: Keyring) -> VaultDamaged:
        """What there is to say of a pack here that is not the one a bundle has, or follows."""
        path = pack_path(self.path, seq)
        damage = read_pack(self.path, Trust(bundle.marker.vault, ring), seq).damage
        if damage:
            return _refused(bundle, f"{path} is damaged ({damage}): move it away, and do it again")
        return _refused(
            bundle,
            f"it does not fit {path}, which is signed and whole as well: two collectors have "
            "written one vault, or it was put back and written on; keep both, and find out who",
        )

    def _has(self, seq: int) -> bool:
        return pack_path(self.path, seq).exists()

    def _hash(self, seq: int) -> str:
        if seq not in self._hashes:
            path = pack_path(self.path, seq)
            with disk(path):
                self._hashes[seq] = hashlib.sha256(path.read_bytes()).hexdigest()
        return self._hashes[seq]

    def _header(self, seq: int) -> Header | None:
        """What a pack here says of itself; None if it is damaged."""
        path = pack_path(self.path, seq)
        with contextlib.suppress(VaultDamaged), disk(path), path.open("rb") as file:
            return parse(file.readline())[0]
        return None


def _counts(ring: Keyring, key: str, seq: int) -> bool:
    return any(one.key == key and one.may(seq) for one in ring.writers)


def _refused(bundle: Bundle, why: str) -> VaultDamaged:
    return VaultDamaged(f"{bundle.path}: {why}; nothing was taken from it")
