"""What the inventory may say under ``options`` of an OPC UA device."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from goldcopy.driver import PublicFile

Mode = Literal["SignAndEncrypt", "Sign", "None"]
Policy = Literal["Basic256Sha256", "Aes256Sha256RsaPss", "Aes128Sha256RsaOaep"]


class OpcUaOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How to reach, trust and read one server."""

    endpoint: str = ""
    """Path of the endpoint URL, for servers that want one: ``/OPCUA/Server``."""
    security: Mode = "SignAndEncrypt"
    """``None`` sends everything in the clear and believes whoever answers."""
    policy: Policy = "Basic256Sha256"
    server_certificate: PublicFile | None = None
    """File (DER or PEM) with the one certificate that this server must show."""
    trust: Path | None = None
    """Folder of certificates (DER or PEM): of servers, or of the authorities that issue theirs."""
    certificate: PublicFile | None = None
    """File (DER or PEM) with our own certificate; its URI is the name we give ourselves."""
    key: Path | None = None
    """File (PEM or DER) with the private key of ``certificate``, not encrypted."""
    locale: str = "en"
    """Language wanted for display names."""

    roots: tuple[str, ...] = ()
    """Paths to read, with all below them: ``DI:DeviceSet``; none for everything."""
    exclude: tuple[str, ...] = ()
    """Paths to leave out, with all below them; ``*`` is any part of a segment, ``**`` any path."""
    browse_variables: bool = True
    """False saves requests where no variable has a property or a member worth keeping."""
    include_types: bool = False
    """True also reads the variables below the server's own types."""
    files: bool = True
    """False leaves file contents out."""
    max_file: int = 64 * 1024 * 1024
    """Bytes; a longer file is a gap."""
    max_nodes: int = 500_000
    """More nodes than this are refused: an address space may have no end."""

    def __post_init__(self) -> None:
        if self.endpoint and not self.endpoint.startswith("/"):
            raise ValueError("endpoint is a path and starts with /, like /OPCUA/Server")
        if self.server_certificate and self.trust:
            raise ValueError("server_certificate and trust exclude each other: keep one")
        if bool(self.certificate) != bool(self.key):
            raise ValueError("certificate and key belong together: give both")
        if self.max_file < 0 or self.max_nodes < 1:
            raise ValueError("max_file and max_nodes must be positive")
