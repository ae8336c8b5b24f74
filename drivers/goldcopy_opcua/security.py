"""Whom we trust, and who we are: certificates, the policy of the channel, the password rule.

asyncua trusts any certificate that an unsecured GetEndpoints names. Here a server must show the
one certificate that the inventory pins, or one that a folder of trusted certificates vouches for,
before a secure channel is opened with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from asyncua import ua
from asyncua.crypto import security_policies as policies
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.x509.oid import ExtensionOID

from goldcopy.driver import Target
from goldcopy.errors import Refused, Unsupported, Wrong

from .options import OpcUaOptions

POLICIES: dict[str, type[policies.SecurityPolicy]] = {
    "Basic256Sha256": policies.SecurityPolicyBasic256Sha256,
    "Aes256Sha256RsaPss": policies.SecurityPolicyAes256Sha256RsaPss,
    "Aes128Sha256RsaOaep": policies.SecurityPolicyAes128Sha256RsaOaep,
}
_SUFFIXES = (".der", ".pem", ".crt", ".cer")
MODES = {
    "None": ua.MessageSecurityMode.None_,
    "Sign": ua.MessageSecurityMode.Sign,
    "SignAndEncrypt": ua.MessageSecurityMode.SignAndEncrypt,
}


@dataclass(frozen=True)
class Credentials:
    """What the files of the inventory hold, read before anything is sent."""

    certificate: x509.Certificate
    key: RSAPrivateKey
    application_uri: str
    """From our certificate: servers refuse a client whose URI is not in its certificate."""
    pinned: x509.Certificate | None
    trusted: tuple[x509.Certificate, ...]


async def prepare(target: Target, options: OpcUaOptions) -> Credentials | None:
    """Check the rules and read the files. None for an unsecured channel.

    Raises ``Wrong``: nothing has been sent then.
    """
    if target.password is not None and options.security != "SignAndEncrypt":
        raise Wrong(
            f"a password would cross the network unencrypted with security: {options.security}; "
            "use security: SignAndEncrypt, or read without username and password"
        )
    if options.security == "None":
        return None
    if not options.server_certificate and not options.trust:
        raise Wrong(
            "nothing tells this server from an impostor: give options.server_certificate (a file "
            "with its certificate) or options.trust (a folder of trusted ones). Export the "
            "certificate with the server's engineering tool, or fetch it with 'python -m "
            f"goldcopy_opcua fetch {target.host} {target.port} server.der' and compare its "
            "thumbprint at the controller; security: None gives up all protection"
        )
    if options.certificate is None or options.key is None:
        raise Wrong(
            "a secured channel needs a certificate of our own: give options.certificate and "
            "options.key; 'python -m goldcopy_opcua create NAME own.der own.pem' makes a pair"
        )
    return await asyncio.to_thread(_load, options, options.certificate, options.key)


def _load(options: OpcUaOptions, own: Path, own_key: Path) -> Credentials:
    certificate = certificate_from(own)
    key = _key(own_key)
    if key.public_key() != certificate.public_key():
        raise Wrong(f"{own_key} is not the key of {own}")
    pinned = certificate_from(options.server_certificate) if options.server_certificate else None
    trusted = _folder(options.trust) if options.trust else ()
    return Credentials(certificate, key, _uri_of(certificate, options), pinned, trusted)


def choose(
    endpoints: Sequence[ua.EndpointDescription], options: OpcUaOptions, own: Credentials
) -> policies.SecurityPolicy:
    """The policy for the channel, with the server certificate that stood the test.

    Raises ``Unsupported`` if the server has no such endpoint, ``Refused`` if it is not trusted.
    """
    mode, policy = MODES[options.security], POLICIES[options.policy]
    for endpoint in endpoints:
        if endpoint.SecurityMode == mode and endpoint.SecurityPolicyUri == policy.URI:
            break
    else:
        offered = sorted({f"{e.SecurityMode.name.rstrip('_')} {_short(e)}" for e in endpoints})
        raise Unsupported(
            f"the server does not offer {options.security} with {options.policy}; it offers: "
            f"{', '.join(offered) or 'nothing'}"
        )
    shown = shown_by(endpoint.ServerCertificate)
    _trust(shown, options, own)
    return policy(shown, own.certificate, own.key, mode)


def _trust(shown: x509.Certificate, options: OpcUaOptions, own: Credentials) -> None:
    if own.pinned is not None:
        if shown != own.pinned:
            raise Refused(
                "the server shows another certificate than the pinned one: SHA-1 "
                f"{thumbprint(shown)} instead of {thumbprint(own.pinned)} "
                f"({options.server_certificate}). Either it was renewed, then pin the new one "
                "after comparing it at the controller, or somebody stands in between"
            )
        return
    if shown in own.trusted:
        return
    now = datetime.now(UTC)
    if any(_issued(shown, authority, now) for authority in own.trusted):
        return
    raise Refused(
        f"the server's certificate (SHA-1 {thumbprint(shown)}, {shown.subject.rfc4514_string()}) "
        f"is neither in {options.trust} nor issued and in date by one there; compare it at the "
        "controller and put it into that folder"
    )


def _issued(shown: x509.Certificate, authority: x509.Certificate, now: datetime) -> bool:
    """Whether ``authority`` may and did issue ``shown``, and both are in date.

    Self-signed certificates of applications say that they are authorities (OPC 10000-6, 6.2.2),
    but one controller must not vouch for another: their extended key usage tells them apart.
    """
    try:
        extensions = authority.extensions
        if not extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return False
        if any(isinstance(one.value, x509.ExtendedKeyUsage) for one in extensions):
            return False
        shown.verify_directly_issued_by(authority)
    except (x509.ExtensionNotFound, InvalidSignature, ValueError, TypeError):
        return False
    return all(
        one.not_valid_before_utc <= now <= one.not_valid_after_utc for one in (shown, authority)
    )


def thumbprint(certificate: x509.Certificate) -> str:
    """SHA-1 over the DER, as engineering tools show it (OPC 10000-6, 6.2.2)."""
    return certificate.fingerprint(hashes.SHA1()).hex()


def certificate_from(path: Path) -> x509.Certificate:
    """A certificate file, DER or PEM. Raises ``Wrong``."""
    return _parse(_bytes(path), path)


def _parse(raw: bytes, path: Path) -> x509.Certificate:
    try:
        if raw.lstrip().startswith(b"-----"):
            return x509.load_pem_x509_certificate(raw)
        return x509.load_der_x509_certificate(raw)
    except ValueError:
        raise Wrong(f"{path} holds no certificate in DER or PEM form") from None


def shown_by(raw: bytes | None) -> x509.Certificate:
    """The first certificate of what may be a chain, all in DER."""
    if not raw or len(raw) < 4:
        raise Refused("the server shows no certificate for this security mode")
    wide = raw[1] & 0x7F if raw[1] & 0x80 else 0
    size = 2 + wide + (int.from_bytes(raw[2 : 2 + wide]) if wide else raw[1])
    try:
        return x509.load_der_x509_certificate(raw[:size])
    except ValueError:
        raise Refused("the server shows a certificate that cannot be read") from None


def _key(path: Path) -> RSAPrivateKey:
    raw = _bytes(path)
    load = serialization.load_der_private_key
    if raw.lstrip().startswith(b"-----"):
        load = serialization.load_pem_private_key
    try:
        key = load(raw, None)
    except (ValueError, TypeError):
        raise Wrong(f"{path} holds no unencrypted private key in PEM or DER form") from None
    if not isinstance(key, RSAPrivateKey):
        raise Wrong(f"{path} is not an RSA key; the policies here need one")
    return key


def _uri_of(certificate: x509.Certificate, options: OpcUaOptions) -> str:
    try:
        names = certificate.extensions.get_extension_for_oid(
            ExtensionOID.SUBJECT_ALTERNATIVE_NAME
        ).value
        assert isinstance(names, x509.SubjectAlternativeName)
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    except x509.ExtensionNotFound:
        uris = []
    if not uris:
        raise Wrong(
            f"{options.certificate} has no application URI (subjectAltName URI), which OPC UA "
            "requires (OPC 10000-6, 6.2.2); make another certificate"
        )
    return str(uris[0])


def _folder(path: Path) -> tuple[x509.Certificate, ...]:
    try:
        files = sorted(file for file in path.iterdir() if file.suffix.lower() in _SUFFIXES)
    except OSError as error:
        raise Wrong(f"cannot read the trust folder {path}: {error.strerror}") from None
    if not files:
        raise Wrong(f"the trust folder {path} holds no certificate ({', '.join(_SUFFIXES)})")
    return tuple(certificate_from(file) for file in files)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Wrong(f"cannot read {path}: {error.strerror}") from None


def _short(endpoint: ua.EndpointDescription) -> str:
    return str(endpoint.SecurityPolicyUri or "").rpartition("#")[2]
