"""The keys of a vault: whose they are, how they lie in files, how they are made.

owner    signs the keyring, and nothing else: offline, with the recovery kit
reader   an age identity: opens what collectors have sealed; kept apart from them
writer   signs packs; lives on the collector, in the vault's folder ``collector``
digests  a secret with which a collector remembers what it last stored without being able to read it
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from pathlib import Path

import pyrage  # type: ignore[import-untyped]
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from goldcopy.errors import Wrong
from goldcopy.vault.folder import disk, publish

WRITER = "writer.key"
DIGESTS = "digests.key"
_ARMOR = b"age-encryption.org/v1\n"


class SigningKey:
    """An Ed25519 key that signs; shown by its public half only."""

    def __init__(self, key: Ed25519PrivateKey | None = None) -> None:
        """A new one if ``key`` is left out."""
        self._key = key or Ed25519PrivateKey.generate()
        raw = serialization.Encoding.Raw, serialization.PublicFormat.Raw
        self.public = base64.b64encode(self._key.public_key().public_bytes(*raw)).decode()
        """Base64 of the 32 bytes of the public key."""

    def sign(self, message: bytes) -> str:
        """The signature, in base64."""
        return base64.b64encode(self._key.sign(message)).decode()

    def save(self, path: Path, passphrase: str = "") -> None:
        """Write it as PKCS #8 in PEM, for its owner's eyes only. Never overwrites."""
        encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if passphrase:
            encryption = serialization.BestAvailableEncryption(passphrase.encode())
        pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        save(path, self._key.private_bytes(*pem, encryption))

    @classmethod
    def load(cls, path: Path, passphrase: str = "") -> SigningKey:
        """Read it back. Raises ``Wrong`` for another file or a wrong passphrase."""
        data = _read(path)
        try:
            key = serialization.load_pem_private_key(data, passphrase.encode() or None)
        except (ValueError, TypeError):
            raise Wrong(f"{path} is no signing key, or is locked with another passphrase") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise Wrong(f"{path} is a key of another kind; an Ed25519 key is needed")
        return cls(key)

    def __repr__(self) -> str:
        return f"SigningKey({self.public})"


def verified(public: str, signature: str, message: bytes) -> bool:
    """Whether the holder of this public key has signed this message."""
    try:
        key = Ed25519PublicKey.from_public_bytes(_unbase64(public))
        key.verify(_unbase64(signature), message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _unbase64(text: str) -> bytes:
    """Strictly: the last digit has bits without meaning, which may not be flipped either."""
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError("not canonical base64 (RFC 4648 section 3.5)")
    return data


class Reader:
    """Age identities that open sealed packs. Holds secrets: shows none."""

    def __init__(self, *identities: pyrage.x25519.Identity) -> None:
        """A new one if none is given."""
        self._identities = list(identities) or [pyrage.x25519.Identity.generate()]

    @property
    def recipients(self) -> list[str]:
        """The public halves, ``age1…``."""
        return [str(one.to_public()) for one in self._identities]

    def open(self, sealed: bytes) -> bytes:
        """What was sealed to one of them. Raises ``pyrage.DecryptError``."""
        return bytes(pyrage.decrypt(sealed, self._identities))

    def save(self, path: Path, passphrase: str = "") -> None:
        """Write them as ``age-keygen`` does; with a passphrase as ``age -p`` does on that."""
        lines = [f"# public key: {one.to_public()}\n{one}\n" for one in self._identities]
        data = "".join(lines).encode()
        save(path, pyrage.passphrase.encrypt(data, passphrase) if passphrase else data)

    @classmethod
    def load(cls, path: Path, passphrase: str = "") -> Reader:
        """Read an identity file of age, encrypted with a passphrase or not. Raises ``Wrong``."""
        data = _read(path)
        if data.startswith(_ARMOR):
            if not passphrase:
                raise Wrong(f"{path} is locked: give its passphrase")
            try:
                data = pyrage.passphrase.decrypt(data, passphrase)
            except pyrage.DecryptError:
                raise Wrong(f"{path}: the passphrase does not open it") from None
        lines = [line.strip() for line in data.decode("utf-8", "replace").splitlines()]
        try:
            found = [pyrage.x25519.Identity.from_str(x) for x in lines if x and x[0] != "#"]
        except pyrage.IdentityError:
            found = []
        if not found:
            raise Wrong(f"{path} holds no age identity (AGE-SECRET-KEY-1…)")
        return cls(*found)

    def __repr__(self) -> str:
        return f"Reader({', '.join(self.recipients)})"


def check_recipient(recipient: str) -> None:
    """Raise ``Wrong`` unless this is a public key of age."""
    try:
        pyrage.x25519.Recipient.from_str(recipient)
    except pyrage.RecipientError:
        raise Wrong(f"{recipient!r} is no public key of age (age1…)") from None


def seal(content: bytes, recipients: Sequence[str]) -> bytes:
    """Encrypt to all of these public keys."""
    return bytes(
        pyrage.encrypt(content, [pyrage.x25519.Recipient.from_str(one) for one in recipients])
    )


def digest_secret(folder: Path) -> bytes:
    """The secret of a collector's digests, made when there is none yet."""
    path = folder / DIGESTS
    if not path.exists():
        with disk(folder):
            folder.mkdir(mode=0o700, exist_ok=True)
        save(path, secrets.token_bytes(32))
    return _read(path)


def save(path: Path, data: bytes) -> None:
    """Write a secret for its owner's eyes only; never over another file."""
    with disk(path):
        if path.exists():
            raise Wrong(f"{path} is there already: a key is never overwritten")
        # What is left where this was cut short; a secret that is half written must never be used.
        path.with_name(f".{path.name}.tmp").unlink(missing_ok=True)
    publish(path, [data], 0o600)


def _read(path: Path) -> bytes:
    with disk(path):
        return path.read_bytes()
