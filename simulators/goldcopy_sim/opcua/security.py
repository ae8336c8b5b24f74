"""Who the controller is, and whom it lets in."""

from __future__ import annotations

import hmac
from ipaddress import ip_address
from typing import Any, NamedTuple

from asyncua.common.utils import ServiceError
from asyncua.crypto.cert_gen import generate_private_key, generate_self_signed_app_certificate
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.user_managers import UserManager
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from ..service import LOOPBACK
from .controller import Controller
from .ids import StatusCodes


class Identity(NamedTuple):
    """An application instance certificate (OPC 10000-6, 6.2.2) and its key, in memory only."""

    certificate: x509.Certificate
    key: RSAPrivateKey

    @property
    def der(self) -> bytes:
        """The certificate as a client sees it."""
        return self.certificate.public_bytes(Encoding.DER)


def self_signed(application_uri: str, name: str) -> Identity:
    """A new key and a certificate for it; no two controllers share one."""
    key = generate_private_key()
    subject = [
        x509.UniformResourceIdentifier(application_uri),
        x509.DNSName("localhost"),
        x509.IPAddress(ip_address(LOOPBACK)),
    ]
    usage = [ExtendedKeyUsageOID.SERVER_AUTH]
    certificate = generate_self_signed_app_certificate(key, name, {}, subject, usage)
    return Identity(certificate, key)


class Doorkeeper(UserManager):
    """Decides by user name first.

    ``certificate`` is that of the channel even when a password is offered: to accept whoever
    shows a certificate would let a wrong password in.
    """

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    def get_user(
        self,
        iserver: object,
        username: str | None = None,
        password: str | None = None,
        certificate: Any = None,  # noqa: ANN401 - asyncua's own signature
    ) -> User | None:
        """The user, or None for one who is not let in."""
        if self._controller.fault == "refuse-login":
            refusal = "BadUserAccessDenied" if username else "BadIdentityTokenRejected"
            raise ServiceError(getattr(StatusCodes, refusal))
        if username is None:
            return User(UserRole.User) if self._controller.settings.anonymous else None
        known = self._controller.login(username)
        given = (password or "").encode()
        if known is None or not hmac.compare_digest(given, known.password.encode()):
            return None
        return User(UserRole.User, username)
