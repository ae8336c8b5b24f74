"""What is done to a sealed vault, and what a verifier finds who has no identity."""

from __future__ import annotations

from pathlib import Path

from tests.core.sealed_vault import CACHES, SealedVault

from goldcopy.errors import VaultDamaged, Wrong
from goldcopy.vault import SigningKey, Vault
from goldcopy.vault.pack import Builder, read_pack
from goldcopy.vault.verify import Proof, verify

PACKS = 7


def proved(path: Path, heads: dict[int, str] | None = None) -> Proof:
    """What someone finds who has no reader's identity, and opens it anew."""
    vault = Vault.open(path)
    try:
        return verify(vault, "quick", heads)
    finally:
        vault.close()


def findings(path: Path, heads: dict[int, str] | None = None) -> list[str]:
    """The same, or why it cannot even be opened; without any index."""
    for name in CACHES:
        (path / name).unlink(missing_ok=True)
    try:
        return list(proved(path, heads).findings)
    except (VaultDamaged, Wrong) as error:
        return [str(error)]


def put(file: Path, data: bytes) -> None:
    file.unlink(missing_ok=True)
    file.write_bytes(data)


def forge(sealed: SealedVault, key: SigningKey, seq: int, *lines: bytes) -> Path:
    """A pack that is in its place behind the one before, sealed and signed as it must be."""
    vault = sealed.open()
    previous = read_pack(sealed.path, vault.catalog.trust, seq - 1).hash if seq > 1 else ""
    builder = Builder(seq, vault.catalog.trust)
    vault.close()
    for line in lines or (b'{"record":"later"}',):
        builder.add(line)
    builder.write(sealed.path, key, "root@collector", previous)
    return sealed.packs()[-1]


def own_key(sealed: SealedVault) -> SigningKey:
    return SigningKey.load(sealed.path / "collector/writer.key")
