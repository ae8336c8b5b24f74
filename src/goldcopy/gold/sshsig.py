"""SSHSIG: the signatures of ``ssh-keygen -Y`` and of git (OpenSSH's PROTOCOL.sshsig)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import textwrap
from collections.abc import Callable
from typing import Final, NamedTuple

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from goldcopy.errors import Wrong
from goldcopy.gold.sshkeys import ED25519, PublicKey, key_from_text, parse_key, signature_field
from goldcopy.gold.sshwire import Wire, mpint, string

NAMESPACE: Final = "goldcopy"
"""``-n goldcopy``: so that a signature of a commit or a file is never one of a gold copy."""
LONGEST: Final = 100_000
"""Characters of an armored signature; that of an RSA key of 16,384 bits has 6,000."""

PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_MAGIC: Final = b"SSHSIG"
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_WIDTH: Final = 70
_HASHES: Final = ("sha256", "sha512")


class Signature(NamedTuple):
    """An SSHSIG, taken apart and not yet believed."""

    key: PublicKey
    namespace: str
    reserved: bytes
    hash: str
    content: bytes
    """The signature field, algorithm included."""

    def verify(self, message: bytes, namespace: str = NAMESPACE) -> None:
        """Raise ``Wrong`` unless it is over this message, in this namespace, by ``key``.

        Whether ``key`` is one to be trusted is for ``signers`` to say.
        """
        if self.namespace != namespace:
            raise Wrong(f"it was made for {self.namespace!r}, not for {namespace!r}")
        signed = _signed(message, self.namespace, self.reserved, self.hash)
        self.key.verify(self.content, signed)

    def armored(self) -> str:
        """As ``ssh-keygen -Y sign`` prints it."""
        fields = (self.key.blob, self.namespace.encode(), self.reserved, self.hash.encode())
        blob = _MAGIC + (1).to_bytes(4, "big") + b"".join(map(string, (*fields, self.content)))
        lines = textwrap.wrap(base64.b64encode(blob).decode(), _WIDTH)
        return "\n".join((_BEGIN, *lines, _END)) + "\n"


def parse(armored: str) -> Signature:
    """Take an armored signature apart. Raises ``Wrong`` for what is none."""
    lines = armored.strip().splitlines() if len(armored) <= LONGEST else []
    if len(lines) < 3 or lines[0] != _BEGIN or lines[-1] != _END:
        raise Wrong(f"it is no SSH signature: it does not stand between {_BEGIN} and {_END}")
    try:
        blob = base64.b64decode("".join(lines[1:-1]), validate=True)
    except (binascii.Error, ValueError):
        raise Wrong("it is no SSH signature: not base64") from None
    wire = Wire(blob, "the signature")
    if wire.take(len(_MAGIC)) != _MAGIC:
        raise Wrong("it is no SSH signature: it does not begin with SSHSIG")
    if (version := wire.uint32()) != 1:
        raise Wrong(f"it is an SSH signature of version {version}; only 1 is known")
    key = parse_key(wire.string())
    namespace, reserved, hashed, content = wire.text(), wire.string(), wire.text(), wire.string()
    wire.end()
    if hashed not in _HASHES:
        raise Wrong(f"it hashes the message with {hashed!r}; sha256 and sha512 are known")
    return Signature(key, namespace, reserved, hashed, content)


def sign(message: bytes, key: PrivateKey, namespace: str = NAMESPACE) -> str:
    """The armored signature of a message. Raises ``Wrong`` for a key that is not good enough."""
    public = public_key(key)
    return _made(message, public, lambda signed: _content(key, public, signed), namespace)


def sign_ed25519(
    message: bytes, public: bytes, sign: Callable[[bytes], bytes], namespace: str
) -> str:
    """As ``sign``, by an Ed25519 key of which only its 32 public bytes and ``sign`` are at hand."""
    return _made(
        message, ed25519_key(public), lambda s: signature_field(ED25519, sign(s)), namespace
    )


def ed25519_key(public: bytes) -> PublicKey:
    """A public key of SSH from the 32 bytes of one. Raises ``Wrong``."""
    return parse_key(string(ED25519.encode()) + string(public))


def public_key(key: PrivateKey) -> PublicKey:
    """The public half. Raises ``Wrong`` for a key that is not good enough."""
    text = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    kind, blob = text.split()[:2]
    return key_from_text(kind, blob)


def _made(
    message: bytes, public: PublicKey, content: Callable[[bytes], bytes], namespace: str
) -> str:
    signed = _signed(message, namespace, b"", "sha512")
    return Signature(public, namespace, b"", "sha512", content(signed)).armored()


def _content(key: PrivateKey, public: PublicKey, signed: bytes) -> bytes:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return signature_field(public.kind, key.sign(signed))
    if isinstance(key, rsa.RSAPrivateKey):
        made = key.sign(signed, padding.PKCS1v15(), hashes.SHA512())
        return signature_field("rsa-sha2-512", made)
    # RFC 5656 section 6.2.1: the hash goes with the size of the curve.
    size = key.curve.key_size
    hashed = hashes.SHA256() if size <= 256 else hashes.SHA384() if size <= 384 else hashes.SHA512()
    r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(hashed)))
    return signature_field(public.kind, mpint(r) + mpint(s))


def _signed(message: bytes, namespace: str, reserved: bytes, hashed: str) -> bytes:
    """What the key signs (PROTOCOL.sshsig, section 3)."""
    digest = hashlib.new(hashed, message).digest()
    fields = (namespace.encode(), reserved, hashed.encode(), digest)
    return _MAGIC + b"".join(map(string, fields))
