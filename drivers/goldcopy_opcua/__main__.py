"""Certificates, by hand: fetch a server's to look at and pin, create a pair of our own.

python -m goldcopy_opcua fetch 192.168.0.1 4840 server.der
python -m goldcopy_opcua create collector-1 own.der own.pem
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys
from pathlib import Path

from asyncua.crypto.cert_gen import (
    dump_private_key_as_pem,
    generate_private_key,
    generate_self_signed_app_certificate,
)
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from goldcopy.driver import Target
from goldcopy.errors import GoldcopyError, Refused

from .channel import endpoints
from .security import shown_by, thumbprint

_DAYS = 3650  # ten years: a collector that runs unattended must not stop over a date


def main() -> int:
    """Do what the command line says; 1 if it could not be done."""
    parser = argparse.ArgumentParser(prog="python -m goldcopy_opcua", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = parser.add_subparsers(dest="command", required=True)
    fetch = commands.add_parser("fetch", help="save the certificate that a server shows")
    fetch.add_argument("host")
    fetch.add_argument("port", type=int)
    fetch.add_argument("file", type=Path)
    create = commands.add_parser("create", help="make a certificate and key of our own")
    create.add_argument("name", help="of this collector; part of its application URI")
    create.add_argument("certificate", type=Path)
    create.add_argument("key", type=Path)
    args = parser.parse_args()
    try:
        if args.command == "fetch":
            asyncio.run(_fetch(Target(args.host, args.host, args.port), args.file))
        else:
            _create(args.name, args.certificate, args.key)
    except (GoldcopyError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


async def _fetch(target: Target, file: Path) -> None:
    offered = await endpoints(target)
    certificates = {e.ServerCertificate for e in offered if e.ServerCertificate}
    if not certificates:
        raise Refused(f"{target.host}:{target.port} shows no certificate: it offers no security")
    certificate = shown_by(sorted(certificates)[0])
    _new(file, certificate.public_bytes(Encoding.DER), 0o644)
    print(f"SHA-1   {thumbprint(certificate)}")
    print(f"subject {certificate.subject.rfc4514_string()}")
    print(f"expires {certificate.not_valid_after_utc:%Y-%m-%d}")
    print(f"saved as {file}. Compare the SHA-1 at the controller before you trust it.")


def _create(name: str, certificate: Path, key: Path) -> None:
    made = generate_private_key()
    uri = f"urn:goldcopy:{name}"
    subject: list[x509.GeneralName] = [
        x509.UniformResourceIdentifier(uri),
        x509.DNSName(socket.gethostname()),
    ]
    usage = [ExtendedKeyUsageOID.CLIENT_AUTH]
    signed = generate_self_signed_app_certificate(made, name, {}, subject, usage, _DAYS)
    _new(key, dump_private_key_as_pem(made), 0o600)
    _new(certificate, signed.public_bytes(Encoding.DER), 0o644)
    until = signed.not_valid_after_utc
    print(f"{uri}, good until {until:%Y-%m-%d}. Put {certificate} into each server's trust list.")


def _new(path: Path, content: bytes, mode: int) -> None:
    """Write a file that is not there yet: a key in use must never be overwritten."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)


if __name__ == "__main__":
    sys.exit(main())
