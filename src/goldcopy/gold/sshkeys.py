"""Public keys of SSH, and what a signature by each of them must satisfy.

RFC 8709 (Ed25519), RFC 5656 (ECDSA), RFC 8332 (RSA with SHA-2), and OpenSSH's PROTOCOL.u2f for the
``sk-`` keys of hardware tokens.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from goldcopy.errors import Wrong
from goldcopy.gold.sshwire import Wire, string

SMALLEST_RSA: Final = 2048
"""Bits; NIST SP 800-131A disallows fewer for signatures."""
TOUCHED: Final = 0x01
"""Flag of a token: its button was touched for this very signature (PROTOCOL.u2f)."""

ED25519, _RSA = "ssh-ed25519", "ssh-rsa"
_SK_ED25519, _SK_ECDSA = "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"
_ECDSA: Final[dict[str, tuple[str, ec.EllipticCurve, hashes.HashAlgorithm]]] = {
    "ecdsa-sha2-nistp256": ("nistp256", ec.SECP256R1(), hashes.SHA256()),
    "ecdsa-sha2-nistp384": ("nistp384", ec.SECP384R1(), hashes.SHA384()),
    "ecdsa-sha2-nistp521": ("nistp521", ec.SECP521R1(), hashes.SHA512()),
}
_RSA_HASHES: Final[dict[str, hashes.HashAlgorithm]] = {
    "rsa-sha2-256": hashes.SHA256(),
    "rsa-sha2-512": hashes.SHA512(),
}
KINDS: Final = (ED25519, *_ECDSA, _RSA, _SK_ED25519, _SK_ECDSA)

Check = Callable[[bytes, bytes], None]
"""Signature field and the bytes that are signed; raises ``Wrong`` or ``InvalidSignature``."""


class PublicKey(NamedTuple):
    """A public key; two are the same if their ``blob`` is."""

    kind: str
    """``ssh-ed25519`` …"""
    blob: bytes
    """As it stands, in base64, in a ``.pub`` file."""

    @property
    def fingerprint(self) -> str:
        """``SHA256:…``, as ``ssh-keygen -l`` shows it."""
        digest = hashlib.sha256(self.blob).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    def verify(self, signature: bytes, signed: bytes) -> None:
        """Raise ``Wrong`` unless ``signature`` (RFC 4253 section 6.6) is by this key."""
        check = _check_of(self)
        try:
            check(signature, signed)
        except InvalidSignature:
            raise Wrong(f"the signature is not that of the key {self.fingerprint}") from None


def parse_key(blob: bytes) -> PublicKey:
    """A public key from its bytes. Raises ``Wrong`` for one that is none, or not good enough."""
    kind = Wire(blob, "the key").text()
    key = PublicKey(kind, blob)
    _check_of(key)
    return key


def key_from_text(kind: str, text: str) -> PublicKey:
    """A public key from the two words of a ``.pub`` file. Raises ``Wrong``."""
    if kind.removesuffix("@openssh.com").endswith("-cert-v01"):
        raise Wrong(f"{kind} is a certificate; goldcopy wants the key itself")
    if kind not in KINDS:
        raise Wrong(f"{kind!r} is no kind of key that goldcopy takes: {', '.join(KINDS)}")
    try:
        key = parse_key(base64.b64decode(text, validate=True))
    except binascii.Error:
        raise Wrong("the key is not base64") from None
    if key.kind != kind:
        raise Wrong(f"the key says {key.kind}, the word in front of it {kind}")
    return key


def _check_of(key: PublicKey) -> Check:
    """How to check signatures by this key; raises ``Wrong`` if it is no proper key."""
    wire = Wire(key.blob, "the key")
    wire.text()
    try:
        check = _reader(key.kind)(wire)
    except ValueError as error:  # a point that is not on its curve, a length that is wrong
        raise Wrong(f"the {key.kind} key is no key: {error}") from None
    wire.end()
    return check


def _reader(kind: str) -> Callable[[Wire], Check]:
    if kind in _ECDSA:
        return lambda wire: _ecdsa(wire, kind)
    readers = {ED25519: _ed25519, _RSA: _rsa, _SK_ED25519: _sk_ed25519, _SK_ECDSA: _sk_ecdsa}
    if kind not in readers:
        if "-cert-v01" in kind:
            raise Wrong(f"it is by a certificate ({kind}); sign with the key itself")
        raise Wrong(f"keys of the kind {kind!r} are not taken; use one of {', '.join(KINDS)}")
    return readers[kind]


def _ed25519(wire: Wire) -> Check:
    key = ed25519.Ed25519PublicKey.from_public_bytes(wire.string())

    def check(signature: bytes, signed: bytes) -> None:
        key.verify(_only(signature, ED25519), signed)

    return check


def _ecdsa(wire: Wire, kind: str) -> Check:
    named, curve, hashed = _ECDSA[kind]
    key = _point(wire, named, curve)

    def check(signature: bytes, signed: bytes) -> None:
        key.verify(_der(_only(signature, kind)), signed, ec.ECDSA(hashed))

    return check


def _rsa(wire: Wire) -> Check:
    exponent, modulus = wire.mpint(), wire.mpint()
    key = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    if key.key_size < SMALLEST_RSA:
        raise Wrong(f"an RSA key of {key.key_size} bits is too weak; {SMALLEST_RSA} or more")

    def check(signature: bytes, signed: bytes) -> None:
        wire = Wire(signature, "the signature")
        algorithm, content = wire.text(), wire.string()
        wire.end()
        if algorithm not in _RSA_HASHES:  # ssh-rsa is SHA-1
            raise Wrong(f"signed with {algorithm}; rsa-sha2-256 or rsa-sha2-512 is wanted")
        key.verify(content, signed, padding.PKCS1v15(), _RSA_HASHES[algorithm])

    return check


def _sk_ed25519(wire: Wire) -> Check:
    key = ed25519.Ed25519PublicKey.from_public_bytes(wire.string())
    application = wire.string()

    def check(signature: bytes, signed: bytes) -> None:
        content, by_token = _token(signature, _SK_ED25519, application, signed)
        key.verify(content, by_token)

    return check


def _sk_ecdsa(wire: Wire) -> Check:
    key = _point(wire, "nistp256", ec.SECP256R1())
    application = wire.string()

    def check(signature: bytes, signed: bytes) -> None:
        content, by_token = _token(signature, _SK_ECDSA, application, signed)
        key.verify(_der(content), by_token, ec.ECDSA(hashes.SHA256()))

    return check


def _point(wire: Wire, named: str, curve: ec.EllipticCurve) -> ec.EllipticCurvePublicKey:
    if (said := wire.text()) != named:
        raise Wrong(f"the key is on the curve {said!r}, not on {named}")
    return ec.EllipticCurvePublicKey.from_encoded_point(curve, wire.string())


def _only(signature: bytes, algorithm: str) -> bytes:
    """The content of a signature that must be of this algorithm."""
    wire = Wire(signature, "the signature")
    if (said := wire.text()) != algorithm:
        raise Wrong(f"the signature is a {said!r}, the key a {algorithm}")
    content = wire.string()
    wire.end()
    return content


def _der(content: bytes) -> bytes:
    wire = Wire(content, "the signature")
    der = encode_dss_signature(wire.mpint(), wire.mpint())
    wire.end()
    return der


def _token(
    signature: bytes, algorithm: str, application: bytes, signed: bytes
) -> tuple[bytes, bytes]:
    """The signature within a token's, and what the token has signed (PROTOCOL.u2f)."""
    wire = Wire(signature, "the signature")
    if (said := wire.text()) != algorithm:
        raise Wrong(f"the signature is a {said!r}, the key a {algorithm}")
    content = wire.string()
    flags, counter = wire.take(1), wire.take(4)
    wire.end()
    if not flags[0] & TOUCHED:
        raise Wrong("the hardware token was not touched for it, so no person stands behind it")
    hashed = hashlib.sha256(application).digest()
    return content, hashed + flags + counter + hashlib.sha256(signed).digest()


def signature_field(algorithm: str, content: bytes) -> bytes:
    """A signature as SSH writes it: the algorithm's name, then the content."""
    return string(algorithm.encode()) + string(content)
